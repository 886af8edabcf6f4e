use std::collections::BTreeSet;
use std::io::ErrorKind;

use super::*;

fn write(disk: &SimulatedDisk, path: &str, bytes: &[u8]) -> Box<dyn WriteFile> {
    let mut file = disk.create(path).unwrap();
    file.append(bytes).unwrap();
    file
}

/// What each of many power cuts leaves of a file; nothing when it is gone.
fn outcomes(disk: &SimulatedDisk, path: &str) -> BTreeSet<Option<Vec<u8>>> {
    (0..2_000).map(|seed| disk.power_cut(seed).contents(path).ok()).collect()
}

fn some(bytes: &[u8]) -> Option<Vec<u8>> {
    Some(bytes.to_vec())
}

#[test]
fn what_was_synced_outlives_every_power_cut() {
    let disk = SimulatedDisk::new(0);
    write(&disk, "file", b"bytes").sync().unwrap();
    disk.sync_dir("").unwrap();
    assert_eq!(outcomes(&disk, "file"), BTreeSet::from([some(b"bytes")]));
}

#[test]
fn a_file_whose_directory_was_not_synced_may_be_gone() {
    let disk = SimulatedDisk::new(0);
    write(&disk, "file", b"bytes").sync().unwrap();
    assert_eq!(outcomes(&disk, "file"), BTreeSet::from([None, some(b"bytes")]));
}

#[test]
fn a_file_in_a_directory_that_was_not_synced_into_its_own_may_be_gone() {
    let disk = SimulatedDisk::new(0);
    disk.create_dir("dir").unwrap();
    write(&disk, "dir/file", b"bytes").sync().unwrap();
    disk.sync_dir("dir").unwrap();
    assert_eq!(outcomes(&disk, "dir/file"), BTreeSet::from([None, some(b"bytes")]));
    disk.sync_dir("").unwrap();
    assert_eq!(outcomes(&disk, "dir/file"), BTreeSet::from([some(b"bytes")]));
}

#[test]
fn bytes_that_were_not_synced_are_kept_or_cut_off_or_missing_in_between() {
    let disk = SimulatedDisk::new(0);
    let mut file = write(&disk, "file", &[1; 700]);
    file.sync().unwrap();
    disk.sync_dir("").unwrap();
    file.append(&[2; 2_000]).unwrap();

    let left: Vec<_> = outcomes(&disk, "file").into_iter().flatten().collect();
    assert!(left.iter().all(|bytes| bytes[..700] == [1; 700]), "synced bytes were harmed");
    let unsynced = || left.iter().map(|bytes| &bytes[700..]);
    assert!(unsynced().any(<[u8]>::is_empty));
    assert!(unsynced().any(|bytes| bytes == [2; 2_000]));
    let torn = |bytes: &[u8]| bytes.len() < 2_000 && bytes.iter().all(|byte| *byte == 2);
    let lengths: BTreeSet<_> = unsynced().filter(|bytes| torn(bytes)).map(<[u8]>::len).collect();
    assert!(lengths.iter().any(|len| (700 + len) % 512 != 0), "torn inside of a sector");
    let hole = |bytes: &[u8], fill: fn(&u8) -> bool| {
        let sector = &bytes[1_024 - 700..1_536 - 700];
        sector.iter().all(fill) && bytes[1_536 - 700..] == [2; 2_700 - 1_536]
    };
    assert!(unsynced().any(|bytes| bytes.len() == 2_000 && hole(bytes, |byte| *byte == 0)));
    assert!(unsynced().any(|bytes| bytes.iter().any(|byte| !matches!(byte, 0 | 2))), "stale");
}

#[test]
fn a_rename_happens_wholly_or_not_at_all() {
    let disk = SimulatedDisk::new(0);
    write(&disk, "MANIFEST", b"old").sync().unwrap();
    write(&disk, "tmp", b"new").sync().unwrap();
    disk.sync_dir("").unwrap();
    disk.rename("tmp", "MANIFEST").unwrap();
    assert_eq!(outcomes(&disk, "MANIFEST"), BTreeSet::from([some(b"old"), some(b"new")]));
    for seed in 0..100 {
        let disk = disk.power_cut(seed);
        assert_eq!(disk.contents("MANIFEST").unwrap() == b"old", disk.contents("tmp").is_ok());
    }
    disk.sync_dir("").unwrap();
    assert_eq!(outcomes(&disk, "MANIFEST"), BTreeSet::from([some(b"new")]));
}

