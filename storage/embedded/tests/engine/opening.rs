use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use spoor_embedded::check::Report;
use spoor_embedded::disk::{Disk, Fault, SimulatedDisk};
use spoor_embedded::fuzz::check;
use spoor_embedded::{EmbeddedStore, OpenError, Options};
use spoor_store::WriteError;
use tempfile::TempDir;
use tokio::time::timeout;

use crate::support::exports::{Exports, exports_in};
use crate::support::stores::{open_with, small};

const LONG: Duration = Duration::from_secs(60);

/// A directory with segments and a log.
async fn directory() -> TempDir {
    let directory = TempDir::new().unwrap();
    let store = EmbeddedStore::open(directory.path(), small()).unwrap();
    let exports = Exports::default();
    for number in 1..=3 {
        exports.write(&store, number).await.unwrap();
        store.settle().await.unwrap();
    }
    exports.write(&store, 4).await.unwrap();
    drop(store);
    directory
}

fn file(directory: &Path, name: &str) -> PathBuf {
    files(directory, name).remove(0)
}

fn files(directory: &Path, name: &str) -> Vec<PathBuf> {
    let mut files: Vec<_> = fs::read_dir(directory.join("tenant-"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.file_name().unwrap().to_str().unwrap().starts_with(name))
        .collect();
    files.sort();
    files
}

fn check_directory(directory: &Path, repair: bool) -> Report {
    spoor_embedded::check::check(directory, repair, &mut |_| {}).unwrap()
}

/// Why the directory cannot be opened; that must not change what is in it.
fn refusal(directory: &Path) -> String {
    let names = || {
        let entries = fs::read_dir(directory.join("tenant-")).unwrap();
        let mut names: Vec<_> = entries.map(|entry| entry.unwrap().file_name()).collect();
        names.sort();
        names
    };
    let before = names();
    let error = EmbeddedStore::open(directory, small()).unwrap_err().to_string();
    assert_eq!(names(), before, "opening that failed changed the directory: {error}");
    error
}

#[tokio::test]
async fn a_second_process_is_told_who_holds_the_directory() {
    let directory = directory().await;
    let _first = EmbeddedStore::open(directory.path(), small()).unwrap();
    let error = EmbeddedStore::open(directory.path(), small()).unwrap_err();
    assert!(matches!(error, OpenError::Locked { .. }), "{error:?}");
    let error = error.to_string();
    assert!(error.contains(&format!("process {}", std::process::id())), "{error}");
    assert!(error.contains(directory.path().to_str().unwrap()), "{error}");
}

#[tokio::test]
async fn a_closed_directory_can_be_opened_again() {
    let directory = directory().await;
    for _ in 0..3 {
        drop(EmbeddedStore::open(directory.path(), small()).unwrap());
    }
}

#[tokio::test]
async fn files_without_a_manifest_are_not_taken_for_an_empty_store() {
    let directory = directory().await;
    fs::remove_file(file(directory.path(), "MANIFEST")).unwrap();
    let error = refusal(directory.path());
    assert!(error.contains("MANIFEST"), "{error}");
    while let Some(segment) = files(directory.path(), "segment-").pop() {
        fs::remove_file(segment).unwrap();
    }
    let error = refusal(directory.path());
    assert!(error.contains("MANIFEST"), "{error}");
}

#[tokio::test]
async fn a_missing_segment_is_named() {
    let directory = directory().await;
    let segment = file(directory.path(), "segment-");
    fs::remove_file(&segment).unwrap();
    let error = refusal(directory.path());
    assert!(error.contains(segment.file_name().unwrap().to_str().unwrap()), "{error}");
}

/// What a directory's names and bytes are.
type Contents = BTreeMap<String, Vec<u8>>;

fn contents(disk: &SimulatedDisk) -> Contents {
    let files = disk.files().into_iter();
    files.map(|file| (file.clone(), disk.contents(&file).unwrap())).collect()
}

/// A disk with these files, the later ones instead of the earlier ones.
fn disk_of<'c>(contents: impl IntoIterator<Item = (&'c String, &'c Vec<u8>)>) -> SimulatedDisk {
    let disk = SimulatedDisk::new(1);
    disk.create_dir("tenant-").unwrap();
    for (path, bytes) in contents {
        disk.create(path).unwrap().append(bytes).unwrap();
    }
    disk
}

