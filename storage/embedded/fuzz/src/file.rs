//! Files in memory.

use std::io;
use std::sync::Arc;

use spoor_embedded::disk::{Disk, ReadFile, SimulatedDisk};

/// A file that is read.
#[derive(Debug)]
pub struct Bytes(pub Vec<u8>);

impl ReadFile for Bytes {
    fn read_exact_at(&self, buf: &mut [u8], offset: u64) -> io::Result<()> {
        let start = usize::try_from(offset).unwrap_or(usize::MAX);
        let rest = self.0.get(start..).unwrap_or_default();
        let bytes = rest.get(..buf.len()).ok_or(io::ErrorKind::UnexpectedEof)?;
        buf.copy_from_slice(bytes);
        Ok(())
    }

    fn len(&self) -> u64 {
        self.0.len() as u64
    }
}

pub fn file(bytes: Vec<u8>) -> Arc<dyn ReadFile> {
    Arc::new(Bytes(bytes))
}

/// A disk with these files, whose directories are made.
pub fn disk<'f>(files: impl IntoIterator<Item = (&'f str, &'f [u8])>) -> SimulatedDisk {
    let disk = SimulatedDisk::new(1);
    for (path, bytes) in files {
        if let Some((dir, _)) = path.rsplit_once('/') {
            // It may be there.
            let _ = disk.create_dir(dir);
        }
        let written = disk.create(path).and_then(|mut file| file.append(bytes));
        written.expect("a simulated disk fails only when it is told to");
    }
    disk
}
