use std::sync::Arc;

use super::error::{Doing, Part, SegmentError};
use crate::disk::ReadFile;

/// A segment's file, with the name that errors tell.
#[derive(Clone, Debug)]
pub(super) struct Source {
    path: Arc<str>,
    file: Arc<dyn ReadFile>,
}

impl Source {
    pub(super) fn new(path: &str, file: Arc<dyn ReadFile>) -> Self {
        Self { path: path.into(), file }
    }

    pub(super) fn path(&self) -> &Arc<str> {
        &self.path
    }

    pub(super) fn file(&self) -> &Arc<dyn ReadFile> {
        &self.file
    }

    pub(super) fn len(&self) -> u64 {
        self.file.len()
    }

    pub(super) fn damaged(&self, part: Part) -> SegmentError {
        SegmentError::Damaged { path: Arc::clone(&self.path), part }
    }

    /// Reads a part of the file into the buffer, which has its bytes alone then.
    ///
    /// The length must come from bytes whose checksum is right, or be bounded by the caller: it
    /// is what the buffer takes.
    pub(super) fn read_into(
        &self,
        buffer: &mut Vec<u8>,
        offset: u64,
        len: usize,
        part: Part,
    ) -> Result<(), SegmentError> {
        if offset.checked_add(len as u64).is_none_or(|end| end > self.len()) {
            return Err(self.damaged(part));
        }
        buffer.resize(len, 0);
        let path = || Arc::clone(&self.path);
        self.file.read_exact_at(buffer, offset).map_err(|source| SegmentError::Io {
            path: path(),
            doing: Doing::Read(part),
            source,
        })
    }

    /// Reads a part of the file: see [`Source::read_into`].
    pub(super) fn read(
        &self,
        offset: u64,
        len: usize,
        part: Part,
    ) -> Result<Vec<u8>, SegmentError> {
        let mut buffer = Vec::new();
        self.read_into(&mut buffer, offset, len, part)?;
        Ok(buffer)
    }
}
