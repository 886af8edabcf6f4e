use std::fs::{self, File};
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

use crate::store::LOCK;

/// What the names of such directories begin with.
const PREFIX: &str = "spoor-ephemeral-";

/// A directory that is removed with all that is in it when this is dropped. What a process leaves
/// that is killed is removed when the next one is made in the same place.
#[derive(Debug)]
pub(crate) struct EphemeralDirectory(PathBuf);

impl EphemeralDirectory {
    /// A new one inside of this directory, which is made if it is not there.
    pub(crate) fn create_in(parent: &Path) -> io::Result<Self> {
        fs::create_dir_all(parent)?;
        for entry in fs::read_dir(parent)? {
            remove_if_left(&entry?.path());
        }
        for attempt in 0_u32.. {
            let path = parent.join(format!("{PREFIX}{}-{attempt}", std::process::id()));
            match fs::create_dir(&path) {
                Ok(()) => return Ok(Self(path)),
                Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
                Err(error) => return Err(error),
            }
        }
        Err(ErrorKind::AlreadyExists.into())
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
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
    if lock.try_lock().is_ok() {
        remove(path);
    }
}

fn remove(path: &Path) {
    if let Err(error) = fs::remove_dir_all(path) {
        tracing::warn!(directory = %path.display(), %error, "what was ephemeral stays");
    }
}

impl Drop for EphemeralDirectory {
    fn drop(&mut self) {
        remove(&self.0);
    }
}
