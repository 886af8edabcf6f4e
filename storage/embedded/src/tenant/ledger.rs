use std::io::ErrorKind;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::disk::Disk;
use crate::manifest::{FileName, Manifest, ManifestError};

/// What is on the disk for sure, and what is there in vain.
#[derive(Debug)]
pub(crate) struct Ledger {
    dir: String,
    manifest: Manifest,
    /// Files that the manifest does not have, or will not have once it could be stored.
    garbage: Vec<FileName>,
    /// What they take of the disk, for who must not wait for the ledger.
    garbage_bytes: Arc<AtomicU64>,
    /// Whether the last attempt to store the manifest failed, so that either may be there.
    in_doubt: bool,
}

impl Ledger {
    pub(crate) fn new(dir: &str, manifest: Manifest, garbage_bytes: Arc<AtomicU64>) -> Self {
        let (dir, garbage) = (dir.to_owned(), Vec::new());
        Self { dir, manifest, garbage, garbage_bytes, in_doubt: false }
    }

    /// Removes what was found beside the manifest. No file gets the number of one of these, so
    /// they go once the manifest has a higher one.
    pub(crate) fn clear(&mut self, disk: &dyn Disk, leftovers: Vec<FileName>, next_file: u64) {
        if !leftovers.is_empty() && self.manifest.next_file < next_file {
            let manifest = Manifest { next_file, ..self.manifest.clone() };
            if let Err(error) = self.replace(disk, manifest, []) {
                tracing::warn!(%error, "files that are no longer needed stay for now");
            }
        }
        self.garbage.extend(leftovers);
        self.sweep(disk);
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
            self.count(disk);
            return stored;
        }
        self.manifest = manifest;
        self.garbage.extend(no_more);
        self.sweep(disk);
        Ok(())
    }

    /// Stores the manifest again if nobody knows which one would be found, and removes what could
    /// not be removed before.
    ///
    /// # Errors
    /// When the manifest could not be stored again.
    pub(crate) fn settle(&mut self, disk: &dyn Disk) -> Result<(), ManifestError> {
        if self.in_doubt {
            return self.replace(disk, self.manifest.clone(), []);
        }
        if !self.garbage.is_empty() {
            self.sweep(disk);
        }
        Ok(())
    }

    /// A file that came to nothing.
    pub(crate) fn discard(&mut self, disk: &dyn Disk, file: FileName) {
        self.garbage.push(file);
        self.sweep(disk);
    }

    fn sweep(&mut self, disk: &dyn Disk) {
        if self.in_doubt {
            self.count(disk);
            return;
        }
        let manifest = &self.manifest;
        self.garbage.retain(|file| {
            if is_kept(manifest, *file) {
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
        self.count(disk);
    }

    /// Counts what is there in vain.
    fn count(&self, disk: &dyn Disk) {
        let garbage = self.garbage.iter().filter(|file| !is_kept(&self.manifest, **file));
        // One that is not there takes nothing.
        let bytes = garbage.map(|file| disk.size(&file.path_in(&self.dir)).unwrap_or_default());
        self.garbage_bytes.store(bytes.sum(), Ordering::Relaxed);
    }
}

fn is_kept(manifest: &Manifest, file: FileName) -> bool {
    let FileName::Segment(number) = file else { return false };
    manifest.segments.iter().any(|segment| segment.number == number)
}
