use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use spoor_embedded::disk::{Disk, SimulatedDisk};
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
    let mut files: Vec<_> = fs::read_dir(directory.join("tenant-"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.file_name().unwrap().to_str().unwrap().starts_with(name))
        .collect();
    files.sort();
    files.remove(0)
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
async fn segments_without_a_manifest_are_not_taken_for_an_empty_store() {
    let directory = directory().await;
    fs::remove_file(file(directory.path(), "MANIFEST")).unwrap();
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

/// Whoever copied such a file or has it open must not find another under its name.
#[tokio::test]
async fn the_number_of_a_file_that_did_not_count_is_not_given_again() {
    let disk = SimulatedDisk::new(1);
    drop(open_with(&disk, small()).unwrap());
    let exports = Exports::default();
    exports.write(&open_with(&disk, small()).unwrap(), 1).await.unwrap();
    for name in ["tenant-/segment-500", "tenant-/tmp-600"] {
        disk.create(name).unwrap();
    }
    for _ in 0..2 {
        let store = open_with(&disk, small()).unwrap();
        store.settle().await.unwrap();
        drop(store);
        let numbers = disk.files().into_iter().filter_map(|file| {
            let number = file.rsplit_once('-')?.1.parse::<u64>().ok()?;
            file.contains("segment-").then_some(number)
        });
        assert!(numbers.min() > Some(600), "{:?}", disk.files());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_store_on_a_full_disk_opens_for_reading_and_heals() {
    let (disk, exports) = (SimulatedDisk::new(1), Exports::default());
    {
        let store = open_with(&disk, small()).unwrap();
        exports.write(&store, 1).await.unwrap();
        store.settle().await.unwrap();
        exports.write(&store, 2).await.unwrap();
    }
    disk.set_capacity(disk.used());
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
