use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue};
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span};
use prost::Message;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use tokio::task::spawn_blocking;

use super::*;
use crate::budget::{ReadBudget, WORKING_SET};
use crate::demand::Demand;
use crate::disk::{Disk, SimulatedDisk};
use crate::options::Options;
use crate::tenant::Tenant;

const SERVICES: [&str; 4] = ["a", "b", "c", ""];

/// Traces with some places each, told in any order, while a few at most may wait.
#[tokio::test]
async fn split_traces_are_counted_once_however_often_they_are_postponed() {
    for seed in 0..100 {
        let random = &mut StdRng::seed_from_u64(seed);
        let budget = Arc::new(ReadBudget::new(4 * WORKING_SET, Duration::ZERO, Arc::default()));
        let grant = budget.grant().await.unwrap();
        let mut told = Vec::new();
        let mut whole = BTreeMap::<u64, Vec<CallSpan<'_>>>::new();
        for hash in 0..30 {
            for _ in 0..random.random_range(2..6) {
                let spans: Vec<_> = (0..random.random_range(1..8)).map(|_| span(random)).collect();
                whole.entry(hash).or_default().extend(&spans);
                told.insert(random.random_range(0..=told.len()), (hash, spans));
            }
        }
        let passes = count_in(&grant, 3_000, &told, &whole, seed);
        assert!(passes > 1, "{seed}: {passes}");
        // Each in a pass of its own.
        assert!(count_in(&grant, 0, &told, &whole, seed) <= 30, "{seed}");
        assert_eq!(count_in(&grant, usize::MAX, &told, &whole, seed), 1, "{seed}");
    }
}

/// Counts while so many bytes may wait, and tells in how many passes.
fn count_in(
    grant: &Grant,
    most: usize,
    told: &[(u64, Vec<CallSpan<'_>>)],
    whole: &BTreeMap<u64, Vec<CallSpan<'_>>>,
    seed: u64,
) -> u64 {
    let range = TimeRange { min: 2, max: 8 };
    let counts = DependencyCounts::default();
    let mut expected = counts.clone();
    whole.values().for_each(|spans| expected.add(spans, |span| *span, range));
    let mut counting = Counting { grant, most, range, counts, held: grant.list() };
    let mut split = Split::new(grant);
    split.add(&mut told.iter().map(|(hash, _)| *hash).collect::<Vec<_>>()).unwrap();
    for pass in 1.. {
        let before = split.len();
        let mut joined = Joined::new(&split, grant, most);
        for (hash, spans) in told {
            if let Some(number) = split.number(*hash) {
                joined.add(number, spans, &mut counting).unwrap();
            }
        }
        let postponed = joined.into_postponed();
        assert!(postponed.count() < before, "{seed}: pass {pass} counted none");
        if postponed.is_empty() {
            assert_eq!(counting.counts.into_sorted(), expected.into_sorted(), "{seed}");
            return pass;
        }
        split.keep(&postponed).unwrap();
    }
    unreachable!("each pass counts some")
}

/// In a store whose traces have spans anywhere: in a few segments of many blocks, and a head.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_answer_is_the_same_however_little_memory_there_is() {
    let random = &mut StdRng::seed_from_u64(1);
    let mut parts = vec![BTreeMap::<u64, Vec<CallSpan<'_>>>::new(); 4];
    let mut whole = BTreeMap::<u64, Vec<CallSpan<'_>>>::new();
    for trace in 1..400 {
        let near = random.random_range(0..4);
        for _ in 0..random.random_range(1..12) {
            let span = span(random);
            let part = if trace % 8 == 0 { random.random_range(0..4) } else { near };
            parts[part].entry(trace).or_default().push(span);
            whole.entry(trace).or_default().push(span);
        }
    }
    let disk = Arc::new(SimulatedDisk::new(1));
    disk.create_dir("tenant").unwrap();
    let options = Options { block_spans: 16, ..Options::default() };
    let (clock, metrics) = (Arc::new(|| 1), Arc::default());
    let tenant = Tenant::open(disk, "tenant", &options, clock, metrics, Demand::default());
    let tenant = Arc::new(tenant.unwrap());
    for (number, traces) in parts.iter().enumerate() {
        if number > 0 {
            tenant.freeze().await.unwrap();
            let waiting = Arc::clone(&tenant);
            spawn_blocking(move || waiting.wait_until_idle()).await.unwrap().unwrap();
        }
        tenant.write(request(traces)).await.unwrap();
    }
    let range = TimeRange { min: 2, max: 8 };
    let mut expected = DependencyCounts::default();
    whole.values().for_each(|spans| expected.add(spans, |span| *span, range));
    let expected = expected.into_sorted();
    let snapshot = tenant.snapshot();
    assert!(snapshot.segments.len() == 3 && snapshot.heads.len() == 1);
    let budget = Arc::new(ReadBudget::new(4 * WORKING_SET, Duration::ZERO, Arc::default()));
    let grant = budget.grant().await.unwrap();
    for most in [100, 1_000, 10_000, 1 << 30] {
        let found = within(&snapshot, &grant, most, range, &|| false).unwrap();
        assert_eq!(found, expected, "{most}");
    }
}

fn request(traces: &BTreeMap<u64, Vec<CallSpan<'_>>>) -> Bytes {
    let resource_spans = traces.iter().flat_map(|(trace, spans)| {
        spans.iter().map(|span| {
            let spans = vec![Span {
                trace_id: (*trace).to_be_bytes().repeat(2),
                span_id: span.id.into(),
                parent_span_id: span.parent.map_or_else(Vec::new, Into::into),
                start_time_unix_nano: span.start,
                ..Span::default()
            }];
            let value = Some(AnyValue { value: Some(Value::StringValue(span.service.to_owned())) });
            let service = KeyValue { key: "service.name".to_owned(), value, ..KeyValue::default() };
            let resource = Some(Resource { attributes: vec![service], ..Resource::default() });
            let scope_spans = vec![ScopeSpans { spans, ..ScopeSpans::default() }];
            ResourceSpans { resource, scope_spans, ..ResourceSpans::default() }
        })
    });
    let resource_spans = resource_spans.collect();
    ExportTraceServiceRequest { resource_spans }.encode_to_vec().into()
}

fn span(random: &mut StdRng) -> CallSpan<'static> {
    CallSpan {
        id: random.random_range(1..20_u64).to_be_bytes(),
        parent: random.random::<bool>().then(|| random.random_range(1..20_u64).to_be_bytes()),
        start: random.random_range(0..10),
        service: SERVICES[random.random_range(0..4)],
    }
}