/// A store after one export, after another one that is in a segment, and after a third.
async fn three_states() -> (Contents, Contents, Contents) {
    let (disk, exports) = (SimulatedDisk::new(1), Exports::default());
    let store = open_with(&disk, small()).unwrap();
    exports.write(&store, 1).await.unwrap();
    let first = contents(&disk);
    store.settle().await.unwrap();
    exports.write(&store, 2).await.unwrap();
    store.settle().await.unwrap();
    let second = contents(&disk);
    exports.write(&store, 3).await.unwrap();
    store.settle().await.unwrap();
    (first, second, contents(&disk))
}

fn is_manifest((path, _): &(&String, &Vec<u8>)) -> bool {
    path.ends_with("MANIFEST")
}

/// The store is refused and damaged until it is repaired, and then has these exports.
async fn is_repaired(disk: &SimulatedDisk, word: &str, exports: &[u64]) {
    let before = contents(disk);
    let error = open_with(disk, small()).unwrap_err().to_string();
    assert!(error.contains(word) && error.contains("check --repair"), "{error}");
    assert_eq!(contents(disk), before, "opening that failed changed the directory: {error}");
    let report = check(disk, false).unwrap();
    assert!(!report.is_sound());
    assert!(report.findings.iter().any(|finding| finding.file.contains(word)), "{report:?}");
    check(disk, true).unwrap();
    assert_eq!(check(disk, false).unwrap().findings, []);
    let store = open_with(disk, small()).unwrap();
    let there = exports_in(&store, word).await.unwrap();
    assert_eq!(there.into_iter().collect::<Vec<_>>(), exports);
}

#[tokio::test]
async fn an_older_manifest_beside_newer_files_is_told_and_costs_nothing() {
    let (first, second, third) = three_states().await;
    let older = |manifest: &Contents| {
        let newer = third.iter().filter(|file| !is_manifest(file));
        let manifest: Vec<_> = manifest.iter().filter(is_manifest).collect();
        disk_of(newer.chain(manifest))
    };
    is_repaired(&older(&first), "tenant-/log-0", &[1, 2, 3]).await;
    is_repaired(&older(&second), "tenant-/log-", &[1, 2, 3]).await;
}

#[tokio::test]
async fn a_log_that_was_removed_is_told() {
    let (first, ..) = three_states().await;
    let disk = disk_of(first.iter().filter(|(path, _)| !path.contains("log-")));
    is_repaired(&disk, "tenant-/log-0", &[]).await;
}

/// Of a running store that is copied, the manifest and the first log may be old.
#[tokio::test]
async fn a_segment_that_nothing_else_accounts_for_is_never_removed() {
    let (first, _, third) = three_states().await;
    let copy = || {
        let newer = third.iter().filter(|(path, _)| path.contains("segment-"));
        disk_of(newer.chain(&first))
    };
    let disk = copy();
    let store = open_with(&disk, small()).unwrap();
    let there = exports_in(&store, "opened").await.unwrap();
    assert_eq!(there.into_iter().collect::<Vec<_>>(), [1]);
    let segments = |disk: &SimulatedDisk| {
        let segments = disk.files().into_iter().filter(|file| file.contains("segment-"));
        segments.collect::<Vec<_>>()
    };
    let kept: Vec<_> =
        segments(&disk).into_iter().filter(|path| path.contains("/damaged/")).collect();
    // The log accounts for the first.
    let newest = &segments(&copy())[1..];
    let set_aside = |path: &String| path.replace("tenant-/", "tenant-/damaged/");
    assert_eq!(kept, newest.iter().map(set_aside).collect::<Vec<_>>());

    let disk = copy();
    assert!(!check(&disk, false).unwrap().is_sound());
    check(&disk, true).unwrap();
    let store = open_with(&disk, small()).unwrap();
    let there = exports_in(&store, "repaired").await.unwrap();
    assert_eq!(there.into_iter().collect::<Vec<_>>(), [1, 2, 3]);
}

#[tokio::test]
async fn what_only_has_the_name_of_a_file_or_a_tenant_is_left_alone() {
    let directory = directory().await;
    let tenant = directory.path().join("tenant-");
    for name in ["segment-700", "log-800", "tmp-900"] {
        fs::create_dir(tenant.join(name)).unwrap();
    }
    fs::write(directory.path().join("tenant-foo"), "").unwrap();
    drop(EmbeddedStore::open(directory.path(), small()).unwrap());
    let report = check_directory(directory.path(), true);
    assert!(report.findings.is_empty() && report.spans > 0, "{report:?}");
    assert!(tenant.join("log-800").is_dir());
}

