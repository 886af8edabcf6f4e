//! What the tools for a store's files share.

use std::fs::File;
use std::io::{self, ErrorKind};
use std::path::Path;

use crate::disk::{Disk, RealDisk};
use crate::error::{OpenError, is_forbidden};
use crate::manifest::is_dir;
use crate::store::{LOCK, TENANT, decode_name, lock, lock_to_read};

/// The directory, in a tenant's, of what a repair set aside.
pub(crate) const DAMAGED: &str = "damaged";

/// How far long work has come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    /// The bytes that were worked on.
    pub done: u64,
    /// All of them.
    pub total: u64,
}

impl Progress {
    /// So many more bytes are done.
    pub(crate) fn advance(&mut self, bytes: u64, tell: &mut dyn FnMut(Self)) {
        self.done += bytes;
        tell(*self);
    }
}

/// A tenant's directory.
#[derive(Clone, Debug)]
pub(crate) struct TenantDir {
    /// The tenant's name.
    pub(crate) name: String,
    pub(crate) dir: String,
}

/// The directories of a store's tenants.
pub(crate) fn tenants(disk: &dyn Disk) -> io::Result<Vec<TenantDir>> {
    let mut tenants = Vec::new();
    for dir in disk.list("")? {
        let name = dir.strip_prefix(TENANT).and_then(decode_name);
        if let Some(name) = name
            && is_dir(disk, &dir)?
        {
            tenants.push(TenantDir { name, dir });
        }
    }
    Ok(tenants)
}

/// The disk of a store that is there.
pub(crate) fn disk_of(directory: &Path) -> Result<RealDisk, OpenError> {
    let disk = RealDisk::open(directory)?;
    // Who mistypes a path is not to be told that all is well.
    if tenants(&disk)?.is_empty() && disk.size(LOCK).is_err() {
        let reason = format!("{} holds no store", directory.display());
        return Err(io::Error::new(ErrorKind::NotFound, reason).into());
    }
    Ok(disk)
}

/// The disk of a store that no process has open, nor will have while the file is held.
pub(crate) fn closed(directory: &Path) -> Result<(RealDisk, File), OpenError> {
    let disk = disk_of(directory)?;
    let lock = lock(&disk)?;
    Ok((disk, lock))
}

/// The same, only to be read. There may be no file to hold: where it may not be made, nobody
/// who has no more rights opens the store.
pub(crate) fn closed_to_read(directory: &Path) -> Result<(RealDisk, Option<File>), OpenError> {
    match closed(directory) {
        Ok((disk, lock)) => Ok((disk, Some(lock))),
        Err(OpenError::Io(error)) if is_forbidden(&error) => {
            let disk = disk_of(directory)?;
            let lock = lock_to_read(&disk)?;
            Ok((disk, lock))
        }
        Err(error) => Err(error),
    }
}
