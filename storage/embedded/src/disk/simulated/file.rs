use std::io::{self, ErrorKind, IoSlice};

use super::tree::Id;
use super::{Fault, SimulatedDisk};
use crate::disk::{ReadFile, WriteFile};

/// A file open to be written or read.
#[derive(Debug)]
pub(super) struct OpenFile {
    pub(super) disk: SimulatedDisk,
    pub(super) file: Id,
    pub(super) path: String,
    /// The bytes when it was opened, or the bytes appended since it was created.
    pub(super) len: u64,
}

impl WriteFile for OpenFile {
    fn append_vectored(&mut self, parts: &mut [IoSlice<'_>]) -> io::Result<()> {
        let bytes = parts.iter().flat_map(|part| part.iter().copied()).collect::<Vec<u8>>();
        self.disk.call(
            || format!("appending to {}", self.path),
            |state, fault| {
                let most = match fault {
                    Some(Fault::ShortWrite) => state.random.below(bytes.len().max(1)),
                    Some(Fault::LostSync) => 0,
                    _ => bytes.len(),
                };
                let written = state.append(self.file, &bytes, most);
                match fault {
                    Some(fault) => Err(fault.error()),
                    None if written < bytes.len() => Err(Fault::NoSpace.error()),
                    None => Ok(()),
                }
            },
        )?;
        self.len += bytes.len() as u64;
        Ok(())
    }

    fn sync(&mut self) -> io::Result<()> {
        self.disk.call(
            || format!("syncing {}", self.path),
            |state, fault| {
                let content = state.tree.content(self.file);
                match fault {
                    None | Some(Fault::Late) => content.sync(),
                    Some(Fault::LostSync) => content.lose(),
                    Some(_) => {}
                }
                fault.map_or(Ok(()), |fault| Err(fault.error()))
            },
        )
    }

    fn len(&self) -> u64 {
        self.len
    }
}

impl ReadFile for OpenFile {
    fn read_exact_at(&self, buf: &mut [u8], offset: u64) -> io::Result<()> {
        let wanted = buf.len();
        self.disk.simple(
            || format!("reading {wanted} bytes at {offset} of {}", self.path),
            |state| {
                let start = usize::try_from(offset).unwrap_or(usize::MAX);
                let bytes = state.tree.content(self.file).bytes();
                let end = start.saturating_add(wanted);
                buf.copy_from_slice(bytes.get(start..end).ok_or(ErrorKind::UnexpectedEof)?);
                Ok(())
            },
        )
    }

    fn len(&self) -> u64 {
        self.len
    }
}

impl Drop for OpenFile {
    fn drop(&mut self) {
        self.disk.lock().tree.closed(self.file);
    }
}
