use std::sync::Arc;

use super::catalogue::{ListPlace, ListWriter, SortedKeys};
use super::directory::Directory;
use super::error::{Doing, SegmentError};
use super::filter::{Filter, Filters};
use super::matrix::{self, put_class};
use super::{Segment, SegmentInfo, VERSION, header};
use crate::block::{BlockIndex, EncodedBlock};
use crate::disk::{Disk, WriteFile};
use crate::manifest::FileName;

/// What is collected of small parts before it is written.
const BUFFER_BYTES: usize = 64 * 1024;

/// A segment that is to be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NewSegment {
    /// Its number, which no segment of the tenant ever had.
    pub number: u64,
    /// How often its oldest rows were compacted.
    pub level: u32,
    /// The arrival of its first span, nanoseconds since the Unix epoch.
    pub arrival_min: u64,
    /// The arrival of its last span, nanoseconds since the Unix epoch.
    pub arrival_max: u64,
}

/// Writes a segment: to a temporary file, which gets the segment's name once it is whole and
/// durable. When that fails, or the writer is dropped before, nothing is left.
///
/// In memory it keeps the filters of the blocks: see [`SegmentWriter::memory`].
#[derive(Debug)]
pub struct SegmentWriter<'d> {
    disk: &'d dyn Disk,
    dir: String,
    /// The file, while it is written.
    path: Arc<str>,
    segment: NewSegment,
    file: Box<dyn WriteFile>,
    /// The names that the file may have and must not keep if this fails.
    names: Vec<FileName>,
    buffer: Vec<u8>,
    /// What was written, with what is in the buffer.
    bytes: u64,
    blocks: Vec<BlockIndex>,
    filters: Filters,
}

impl<'d> SegmentWriter<'d> {
    /// Begins a segment in a tenant's directory.
    ///
    /// # Errors
    /// When its file can't be created.
    pub fn create(
        disk: &'d dyn Disk,
        dir: &str,
        segment: NewSegment,
    ) -> Result<Self, SegmentError> {
        let name = FileName::Temporary(segment.number);
        let path: Arc<str> = name.path_in(dir).into();
        let file = disk.create(&path).map_err(write_error(&path))?;
        let mut writer = Self {
            disk,
            dir: dir.to_owned(),
            path,
            segment,
            file,
            names: vec![name],
            buffer: Vec::new(),
            bytes: 0,
            blocks: Vec::new(),
            filters: Filters::default(),
        };
        writer.put(&header())?;
        Ok(writer)
    }

    /// Appends a block.
    ///
    /// # Errors
    /// When it can't be written; the writer is to be dropped then.
    pub fn push(&mut self, block: &EncodedBlock) -> Result<(), SegmentError> {
        self.put_block(&block.bytes, block.index)?;
        self.filters.push(&block.entries);
        Ok(())
    }

    /// Appends a block of another segment as it is. Its filter is one of [`Segment::filters`].
    ///
    /// # Errors
    /// When it can't be read or written; the writer is to be dropped after the latter.
    ///
    /// # Panics
    /// When the segment has no such block.
    pub fn copy(
        &mut self,
        segment: &Segment,
        block: u32,
        filter: Filter<'_>,
    ) -> Result<(), SegmentError> {
        let bytes = segment.read_block(block)?;
        self.put_block(&bytes, segment.blocks()[block as usize])?;
        self.filters.push_copy(filter);
        Ok(())
    }

    /// The number of blocks so far.
    pub fn blocks(&self) -> usize {
        self.blocks.len()
    }

    /// The bytes written so far; the filters and the catalogue are yet to come.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// What the writer takes in memory, in bytes. Most of it are the filters, which take as much
    /// in the file.
    pub fn memory(&self) -> usize {
        self.filters.memory()
            + self.buffer.capacity()
            + self.blocks.capacity() * size_of::<BlockIndex>()
    }

