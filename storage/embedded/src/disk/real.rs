use std::fs::{self, File};
use std::io::{self, IoSlice, Write};
use std::os::unix::fs::FileExt;
use std::path::PathBuf;
use std::sync::Arc;

use super::{Disk, DiskError, ReadFile, WriteFile};

/// A directory of the machine's file system.
#[derive(Debug)]
pub struct RealDisk {
    root: PathBuf,
}

impl RealDisk {
    /// The store whose files are in `root`. An absolute path given to any call stands for itself,
    /// so that a snapshot's links can lie elsewhere on the same file system.
    pub fn new(root: impl Into<PathBuf>) -> Self {
        Self { root: root.into() }
    }

    /// Where a path of the store lies.
    pub(crate) fn path(&self, path: &str) -> PathBuf {
        self.root.join(path)
    }

    /// Runs one call on the file system; an error says what it did to which path.
    fn call<T>(
        &self,
        verb: &str,
        path: &str,
        call: impl FnOnce(PathBuf) -> io::Result<T>,
    ) -> io::Result<T> {
        let full = self.root.join(path);
        call(full.clone()).map_err(DiskError::while_doing(|| format!("{verb} {}", full.display())))
    }
}

impl Disk for RealDisk {
    fn create(&self, path: &str) -> io::Result<Box<dyn WriteFile>> {
        let file = self.call("creating", path, File::create)?;
        Ok(Box::new(Appender { file, path: self.root.join(path), len: 0 }))
    }

    fn open(&self, path: &str) -> io::Result<Arc<dyn ReadFile>> {
        let (file, len) = self.call("opening", path, |path| {
            let file = File::open(path)?;
            let len = file.metadata()?.len();
            Ok((file, len))
        })?;
        Ok(Arc::new(Reader { file, path: self.root.join(path), len }))
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        let (from, to) = (self.root.join(from), self.root.join(to));
        let doing = || format!("renaming {} to {}", from.display(), to.display());
        fs::rename(&from, &to).map_err(DiskError::while_doing(doing))
    }

    fn remove(&self, path: &str) -> io::Result<()> {
        self.call("removing", path, fs::remove_file)
    }

    fn list(&self, dir: &str) -> io::Result<Vec<String>> {
        self.call("listing", dir, |dir| {
            let mut names = Vec::new();
            for entry in fs::read_dir(dir)? {
                names.extend(entry?.file_name().into_string());
            }
            names.sort_unstable();
            Ok(names)
        })
    }

    fn create_dir(&self, dir: &str) -> io::Result<()> {
        self.call("creating the directory", dir, fs::create_dir)
    }

    fn remove_dir(&self, dir: &str) -> io::Result<()> {
        self.call("removing the directory", dir, fs::remove_dir)
    }

    fn sync_dir(&self, dir: &str) -> io::Result<()> {
        self.call("syncing the directory", dir, |dir| File::open(dir)?.sync_all())
    }

    fn hard_link(&self, from: &str, to: &str) -> io::Result<()> {
        let (from, to) = (self.root.join(from), self.root.join(to));
        let doing = || format!("linking {} as {}", from.display(), to.display());
        fs::hard_link(&from, &to).map_err(DiskError::while_doing(doing))
    }

    fn size(&self, path: &str) -> io::Result<u64> {
        self.call("measuring", path, |path| Ok(fs::metadata(path)?.len()))
    }

    fn free_space(&self) -> io::Result<u64> {
        let space = self.call("measuring the free space of", "", |root| {
            rustix::fs::statvfs(root).map_err(io::Error::from)
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
        self.file
            .sync_data()
            .map_err(DiskError::while_doing(|| format!("syncing {}", self.path.display())))
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
