use std::collections::HashMap;
use std::fs::File;
use std::io::{self, ErrorKind, IoSlice, Write};
use std::os::fd::AsFd;
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use rustix::fs::{AtFlags, CWD, Dir, Mode, OFlags};
use rustix::io::retry_on_intr;
use rustix::path::Arg;

use super::{Disk, DiskError, ReadFile, WriteFile, parent};

/// What is made can be read by its owner alone: spans tell more than their sender may know.
const FILE: Mode = Mode::RUSR.union(Mode::WUSR);
const DIRECTORY: Mode = Mode::RWXU;

/// A directory of the machine's file system.
///
/// It and the directories in it are opened once and used by their descriptors from then on. One
/// that is moved stays the same, and another that is put in its place is never touched; one that
/// is removed takes no more files, and tells so. Nor does using them take further descriptors.
#[derive(Debug)]
pub struct RealDisk {
    /// Where it was when it was opened, for people.
    path: PathBuf,
    root: Arc<File>,
    /// Those in it, once they were used.
    directories: Mutex<HashMap<String, Arc<File>>>,
}

impl RealDisk {
    /// The store whose files are in this directory.
    ///
    /// # Errors
    /// When it is not there, is no directory, or cannot be opened.
    pub fn open(path: impl Into<PathBuf>) -> io::Result<Self> {
        let path = path.into();
        let doing = || format!("opening the directory {}", path.display());
        let root = open_directory(CWD, &path).map_err(DiskError::while_doing(doing))?;
        Ok(Self { path, root: Arc::new(root), directories: Mutex::default() })
    }

    /// Where it was when it was opened.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// A file to be locked, which is made if it is not there.
    pub(crate) fn open_lock(&self, path: &str) -> io::Result<File> {
        self.at("locking", path, |dir, name| {
            open_file(dir, name, OFlags::RDWR | OFlags::CREATE).map_err(io::Error::from)
        })
    }

    /// Gives a file the same path on another disk.
    pub(crate) fn link_to(&self, path: &str, other: &Self) -> io::Result<()> {
        self.link(path, other, path)
    }

    /// A directory in this one.
    fn directory(&self, dir: &str) -> io::Result<Arc<File>> {
        if dir.is_empty() {
            return Ok(Arc::clone(&self.root));
        }
        let kept = || self.directories.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(kept) = kept().get(dir) {
            return Ok(Arc::clone(kept));
        }
        let opened = open_directory(self.directory(parent(dir))?, name(dir))?;
        Ok(Arc::clone(kept().entry(dir.to_owned()).or_insert_with(|| Arc::new(opened))))
    }

    /// Runs a call on a name in a directory; an error says what it did to which path.
    fn at<T>(
        &self,
        verb: &str,
        path: &str,
        call: impl FnOnce(&File, &str) -> io::Result<T>,
    ) -> io::Result<T> {
        self.within(verb, path, parent(path), |dir| call(dir, name(path)))
    }

    /// The same of a call on a directory; the path is for people.
    fn within<T>(
        &self,
        verb: &str,
        path: &str,
        dir: &str,
        call: impl FnOnce(&File) -> io::Result<T>,
    ) -> io::Result<T> {
        let called = self.directory(dir).and_then(|dir| {
            call(&dir).map_err(|error| match error.kind() {
                ErrorKind::NotFound if is_removed(&dir) => removed("its directory"),
                _ => error,
            })
        });
        called.map_err(DiskError::while_doing(|| format!("{verb} {}", self.full(path).display())))
    }

    fn full(&self, path: &str) -> PathBuf {
        if path.is_empty() { self.path.clone() } else { self.path.join(path) }
    }

    fn link(&self, from: &str, other: &Self, to: &str) -> io::Result<()> {
        let linked = self.directory(parent(from)).and_then(|dir| {
            let target = other.directory(parent(to))?;
            Ok(rustix::fs::linkat(dir, name(from), target, name(to), AtFlags::SYMLINK_FOLLOW)?)
        });
        let doing =
            || format!("linking {} as {}", self.full(from).display(), other.full(to).display());
        linked.map_err(DiskError::while_doing(doing))
    }
}

fn open_directory(dir: impl AsFd, path: impl Arg + Copy) -> io::Result<File> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let opened = retry_on_intr(|| rustix::fs::openat(&dir, path, flags, Mode::empty()))?;
    Ok(opened.into())
}

fn open_file(dir: &File, name: &str, flags: OFlags) -> rustix::io::Result<File> {
    let flags = flags | OFlags::CLOEXEC;
    Ok(retry_on_intr(|| rustix::fs::openat(dir, name, flags, FILE))?.into())
}

/// The last part of a path.
fn name(path: &str) -> &str {
    path.rsplit_once('/').map_or(path, |(_, name)| name)
}

/// Whether nothing has this file or directory any more but who has it open.
fn is_removed(file: &File) -> bool {
    file.metadata().is_ok_and(|metadata| metadata.nlink() == 0)
}

fn removed(what: &str) -> io::Error {
    io::Error::new(ErrorKind::NotFound, format!("{what} was removed"))
}