#[test]
fn a_renamed_file_that_was_not_synced_may_be_empty() {
    let disk = SimulatedDisk::new(0);
    write(&disk, "tmp", b"new");
    disk.rename("tmp", "MANIFEST").unwrap();
    disk.sync_dir("").unwrap();
    let outcomes = outcomes(&disk, "MANIFEST");
    assert!(outcomes.contains(&some(b"")) && outcomes.contains(&some(b"new")));
    assert!(!outcomes.contains(&None));
}

#[test]
fn a_rename_between_directories_may_lose_the_file_until_the_new_one_is_synced() {
    let disk = SimulatedDisk::new(0);
    disk.create_dir("a").unwrap();
    disk.create_dir("b").unwrap();
    disk.sync_dir("").unwrap();
    write(&disk, "a/file", b"bytes").sync().unwrap();
    disk.sync_dir("a").unwrap();
    disk.rename("a/file", "b/file").unwrap();
    disk.sync_dir("a").unwrap();
    assert_eq!(outcomes(&disk, "a/file"), BTreeSet::from([None]));
    assert_eq!(outcomes(&disk, "b/file"), BTreeSet::from([None, some(b"bytes")]));
    disk.sync_dir("b").unwrap();
    assert_eq!(outcomes(&disk, "b/file"), BTreeSet::from([some(b"bytes")]));
}

#[test]
fn a_removed_file_may_be_back_until_its_directory_is_synced() {
    let disk = SimulatedDisk::new(0);
    write(&disk, "file", b"bytes").sync().unwrap();
    disk.sync_dir("").unwrap();
    disk.remove("file").unwrap();
    assert_eq!(outcomes(&disk, "file"), BTreeSet::from([None, some(b"bytes")]));
    disk.sync_dir("").unwrap();
    assert_eq!(outcomes(&disk, "file"), BTreeSet::from([None]));
}

#[test]
fn changes_to_names_may_last_in_part() {
    let disk = SimulatedDisk::new(0);
    for name in ["a", "b", "c"] {
        disk.create(name).unwrap();
    }
    let left: BTreeSet<_> = (0..500).map(|seed| disk.power_cut(seed).files().concat()).collect();
    assert!(["", "a", "b", "c", "ab", "bc", "abc"].iter().all(|files| left.contains(*files)));
}

#[test]
fn a_truncated_file_may_have_its_old_bytes_until_it_is_synced() {
    let disk = SimulatedDisk::new(0);
    write(&disk, "file", b"old").sync().unwrap();
    disk.sync_dir("").unwrap();
    let mut file = disk.create("file").unwrap();
    assert_eq!(outcomes(&disk, "file"), BTreeSet::from([some(b""), some(b"old")]));
    file.append(b"n").unwrap();
    file.sync().unwrap();
    assert_eq!(outcomes(&disk, "file"), BTreeSet::from([some(b"n")]));
}

#[test]
fn a_sync_that_failed_may_have_lost_bytes_although_the_next_one_succeeds() {
    let disk = SimulatedDisk::new(0);
    let mut file = write(&disk, "file", b"");
    disk.sync_dir("").unwrap();
    file.append(b"abc").unwrap();
    disk.fail_at(disk.calls(), Fault::LostSync);
    assert_eq!(file.sync().unwrap_err().to_string().split(':').next(), Some("syncing file"));
    assert_eq!(disk.contents("file").unwrap(), b"abc", "a process still reads it");
    file.append(b"def").unwrap();
    file.sync().unwrap();
    let outcomes = outcomes(&disk, "file");
    assert!(outcomes.contains(&some(b"\0\0\0def")) && outcomes.contains(&some(b"abcdef")));
    assert!(outcomes.iter().flatten().all(|bytes| bytes.ends_with(b"def") && bytes.len() == 6));
}

