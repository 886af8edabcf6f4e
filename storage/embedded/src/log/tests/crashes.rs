use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use super::*;

/// Synced records come back once and in order, others at most once, wholly and in order.
fn assert_kept(replayed: &[Replayed], written: &[Replayed], synced: usize, seed: u64) {
    assert_eq!(replayed.get(..synced), Some(&written[..synced]), "synced, seed {seed}");
    let mut others = written[synced..].iter();
    for found in &replayed[synced..] {
        assert!(others.any(|record| record == found), "invented or out of order, seed {seed}");
    }
}

#[test]
fn every_synced_record_outlives_a_power_cut() {
    let mut outcomes = [0; 3];
    for seed in 0..3_000 {
        let mut random = StdRng::seed_from_u64(seed);
        let disk = SimulatedDisk::new(seed);
        let mut log = LogWriter::create(&disk, LOG, SALT).unwrap();
        let (mut written, mut synced) = (Vec::new(), 0);
        for _ in 0..random.random_range(0..8) {
            let batch: Vec<_> = (0..random.random_range(1..4))
                .map(|_| record(random.random_range(0..1 << 30), random.random_range(0..2_000)))
                .collect();
            log.write(&borrowed(&batch)).unwrap();
            written.extend(batch);
            if random.random_bool(0.5) {
                log.sync().unwrap();
                synced = written.len();
            }
        }
        let (replayed, _) = read(&disk.power_cut(seed)).unwrap();
        assert_kept(&replayed, &written, synced, seed);
        let outcome = match replayed.len() {
            kept if kept == written.len() => 0,
            kept if kept == synced => 1,
            _ => 2,
        };
        outcomes[outcome] += 1;
    }
    // The test would show nothing if the disk lost all each time, or nothing.
    assert!(outcomes.iter().all(|count| *count > 100), "{outcomes:?}");
}

#[test]
fn what_a_power_cut_left_can_be_read_again_after_the_next() {
    for seed in 0..300 {
        let disk = SimulatedDisk::new(seed);
        let mut log = LogWriter::create(&disk, LOG, SALT).unwrap();
        log.append(&borrowed(&[record(1, 900)])).unwrap();
        log.write(&borrowed(&[record(2, 900), record(3, 900)])).unwrap();
        let once = disk.power_cut(seed);
        let twice = once.power_cut(seed + 1);
        assert_eq!(read(&once).unwrap(), read(&twice).unwrap());
    }
}

#[test]
fn a_log_is_there_after_a_power_cut_once_it_was_created() {
    for seed in 0..100 {
        let disk = SimulatedDisk::new(seed);
        disk.create_dir("tenant").unwrap();
        disk.sync_dir("").unwrap();
        LogWriter::create(&disk, "tenant/log-1", SALT).unwrap();
        let found = replay(&disk.power_cut(seed), "tenant/log-1").unwrap().report();
        assert_eq!(found, Report { end: 24, ..Report::default() });
    }
}
