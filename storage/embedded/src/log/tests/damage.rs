use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use super::*;
use crate::log::MAX_PAYLOAD;

#[test]
fn a_log_torn_in_its_last_record_gives_back_the_others() {
    let records = [record(1, 70), record(2, 0), record(3, 130)];
    let bytes = bytes_of(&records);
    let last = offsets(&records)[2];
    for cut in last..bytes.len() {
        let unwritten = bytes.len() - cut;
        // The file may end there, or have the length of what was to be written.
        for tail in [vec![], vec![0; unwritten], vec![0xf5; unwritten]] {
            let mut torn = [&bytes[..cut], &tail].concat();
            if torn == bytes {
                torn.pop();
            }
            let (replayed, report) = read(&disk_with(&torn)).unwrap();
            assert_eq!(replayed, records[..2], "cut at {cut}");
            let tail_bytes = (torn.len() - last) as u64;
            let expected = Report { records: 2, end: last as u64, tail_bytes, ..Report::default() };
            assert_eq!(report, expected, "cut at {cut}");
        }
    }
}

#[test]
fn a_log_torn_anywhere_gives_back_what_is_whole() {
    let records = [record(1, 70), record(2, 0), record(3, 130)];
    let bytes = bytes_of(&records);
    let offsets = offsets(&records);
    for cut in 0..=bytes.len() {
        let (replayed, report) = read(&disk_with(&bytes[..cut])).unwrap();
        let whole = offsets[1..].iter().filter(|end| **end <= cut).count();
        assert_eq!(replayed, records[..whole], "cut at {cut}");
        assert_accounted(&replayed, report, cut);
    }
}

#[test]
fn a_flipped_bit_takes_one_record_at_most_and_is_told_of() {
    let records = [record(1, 40), record(2, 0), record(3, 25), record(4, 33)];
    let bytes = bytes_of(&records);
    let offsets = offsets(&records);
    for at in 0..bytes.len() {
        for bit in 0..8 {
            let mut damaged = bytes.clone();
            damaged[at] ^= 1 << bit;
            let (replayed, report) = read(&disk_with(&damaged)).unwrap();

            let mut expected = records.to_vec();
            let hit = offsets.iter().rposition(|start| *start <= at);
            if let Some(hit) = hit {
                expected.remove(hit);
            }
            assert_eq!(replayed, expected, "bit {bit} of byte {at}");
            let in_tail = hit == Some(3);
            assert_eq!(report.damaged_regions, u64::from(!in_tail), "bit {bit} of byte {at}");
            assert_eq!(report.tail_bytes > 0, in_tail, "bit {bit} of byte {at}");
            assert_accounted(&replayed, report, bytes.len());
        }
    }
}

#[test]
fn neighbours_that_are_damaged_are_one_region() {
    let records: Vec<_> = (0..6).map(|number| record(number, 50)).collect();
    let mut bytes = bytes_of(&records);
    let offsets = offsets(&records);
    // The header of one, the payload of the next, and both of another.
    for at in [offsets[1] + 3, offsets[2] + 60, offsets[4] + 9, offsets[4] + 70] {
        bytes[at] ^= 0x40;
    }
    let (replayed, report) = read(&disk_with(&bytes)).unwrap();
    assert_eq!(replayed, [&records[0], &records[3], &records[5]].map(Clone::clone));
    assert_eq!((report.damaged_regions, report.damaged_bytes), (2, 3 * 82));
    assert_eq!((report.end, report.tail_bytes), (bytes.len() as u64, 0));
}

#[test]
fn a_log_without_its_header_gives_back_every_record() {
    let records = [record(1, 40), record(2, 50)];
    let mut bytes = bytes_of(&records);
    bytes[..LogHeader::LEN].fill(0);
    let (replayed, report) = read(&disk_with(&bytes)).unwrap();
    assert_eq!(replayed, records);
    assert_eq!((report.damaged_regions, report.damaged_bytes), (1, 24));
}

#[test]
fn what_follows_damage_is_found_wherever_a_read_of_the_file_ends() {
    for len in (65_400..65_600).chain([131_000, 200_000]) {
        let records = [record(1, len), record(2, 50)];
        let mut bytes = bytes_of(&records);
        bytes[LogHeader::LEN + 5] ^= 1;
        let (replayed, report) = read(&disk_with(&bytes)).unwrap();
        assert_eq!(replayed, records[1..], "after {len} bytes");
        assert_accounted(&replayed, report, bytes.len());
    }
}

#[test]
fn a_record_inside_of_another_is_never_taken_for_one() {
    // A copy of another log, and of this one's own begin, each at every place where a search may
    // come by, and the outer record's header damaged so that there is a search.
    for salt in [SALT, SALT + 1] {
        let disk = SimulatedDisk::new(0);
        let mut log = LogWriter::create(&disk, LOG, salt).unwrap();
        log.append(&borrowed(&[record(1, 40), record(2, 50)])).unwrap();
        let copy = disk.contents(LOG).unwrap();
        for shift in 0..100 {
            let payload = [&vec![7; shift], copy.as_slice()].concat();
            let outer = Replayed { arrival: 5, payload };
            let records = [record(1, 40), outer, record(3, 30)];
            let mut bytes = bytes_of(&records);
            bytes[offsets(&records)[1] + 10] ^= 1;
            let (replayed, _) = read(&disk_with(&bytes)).unwrap();
            assert_eq!(replayed, [&records[0], &records[2]].map(Clone::clone));
        }
    }
}

