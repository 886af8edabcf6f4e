//! A newer format asks for a newer program, and nothing touches its files; a version that was never
//! written is damage.

use std::fs;
use std::path::{Path, PathBuf};

use spoor_embedded::check::{Loss, check};
use spoor_store::{LegacyQuery, Store};

use crate::generation::{Generation, contents, open, tenants};
use crate::support::answers::traces;

const MANIFEST: &str = "MANIFEST";
const SEGMENT: &str = "segment-31";
const LOG: &str = "log-34";

/// The version of these files that is written.
fn written_version(name: &str) -> u32 {
    if name == LOG { 1 } else { 2 }
}

fn path(directory: &Path, name: &str) -> PathBuf {
    directory.join("tenant-").join(name)
}

/// Gives a file another version, with right checksums.
fn set_version(directory: &Path, name: &str, version: u32) {
    let mut bytes = fs::read(path(directory, name)).unwrap();
    let end = bytes.len();
    let put = |bytes: &mut Vec<u8>, at: usize, number: u32| {
        bytes[at..at + 4].copy_from_slice(&number.to_le_bytes());
    };
    match name {
        MANIFEST => {
            bytes.truncate(end / 2);
            put(&mut bytes, 8, version);
            let checksum = crc32fast::hash(&bytes[..end / 2 - 4]);
            put(&mut bytes, end / 2 - 4, checksum);
            bytes = bytes.repeat(2);
        }
        LOG => {
            put(&mut bytes, 8, version);
            let checksum = crc32fast::hash(&bytes[..20]);
            put(&mut bytes, 20, checksum);
        }
        _ => {
            let len = u32::from_le_bytes(bytes[end - 20..end - 16].try_into().unwrap()) as usize;
            put(&mut bytes, end - 16, version);
            let checksum = crc32fast::hash(&bytes[end - len..end - 12]);
            put(&mut bytes, end - 12, checksum);
            // Of the other copy nothing is left.
            let operations = u64::from_le_bytes(bytes[end - len + 64..][..8].try_into().unwrap());
            bytes[operations as usize..(end + operations as usize) / 2].fill(0);
        }
    }
    fs::write(path(directory, name), bytes).unwrap();
}

/// Gives a segment's first block another version, as a newer program would write it.
fn set_block_version(directory: &Path, version: u8, is_sealed: bool) {
    const BLOCK: usize = 16;
    let path = path(directory, SEGMENT);
    let mut bytes = fs::read(&path).unwrap();
    bytes[BLOCK + 4] = version;
    if is_sealed {
        let len = u32::from_le_bytes(bytes[BLOCK + 5..BLOCK + 9].try_into().unwrap()) as usize;
        let end = BLOCK + len - 4;
        let checksum = crc32fast::hash(&bytes[BLOCK..end]);
        bytes[end..end + 4].copy_from_slice(&checksum.to_le_bytes());
    }
    fs::write(path, bytes).unwrap();
}

fn assert_asks_for_a_newer_program(error: &str, name: &str, known: u32) {
    let newer = known + 1;
    let versions = format!("version {newer}, this program knows {known}: use a newer one");
    for part in [name, &versions] {
        assert!(error.contains(part), "{error}");
    }
}

#[tokio::test]
async fn a_file_of_a_newer_format_is_named_and_left_alone() {
    for name in [MANIFEST, SEGMENT, LOG] {
        let copy = Generation::latest().copy();
        let known = written_version(name);
        set_version(copy.path(), name, known + 1);
        let before = contents(copy.path());
        let error = open(copy.path(), 24).unwrap_err().to_string();
        assert_asks_for_a_newer_program(&error, name, known);
        for repair in [false, true] {
            let error = check(copy.path(), repair, &mut |_| {}).unwrap_err().to_string();
            assert_asks_for_a_newer_program(&error, name, known);
        }
        assert_eq!(contents(copy.path()), before, "{name}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_block_of_a_newer_format_is_no_damage() {
    let copy = Generation::latest().copy();
    set_block_version(copy.path(), 2, true);
    let before = contents(copy.path());
    for repair in [false, true] {
        let error = check(copy.path(), repair, &mut |_| {}).unwrap_err().to_string();
        let name = format!("block 0 of segment tenant-/{SEGMENT}");
        assert_asks_for_a_newer_program(&error, &name, 1);
    }
    assert_eq!(contents(copy.path()), before);
    let store = open(copy.path(), 24).unwrap();
    let everything = LegacyQuery { depth: 10_000, ..LegacyQuery::default() };
    let everything = everything.compile(10_000).unwrap();
    let [first, second] = tenants();
    let error = traces(store.find_traces(&first, everything.clone())).await.unwrap_err();
    assert_asks_for_a_newer_program(&error.to_string(), SEGMENT, 1);
    assert!(!traces(store.find_traces(&second, everything)).await.unwrap().is_empty());
}

#[test]
fn a_damaged_version_of_a_block_is_damage() {
    for version in [0, 2, 0x81] {
        let copy = Generation::latest().copy();
        set_block_version(copy.path(), version, false);
        let report = check(copy.path(), false, &mut |_| {}).unwrap();
        let [finding] = &report.findings[..] else { panic!("{:?}", report.findings) };
        assert_eq!(finding.block, Some(0));
        assert!(matches!(finding.loss, Loss::Spans(_)), "{finding}");
    }
}

#[tokio::test]
async fn version_0_was_never_written() {
    for name in [MANIFEST, SEGMENT] {
        let copy = Generation::latest().copy();
        set_version(copy.path(), name, 0);
        let error = open(copy.path(), 24).unwrap_err().to_string();
        assert!(error.contains(name) && error.contains("damaged"), "{error}");
        assert!(!check(copy.path(), false, &mut |_| {}).unwrap().is_sound(), "{name}");
    }
    // A log is read without its header.
    let copy = Generation::latest().copy();
    set_version(copy.path(), LOG, 0);
    let report = check(copy.path(), false, &mut |_| {}).unwrap();
    let [finding] = &report.findings[..] else { panic!("{:?}", report.findings) };
    assert_eq!((&*finding.file, finding.loss), (&*format!("tenant-/{LOG}"), Loss::Bytes(24)));
}

#[test]
fn a_lost_manifest_is_not_made_anew_without_the_segments_of_a_newer_format() {
    let copy = Generation::latest().copy();
    set_version(copy.path(), SEGMENT, written_version(SEGMENT) + 1);
    fs::remove_file(path(copy.path(), MANIFEST)).unwrap();
    let before = contents(copy.path());
    let error = check(copy.path(), true, &mut |_| {}).unwrap_err().to_string();
    assert_asks_for_a_newer_program(&error, SEGMENT, written_version(SEGMENT));
    assert_eq!(contents(copy.path()), before);
}

#[test]
fn a_segment_that_cannot_be_opened_is_set_aside_also_if_the_manifest_is_lost() {
    let copy = Generation::latest().copy();
    let segment = path(copy.path(), SEGMENT);
    fs::remove_file(path(copy.path(), MANIFEST)).unwrap();
    fs::write(&segment, "no segment").unwrap();
    assert!(check(copy.path(), true, &mut |_| {}).unwrap().is_sound());
    assert!(!segment.exists());
    let kept = path(copy.path(), "damaged").join(SEGMENT);
    assert_eq!(fs::read(kept).unwrap(), b"no segment");
    drop(open(copy.path(), 24).unwrap());
}
