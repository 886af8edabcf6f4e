use std::io::ErrorKind;

use crate::disk::Disk;
use crate::manifest::{FileName, Manifest, ManifestError};

/// What is on the disk for sure, and what is there in vain.
#[derive(Debug)]
pub(crate) struct Ledger {
    dir: String,
    manifest: Manifest,
    /// Files that the manifest does not have, or will not have once it could be stored.
    garbage: Vec<FileName>,
    /// Whether the last attempt to store the manifest failed, so that either may be there.
    in_doubt: bool,
}

impl Ledger {
    pub(crate) fn new(dir: &str, manifest: Manifest) -> Self {
        Self { dir: dir.to_owned(), manifest, garbage: Vec::new(), in_doubt: false }
    }

    pub(crate) fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// Replaces the manifest, and then removes the files that it has no more.
    ///
    /// # Errors
    /// When it could not be stored. The next one to be opened may be the old or the new one, so
    /// the files of both stay until a later one was stored.
    pub(crate) fn replace(
        &mut self,
        disk: &dyn Disk,
        manifest: Manifest,
        no_more: impl IntoIterator<Item = FileName>,
    ) -> Result<(), ManifestError> {
        let stored = manifest.store(disk, &self.dir);
        self.in_doubt = stored.is_err();
        if stored.is_err() {
            let new = manifest.segments.iter().map(|segment| FileName::Segment(segment.number));
            self.garbage.extend(new);
            return stored;
        }
        self.manifest = manifest;
        self.garbage.extend(no_more);
        self.sweep(disk);
        Ok(())
    }

    /// Stores the manifest again if nobody knows which one would be found.
    ///
    /// # Errors
    /// When that failed too.
    pub(crate) fn settle(&mut self, disk: &dyn Disk) -> Result<(), ManifestError> {
        if self.in_doubt { self.replace(disk, self.manifest.clone(), []) } else { Ok(()) }
    }

    /// A file that came to nothing.
    pub(crate) fn discard(&mut self, disk: &dyn Disk, file: FileName) {
        self.garbage.push(file);
        self.sweep(disk);
    }

    fn sweep(&mut self, disk: &dyn Disk) {
        if self.in_doubt {
            return;
        }
        let manifest = &self.manifest;
        let is_kept = |file: &FileName| match file {
            FileName::Segment(number) => {
                manifest.segments.iter().any(|segment| segment.number == *number)
            }
            _ => false,
        };
        self.garbage.retain(|file| {
            if is_kept(file) {
                return false;
            }
            match disk.remove(&file.path_in(&self.dir)) {
                Ok(()) => false,
                Err(error) => {
                    if error.kind() != ErrorKind::NotFound {
                        tracing::warn!(%error, "a file that is no longer needed stays for now");
                    }
                    error.kind() != ErrorKind::NotFound
                }
            }
        });
    }
}
