//! The memory of queries.

use std::time::{Duration, Instant};

use futures::{StreamExt, TryStreamExt};
use spoor_embedded::disk::SimulatedDisk;
use spoor_embedded::{EmbeddedStore, Options};
use spoor_store::{LegacyQuery, ReadError, Store, TraceQuery};

use crate::support::exports::export;
use crate::support::stores::{open_with, small, tenant};

const LONG: Duration = Duration::from_secs(60);

/// A store with many traces, whose queries have as little memory as can be.
async fn store(read_wait: Duration) -> EmbeddedStore {
    let read_bytes = Options::LEAST_READ_BYTES;
    let options = Options { read_bytes, read_wait, ..Options::default() };
    let store = open_with(&SimulatedDisk::new(1), options).unwrap();
    for number in 1..=200 {
        store.write(&tenant(), export(number)).await.unwrap();
    }
    store
}

fn all() -> TraceQuery {
    LegacyQuery { depth: 1_000_000, ..LegacyQuery::default() }.compile(1_000_000).unwrap()
}

async fn until_nothing_is_granted(store: &EmbeddedStore) {
    let until = Instant::now() + LONG;
    while store.read_memory() > 0 {
        assert!(Instant::now() < until, "{} bytes are never given back", store.read_memory());
        tokio::task::yield_now().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_query_that_needs_more_memory_than_any_may_have_is_ended_and_others_go_on() {
    let store = store(LONG).await;
    // Each of these is a trace of its own.
    for part in 0..100 {
        store.write(&tenant(), many_traces(part * 1_000)).await.unwrap();
    }
    for in_segments in [false, true] {
        if in_segments {
            store.settle().await.unwrap();
        }
        match store.find_trace_ids(&tenant(), all()).await {
            Err(error @ ReadError::TooLarge(_)) => {
                assert!(error.to_string().contains("ask for fewer traces"), "{error}");
            }
            other => panic!("{:?}", other.map(|found| found.len())),
        }
        let chunks = store.find_traces(&tenant(), all()).try_collect::<Vec<_>>().await;
        assert!(matches!(chunks, Err(ReadError::TooLarge(_))));
        let few = LegacyQuery { depth: 20, ..LegacyQuery::default() }.compile(20).unwrap();
        assert_eq!(store.find_trace_ids(&tenant(), few).await.unwrap().len(), 20);
        until_nothing_is_granted(&store).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_query_waits_for_the_memory_of_others_and_is_then_told_when_to_retry() {
    let wait = Duration::from_millis(200);
    let store = store(wait).await;
    // Readers that take one chunk and no more.
    let mut readers = Vec::new();
    let refused = loop {
        let mut chunks = store.find_traces(&tenant(), all());
        let begun = Instant::now();
        match chunks.next().await {
            Some(Ok(_)) => readers.push(chunks),
            Some(Err(error)) => {
                assert!(begun.elapsed() >= wait, "it did not wait");
                break error;
            }
            None => panic!("there are traces"),
        }
        assert!(readers.len() < 100, "nothing bounds the readers");
    };
    assert!(matches!(refused, ReadError::Overloaded { .. }), "{refused}");
    assert!(store.services(&tenant()).await.is_err());
    assert!(store.read_memory() <= Options::LEAST_READ_BYTES);
    // Writes go on, and one reader that leaves makes room for another.
    store.write(&tenant(), export(1_000)).await.unwrap();
    drop(readers.pop());
    assert_eq!(store.services(&tenant()).await.unwrap(), ["service"]);
    drop(readers);
    until_nothing_is_granted(&store).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_query_that_nobody_waits_for_gives_its_memory_back() {
    let store = store(LONG).await;
    for _ in 0..50 {
        let mut chunks = store.find_traces(&tenant(), all());
        chunks.next().await.unwrap().unwrap();
        drop(chunks);
        drop(store.find_trace_ids(&tenant(), all()));
        assert!(store.find_trace_ids(&tenant(), all()).await.is_ok());
    }
    until_nothing_is_granted(&store).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_search_for_ids_that_nobody_waits_for_ends_early() {
    let disk = SimulatedDisk::new(1);
    let options = Options { block_spans: 64, ..Options::default() };
    let store = open_with(&disk, options).unwrap();
    // Of which only some are looked at together.
    for part in 0..4 {
        store.write(&tenant(), many_traces(part * 1_000)).await.unwrap();
    }
    store.settle().await.unwrap();
    let before = disk.calls();
    assert!(store.find_trace_ids(&tenant(), all()).await.unwrap().len() > 3_000);
    let (begun, whole) = (disk.calls(), disk.calls() - before);
    let half = async {
        while disk.calls() < begun + whole / 2 {
            tokio::task::yield_now().await;
        }
    };
    let tenant = tenant();
    tokio::select! {
        found = store.find_trace_ids(&tenant, all()) => panic!("{found:?}"),
        () = half => {}
    }
    until_nothing_is_granted(&store).await;
    let done = disk.calls() - begun;
    assert!(done < whole / 4 * 3, "{done} calls of {whole}");
}

/// What nobody reads holds heads that are in segments already, and no budget has them.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn unread_answers_that_hold_many_heads_are_called_for() {
    let options = Options { read_bytes: 256 << 20, ..small() };
    let most = 2 * options.head_bytes;
    let store = open_with(&SimulatedDisk::new(1), options).unwrap();
    let mut readers = Vec::new();
    while store.head_memory() <= 2 * most {
        assert!(readers.len() < 40, "they hold nothing");
        store.write(&tenant(), many_traces(readers.len() as u64 * 1_000)).await.unwrap();
        let mut chunks = store.find_traces(&tenant(), all());
        chunks.next().await.unwrap().unwrap();
        readers.push(chunks);
        store.settle().await.unwrap();
    }
    tokio::time::timeout(LONG, store.read_demand().called()).await.unwrap();
    drop(readers);
    let until = Instant::now() + LONG;
    while store.head_memory() > most || store.read_demand().hear() {
        assert!(Instant::now() < until, "{} bytes", store.head_memory());
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

#[test]
fn options_with_too_little_memory_for_queries_are_refused() {
    let read_bytes = Options::LEAST_READ_BYTES - 1;
    let error = open_with(&SimulatedDisk::new(1), Options { read_bytes, ..small() }).unwrap_err();
    assert!(error.to_string().contains("memory for queries"), "{error}");
}

fn many_traces(first: u64) -> bytes::Bytes {
    (first..first + 1_000)
        .map(|number| export(3 * (number + 1_000)))
        .collect::<Vec<_>>()
        .concat()
        .into()
}