#[tokio::test]
async fn a_directory_in_the_place_of_a_segment_or_a_log_can_be_repaired() {
    for kind in ["segment-", "log-"] {
        let directory = directory().await;
        let path = file(directory.path(), kind);
        fs::remove_file(&path).unwrap();
        fs::create_dir(&path).unwrap();
        let error = refusal(directory.path());
        let name = path.file_name().unwrap().to_str().unwrap();
        assert!(error.contains(name), "{error}");
        assert!(check_directory(directory.path(), true).is_sound());
        assert!(directory.path().join("tenant-/damaged").join(name).is_dir());
        assert_eq!(check_directory(directory.path(), false).findings, []);
        drop(EmbeddedStore::open(directory.path(), small()).unwrap());
    }
}

#[tokio::test]
async fn a_file_whose_number_none_can_follow_is_named() {
    let directory = directory().await;
    fs::write(directory.path().join("tenant-/log-18446744073709551615"), "").unwrap();
    let error = refusal(directory.path());
    assert!(error.contains("tenant-/log-18446744073709551615"), "{error}");
}

/// What a killed process left may be what fills the disk.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_disk_that_is_full_of_leftovers_heals_when_the_store_is_opened() {
    let (disk, exports) = (SimulatedDisk::new(1), Exports::default());
    exports.write(&open_with(&disk, small()).unwrap(), 1).await.unwrap();
    disk.create("tenant-/tmp-99999").unwrap().append(&[0; 100_000]).unwrap();
    disk.set_capacity(disk.used());
    let store = open_with(&disk, small()).unwrap();
    assert!(!disk.files().contains(&"tenant-/tmp-99999".to_owned()));
    exports.write(&store, 2).await.unwrap();
    exports.now().check(&exports_in(&store, "healed").await.unwrap(), "healed");
}

#[tokio::test]
async fn a_segment_in_the_place_of_another_is_named() {
    let directory = directory().await;
    let segment = file(directory.path(), "segment-");
    let other = {
        let other = self::directory().await;
        fs::read(file(other.path(), "segment-")).unwrap()
    };
    // Like it in all but the time of its arrival.
    fs::write(&segment, other).unwrap();
    let error = refusal(directory.path());
    assert!(error.contains(segment.file_name().unwrap().to_str().unwrap()), "{error}");
    assert!(error.contains("manifest"), "{error}");
}

/// A number is above that of all files, also of those that opening removes.
#[tokio::test]
async fn a_segment_gets_a_number_above_those_of_leftovers() {
    let (disk, exports) = (SimulatedDisk::new(1), Exports::default());
    exports.write(&open_with(&disk, small()).unwrap(), 1).await.unwrap();
    for name in ["tenant-/segment-500", "tenant-/tmp-600"] {
        disk.create(name).unwrap();
    }
    open_with(&disk, small()).unwrap().settle().await.unwrap();
    let numbers: Vec<u64> = disk
        .files()
        .iter()
        .filter_map(|file| file.strip_prefix("tenant-/segment-")?.parse().ok())
        .collect();
    assert!(matches!(numbers[..], [number] if number > 600), "{numbers:?}");
}

/// Such as a directory that somebody cleaned.
#[tokio::test]
async fn a_directory_with_leftovers_alone_becomes_a_store() {
    for name in ["tmp-0", "tmp-5", "log-5/"] {
        let (directory, exports) = (TempDir::new().unwrap(), Exports::default());
        let path = directory.path().join("tenant-").join(name);
        fs::create_dir_all(if name.ends_with('/') { &path } else { path.parent().unwrap() })
            .unwrap();
        if !name.ends_with('/') {
            fs::write(path, "").unwrap();
        }
        let open = || EmbeddedStore::open(directory.path(), small());
        exports.write(&open().unwrap(), 1).await.unwrap();
        let store = open().unwrap_or_else(|error| panic!("{name}: {error}"));
        exports.now().check(&exports_in(&store, name).await.unwrap(), name);
    }
}

