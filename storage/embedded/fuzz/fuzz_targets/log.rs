//! A replay accounts for every byte of a log, gives what is in it, and stops early, no more, where
//! a log is cut off.
#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::{fuzz_mutator, fuzz_target};
use spoor_embedded::log::{LogWriter, Record, Replayed, Report, replay};
use spoor_fuzz::file::disk;
use spoor_fuzz::{golden, log, mutated_input};

const HEADER: u64 = 24;
const RECORD: u64 = 32;

fuzz_target!(|log: &[u8]| {
    let Some((records, report)) = read(log) else { return };
    assert_eq!(records.len() as u64, report.records);
    assert!(report.end <= log.len() as u64);
    assert_eq!(report.end + report.tail_bytes, log.len() as u64);
    let whole: u64 = records.iter().map(|record| RECORD + record.payload.len() as u64).sum();
    if report.records > 0 {
        // The log's own header counts as damaged bytes if it is.
        let header = report.end - whole - report.damaged_bytes;
        assert!(header == HEADER || header == 0, "{header}");
    }
    assert_eq!(report.damaged_regions > 0, report.damaged_bytes > 0);

    // Records stand in the log one after the other, each with its checksum.
    let mut rest = log;
    for Replayed { payload, .. } in &records {
        let start = RECORD as usize;
        let checksum = crc32fast::hash(payload).to_le_bytes();
        let is_here = |at: &usize| {
            let record = &rest[*at..];
            record.starts_with(b"\xf5\xeeRC")
                && record.get(24..28) == Some(&checksum[..])
                && record.get(start..).is_some_and(|behind| behind.starts_with(payload))
        };
        let at = (0..rest.len()).find(is_here).expect("a record that was read is there");
        rest = &rest[at + start + payload.len()..];
    }

    for cut in [log.len() / 2, log.len().saturating_sub(1)] {
        if let Some((fewer, _)) = read(&log[..cut]) {
            assert!(records.starts_with(&fewer), "a log that is cut off has other records");
        }
    }

    // What was read can be written again.
    let disk = disk([]);
    let mut writer = LogWriter::create(&disk, "log", 1).expect("the disk works");
    for Replayed { arrival, payload } in &records {
        writer.append(&[Record { arrival: *arrival, payload }]).expect("the disk works");
    }
    let (again, report) = read(&disk.contents("log").expect("it is there")).expect("it is a log");
    assert_eq!(again, records);
    assert_eq!((report.damaged_regions, report.tail_bytes), (0, 0));
});

fuzz_mutator!(|data: &mut [u8], size: usize, max_size: usize, seed: u32| {
    static SEEDS: LazyLock<Vec<Vec<u8>>> = LazyLock::new(golden::logs);
    mutated_input(data, size, max_size, seed, &SEEDS, |bytes, random| {
        let mut log = log::Log::decode(bytes)?;
        log.mutate(random);
        Some(log.encode())
    })
});

fn read(log: &[u8]) -> Option<(Vec<Replayed>, Report)> {
    let mut replay = replay(&disk([("log", log)]), "log").ok()?;
    let records = replay.by_ref().map(|record| record.expect("the disk works")).collect();
    Some((records, replay.report()))
}
