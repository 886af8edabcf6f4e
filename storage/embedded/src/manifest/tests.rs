use super::*;
use crate::disk::{Fault, SimulatedDisk};

const DIR: &str = "tenant";

fn manifest(segments: u64) -> Manifest {
    let segments = (0..segments)
        .map(|number| SegmentInfo {
            number,
            level: number as u32 % 4,
            arrival_min: u64::MAX - number,
            arrival_max: number << 40,
            bytes: number * 1_000,
            spans: 128,
            traces: 0,
            blocks: u32::MAX,
        })
        .collect();
    Manifest { segments, next_file: 300, log_floor: 290, version: VERSION }
}

fn new_disk() -> SimulatedDisk {
    let disk = SimulatedDisk::new(1);
    disk.create_dir(DIR).unwrap();
    disk.sync_dir("").unwrap();
    disk
}

fn set_contents(disk: &SimulatedDisk, bytes: &[u8]) {
    disk.create("tenant/MANIFEST").unwrap().append(bytes).unwrap();
}

#[test]
fn what_was_stored_is_loaded() {
    let disk = new_disk();
    assert_eq!(Manifest::load(&disk, DIR).unwrap(), None);
    for segments in [0, 1, 7, 1_000] {
        manifest(segments).store(&disk, DIR).unwrap();
        assert_eq!(Manifest::load(&disk, DIR).unwrap(), Some(manifest(segments)));
        assert_eq!(disk.files(), ["tenant/MANIFEST"]);
    }
}

#[test]
fn any_damaged_byte_costs_nothing() {
    let disk = new_disk();
    manifest(3).store(&disk, DIR).unwrap();
    let len = disk.contents("tenant/MANIFEST").unwrap().len();
    for offset in 0..len {
        for mask in [0x01, 0x80, 0xff] {
            disk.flip("tenant/MANIFEST", offset, mask).unwrap();
            assert_eq!(Manifest::load(&disk, DIR).unwrap(), Some(manifest(3)));
            disk.flip("tenant/MANIFEST", offset, mask).unwrap();
        }
    }
}

#[test]
fn damage_to_both_records_and_a_cut_anywhere_are_told() {
    let disk = new_disk();
    let whole = manifest(3).encode();
    for len in 0..whole.len() {
        set_contents(&disk, &whole[..len]);
        let error = Manifest::load(&disk, DIR).unwrap_err();
        assert_eq!(
            error.to_string(),
            "reading the manifest tenant/MANIFEST: it is damaged or was cut short"
        );
    }
}

#[test]
fn a_newer_manifest_is_told() {
    let disk = new_disk();
    let record = manifest(3).encode();
    let mut record = record[..record.len() / 2 - CHECKSUM].to_vec();
    record[MAGIC.len()] = VERSION as u8 + 1;
    record.extend_from_slice(&crc32fast::hash(&record).to_le_bytes());
    set_contents(&disk, &record.repeat(2));
    let error = Manifest::load(&disk, DIR).unwrap_err();
    assert!(
        matches!(error, ManifestError::Newer { version, .. } if version == VERSION + 1),
        "{error}"
    );
}

#[test]
fn a_body_that_is_sealed_but_makes_no_sense_is_refused() {
    let record = manifest(3).encode();
    let body = &record[MAGIC.len() + 8..record.len() / 2 - CHECKSUM];
    assert_eq!(Manifest::decode_body(body, VERSION), Ok(manifest(3)));
    for offset in 0..body.len() {
        assert!(Manifest::decode_body(&body[..offset], VERSION).is_err());
        let mut changed = body.to_vec();
        changed[offset] ^= 0xff;
        // It doesn't panic, nor take memory without bound.
        let _ = Manifest::decode_body(&changed, VERSION);
    }
    // More segments than any memory has.
    assert!(Manifest::decode_body(&[1, 1, 0xff, 0xff, 0xff, 0xff, 0x7f], VERSION).is_err());
}

#[test]
fn after_any_fault_or_power_cut_one_of_both_is_there() {
    let start = new_disk();
    let (old, new) = (manifest(1), manifest(2));
    old.store(&start, DIR).unwrap();
    let healthy = start.duplicate();
    new.store(&healthy, DIR).unwrap();
    for call in start.calls()..healthy.calls() {
        for fault in Fault::ALL {
            let disk = start.duplicate();
            disk.fail_at(call, fault);
            assert!(new.store(&disk, DIR).is_err(), "call {call}, {fault:?}");
            for found in [disk.duplicate(), disk.power_cut(call)] {
                let found = Manifest::load(&found, DIR).unwrap().unwrap();
                assert!(found == old || found == new);
            }
            // The next attempt succeeds.
            new.store(&disk, DIR).unwrap();
            assert_eq!(Manifest::load(&disk, DIR).unwrap().as_ref(), Some(&new));
        }
    }
    for seed in 0..50 {
        let found = Manifest::load(&healthy.power_cut(seed), DIR).unwrap();
        assert_eq!(found.as_ref(), Some(&new));
    }
}

#[test]
fn a_manifest_that_cannot_be_read_is_no_new_store() {
    let disk = new_disk();
    manifest(1).store(&disk, DIR).unwrap();
    for call in 0..2 {
        disk.fail_at(disk.calls() + call, Fault::Io);
        let error = Manifest::load(&disk, DIR).unwrap_err();
        assert!(matches!(error, ManifestError::Io { .. }), "{error}");
        disk.heal();
    }
}

#[test]
fn files_that_do_not_count_are_listed() {
    let disk = new_disk();
    let names = [
        "LOCK",
        "MANIFEST",
        "log-289",
        "log-290",
        "log-291",
        "segment-0",
        "segment-1",
        "segment-2",
        "segment-02",
        "segment-",
        "tmp-7",
        "tmp-manifest",
        "tmp-other",
        "notes",
    ];
    for name in names {
        disk.create(&path_in(DIR, name)).unwrap();
    }
    for name in ["segment-500", "log-600", "tmp-70"] {
        disk.create_dir(&path_in(DIR, name)).unwrap();
    }
    let files = Files::list(&disk, DIR).unwrap();
    let leftovers = manifest(2).leftovers(&files);
    let expected = [
        FileName::TemporaryManifest,
        FileName::Segment(2),
        FileName::Temporary(7),
        FileName::Log(289),
    ];
    assert_eq!(leftovers, expected);
    assert_eq!(manifest(2).logs(&files, DIR).unwrap(), [290, 291]);
    assert_eq!(files.next, 601);
}

#[test]
fn the_first_log_that_counts_must_be_there() {
    let disk = new_disk();
    disk.create("tenant/log-289").unwrap();
    disk.create("tenant/log-291").unwrap();
    let error = manifest(1).logs(&Files::list(&disk, DIR).unwrap(), DIR).unwrap_err();
    assert!(error.to_string().contains("tenant/log-290"), "{error}");
}

#[test]
fn a_number_that_none_can_follow_is_refused() {
    for number in [1 << 63, u64::MAX] {
        let disk = new_disk();
        disk.create(&FileName::Log(number).path_in(DIR)).unwrap();
        let error = Files::list(&disk, DIR).unwrap_err();
        assert!(error.to_string().contains(&format!("tenant/log-{number}")), "{error}");
    }
}
