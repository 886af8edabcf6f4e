//! Pages of a store that is written to, merged and opened again meanwhile.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use futures::TryStreamExt;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span};
use prost::Message;
use rand::seq::IndexedRandom;
use rand::{RngExt, SeedableRng, rngs::StdRng};
use spoor_embedded::Options;
use spoor_embedded::disk::SimulatedDisk;
use spoor_memory::MemoryStore;
use spoor_store::filter::Filter;
use spoor_store::{
    FoundSpan, SortBy, SortField, SpanKey, SpanOrder, SpanQuery, Store, TimeRange, TraceId,
    TraceQuery, TraceRank,
};

use crate::support::both::Both;
use crate::support::requests::{key_value, text};
use crate::support::stores::{now, open_with, tenant};
use crate::support::{filters, from_env};

/// Walks of a round. Each writes, and the store is compared whole: with more it would be rounds that
/// get longer and longer.
const WALKS: u64 = 12;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_walk_repeats_nothing_and_misses_nothing_that_stays() {
    let seed = from_env("SPOOR_SEED").unwrap_or_else(now);
    for round in 0..from_env("SPOOR_ROUNDS").unwrap_or(1) {
        let seed = seed + round;
        println!("SPOOR_SEED={seed}");
        walks(seed).await;
    }
}

async fn walks(seed: u64) {
    let mut both = Both::new(seed);
    for _ in 0..150 {
        both.write().await;
    }
    for number in 0..WALKS {
        let filter = match both.random.random_range(0..3) {
            0 => filters::about(&both.facts.any(&mut both.random), &mut both.random),
            _ => Filter::And(Vec::new()),
        };
        match number % 2 {
            0 => both.walk_traces(filter).await,
            _ => both.walk_spans(filter).await,
        }
    }
}

/// Spans of four blocks, each too large to be held beside another, start in turn.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_block_is_read_for_many_spans_of_a_page_and_not_for_each() {
    const SPANS: u64 = 320;
    let random = &mut StdRng::seed_from_u64(1);
    let disk = SimulatedDisk::new(1);
    let options = Options { block_spans: SPANS as u32, ..Options::default() };
    let store = open_with(&disk, options).unwrap();
    for trace in 0..4 {
        let spans = (1..=SPANS).map(|id| Span {
            trace_id: vec![trace + 1; 16],
            span_id: id.to_be_bytes().into(),
            start_time_unix_nano: 4 * id + u64::from(trace),
            attributes: vec![key_value("text", text(&digits(random)))],
            ..Span::default()
        });
        store.write(&tenant(), request(spans.collect())).await.unwrap();
    }
    store.freeze().await.unwrap();
    store.settle().await.unwrap();
    let (filter, order) = (Filter::And(Vec::new()), SpanOrder::default());
    let start = TimeRange::default();
    let query = SpanQuery { filter, start, order, limit: usize::MAX, after: None };
    let before = disk.calls();
    let found = keys(&store, query).await;
    let calls = disk.calls() - before;
    let starts: Vec<_> = found.iter().map(|key| key.start).collect();
    assert_eq!(starts, (4..4 * (SPANS + 1)).rev().collect::<Vec<_>>());
    assert!(calls < SPANS, "{} spans took {calls} calls of the disk", found.len());
}

/// Digits that take half of their number compressed.
fn digits(random: &mut StdRng) -> String {
    (0..128).map(|_| format!("{:016x}", random.random::<u64>())).collect()
}

fn request(spans: Vec<Span>) -> Bytes {
    let scope_spans = vec![ScopeSpans { spans, ..ScopeSpans::default() }];
    let resource_spans = vec![ResourceSpans { scope_spans, ..ResourceSpans::default() }];
    ExportTraceServiceRequest { resource_spans }.encode_to_vec().into()
}

impl Both {
    /// Something that happens between two pages.
    async fn change(&mut self) {
        match self.random.random_range(0..10) {
            0..6 => self.write().await,
            6 => self.engine().freeze().await.unwrap(),
            7 => self.engine().settle().await.unwrap(),
            8 => self.cut_power(),
            _ => {}
        }
    }

    async fn walk_traces(&mut self, filter: Filter) {
        let all = || TraceQuery {
            filter: filter.clone(),
            start: TimeRange::default(),
            limit: usize::MAX,
            after: None,
        };
        let before = ranks(&self.memory, all()).await;
        let (mut walked, mut after) = (BTreeSet::new(), None);
        loop {
            let limit = self.random.random_range(1..20);
            let query = TraceQuery { limit, after, ..all() };
            let page = self.engine().find_trace_ids(&tenant(), query).await.unwrap();
            let Some(last) = page.last() else { break };
            after = Some(TraceRank { start: last.matched, trace_id: last.trace_id });
            for found in &page {
                assert!(walked.insert(found.trace_id), "{found:?} came twice");
            }
            self.change().await;
        }
        let left = ranks(&self.memory, all()).await;
        let stayed = before.iter().filter(|(id, start)| left.get(*id) == Some(*start));
        let missed: Vec<_> = stayed.filter(|(id, _)| !walked.contains(*id)).collect();
        assert!(missed.is_empty(), "{missed:?} were missed by {filter:?}");
    }

    async fn walk_spans(&mut self, filter: Filter) {
        let fields =
            [SortField::StartTime, SortField::Duration, SortField::TraceId, SortField::SpanId];
        let field = *fields.choose(&mut self.random).unwrap();
        let by = SortBy { field, descending: self.random.random() };
        let order = SpanOrder::new(&[by]).unwrap();
        let all = || SpanQuery {
            filter: filter.clone(),
            start: TimeRange::default(),
            order,
            limit: usize::MAX,
            after: None,
        };
        let before = keys(&self.memory, all()).await;
        let (mut walked, mut last) = (BTreeSet::new(), None);
        loop {
            let limit = self.random.random_range(1..60);
            let page = keys(self.engine(), SpanQuery { limit, after: last, ..all() }).await;
            for key in &page {
                let position = order.position(key);
                assert!(last.is_none_or(|last| order.position(&last) < position), "{key:?}");
                assert!(walked.insert(position), "{key:?} came twice");
                last = Some(*key);
            }
            if page.is_empty() {
                break;
            }
            self.change().await;
        }
        let missed: Vec<_> =
            before.iter().filter(|key| !walked.contains(&order.position(key))).collect();
        assert!(missed.is_empty(), "{missed:?} were missed by {filter:?}");
    }
}

/// The places of the traces that match.
async fn ranks(store: &MemoryStore, query: TraceQuery) -> BTreeMap<TraceId, u64> {
    let found = store.find_trace_ids(&tenant(), query).await.unwrap();
    found.into_iter().map(|found| (found.trace_id, found.matched)).collect()
}

/// The spans that match.
async fn keys(store: &dyn Store, query: SpanQuery) -> Vec<SpanKey> {
    let found: Vec<FoundSpan> = store.find_spans(&tenant(), query).try_collect().await.unwrap();
    found.into_iter().map(|found| found.key).collect()
}
