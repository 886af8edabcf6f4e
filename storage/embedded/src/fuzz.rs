//! Openings for `fuzz/`, to decoders that the crate keeps to itself.

use crate::check::{self, Report};
use crate::disk::Disk;
use crate::error::OpenError;
use crate::manifest::Manifest;

/// Reads the manifest of the disk's root and stores what was read. Tells whether it could be read.
///
/// # Panics
/// When it cannot be stored.
pub fn store_manifest_again(disk: &dyn Disk) -> bool {
    let Ok(Some(manifest)) = Manifest::load(disk, "") else { return false };
    manifest.store(disk, "").expect("the disk works");
    true
}

/// [`check::check`] on a disk that nobody else uses.
///
/// # Errors
/// As there.
pub fn check(disk: &dyn Disk, repair: bool) -> Result<Report, OpenError> {
    check::check_on(disk, repair, &mut |_| {})
}
