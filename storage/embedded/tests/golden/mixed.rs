//! Stores of an older generation to which today's engine has written: with segments of several
//! versions.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use spoor_embedded::check::{Loss, check};
use spoor_embedded::snapshot::snapshot;
use spoor_embedded::stats::stats;
use spoor_memory::MemoryStore;
use spoor_store::Tenant;
use tempfile::TempDir;

use crate::generation::{Generation, Request, contents, files, open, write};
use crate::support::requests::Requests;
use crate::support::stores::memory;
use crate::told::assert_same;

/// A store with old segments and a new one, and the memory engine with the same spans.
struct Mixed {
    generation: u32,
    directory: TempDir,
    expected: MemoryStore,
    requests: Vec<Request>,
}

impl Mixed {
    /// One of each older generation of the format's segments.
    async fn all() -> Vec<Self> {
        let mut all = Vec::new();
        for generation in Generation::all() {
            let directory = generation.copy();
            let mut requests = generation.requests();
            let mut random = Requests::new(generation.number.into());
            let new: Vec<Request> = (0..4).map(|_| (Tenant::default(), random.next())).collect();
            let store = open(directory.path(), 24).unwrap();
            write(&store, &new).await;
            store.settle().await.unwrap();
            drop(store);
            requests.extend(new);
            let expected = memory();
            write(&expected, &requests).await;
            if versions(directory.path()).len() > 1 {
                let generation = generation.number;
                all.push(Self { generation, directory, expected, requests });
            }
        }
        assert!(!all.is_empty(), "no generation has older segments");
        all
    }

    async fn assert_told(&self, directory: &Path, when: &str) {
        let store = open(directory, 24).unwrap();
        let when = format!("generation {}, {when}", self.generation);
        assert_same(&store, &self.expected, &self.requests, &when).await;
    }
}

/// How many segments there are of each version, but those that were set aside.
fn versions(directory: &Path) -> BTreeMap<u32, usize> {
    let mut versions = BTreeMap::new();
    for path in files(directory, "segment-") {
        if path.parent().unwrap().ends_with("damaged") {
            continue;
        }
        let bytes = fs::read(path).unwrap();
        let version = bytes[bytes.len() - 16..].first_chunk().unwrap();
        *versions.entry(u32::from_le_bytes(*version)).or_default() += 1;
    }
    versions
}

#[tokio::test(flavor = "multi_thread")]
async fn a_check_of_segments_of_several_versions_finds_nothing() {
    for mixed in Mixed::all().await {
        let directory = mixed.directory.path();
        let before = contents(directory);
        let report = check(directory, true, &mut |_| {}).unwrap();
        assert_eq!(report.findings, []);
        assert_eq!(contents(directory), before);
        let stats = stats(directory, &mut |_| {}).unwrap();
        assert_eq!(stats.segment_spans + stats.log_spans, report.spans);
        mixed.assert_told(directory, "checked").await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_snapshot_has_segments_of_several_versions() {
    for mixed in Mixed::all().await {
        let directory = mixed.directory.path();
        let copies = TempDir::new().unwrap();
        let copy = copies.path().join("copy");
        snapshot(directory, &copy, &mut |_| {}, &|| false).unwrap();
        assert_eq!(contents(&copy), contents(directory));
        mixed.assert_told(&copy, "copied").await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_manifest_is_made_of_segments_of_several_versions() {
    for mixed in Mixed::all().await {
        let directory = mixed.directory.path();
        let before = versions(directory);
        fs::remove_file(directory.join("tenant-/MANIFEST")).unwrap();
        assert!(check(directory, true, &mut |_| {}).unwrap().is_sound());
        assert_eq!(check(directory, false, &mut |_| {}).unwrap().findings, []);
        assert_eq!(versions(directory), before);
        mixed.assert_told(directory, "with a new manifest").await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_damaged_segment_of_an_older_version_becomes_one_of_the_latest() {
    for mixed in Mixed::all().await {
        let directory = mixed.directory.path();
        let before = versions(directory);
        let (latest, _) = before.last_key_value().unwrap();
        let segments = before.values().sum();
        for path in files(directory, "segment-") {
            let mut bytes = fs::read(&path).unwrap();
            bytes[8] ^= 4;
            fs::write(path, bytes).unwrap();
        }
        let report = check(directory, true, &mut |_| {}).unwrap();
        assert_eq!(report.findings.len(), segments);
        assert!(report.findings.iter().all(|finding| finding.loss == Loss::Nothing));
        assert_eq!(versions(directory), [(*latest, segments)].into());
        assert_eq!(check(directory, false, &mut |_| {}).unwrap().findings, []);
        mixed.assert_told(directory, "mended").await;
    }
}