    /// Completes the segment: once this returns, it lasts. Its catalogue has these operations and
    /// keys of attributes.
    ///
    /// # Errors
    /// When it can't be written, or the keys can't be read.
    pub fn finish(
        mut self,
        operations: &mut dyn SortedKeys,
        attributes: &mut dyn SortedKeys,
    ) -> Result<SegmentInfo, SegmentError> {
        let filter_bits: Vec<u32> = self.filters.iter().map(Filter::bits).collect();
        let filters_offset = self.bytes;
        let filters = std::mem::take(&mut self.filters);
        for class in &matrix::classes(&filter_bits, filters_offset) {
            put_class(class, &filters, |page| self.put(page))?;
        }
        drop(filters);

        let catalogue_offset = self.bytes;
        let (mut tail, operations) = list_of(operations, catalogue_offset)?;
        let (mut list, attributes) = list_of(attributes, catalogue_offset + tail.len() as u64)?;
        tail.append(&mut list);
        let copy_len = tail.len() + Directory::encoded_len(self.blocks.len());
        let info = self.info(catalogue_offset + 2 * copy_len as u64);
        let directory = Directory {
            version: VERSION,
            info: info.clone(),
            operations,
            attributes,
            filters: filters_offset,
            blocks: std::mem::take(&mut self.blocks),
            filter_bits,
        };
        tail.append(&mut directory.encode());
        self.put(&tail)?;
        self.put(&tail)?;
        self.publish()?;
        Ok(info)
    }

    fn put_block(&mut self, bytes: &[u8], index: BlockIndex) -> Result<(), SegmentError> {
        let offset = self.bytes;
        self.put(bytes)?;
        self.blocks.push(BlockIndex { offset, ..index });
        Ok(())
    }

    fn put(&mut self, bytes: &[u8]) -> Result<(), SegmentError> {
        if self.buffer.len() + bytes.len() > BUFFER_BYTES {
            self.flush()?;
        }
        if bytes.len() > BUFFER_BYTES {
            self.file.append(bytes).map_err(write_error(&self.path))?;
        } else {
            self.buffer.extend_from_slice(bytes);
        }
        self.bytes += bytes.len() as u64;
        Ok(())
    }

    fn flush(&mut self) -> Result<(), SegmentError> {
        if !self.buffer.is_empty() {
            self.file.append(&self.buffer).map_err(write_error(&self.path))?;
            self.buffer.clear();
        }
        Ok(())
    }

    /// Makes the file last and gives it the segment's name.
    fn publish(&mut self) -> Result<(), SegmentError> {
        self.flush()?;
        self.file.sync().map_err(write_error(&self.path))?;
        let name = FileName::Segment(self.segment.number);
        // It may have this name even if an error says that it doesn't.
        self.names.push(name);
        self.disk
            .rename(&self.path, &name.path_in(&self.dir))
            .and_then(|()| self.disk.sync_dir(&self.dir))
            .map_err(write_error(&self.path))?;
        self.names.clear();
        Ok(())
    }

    fn info(&self, bytes: u64) -> SegmentInfo {
        let sum = |count: fn(&BlockIndex) -> u32| {
            self.blocks.iter().map(|block| u64::from(count(block))).sum()
        };
        let NewSegment { number, level, arrival_min, arrival_max } = self.segment;
        SegmentInfo {
            number,
            level,
            arrival_min,
            arrival_max,
            bytes,
            spans: sum(|block| block.rows),
            traces: sum(|block| block.traces),
            blocks: self.blocks.len() as u32,
        }
    }
}

impl Drop for SegmentWriter<'_> {
    fn drop(&mut self) {
        for name in &self.names {
            // What is left is removed when the store is opened.
            let _ = self.disk.remove(&name.path_in(&self.dir));
        }
    }
}

fn list_of(keys: &mut dyn SortedKeys, offset: u64) -> Result<(Vec<u8>, ListPlace), SegmentError> {
    let mut list = ListWriter::default();
    while keys.advance()? {
        list.push(keys.key());
    }
    Ok(list.finish(offset))
}

fn write_error(path: &Arc<str>) -> impl FnOnce(std::io::Error) -> SegmentError {
    |source| SegmentError::Io { path: Arc::clone(path), doing: Doing::Write, source }
}
