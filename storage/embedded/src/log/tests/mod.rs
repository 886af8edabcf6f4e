mod crashes;
mod damage;
mod faults;
mod roundtrip;

use super::format::{LogHeader, RecordHeader};
use super::{LogError, LogWriter, Record, Replayed, Report, replay};
use crate::disk::{Disk, SimulatedDisk};

const LOG: &str = "log-1";
const SALT: u64 = 0x5a17_5a17_5a17_5a17;

/// The record with this number, of this length.
fn record(number: u64, len: usize) -> Replayed {
    let payload = (0..len as u64).map(|at| (number * 31 + at * 7 + at / 251) as u8).collect();
    Replayed { arrival: 1_000_000_007 * (number + 1), payload }
}

fn borrowed(records: &[Replayed]) -> Vec<Record<'_>> {
    let records = records.iter();
    records.map(|record| Record { arrival: record.arrival, payload: &record.payload }).collect()
}

fn write_log(disk: &dyn Disk, records: &[Replayed]) {
    let mut log = LogWriter::create(disk, LOG, SALT).unwrap();
    log.append(&borrowed(records)).unwrap();
}

/// A disk on which the log has these bytes.
fn disk_with(bytes: &[u8]) -> SimulatedDisk {
    let disk = SimulatedDisk::new(0);
    disk.create(LOG).unwrap().append(bytes).unwrap();
    disk
}

/// The bytes of a log of these records.
fn bytes_of(records: &[Replayed]) -> Vec<u8> {
    let disk = SimulatedDisk::new(0);
    write_log(&disk, records);
    disk.contents(LOG).unwrap()
}

fn read(disk: &dyn Disk) -> Result<(Vec<Replayed>, Report), LogError> {
    let mut replay = replay(disk, LOG)?;
    let records = replay.by_ref().collect::<Result<Vec<_>, _>>()?;
    Ok((records, replay.report()))
}

/// Where each record begins, and where the last one ends.
fn offsets(records: &[Replayed]) -> Vec<usize> {
    let mut offsets = vec![LogHeader::LEN];
    for record in records {
        offsets.push(offsets[offsets.len() - 1] + RecordHeader::LEN + record.payload.len());
    }
    offsets
}

/// What is in the file must be told of: as a record, as damage, or as the tail.
fn assert_accounted(records: &[Replayed], report: Report, bytes: usize) {
    let good: usize = records.iter().map(|record| RecordHeader::LEN + record.payload.len()).sum();
    let skipped = (report.damaged_bytes + report.tail_bytes) as usize;
    let header = bytes.checked_sub(good + skipped);
    assert!(header == Some(LogHeader::LEN) || header == Some(0), "{report:?} of {bytes} bytes");
    assert_eq!(report.records, records.len() as u64);
    assert_eq!(report.damaged_regions == 0, report.damaged_bytes == 0);
    assert_eq!(report.end + report.tail_bytes, bytes as u64);
}
