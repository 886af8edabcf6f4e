use std::io::ErrorKind;

use super::*;
use crate::disk::Fault;

/// Writes batches to one log after the other, as the engine does: on to the next when one fails.
/// Gives the logs' number and the numbers of the acknowledged records.
fn write_batches(disk: &SimulatedDisk) -> (u64, Vec<u64>) {
    let (mut logs, mut acknowledged) = (0, Vec::new());
    let mut log: Option<LogWriter> = None;
    for batch in 0..4 {
        if log.as_ref().is_none_or(LogWriter::is_given_up) {
            logs += 1;
            log = LogWriter::create(disk, &format!("log-{logs}"), SALT + logs).ok();
        }
        let Some(log) = &mut log else { continue };
        let numbers = [2 * batch, 2 * batch + 1];
        let records = numbers.map(|number| record(number, 700));
        match log.append(&borrowed(&records)) {
            Ok(()) => acknowledged.extend(numbers),
            Err(error) => {
                assert!(matches!(error, LogError::Disk(_)), "{error}");
                assert!(log.is_given_up());
                let calls = disk.calls();
                let error = log.append(&borrowed(&records)).unwrap_err();
                assert!(matches!(error, LogError::GivenUp { .. }), "{error}");
                assert_eq!(disk.calls(), calls, "the log was written again");
            }
        }
    }
    (logs, acknowledged)
}

fn read_all(disk: &SimulatedDisk, logs: u64) -> Vec<Replayed> {
    let mut records = Vec::new();
    for log in 1..=logs {
        match replay(disk, &format!("log-{log}")) {
            Ok(replay) => records.extend(replay.map(Result::unwrap)),
            // Creating it failed.
            Err(LogError::Disk(error)) => assert_eq!(error.kind(), ErrorKind::NotFound),
            Err(error) => panic!("{error}"),
        }
    }
    records
}

#[test]
fn a_fault_at_any_call_takes_nothing_that_was_acknowledged() {
    let calls = {
        let disk = SimulatedDisk::new(0);
        assert_eq!(write_batches(&disk).1.len(), 8);
        disk.calls()
    };
    for fault in Fault::ALL {
        for call in 0..calls {
            for seed in 0..20 {
                let disk = SimulatedDisk::new(seed);
                disk.fail_at(call, fault);
                let (logs, acknowledged) = write_batches(&disk);
                assert!(acknowledged.len() >= 6, "{fault:?} at call {call}: one batch fails");
                for disk in [disk.power_cut(seed), disk] {
                    let found = numbers(&read_all(&disk, logs));
                    let at = format!("{fault:?} at call {call}, seed {seed}: {found:?}");
                    assert!(found.is_sorted_by(|a, b| a < b), "twice or out of order, {at}");
                    assert!(acknowledged.iter().all(|number| found.contains(number)), "{at}");
                }
            }
        }
    }
}

/// The numbers of records that are all as they were made.
fn numbers(records: &[Replayed]) -> Vec<u64> {
    let numbers = records.iter().map(|found| {
        let number = found.arrival / 1_000_000_007 - 1;
        assert_eq!(*found, record(number, 700));
        number
    });
    numbers.collect()
}

#[test]
fn a_replay_that_a_fault_ends_says_so() {
    let records: Vec<_> = (0..20).map(|number| record(number, 10_000)).collect();
    let disk = SimulatedDisk::new(0);
    write_log(&disk, &records);
    let calls = {
        let before = disk.calls();
        assert_eq!(read(&disk).unwrap().0, records);
        disk.calls() - before
    };
    for fault in Fault::ALL {
        for call in 0..calls {
            disk.fail_at(disk.calls() + call, fault);
            let error = read(&disk).unwrap_err();
            assert!(matches!(error, LogError::Disk(_)), "{error}");
        }
    }
    disk.fail_at(disk.calls() + 2, Fault::Io);
    let mut replay = replay(&disk, LOG).unwrap();
    let failed = replay.by_ref().position(|record| record.is_err());
    assert!(failed.is_some());
    assert!(replay.next().is_none(), "a replay goes on after an error");
}

#[test]
fn a_full_disk_fails_the_write_and_the_next_log_goes_on_when_there_is_space() {
    let disk = SimulatedDisk::new(0);
    let mut log = LogWriter::create(&disk, LOG, SALT).unwrap();
    log.append(&borrowed(&[record(1, 700)])).unwrap();
    disk.set_capacity(disk.used() + 1_000);
    let Err(LogError::Disk(error)) = log.append(&borrowed(&[record(2, 700), record(3, 700)]))
    else {
        panic!("the disk is full");
    };
    assert_eq!(error.kind(), ErrorKind::StorageFull);
    assert!(error.to_string().starts_with("appending to log-1: "), "{error}");
    assert!(LogWriter::create(&disk, "log-2", SALT).is_err());
    assert_eq!(disk.files(), [LOG], "no file is left of a log that could not be begun");

    disk.set_capacity(u64::MAX);
    let mut next = LogWriter::create(&disk, "log-2", SALT + 1).unwrap();
    next.append(&borrowed(&[record(4, 700)])).unwrap();
    // The first record of the failed batch did fit.
    assert_eq!(read(&disk).unwrap().0, [record(1, 700), record(2, 700)]);
}

#[test]
fn a_log_that_can_not_be_begun_leaves_no_file() {
    for fault in Fault::ALL {
        for call in 1..5 {
            let disk = SimulatedDisk::new(0);
            disk.fail_at(call, fault);
            LogWriter::create(&disk, LOG, SALT).unwrap_err();
            assert_eq!(disk.files(), [""; 0], "{fault:?} at call {call}");
        }
    }
}
