use spoor_store::{LegacyQuery, Store, TimeRange};

use bytes::Bytes;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans};
use prost::Message;
use spoor_embedded::disk::SimulatedDisk;

use crate::support::answers::{summaries, traces};
use crate::support::requests::Requests;
use crate::support::stores::{memory, open, tenant};

/// A trace in two segments, or in as many as it has spans, is the same trace.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_trace_cut_anywhere_across_segments_is_one_trace() {
    for seed in 0..6 {
        let mut requests = Requests::new(seed);
        let spans: Vec<_> = (0..6).flat_map(|_| single_spans(&requests.ordinary())).collect();
        for cut in 1..spans.len() {
            compare(&[&spans[..cut], &spans[cut..]], seed).await;
        }
        let each: Vec<_> = spans.chunks(1).collect();
        compare(&each, seed).await;
    }
}

/// Each span of a request in a request of its own.
fn single_spans(request: &ExportTraceServiceRequest) -> Vec<Bytes> {
    let mut single = Vec::new();
    for around in &request.resource_spans {
        for scope in &around.scope_spans {
            for span in &scope.spans {
                let scope_spans = vec![ScopeSpans { spans: vec![span.clone()], ..scope.clone() }];
                let resource_spans = vec![ResourceSpans { scope_spans, ..around.clone() }];
                let request = ExportTraceServiceRequest { resource_spans };
                single.push(request.encode_to_vec().into());
            }
        }
    }
    single
}

/// Writes each part into a segment of its own.
async fn compare(parts: &[&[Bytes]], seed: u64) {
    let (disk, memory) = (SimulatedDisk::new(seed), memory());
    let engine = open(&disk);
    for part in parts {
        for request in *part {
            engine.write(&tenant(), request.clone()).await.unwrap();
            memory.write(&tenant(), request.clone()).await.unwrap();
        }
        engine.settle().await.unwrap();
    }
    let context =
        format!("seed {seed}, {:?}", parts.iter().map(|part| part.len()).collect::<Vec<_>>());
    let everything = LegacyQuery { depth: 1_000, ..LegacyQuery::default() };
    let errors =
        LegacyQuery { attributes: vec![("error".into(), "true".into())], ..everything.clone() };
    let latest = LegacyQuery { depth: 2, ..errors.clone() };
    for query in [everything, errors, latest] {
        let query = query.compile(1_000).unwrap();
        let ours = summaries(&engine, &tenant(), &query).await.unwrap();
        assert_eq!(ours, summaries(&memory, &tenant(), &query).await.unwrap(), "{context}");
        let ours = engine.find_trace_ids(&tenant(), query.clone()).await.unwrap();
        let theirs = memory.find_trace_ids(&tenant(), query.clone()).await.unwrap();
        assert_eq!(ours, theirs, "{context}");
        let ours = traces(engine.find_traces(&tenant(), query.clone())).await.unwrap();
        assert!(ours == traces(memory.find_traces(&tenant(), query)).await.unwrap(), "{context}");
    }
    let all = TimeRange::default();
    let ours = engine.dependencies(&tenant(), all).await.unwrap();
    assert_eq!(ours, memory.dependencies(&tenant(), all).await.unwrap(), "{context}");
}