#[test]
fn a_call_fails_when_its_turn_comes() {
    let disk = SimulatedDisk::new(0);
    let mut file = disk.create("file").unwrap();
    disk.fail_at(2, Fault::Io);
    file.append(b"1").unwrap();
    assert_eq!(
        file.append(b"2").unwrap_err().to_string().split(':').next(),
        Some("appending to file")
    );
    file.append(b"3").unwrap();
    assert_eq!(disk.calls(), 4);
    assert_eq!((disk.contents("file").unwrap(), file.len()), (b"13".to_vec(), 2));

    disk.fail_from(disk.calls() + 1, Fault::NoSpace);
    disk.list("").unwrap();
    assert_eq!(disk.list("").unwrap_err().kind(), ErrorKind::StorageFull);
    assert_eq!(disk.open("file").unwrap_err().kind(), ErrorKind::StorageFull);
    disk.heal();
    disk.open("file").unwrap();
}

#[test]
fn a_short_write_appends_a_part() {
    let lengths = (0..50).map(|seed| {
        let disk = SimulatedDisk::new(seed);
        let mut file = disk.create("file").unwrap();
        disk.fail_at(1, Fault::ShortWrite);
        file.append(b"0123456789").unwrap_err();
        assert!(b"012345678".starts_with(&disk.contents("file").unwrap()));
        disk.used()
    });
    assert!(lengths.collect::<BTreeSet<_>>().len() > 5);
}

#[test]
fn a_late_fault_does_what_it_says_it_could_not() {
    let disk = SimulatedDisk::new(0);
    write(&disk, "a", b"");
    disk.fail_at(disk.calls(), Fault::Late);
    disk.rename("a", "b").unwrap_err();
    assert_eq!(disk.files(), ["b"]);

    let mut file = disk.create("file").unwrap();
    disk.sync_dir("").unwrap();
    disk.fail_from(disk.calls(), Fault::Late);
    file.append(b"bytes").unwrap_err();
    file.sync().unwrap_err();
    assert_eq!(outcomes(&disk, "file"), BTreeSet::from([some(b"bytes")]));
}

#[test]
fn a_full_disk_takes_a_part_and_then_nothing_until_space_is_freed() {
    let disk = SimulatedDisk::new(0);
    write(&disk, "old", &[0; 60]);
    disk.set_capacity(100);
    assert_eq!(disk.free_space().unwrap(), 40);
    let mut file = disk.create("new").unwrap();
    assert_eq!(file.append(&[1; 50]).unwrap_err().kind(), ErrorKind::StorageFull);
    assert_eq!((disk.size("new").unwrap(), disk.free_space().unwrap()), (40, 0));
    assert_eq!(file.append(&[1; 1]).unwrap_err().kind(), ErrorKind::StorageFull);

    let reader = disk.open("old").unwrap();
    disk.remove("old").unwrap();
    assert_eq!(disk.free_space().unwrap(), 0, "who has it open keeps its bytes");
    drop(reader);
    assert_eq!(disk.free_space().unwrap(), 60);
    file.append(&[1; 60]).unwrap();
}

#[test]
fn the_same_seed_leaves_the_same_and_the_old_disk_goes_on() {
    let disk = SimulatedDisk::new(0);
    let mut file = write(&disk, "file", &[1; 5_000]);
    for seed in 0..50 {
        let (one, other) = (disk.power_cut(seed), disk.power_cut(seed));
        assert_eq!(one.files(), other.files());
        assert_eq!(one.contents("file").ok(), other.contents("file").ok());
    }
    file.append(&[1; 1]).unwrap();
    assert_eq!(disk.size("file").unwrap(), 5_001);
}

#[test]
fn a_duplicate_is_another_disk() {
    let disk = SimulatedDisk::new(0);
    write(&disk, "file", b"bytes");
    let other = disk.duplicate();
    other.flip("file", 1, 0x20).unwrap();
    assert_eq!(other.contents("file").unwrap(), b"bYtes");
    assert_eq!(disk.contents("file").unwrap(), b"bytes");
}
