use std::io::{self, ErrorKind, IoSlice};

use super::LogError;
use super::format::{LogHeader, MAX_PAYLOAD, RecordHeader, VERSION};
use crate::disk::{self, Disk, WriteFile};

/// A request to be logged.
#[derive(Clone, Copy, Debug)]
pub struct Record<'a> {
    /// When it arrived, in nanoseconds since the Unix epoch.
    pub arrival: u64,
    /// Its bytes.
    pub payload: &'a [u8],
}

/// Writes one log.
///
/// After a call of the disk fails, the log is never written again: what was synced stays, and
/// what was not may or may not be there. So the records of the failed call are to be refused and
/// may be sent again, and a new log is to be begun.
#[derive(Debug)]
pub struct LogWriter {
    path: String,
    salt: u64,
    file: Box<dyn WriteFile>,
    synced: u64,
    failed: bool,
    /// Kept for its memory.
    headers: Vec<[u8; RecordHeader::LEN]>,
}

impl LogWriter {
    /// Begins a log, which lasts once this returns. The salt is a number that nobody can guess
    /// and no other log has.
    ///
    /// # Errors
    /// [`LogError::Exists`] when there is a file at the path, or [`LogError::Disk`]; then no file
    /// is left, unless removing it failed too.
    pub fn create(disk: &dyn Disk, path: &str, salt: u64) -> Result<Self, LogError> {
        match disk.size(path) {
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            Err(error) => return Err(error.into()),
            Ok(_) => return Err(LogError::Exists { path: path.to_owned() }),
        }
        begin(disk, path, salt).map_err(|error| {
            // Nothing of it was acknowledged. Left behind, one file for each attempt would be.
            let _ = disk.remove(path);
            error.into()
        })
    }

    /// Appends the records and makes them last, all with one write and one sync.
    ///
    /// # Errors
    /// As [`LogWriter::write`].
    pub fn append(&mut self, records: &[Record<'_>]) -> Result<(), LogError> {
        self.write(records)?;
        self.sync()
    }

    /// Appends the records with one write. They last once [`LogWriter::sync`] returns.
    ///
    /// # Errors
    /// [`LogError::TooLong`] when nothing was written, because of a record longer than
    /// [`MAX_PAYLOAD`]; otherwise the log is given up.
    pub fn write(&mut self, records: &[Record<'_>]) -> Result<(), LogError> {
        self.check_usable()?;
        if records.is_empty() {
            return Ok(());
        }
        self.put_headers(records)?;
        let mut parts = Vec::with_capacity(2 * records.len());
        for (header, record) in self.headers.iter().zip(records) {
            parts.extend([IoSlice::new(header), IoSlice::new(record.payload)]);
        }
        let written = self.file.append_vectored(&mut parts);
        self.failed = written.is_err();
        Ok(written?)
    }

    /// Makes last what was written. Does nothing when all of it was synced before.
    ///
    /// # Errors
    /// [`LogError::Disk`], and the log is given up.
    pub fn sync(&mut self) -> Result<(), LogError> {
        self.check_usable()?;
        if self.unsynced() == 0 {
            return Ok(());
        }
        let synced = self.file.sync();
        self.failed = synced.is_err();
        synced?;
        self.synced = self.file.len();
        Ok(())
    }

    /// The bytes of the log.
    pub fn len(&self) -> u64 {
        self.file.len()
    }

    /// Whether the log has no record.
    pub fn is_empty(&self) -> bool {
        self.len() == LogHeader::LEN as u64
    }

    /// The bytes that were written since the last sync.
    pub fn unsynced(&self) -> u64 {
        self.file.len() - self.synced
    }

    /// Whether a call failed, so that all that follow are to fail.
    pub fn is_given_up(&self) -> bool {
        self.failed
    }

    fn check_usable(&self) -> Result<(), LogError> {
        if self.failed {
            return Err(LogError::GivenUp { path: self.path.clone() });
        }
        Ok(())
    }

    fn put_headers(&mut self, records: &[Record<'_>]) -> Result<(), LogError> {
        self.headers.clear();
        let mut offset = self.file.len();
        for Record { arrival, payload } in records {
            let bytes = payload.len();
            let len = u32::try_from(bytes).ok().filter(|_| bytes <= MAX_PAYLOAD);
            let header = RecordHeader {
                len: len.ok_or(LogError::TooLong { bytes })?,
                salt: self.salt,
                arrival: *arrival,
                payload_checksum: crc32fast::hash(payload),
            };
            self.headers.push(header.encode(offset));
            offset += (RecordHeader::LEN + bytes) as u64;
        }
        Ok(())
    }
}

fn begin(disk: &dyn Disk, path: &str, salt: u64) -> io::Result<LogWriter> {
    let mut file = disk.create(path)?;
    file.append(&LogHeader { version: VERSION, salt }.encode())?;
    file.sync()?;
    disk.sync_dir(disk::parent(path))?;
    let synced = file.len();
    let path = path.to_owned();
    Ok(LogWriter { path, salt, file, synced, failed: false, headers: Vec::new() })
}
