//! A store's directory: making it, and having it alone.

use std::fs::{DirBuilder, File, TryLockError};
use std::io::{self, ErrorKind, Read, Write};
use std::os::unix::fs::DirBuilderExt;
use std::path::Path;

use crate::disk::RealDisk;
use crate::error::OpenError;

/// The file that a process locks while it has a store open.
pub(crate) const LOCK: &str = "LOCK";

/// What a directory that is made here allows: all, to its owner alone.
pub(crate) const OWNERS: u32 = 0o700;

/// Makes a directory and those around it, such that a power cut takes none of them away.
pub(super) fn create_durably(directory: &Path) -> io::Result<()> {
    if directory.as_os_str().is_empty() || directory.is_dir() {
        return Ok(());
    }
    let parent = directory.parent().unwrap_or(Path::new(""));
    create_durably(parent)?;
    match DirBuilder::new().mode(OWNERS).create(directory) {
        Err(error) if !directory.is_dir() => return Err(error),
        _ => {}
    }
    let parent = if parent.as_os_str().is_empty() { Path::new(".") } else { parent };
    File::open(parent)?.sync_all()
}

/// Takes the lock of a directory, which the operating system gives back when the process ends.
pub(crate) fn lock(disk: &RealDisk) -> Result<File, OpenError> {
    let mut file = hold(disk, disk.open_lock(LOCK)?)?;
    let written = file.set_len(0);
    let written = written.and_then(|()| writeln!(file, "process {}", std::process::id()));
    match written {
        // It is locked all the same; only nobody is told by whom.
        Err(error) if error.kind() == ErrorKind::StorageFull => Ok(file),
        written => written.map(|()| file).map_err(|error| locking(disk, &error)),
    }
}

/// The same where nothing may be written; none if no process ever took the lock.
pub(crate) fn lock_to_read(disk: &RealDisk) -> Result<Option<File>, OpenError> {
    match File::open(disk.path().join(LOCK)) {
        Ok(file) => hold(disk, file).map(Some),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(locking(disk, &error)),
    }
}

fn hold(disk: &RealDisk, mut file: File) -> Result<File, OpenError> {
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => {
            let mut holder = String::new();
            // It may be about to write who it is.
            let _ = file.read_to_string(&mut holder);
            let holder = holder.trim();
            let holder = if holder.is_empty() { "another process" } else { holder };
            let directory = disk.path().display().to_string();
            Err(OpenError::Locked { directory, holder: holder.to_owned() })
        }
        Err(TryLockError::Error(error)) => Err(locking(disk, &error)),
    }
}

fn locking(disk: &RealDisk, source: &io::Error) -> OpenError {
    let directory = disk.path().display();
    io::Error::new(source.kind(), format!("locking {directory}/{LOCK}: {source}")).into()
}
