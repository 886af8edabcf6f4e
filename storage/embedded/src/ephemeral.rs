use std::fs::{self, DirBuilder, File};
use std::io::{self, ErrorKind};
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path::{Path, PathBuf};

use crate::store::{LOCK, OWNERS};

/// What the names of such directories begin with.
const PREFIX: &str = "spoor-ephemeral-";

/// A directory that is removed with all that is in it when this is dropped, unless it was moved.
/// What a process leaves that is killed is removed when the next one is made in the same place.
#[derive(Debug)]
pub(crate) struct EphemeralDirectory {
    path: PathBuf,
    directory: File,
}

impl EphemeralDirectory {
    /// A new one inside of this directory, which is made if it is not there.
    pub(crate) fn create_in(parent: &Path) -> io::Result<Self> {
        DirBuilder::new().recursive(true).mode(OWNERS).create(parent)?;
        for entry in fs::read_dir(parent)? {
            remove_if_left(&entry?.path());
        }
        for attempt in 0_u32.. {
            let path = parent.join(format!("{PREFIX}{}-{attempt}", std::process::id()));
            match DirBuilder::new().mode(OWNERS).create(&path) {
                Ok(()) => {
                    let directory = File::open(&path)?;
                    return Ok(Self { path, directory });
                }
                Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
                Err(error) => return Err(error),
            }
        }
        Err(ErrorKind::AlreadyExists.into())
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Whether the directory at the path is this one.
    fn is_in_place(&self) -> io::Result<bool> {
        let (this, there) = (self.directory.metadata()?, fs::symlink_metadata(&self.path)?);
        Ok((this.dev(), this.ino()) == (there.dev(), there.ino()))
    }
}

/// Removes a directory of this kind if no process has the store in it open.
fn remove_if_left(path: &Path) {
    let name = path.file_name().and_then(|name| name.to_str());
    if !name.is_some_and(|name| name.starts_with(PREFIX)) {
        return;
    }
    // One without the file was made this moment.
    let Ok(lock) = File::open(path.join(LOCK)) else { return };
    if lock.try_lock().is_ok()
        && let Err(error) = fs::remove_dir_all(path)
    {
        tell(path, &error);
    }
}

impl Drop for EphemeralDirectory {
    fn drop(&mut self) {
        let removed = self.is_in_place().and_then(|is_in_place| match is_in_place {
            true => fs::remove_dir_all(&self.path),
            false => Err(io::Error::new(ErrorKind::NotFound, "another is in its place")),
        });
        if let Err(error) = removed {
            tell(&self.path, &error);
        }
    }
}

fn tell(path: &Path, error: &io::Error) {
    tracing::warn!(directory = %path.display(), %error, "what was ephemeral stays");
}
