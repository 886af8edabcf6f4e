//! A directory's bytes, and the page cache over it.

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use anyhow::{Context, Result};
use rustix::fs::{Advice, fadvise};

/// The unit of `st_blocks`, whatever the file system's is.
const BLOCK: u64 = 512;
/// The type of a file system that lives in memory (statfs(2)).
const TMPFS: i64 = 0x0102_1994;

/// What the files take of the disk. Files are not as long as they say: Badger's hold space that
/// nothing was written to.
pub fn allocated(directory: &Path) -> Result<u64> {
    let mut sum = 0;
    each_file(directory, &mut |path| {
        // A file may go away meanwhile.
        sum += fs::symlink_metadata(path).map_or(0, |metadata| metadata.blocks() * BLOCK);
        Ok(())
    })?;
    Ok(sum)
}

/// Takes the files out of the page cache, so that the next read is of the disk. Pages that a
/// process has mapped stay, as Badger's tables are.
pub fn forget(directory: &Path) -> Result<()> {
    each_file(directory, &mut |path| {
        let file = match File::open(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            file => file.with_context(|| format!("opening {}", path.display()))?,
        };
        // Only what is on the disk can leave the cache.
        file.sync_data().with_context(|| format!("writing {} out", path.display()))?;
        fadvise(&file, 0, None, Advice::DontNeed)
            .with_context(|| format!("taking {} out of the page cache", path.display()))
    })
}

/// Whether what is written there never reaches a disk.
pub fn is_in_memory(directory: &Path) -> Result<bool> {
    let found = rustix::fs::statfs(directory)
        .with_context(|| format!("asking for the file system of {}", directory.display()))?;
    Ok(found.f_type == TMPFS)
}

fn each_file(directory: &Path, act: &mut dyn FnMut(&Path) -> Result<()>) -> Result<()> {
    let entries = match fs::read_dir(directory) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        entries => entries.with_context(|| format!("listing {}", directory.display()))?,
    };
    for entry in entries {
        let Ok(entry) = entry else { continue };
        match entry.file_type() {
            Ok(kind) if kind.is_dir() => each_file(&entry.path(), act)?,
            Ok(kind) if kind.is_file() => act(&entry.path())?,
            _ => {}
        }
    }
    Ok(())
}