impl Disk for RealDisk {
    fn create(&self, path: &str) -> io::Result<Box<dyn WriteFile>> {
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::TRUNC;
        let file = self.at("creating", path, |dir, name| Ok(open_file(dir, name, flags)?))?;
        // Some file systems do not count names.
        let has_count = !is_removed(&file);
        Ok(Box::new(Appender { file, path: self.full(path), len: 0, has_count }))
    }

    fn open(&self, path: &str) -> io::Result<Arc<dyn ReadFile>> {
        let (file, len) = self.at("opening", path, |dir, name| {
            let file = open_file(dir, name, OFlags::RDONLY)?;
            let len = file.metadata()?.len();
            Ok((file, len))
        })?;
        Ok(Arc::new(Reader { file, path: self.full(path), len }))
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        let verb = format!("renaming {} to", self.full(from).display());
        self.at(&verb, to, |dir, new| {
            let old = self.directory(parent(from))?;
            Ok(rustix::fs::renameat(old, name(from), dir, new)?)
        })?;
        self.directories.lock().unwrap_or_else(PoisonError::into_inner).remove(from);
        Ok(())
    }

    fn remove(&self, path: &str) -> io::Result<()> {
        self.at("removing", path, |dir, name| {
            Ok(rustix::fs::unlinkat(dir, name, AtFlags::empty())?)
        })
    }

    fn list(&self, dir: &str) -> io::Result<Vec<String>> {
        self.within("listing", dir, dir, |dir| {
            let mut names = Vec::new();
            for entry in Dir::read_from(dir)? {
                let entry = entry?;
                let name = entry.file_name().to_str().ok();
                names.extend(name.filter(|name| !matches!(*name, "." | "..")).map(str::to_owned));
            }
            names.sort_unstable();
            Ok(names)
        })
    }

    fn create_dir(&self, dir: &str) -> io::Result<()> {
        self.at("creating the directory", dir, |around, name| {
            Ok(rustix::fs::mkdirat(around, name, DIRECTORY)?)
        })
    }

    fn remove_dir(&self, dir: &str) -> io::Result<()> {
        self.at("removing the directory", dir, |around, name| {
            Ok(rustix::fs::unlinkat(around, name, AtFlags::REMOVEDIR)?)
        })?;
        self.directories.lock().unwrap_or_else(PoisonError::into_inner).remove(dir);
        Ok(())
    }

    fn sync_dir(&self, dir: &str) -> io::Result<()> {
        self.within("syncing the directory", dir, dir, File::sync_all)
    }

    fn hard_link(&self, from: &str, to: &str) -> io::Result<()> {
        self.link(from, self, to)
    }

    fn sync(&self, path: &str) -> io::Result<()> {
        self.at("syncing", path, |dir, name| open_file(dir, name, OFlags::RDONLY)?.sync_data())
    }

    fn size(&self, path: &str) -> io::Result<u64> {
        self.at("measuring", path, |dir, name| {
            let found = rustix::fs::statat(dir, name, AtFlags::empty())?;
            Ok(found.st_size.cast_unsigned())
        })
    }

    fn free_space(&self) -> io::Result<u64> {
        let space = self.within("measuring the free space of", "", "", |root| {
            Ok(rustix::fs::fstatvfs(root)?)
        })?;
        // Available to this user: without what the file system reserves for root.
        Ok(space.f_bavail.saturating_mul(space.f_frsize))
    }
}

#[derive(Debug)]
struct Appender {
    file: File,
    path: PathBuf,
    len: u64,
    /// Whether its names are counted.
    has_count: bool,
}

impl WriteFile for Appender {
    fn append_vectored(&mut self, parts: &mut [IoSlice<'_>]) -> io::Result<()> {
        let len: u64 = parts.iter().map(|part| part.len() as u64).sum();
        write_all_vectored(&mut self.file, parts)
            .map_err(DiskError::while_doing(|| format!("appending to {}", self.path.display())))?;
        self.len += len;
        Ok(())
    }

    fn sync(&mut self) -> io::Result<()> {
        // fdatasync leaves out metadata such as times, but not the length: POSIX has it write
        // whatever reading the data back takes.
        let synced = self.file.sync_data().and_then(|()| {
            // Nobody would find what is in it.
            if self.has_count && is_removed(&self.file) { Err(removed("it")) } else { Ok(()) }
        });
        synced.map_err(DiskError::while_doing(|| format!("syncing {}", self.path.display())))
    }

    fn len(&self) -> u64 {
        self.len
    }
}

// `Write::write_all_vectored` is not stable (rust-lang/rust#70436).
fn write_all_vectored(file: &mut File, mut parts: &mut [IoSlice<'_>]) -> io::Result<()> {
    // Empty parts at the front would make an empty write look like a full disk.
    IoSlice::advance_slices(&mut parts, 0);
    while !parts.is_empty() {
        match file.write_vectored(parts) {
            Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
            Ok(written) => IoSlice::advance_slices(&mut parts, written),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

#[derive(Debug)]
struct Reader {
    file: File,
    path: PathBuf,
    len: u64,
}

impl ReadFile for Reader {
    fn read_exact_at(&self, buf: &mut [u8], offset: u64) -> io::Result<()> {
        self.file.read_exact_at(buf, offset).map_err(DiskError::while_doing(|| {
            format!("reading {} bytes at {offset} of {}", buf.len(), self.path.display())
        }))
    }

    fn len(&self) -> u64 {
        self.len
    }
}
