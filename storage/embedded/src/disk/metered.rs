use std::io::{self, IoSlice};
use std::sync::Arc;
use std::time::Instant;

use super::{Disk, ReadFile, WriteFile};
use crate::manifest::FileName;
use crate::metrics::Metrics;

/// A disk whose writes and syncs are counted.
#[derive(Debug)]
pub(crate) struct MeteredDisk {
    disk: Arc<dyn Disk>,
    metrics: Arc<Metrics>,
}

impl MeteredDisk {
    pub(crate) fn new(disk: Arc<dyn Disk>, metrics: Arc<Metrics>) -> Self {
        Self { disk, metrics }
    }
}

/// The kind of a file, as the metrics have it.
fn kind(path: &str) -> &'static str {
    let name = path.rsplit_once('/').map_or(path, |(_, name)| name);
    match FileName::parse(name) {
        Some(FileName::Log(_)) => "log",
        Some(FileName::Segment(_) | FileName::Temporary(_)) => "segment",
        // The reserve is for a manifest.
        Some(FileName::Manifest | FileName::TemporaryManifest | FileName::Reserve) => "manifest",
        None => "other",
    }
}

impl Disk for MeteredDisk {
    fn create(&self, path: &str) -> io::Result<Box<dyn WriteFile>> {
        let (file, metrics) = (self.disk.create(path)?, Arc::clone(&self.metrics));
        Ok(Box::new(MeteredFile { file, kind: kind(path), metrics }))
    }

    fn open(&self, path: &str) -> io::Result<Arc<dyn ReadFile>> {
        self.disk.open(path)
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        self.disk.rename(from, to)
    }

    fn remove(&self, path: &str) -> io::Result<()> {
        self.disk.remove(path)
    }

    fn list(&self, dir: &str) -> io::Result<Vec<String>> {
        self.disk.list(dir)
    }

    fn create_dir(&self, dir: &str) -> io::Result<()> {
        self.disk.create_dir(dir)
    }

    fn remove_dir(&self, dir: &str) -> io::Result<()> {
        self.disk.remove_dir(dir)
    }

    fn sync_dir(&self, dir: &str) -> io::Result<()> {
        let since = Instant::now();
        self.disk.sync_dir(dir)?;
        self.metrics.synced("directory", since);
        Ok(())
    }

    fn hard_link(&self, from: &str, to: &str) -> io::Result<()> {
        self.disk.hard_link(from, to)
    }

    fn sync(&self, path: &str) -> io::Result<()> {
        let since = Instant::now();
        self.disk.sync(path)?;
        self.metrics.synced(kind(path), since);
        Ok(())
    }

    fn size(&self, path: &str) -> io::Result<u64> {
        self.disk.size(path)
    }

    fn free_space(&self) -> io::Result<u64> {
        self.disk.free_space()
    }
}

#[derive(Debug)]
struct MeteredFile {
    file: Box<dyn WriteFile>,
    kind: &'static str,
    metrics: Arc<Metrics>,
}

impl WriteFile for MeteredFile {
    fn append_vectored(&mut self, parts: &mut [IoSlice<'_>]) -> io::Result<()> {
        let before = self.file.len();
        self.file.append_vectored(parts)?;
        self.metrics.written(self.kind, self.file.len() - before);
        Ok(())
    }

    fn sync(&mut self) -> io::Result<()> {
        let since = Instant::now();
        self.file.sync()?;
        self.metrics.synced(self.kind, since);
        Ok(())
    }

    fn len(&self) -> u64 {
        self.file.len()
    }
}