#[test]
fn a_record_that_lies_where_it_was_not_written_is_damage() {
    let records = [record(1, 40), record(2, 40), record(3, 40)];
    let bytes = bytes_of(&records);
    let at = offsets(&records);
    let swapped =
        [&bytes[..at[0]], &bytes[at[1]..at[2]], &bytes[at[0]..at[1]], &bytes[at[2]..]].concat();
    let (replayed, report) = read(&disk_with(&swapped)).unwrap();
    assert_eq!(replayed, records[2..]);
    assert_eq!((report.damaged_regions, report.damaged_bytes), (1, 2 * 72));
}

#[test]
fn what_another_log_had_at_the_same_place_is_never_taken_for_a_record() {
    let disk = SimulatedDisk::new(0);
    let mut log = LogWriter::create(&disk, LOG, SALT + 1).unwrap();
    log.append(&borrowed(&[record(7, 40), record(8, 40), record(9, 40)])).unwrap();
    let stale = disk.contents(LOG).unwrap();
    let records = [record(1, 40), record(2, 40), record(3, 40)];
    let bytes = bytes_of(&records);
    let at = offsets(&records);

    let mixed = [&bytes[..at[1]], &stale[at[1]..at[2]], &bytes[at[2]..]].concat();
    let (replayed, report) = read(&disk_with(&mixed)).unwrap();
    assert_eq!(replayed, [&records[0], &records[2]].map(Clone::clone));
    assert_eq!((report.damaged_regions, report.damaged_bytes), (1, 72));
    let (replayed, _) = read(&disk_with(&[&bytes[..at[1]], &stale[at[1]..]].concat())).unwrap();
    assert_eq!(replayed, records[..1]);
}

#[test]
fn a_damaged_payload_is_passed_over_wholly() {
    // Even where it holds what would be a record of this log at this place.
    let start = offsets(&[record(1, 40)])[1] + RecordHeader::LEN;
    let header =
        RecordHeader { len: 3, salt: SALT, arrival: 1, payload_checksum: crc32fast::hash(b"not") };
    let payload = [&header.encode(start as u64)[..], b"not", b"this"].concat();
    let records = [record(1, 40), Replayed { arrival: 2, payload }, record(3, 40)];
    let mut bytes = bytes_of(&records);
    bytes[offsets(&records)[2] - 1] ^= 1;
    let (replayed, report) = read(&disk_with(&bytes)).unwrap();
    assert_eq!(replayed, [&records[0], &records[2]].map(Clone::clone));
    assert_eq!(report.damaged_regions, 1);
}

#[test]
fn a_length_beyond_the_greatest_is_damage() {
    let records = [record(1, 40), record(2, 40)];
    let mut bytes = bytes_of(&records);
    let at = offsets(&records)[0];
    for len in [MAX_PAYLOAD as u32 + 1, u32::MAX] {
        let header = RecordHeader { len, salt: SALT, arrival: 1, payload_checksum: 0 };
        bytes[at..at + RecordHeader::LEN].copy_from_slice(&header.encode(at as u64));
        let (replayed, report) = read(&disk_with(&bytes)).unwrap();
        assert_eq!(replayed, records[1..]);
        assert_eq!(report.damaged_bytes, 72);
    }
    // The longest that there can be, but the file is short: nothing is set aside for it.
    let header =
        RecordHeader { len: MAX_PAYLOAD as u32, salt: SALT, arrival: 1, payload_checksum: 0 };
    bytes[at..at + RecordHeader::LEN].copy_from_slice(&header.encode(at as u64));
    let (replayed, report) = read(&disk_with(&bytes)).unwrap();
    assert_eq!((replayed.len(), report.tail_bytes), (0, (bytes.len() - at) as u64));
}

#[test]
fn no_bytes_make_a_replay_panic_or_invent() {
    let mut random = StdRng::seed_from_u64(6);
    let records: Vec<_> = (0..8).map(|number| record(number, number as usize * 13)).collect();
    let good = bytes_of(&records);
    for _ in 0..5_000 {
        let mut bytes = good.clone();
        for _ in 0..random.random_range(1..6) {
            let at = random.random_range(0..bytes.len());
            let end = random.random_range(at..=bytes.len().min(at + 90));
            match random.random_range(0..4) {
                0 => bytes[at..end].fill(random.random()),
                1 => drop(bytes.drain(at..end)),
                2 => bytes.extend_from_within(at..end),
                _ => bytes[at] ^= 1 << random.random_range(0..8),
            }
            if bytes.is_empty() {
                break;
            }
        }
        let (replayed, report) = read(&disk_with(&bytes)).unwrap();
        assert_in_order(&replayed, &records);
        assert_accounted(&replayed, report, bytes.len());
    }
}

fn assert_in_order(replayed: &[Replayed], records: &[Replayed]) {
    let mut records = records.iter();
    for found in replayed {
        assert!(records.any(|record| record == found), "{found:?} is invented or out of order");
    }
}
