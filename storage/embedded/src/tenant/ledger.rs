use std::io::{self, ErrorKind};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::disk::Disk;
use crate::manifest::{FileName, Manifest, ManifestError};

/// The bytes of the reserve: enough for a manifest of hundreds of segments and a log without spans.
pub(super) const RESERVE_BYTES: usize = 32 << 10;

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
    has_reserve: bool,
}

impl Ledger {
    pub(crate) fn new(dir: &str, manifest: Manifest, garbage_bytes: Arc<AtomicU64>) -> Self {
        let (dir, garbage) = (dir.to_owned(), Vec::new());
        Self { dir, manifest, garbage, garbage_bytes, in_doubt: false, has_reserve: false }
    }

    /// Removes what was found beside the manifest.
    pub(crate) fn clear(&mut self, disk: &dyn Disk, leftovers: Vec<FileName>) {
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
        let stored = match manifest.store(disk, &self.dir) {
            Err(error) if error.is_full_disk() && self.spend_reserve(disk) => {
                manifest.store(disk, &self.dir)
            }
            stored => stored,
        };
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
        self.keep_reserve(disk);
        Ok(())
    }

    /// Gives the reserve up, so that on a full disk what deletes can be written. Tells whether
    /// there was one.
    pub(crate) fn spend_reserve(&mut self, disk: &dyn Disk) -> bool {
        self.has_reserve = false;
        disk.remove(&FileName::Reserve.path_in(&self.dir)).is_ok()
    }

    /// Puts the reserve back, if there is space.
    fn keep_reserve(&mut self, disk: &dyn Disk) {
        if self.has_reserve {
            return;
        }
        let path = FileName::Reserve.path_in(&self.dir);
        let kept = || -> io::Result<()> {
            if disk.size(&path).is_ok_and(|bytes| bytes == RESERVE_BYTES as u64) {
                return Ok(());
            }
            let mut file = disk.create(&path)?;
            file.append(&[0; RESERVE_BYTES])?;
            file.sync()
        };
        match kept() {
            Ok(()) => self.has_reserve = true,
            Err(error) => {
                // Part of it is no use.
                let _ = disk.remove(&path);
                tracing::debug!(%error, "there is no reserve for now");
            }
        }
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
        self.keep_reserve(disk);
        Ok(())
    }

    /// A file that came to nothing. If it is the first log of the manifest, it is emptied, and
    /// removed once another is the first.
    pub(crate) fn discard(&mut self, disk: &dyn Disk, file: FileName) {
        self.garbage.push(file);
        if !self.in_doubt
            && is_first_log(&self.manifest, file)
            && let Err(error) = disk.create(&file.path_in(&self.dir))
        {
            tracing::warn!(%error, "what a log has that failed stays for now");
        }
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
            if is_first_log(manifest, *file) {
                return true;
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
    manifest.has_segment(number)
}

fn is_first_log(manifest: &Manifest, file: FileName) -> bool {
    file == FileName::Log(manifest.log_floor)
}