/// Version 1 need not have its first log: after one that failed, or on a full disk.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_store_of_version_1_without_its_first_log_is_opened() {
    let (disk, exports) = (SimulatedDisk::new(1), Exports::default());
    let store = open_with(&disk, small()).unwrap();
    exports.write(&store, 1).await.unwrap();
    store.settle().await.unwrap();
    drop(store);
    let manifest = disk.contents("tenant-/MANIFEST").unwrap();
    let mut record = manifest[..manifest.len() / 2 - 4].to_vec();
    record[8..12].copy_from_slice(&1_u32.to_le_bytes());
    record.extend(crc32fast::hash(&record).to_le_bytes());
    disk.create("tenant-/MANIFEST").unwrap().append(&record.repeat(2)).unwrap();
    for log in disk.files().iter().filter(|file| file.contains("/log-")) {
        disk.remove(log).unwrap();
    }
    assert_eq!(check(&disk, false).unwrap().findings, []);
    for number in 2..=3 {
        let store = open_with(&disk, small()).unwrap();
        exports.write(&store, number).await.unwrap();
        exports.now().check(&exports_in(&store, "opened").await.unwrap(), "opened");
        store.settle().await.unwrap();
    }
}

/// Whatever becomes of a log, the manifest's first one is there.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_store_is_opened_after_a_log_failed_and_the_process_was_killed() {
    for (call, fault) in (0..3).flat_map(|call| Fault::ALL.map(|fault| (call, fault))) {
        let context = format!("{fault:?} at call {call} of a write");
        let (disk, exports) = (SimulatedDisk::new(1), Exports::default());
        let store = open_with(&disk, small()).unwrap();
        exports.write(&store, 1).await.unwrap();
        store.settle().await.unwrap();
        disk.fail_at(disk.calls() + call, fault);
        let _ = exports.write(&store, 2).await;
        disk.heal();
        let until = Instant::now() + LONG;
        let mut number = 3;
        while let Err(error) = exports.write(&store, number).await {
            assert!(Instant::now() < until, "{context}: {error}");
            number += 1;
        }
        drop(store);
        opens_after_a_kill_and_power_cuts(&disk, &exports, &context).await;
    }
}

/// A store with an export in a segment and one in a log, closed, on a disk that is full since.
async fn on_a_full_disk() -> (SimulatedDisk, Exports) {
    let (disk, exports) = (SimulatedDisk::new(1), Exports::default());
    {
        let store = open_with(&disk, small()).unwrap();
        exports.write(&store, 1).await.unwrap();
        store.settle().await.unwrap();
        exports.write(&store, 2).await.unwrap();
    }
    disk.set_capacity(disk.used());
    (disk, exports)
}

/// On a full disk the active head has no log. Once there is space for a segment, but not for more,
/// what was logged before is flushed, and that log would be the first.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_store_is_opened_after_a_kill_on_a_disk_that_was_full() {
    for extra in [4_000, 10_000, 20_000, 40_000] {
        let context = format!("{extra} bytes of space");
        let (disk, exports) = on_a_full_disk().await;
        let store = open_with(&disk, small()).unwrap();
        let before = disk.contents("tenant-/MANIFEST").unwrap();
        disk.set_capacity(disk.used() + extra);
        if extra == 40_000 {
            let until = Instant::now() + LONG;
            while disk.contents("tenant-/MANIFEST").unwrap() == before {
                assert!(Instant::now() < until, "{context}: nothing is flushed");
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        }
        drop(store);
        opens_after_a_kill_and_power_cuts(&disk, &exports, &context).await;
    }
}

/// A manifest that a killed process renamed may not last yet: no power cut after that goes back.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_killed_process_left_lasts_once_it_was_opened() {
    let (disk, exports) = (SimulatedDisk::new(1), Exports::default());
    let store = open_with(&disk, small()).unwrap();
    exports.write(&store, 1).await.unwrap();
    // Each call of a flush may be the last one.
    let from = disk.calls();
    store.settle().await.unwrap();
    let calls = disk.calls() - from;
    drop(store);
    assert!(calls > 10, "{calls}");
    for call in 0..calls {
        let context = format!("killed at call {call} of a flush");
        let (disk, exports) = (SimulatedDisk::new(call), Exports::default());
        let store = open_with(&disk, small()).unwrap();
        exports.write(&store, 1).await.unwrap();
        disk.fail_from(disk.calls() + call, Fault::Io);
        let _ = store.settle().await;
        let killed = disk.duplicate();
        killed.heal();
        drop(store);
        opens_after_a_kill_and_power_cuts(&killed, &exports, &context).await;
        let store = open_with(&killed, small()).unwrap();
        exports.write(&store, 2).await.unwrap();
        opens_after_a_kill_and_power_cuts(&killed, &exports, &context).await;
    }
}

