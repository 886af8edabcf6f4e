use std::io::{self, ErrorKind};

use super::{FileName, ManifestError, path_in};
use crate::disk::Disk;

/// Numbers are below this, so that there is always a next one. No store gives so many.
const NUMBERS: u64 = 1 << 63;

/// The engine's files in a tenant's directory.
#[derive(Clone, Debug, Default)]
pub struct Files {
    /// Their names, by number.
    pub names: Vec<FileName>,
    /// A number above that of each of them, and of what only has the name of one.
    pub next: u64,
}

impl Files {
    /// Lists them. What has such a name, but is a directory, is none of them.
    ///
    /// # Errors
    /// When the directory can't be listed, or a number is so great that none may follow.
    pub fn list(disk: &dyn Disk, dir: &str) -> Result<Self, ManifestError> {
        let list = || -> io::Result<_> {
            let mut found = Vec::new();
            for name in disk.list(dir)? {
                if let Some(file) = FileName::parse(&name) {
                    found.push((file, is_dir(disk, &path_in(dir, &name))?));
                }
            }
            Ok(found)
        };
        let found = list().map_err(|source| ManifestError::Io { source })?;
        let mut files = Self::default();
        for (file, is_dir) in found {
            let number = file.number().unwrap_or_default();
            if number >= NUMBERS {
                return Err(ManifestError::Number { path: file.path_in(dir) });
            }
            if file.number().is_some() {
                files.next = files.next.max(number + 1);
            }
            if !is_dir {
                files.names.push(file);
            }
        }
        files.names.sort_unstable_by_key(|file| file.number());
        Ok(files)
    }

    /// The numbers of the logs, ascending.
    pub fn logs(&self) -> impl Iterator<Item = u64> {
        let log =
            |file: &FileName| if let FileName::Log(number) = file { Some(*number) } else { None };
        self.names.iter().filter_map(log)
    }

    /// The numbers of the segments, ascending.
    pub fn segments(&self) -> impl Iterator<Item = u64> {
        let segment = |file: &FileName| {
            if let FileName::Segment(number) = file { Some(*number) } else { None }
        };
        self.names.iter().filter_map(segment)
    }
}

/// Whether a directory has this path, and not a file.
pub(crate) fn is_dir(disk: &dyn Disk, path: &str) -> io::Result<bool> {
    match disk.list(path) {
        Ok(_) => Ok(true),
        // It may be gone by now.
        Err(error) if matches!(error.kind(), ErrorKind::NotADirectory | ErrorKind::NotFound) => {
            Ok(false)
        }
        Err(error) => Err(error),
    }
}
