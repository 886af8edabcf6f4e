use std::collections::BTreeSet;

use spoor_embedded::disk::SimulatedDisk;
use spoor_store::{LegacyQuery, ReadError, Store, TimeRange, TraceLookup};

use crate::support::answers::{Trace, traces};
use crate::support::from_env;
use crate::support::requests::Requests;
use crate::support::stores::{open, open_with, small, tenant};

/// All that a store tells; each answer is there or an error.
struct Told {
    found: Result<Vec<Trace>, ReadError>,
    by_id: Vec<Result<Vec<Trace>, ReadError>>,
    others: Vec<Result<String, ReadError>>,
}

async fn tell(store: &dyn Store, ids: &[TraceLookup]) -> Told {
    let query = |legacy: LegacyQuery| legacy.compile(10_000).unwrap();
    let everything = LegacyQuery { depth: 10_000, ..LegacyQuery::default() };
    let with = |key: &str, text: &str| LegacyQuery {
        attributes: vec![(key.to_owned(), text.to_owned())],
        ..everything.clone()
    };
    let mut by_id = Vec::new();
    for id in ids {
        by_id.push(traces(store.get_traces(&tenant(), vec![*id])).await);
    }
    let mut others = Vec::new();
    for legacy in [
        LegacyQuery { service: "cart".into(), ..everything.clone() },
        LegacyQuery { operation: "select".into(), ..everything.clone() },
        LegacyQuery { duration_min: Some(1_000_000), ..everything.clone() },
        with("error", "true"),
        with("k", "200"),
        with("http.request.method", "GET"),
    ] {
        let found = store.find_trace_ids(&tenant(), query(legacy)).await;
        others.push(found.map(|found| format!("{found:?}")));
    }
    let services = store.services(&tenant()).await;
    others.push(services.map(|services| format!("{services:?}")));
    let operations = store.operations(&tenant(), "cart", None).await;
    others.push(operations.map(|operations| format!("{operations:?}")));
    let calls = store.dependencies(&tenant(), TimeRange::default()).await;
    others.push(calls.map(|calls| format!("{calls:?}")));
    Told { found: traces(store.find_traces(&tenant(), query(everything))).await, by_id, others }
}

/// A store of some segments.
async fn store_of_segments() -> SimulatedDisk {
    let disk = SimulatedDisk::new(1);
    let store = open(&disk);
    let mut requests = Requests::new(1);
    for _ in 0..3 {
        for _ in 0..4 {
            store.write(&tenant(), requests.next()).await.unwrap();
        }
        store.settle().await.unwrap();
    }
    disk
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_flipped_bit_in_a_segment_or_a_manifest_never_makes_a_wrong_answer() {
    let whole = store_of_segments().await;
    let store = open(&whole.duplicate());
    let everything = LegacyQuery { depth: 10_000, ..LegacyQuery::default() };
    let found = store.find_trace_ids(&tenant(), everything.compile(10_000).unwrap()).await.unwrap();
    let ids: Vec<_> = found
        .iter()
        .map(|found| TraceLookup { trace_id: found.trace_id, hint: TimeRange::default() })
        .collect();
    let right = tell(&store, &ids).await;
    let (mut harmless, mut contained, mut refused) = (0, 0, 0);
    // All bytes with SPOOR_ALL.
    let step = if from_env("SPOOR_ALL").is_some() { 1 } else { 37 };
    for file in whole.files().iter().filter(|file| !file.contains("log-")) {
        for at in (0..whole.contents(file).unwrap().len()).step_by(step) {
            let context = format!("byte {at} of {file}");
            let disk = whole.duplicate();
            disk.flip(file, at, 1 << (at % 8)).unwrap();
            let store = match open_with(&disk, small()) {
                Ok(store) => store,
                Err(error) => {
                    assert!(error.to_string().contains(file), "{context}: {error}");
                    refused += 1;
                    continue;
                }
            };
            let told = tell(&store, &ids).await;
            let mut errors = Vec::new();
            match &told.found {
                Ok(found) => assert!(Ok(found) == right.found.as_ref(), "{context}: found"),
                Err(error) => errors.push(error),
            }
            for (told, right) in told.by_id.iter().zip(&right.by_id) {
                match told {
                    Ok(_) => assert!(told == right, "{context}: by id"),
                    Err(error) => errors.push(error),
                }
            }
            for (told, right) in told.others.iter().zip(&right.others) {
                match told {
                    Ok(_) => assert_eq!(told, right, "{context}"),
                    Err(error) => errors.push(error),
                }
            }
            let unnamed = errors.iter().find(|error| !error.to_string().contains(file));
            assert!(unnamed.is_none(), "{context}: {unnamed:?} does not name the file");
            if errors.is_empty() { harmless += 1 } else { contained += 1 }
        }
    }
    eprintln!("{harmless} flips were harmless, {contained} contained, {refused} told at opening");
    assert!(contained > 0);
}

/// A segment that cannot be merged stays alone, and the maintenance goes on.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_damaged_segment_does_not_stop_the_merging_of_others() {
    use crate::support::exports::Exports;
    let disk = SimulatedDisk::new(1);
    let (store, exports) = (open(&disk), Exports::default());
    for number in 1..=40 {
        exports.write(&store, number).await.unwrap();
        if number == 1 {
            store.settle().await.unwrap();
            let segment = disk.files().into_iter().find(|file| file.contains("segment-")).unwrap();
            for at in 100..140 {
                disk.flip(&segment, at, 1).unwrap();
            }
        }
        store.settle().await.unwrap();
    }
    let segments = disk.files().into_iter().filter(|file| file.contains("segment-")).count();
    assert!(segments < 20, "{segments} segments were not merged");
    let legacy =
        LegacyQuery { operation: "operation 3".into(), depth: 1, ..LegacyQuery::default() };
    assert_eq!(
        traces(store.find_traces(&tenant(), legacy.compile(1).unwrap())).await.unwrap().len(),
        1
    );
}

/// The log has some requests; a flip costs the one that it hits, at most.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_flipped_bit_in_a_log_costs_one_request_at_most() {
    use crate::support::exports::{Exports, exports_in};
    let whole = SimulatedDisk::new(1);
    let store = open(&whole);
    let exports = Exports::default();
    for number in 1..=6 {
        exports.write(&store, number).await.unwrap();
    }
    let disk = whole.power_cut(1);
    let all: BTreeSet<u64> = (1..=6).collect();
    let log = disk.files().into_iter().find(|file| file.contains("log-")).unwrap();
    for at in 0..disk.contents(&log).unwrap().len() {
        let flipped = disk.duplicate();
        flipped.flip(&log, at, 0x10).unwrap();
        let context = format!("byte {at} of {log}");
        let store = open(&flipped);
        let there = exports_in(&store, &context).await.unwrap();
        assert!(there.is_subset(&all) && there.len() >= 5, "{context}: {there:?} are left");
    }
}