async fn opens_after_a_kill_and_power_cuts(disk: &SimulatedDisk, exports: &Exports, context: &str) {
    for seed in 0..10 {
        let left = if seed == 0 { disk.duplicate() } else { disk.power_cut(seed) };
        left.set_capacity(u64::MAX);
        let store =
            open_with(&left, small()).unwrap_or_else(|error| panic!("{context}, {seed}: {error}"));
        exports.now().check(&exports_in(&store, context).await.unwrap(), context);
        assert!(!left.files().iter().any(|file| file.contains("damaged")), "{context}, {seed}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_store_on_a_full_disk_opens_for_reading_and_heals() {
    let (disk, exports) = on_a_full_disk().await;
    let store = open_with(&disk, small()).unwrap();
    let mut read_only = store.read_only();
    assert!(read_only.borrow().is_some());
    let refused = exports.write(&store, 3).await.unwrap_err();
    assert!(matches!(refused, WriteError::Unavailable(_)), "{refused}");
    exports.now().check_acknowledged(&exports_in(&store, "full").await.unwrap(), "full");

    disk.set_capacity(u64::MAX);
    timeout(LONG, read_only.wait_for(Option::is_none)).await.unwrap().unwrap();
    exports.write(&store, 4).await.unwrap();
    exports.now().check_acknowledged(&exports_in(&store, "healed").await.unwrap(), "healed");
}

#[tokio::test]
async fn a_segment_that_was_copied_partly_is_named() {
    let directory = directory().await;
    let segment = file(directory.path(), "segment-");
    let bytes = fs::read(&segment).unwrap();
    fs::write(&segment, &bytes[..bytes.len() / 3]).unwrap();
    let error = refusal(directory.path());
    assert!(error.contains(segment.file_name().unwrap().to_str().unwrap()), "{error}");
}

#[tokio::test]
async fn a_newer_manifest_asks_for_a_newer_program() {
    let directory = directory().await;
    let manifest = file(directory.path(), "MANIFEST");
    let bytes = fs::read(&manifest).unwrap();
    let mut record = bytes[..bytes.len() / 2 - 4].to_vec();
    record[8..12].copy_from_slice(&99_u32.to_le_bytes());
    record.extend(crc32fast::hash(&record).to_le_bytes());
    fs::write(&manifest, record.repeat(2)).unwrap();
    let error = refusal(directory.path());
    assert!(error.contains("MANIFEST") && error.contains("99"), "{error}");
}

#[tokio::test]
async fn a_newer_segment_asks_for_a_newer_program() {
    let directory = directory().await;
    let segment = file(directory.path(), "segment-");
    let mut bytes = fs::read(&segment).unwrap();
    // The directory's end: its length, version, checksum and eight bytes of magic.
    let end = bytes.len();
    let len = u32::from_le_bytes(bytes[end - 20..end - 16].try_into().unwrap()) as usize;
    bytes[end - 16..end - 12].copy_from_slice(&99_u32.to_le_bytes());
    let checksum = crc32fast::hash(&bytes[end - len..end - 12]);
    bytes[end - 12..end - 8].copy_from_slice(&checksum.to_le_bytes());
    fs::write(&segment, bytes).unwrap();
    let error = refusal(directory.path());
    assert!(error.contains("segment-") && error.contains("99"), "{error}");
}

#[tokio::test]
async fn a_newer_log_asks_for_a_newer_program() {
    let directory = directory().await;
    let log = file(directory.path(), "log-");
    let mut bytes = fs::read(&log).unwrap();
    bytes[8..12].copy_from_slice(&99_u32.to_le_bytes());
    let checksum = crc32fast::hash(&bytes[..20]);
    bytes[20..24].copy_from_slice(&checksum.to_le_bytes());
    fs::write(&log, bytes).unwrap();
    let error = refusal(directory.path());
    assert!(error.contains("log-") && error.contains("99"), "{error}");
}

#[tokio::test]
async fn a_directory_that_is_a_file_is_named() {
    let directory = TempDir::new().unwrap();
    let path = directory.path().join("file");
    fs::write(&path, "").unwrap();
    let error = EmbeddedStore::open(&path, Options::default()).unwrap_err().to_string();
    assert!(error.contains(path.to_str().unwrap()), "{error}");
}
