use std::io;
use std::sync::Arc;

use super::LogError;
use super::format::{LogHeader, RecordHeader, VERSION};
use crate::disk::{Disk, ReadFile};

/// How much of the file is read at once. A longer payload is read by itself.
const WINDOW: usize = 64 << 10;

/// A record, as it was logged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Replayed {
    /// When the request arrived, in nanoseconds since the Unix epoch.
    pub arrival: u64,
    /// The request's bytes.
    pub payload: Vec<u8>,
}

/// What a replay found so far; all of it, once the replay has ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// Whole records.
    pub records: u64,
    /// Where the last whole record ends; when there is none, the log's header, or 0 if that is
    /// damaged too.
    pub end: u64,
    /// Runs of damaged bytes that have a whole record after them.
    pub damaged_regions: u64,
    /// The bytes of these runs.
    pub damaged_bytes: u64,
    /// The bytes from `end` to the end of the file: what a crash tears is there, and it was not
    /// acknowledged; damage may be there as well.
    pub tail_bytes: u64,
}

/// Reads a log front to back, a record at a time. Never holds more of it than a record and a
/// window of 64 KiB.
///
/// A damaged record is passed over. A disk that can't be read is an error that ends the replay,
/// because what it hides may be good.
#[derive(Debug)]
pub struct Replay {
    window: Window,
    /// The log's salt: told by its header or, when that is damaged, by the first of a record.
    salt: Option<u64>,
    /// Where to look for the next record.
    next: u64,
    ended: bool,
    report: Report,
}

/// Opens a log to be replayed.
///
/// # Errors
/// [`LogError::Newer`] when a later program wrote it, or [`LogError::Disk`].
pub fn replay(disk: &dyn Disk, path: &str) -> Result<Replay, LogError> {
    let mut window = Window { file: disk.open(path)?, start: 0, bytes: Vec::new() };
    let header = window.from(0, LogHeader::LEN)?.first_chunk().and_then(LogHeader::decode);
    if let Some(LogHeader { version, .. }) = header
        && version > VERSION
    {
        return Err(LogError::Newer { path: path.to_owned(), version });
    }
    let next = LogHeader::LEN as u64;
    Ok(Replay {
        window,
        salt: header.map(|header| header.salt),
        next,
        ended: false,
        report: Report { end: if header.is_some() { next } else { 0 }, ..Report::default() },
    })
}

impl Replay {
    /// What was found so far.
    pub fn report(&self) -> Report {
        self.report
    }

    fn next_record(&mut self) -> io::Result<Option<Replayed>> {
        let mut at = self.next;
        while let Some((start, header)) = self.find_header(at)? {
            self.salt = Some(header.salt);
            let payload_start = start + RecordHeader::LEN as u64;
            let end = payload_start + u64::from(header.len);
            if end > self.window.file.len() {
                // The header holds, so the rest of the file is this record's.
                break;
            }
            let payload = self.window.read(payload_start, header.len as usize)?;
            if crc32fast::hash(&payload) == header.payload_checksum {
                self.found(start, end);
                return Ok(Some(Replayed { arrival: header.arrival, payload }));
            }
            at = end;
        }
        self.report.tail_bytes = self.window.file.len() - self.report.end;
        Ok(None)
    }

    /// The first header of a record at `at` or after it, and where it is.
    fn find_header(&mut self, mut at: u64) -> io::Result<Option<(u64, RecordHeader)>> {
        loop {
            let bytes = self.window.from(at, RecordHeader::LEN)?;
            let Some(first) = bytes.first_chunk() else { return Ok(None) };
            if let Some(header) = RecordHeader::decode(first, at)
                && self.salt.is_none_or(|salt| salt == header.salt)
            {
                return Ok(Some((at, header)));
            }
            at += 1 + RecordHeader::find(&bytes[1..]) as u64;
        }
    }

    fn found(&mut self, start: u64, end: u64) {
        let damaged = start - self.report.end;
        self.report.damaged_regions += u64::from(damaged > 0);
        self.report.damaged_bytes += damaged;
        self.report.records += 1;
        self.report.end = end;
        self.next = end;
    }
}

impl Iterator for Replay {
    type Item = Result<Replayed, LogError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.ended {
            return None;
        }
        let record = self.next_record();
        self.ended = !matches!(record, Ok(Some(_)));
        record.map_err(LogError::Disk).transpose()
    }
}

impl std::iter::FusedIterator for Replay {}

/// A part of a file that moves along it.
#[derive(Debug)]
struct Window {
    file: Arc<dyn ReadFile>,
    start: u64,
    bytes: Vec<u8>,
}

impl Window {
    /// The bytes from `at` on: as many as are `wanted`, which is at most [`WINDOW`], and more if
    /// they are at hand; fewer only at the end of the file.
    fn from(&mut self, at: u64, wanted: usize) -> io::Result<&[u8]> {
        let left = self.file.len().saturating_sub(at);
        let wanted = left.min(wanted as u64) as usize;
        if self.held(at).map_or(0, <[u8]>::len) < wanted {
            self.bytes.resize(left.min(WINDOW as u64) as usize, 0);
            self.start = at;
            self.file.read_exact_at(&mut self.bytes, at)?;
        }
        Ok(self.held(at).unwrap_or_default())
    }

    /// These bytes, which the file has.
    fn read(&mut self, at: u64, len: usize) -> io::Result<Vec<u8>> {
        if len <= WINDOW {
            return Ok(self.from(at, len)?[..len].to_vec());
        }
        let mut bytes = vec![0; len];
        self.file.read_exact_at(&mut bytes, at)?;
        Ok(bytes)
    }

    fn held(&self, at: u64) -> Option<&[u8]> {
        let from = usize::try_from(at.checked_sub(self.start)?).ok()?;
        self.bytes.get(from..)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::disk::SimulatedDisk;
    use crate::log::{LogWriter, Record};

    #[test]
    fn a_replay_holds_a_record_and_a_window_however_long_the_log_is() {
        let disk = SimulatedDisk::new(0);
        let mut log = LogWriter::create(&disk, "log", 1).unwrap();
        for len in [10, 30_000, 70_000, 200_000].repeat(10) {
            log.append(&[Record { arrival: 1, payload: &vec![1; len] }]).unwrap();
        }
        let mut replay = replay(&disk, "log").unwrap();
        while let Some(record) = replay.next() {
            assert!(record.unwrap().payload.capacity() <= 200_000);
            assert!(replay.window.bytes.capacity() <= WINDOW);
        }
        assert_eq!(replay.report().records, 40);
    }
}
