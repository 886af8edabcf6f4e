use std::io::{self, ErrorKind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use spoor_embedded::disk::{Disk, ReadFile, SimulatedDisk, WriteFile};

/// A disk on which no segment can be begun while it is stuck, and nothing removed while it keeps
/// files.
#[derive(Clone, Debug)]
pub struct StuckDisk {
    pub disk: SimulatedDisk,
    pub is_stuck: Arc<AtomicBool>,
    pub keeps_files: Arc<AtomicBool>,
}

impl StuckDisk {
    pub fn new(is_stuck: bool, keeps_files: bool) -> Self {
        let [is_stuck, keeps_files] = [is_stuck, keeps_files].map(|it| Arc::new(it.into()));
        Self { disk: SimulatedDisk::new(1), is_stuck, keeps_files }
    }
}

impl Disk for StuckDisk {
    fn create(&self, path: &str) -> io::Result<Box<dyn WriteFile>> {
        let is_segment = path.contains("/tmp-") && !path.ends_with("manifest");
        if is_segment && self.is_stuck.load(Ordering::Relaxed) {
            return Err(ErrorKind::StorageFull.into());
        }
        self.disk.create(path)
    }

    fn open(&self, path: &str) -> io::Result<Arc<dyn ReadFile>> {
        self.disk.open(path)
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        self.disk.rename(from, to)
    }

    fn remove(&self, path: &str) -> io::Result<()> {
        if self.keeps_files.load(Ordering::Relaxed) {
            return Err(ErrorKind::ResourceBusy.into());
        }
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
        self.disk.sync_dir(dir)
    }

    fn hard_link(&self, from: &str, to: &str) -> io::Result<()> {
        self.disk.hard_link(from, to)
    }

    fn sync(&self, path: &str) -> io::Result<()> {
        self.disk.sync(path)
    }

    fn size(&self, path: &str) -> io::Result<u64> {
        self.disk.size(path)
    }

    fn free_space(&self) -> io::Result<u64> {
        self.disk.free_space()
    }
}
