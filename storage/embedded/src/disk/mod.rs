//! What the engine asks of a disk, so that tests can give it one that fails.
//!
//! Paths are relative to the store's root, separated by `/`; the root itself is the empty path.
//! Files are only ever appended to, by one writer at a time. What is written lasts once two
//! things were synced: the file, for its bytes, and its directory, for its name. An error's text
//! says what was being done to which path; its kind is the operating system's.

mod error;
mod metered;
mod real;
#[cfg(any(test, feature = "simulation"))]
mod simulated;
#[cfg(test)]
mod tests;

use std::fmt::Debug;
use std::io::{self, IoSlice};
use std::sync::Arc;

pub use error::DiskError;
pub(crate) use metered::MeteredDisk;
pub use real::RealDisk;
#[cfg(any(test, feature = "simulation"))]
pub use simulated::{Fault, SimulatedDisk};

/// The files and directories of a store.
pub trait Disk: Debug + Send + Sync + 'static {
    /// A new, empty file to write. A file that is there already is truncated.
    ///
    /// # Errors
    /// [`io::ErrorKind::NotFound`] when the directory does not exist.
    fn create(&self, path: &str) -> io::Result<Box<dyn WriteFile>>;

    /// The file, to be read. Removing it later takes nothing from who has it open.
    ///
    /// # Errors
    /// [`io::ErrorKind::NotFound`] when the file does not exist.
    fn open(&self, path: &str) -> io::Result<Arc<dyn ReadFile>>;

    /// Gives a file another name, in one step. A file that has that name already is replaced.
    ///
    /// # Errors
    /// [`io::ErrorKind::NotFound`] when the file or the directory to hold it does not exist.
    fn rename(&self, from: &str, to: &str) -> io::Result<()>;

    /// Removes a file.
    ///
    /// # Errors
    /// [`io::ErrorKind::NotFound`] when the file does not exist.
    fn remove(&self, path: &str) -> io::Result<()>;

    /// The names of the files and directories in a directory, sorted. A name that is not UTF-8
    /// is left out: the engine gives no such names.
    ///
    /// # Errors
    /// [`io::ErrorKind::NotFound`] when the directory does not exist.
    fn list(&self, dir: &str) -> io::Result<Vec<String>>;

    /// A new, empty directory.
    ///
    /// # Errors
    /// [`io::ErrorKind::AlreadyExists`] when something has this name.
    fn create_dir(&self, dir: &str) -> io::Result<()>;

    /// Removes an empty directory.
    ///
    /// # Errors
    /// [`io::ErrorKind::DirectoryNotEmpty`] when something is in it.
    fn remove_dir(&self, dir: &str) -> io::Result<()>;

    /// Makes last what was done to the names in a directory: files and directories created,
    /// linked, renamed and removed. Says nothing of their contents.
    fn sync_dir(&self, dir: &str) -> io::Result<()>;

    /// Gives a file a second name.
    ///
    /// # Errors
    /// [`io::ErrorKind::AlreadyExists`] when something has that name.
    fn hard_link(&self, from: &str, to: &str) -> io::Result<()>;

    /// Makes last what a file has, whoever appended it.
    ///
    /// # Errors
    /// [`io::ErrorKind::NotFound`] when the file does not exist.
    fn sync(&self, path: &str) -> io::Result<()>;

    /// The bytes of a file.
    ///
    /// # Errors
    /// [`io::ErrorKind::NotFound`] when the file does not exist.
    fn size(&self, path: &str) -> io::Result<u64>;

    /// The bytes that can still be written, to any file of the disk.
    fn free_space(&self) -> io::Result<u64>;
}

/// A file being written, front to back.
///
/// After an error nothing is known about the bytes since the last good sync: they may be there,
/// wholly or in part, or be lost although a later sync succeeds (Linux forgets what it could not
/// write: `fsync(2)` and Rebello et al., "Can Applications Recover from fsync Failures?",
/// USENIX ATC 2020). So a file that failed once is to be given up.
pub trait WriteFile: Debug + Send {
    /// Appends all parts, one after the other, without copying them together.
    ///
    /// # Errors
    /// [`io::ErrorKind::StorageFull`] when the disk is full; a part may have been written.
    fn append_vectored(&mut self, parts: &mut [IoSlice<'_>]) -> io::Result<()>;

    /// Appends all of the bytes.
    ///
    /// # Errors
    /// As [`WriteFile::append_vectored`].
    fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.append_vectored(&mut [IoSlice::new(bytes)])
    }

    /// Makes last what was appended, the file's new length included.
    fn sync(&mut self) -> io::Result<()>;

    /// The bytes appended by calls that succeeded.
    fn len(&self) -> u64;

    /// Whether nothing has been appended yet.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// A file to be read at any place, by many at once.
pub trait ReadFile: Debug + Send + Sync {
    /// Fills the buffer from what begins at the offset.
    ///
    /// # Errors
    /// [`io::ErrorKind::UnexpectedEof`] when the file ends before the buffer is full.
    fn read_exact_at(&self, buf: &mut [u8], offset: u64) -> io::Result<()>;

    /// The bytes of the file when it was opened.
    fn len(&self) -> u64;

    /// Whether there is nothing to read.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// The directory that a path lies in.
pub fn parent(path: &str) -> &str {
    path.rsplit_once('/').map_or("", |(dir, _)| dir)
}
