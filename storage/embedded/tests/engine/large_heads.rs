use bytes::Bytes;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span};
use prost::Message;
use spoor_embedded::Options;
use spoor_embedded::disk::SimulatedDisk;
use spoor_store::{LegacyQuery, Store, TimeRange, TraceId, TraceLookup};

use crate::support::answers::{summaries, traces};
use crate::support::requests::{key_value, text};
use crate::support::stores::{memory, open_with, tenant};

/// Spans of a trace in each step of a head that is read at a time.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_head_that_is_read_in_several_steps_answers_as_one() {
    let disk = SimulatedDisk::new(1);
    let engine = open_with(&disk, Options::default()).unwrap();
    let memory = memory();
    for part in 0..20 {
        let request = request(part * 1_000..(part + 1) * 1_000);
        engine.write(&tenant(), request.clone()).await.unwrap();
        memory.write(&tenant(), request).await.unwrap();
    }
    for in_segments in [false, true] {
        if in_segments {
            engine.settle().await.unwrap();
        }
        for (key, value) in [("rare", "19999"), ("rare", "1"), ("error", "true"), ("common", "a")] {
            let attributes = vec![(key.to_owned(), value.to_owned())];
            let query = LegacyQuery { attributes, depth: 5, ..LegacyQuery::default() };
            let query = query.compile(10).unwrap();
            let ours = summaries(&engine, &tenant(), &query).await.unwrap();
            assert_eq!(ours, summaries(&memory, &tenant(), &query).await.unwrap(), "{key}");
        }
        let trace_id = TraceId::from_slice(&trace_id(7)).unwrap();
        let lookups = vec![TraceLookup { trace_id, hint: TimeRange::default() }];
        let ours = traces(engine.get_traces(&tenant(), lookups.clone())).await.unwrap();
        assert!(ours == traces(memory.get_traces(&tenant(), lookups)).await.unwrap());
        let all = TimeRange::default();
        let ours = engine.dependencies(&tenant(), all).await.unwrap();
        assert_eq!(ours, memory.dependencies(&tenant(), all).await.unwrap());
        assert!(!ours.is_empty());
        let ours = engine.operations(&tenant(), "service 2", None).await.unwrap();
        assert_eq!(ours, memory.operations(&tenant(), "service 2", None).await.unwrap());
    }
}

fn trace_id(trace: u64) -> Vec<u8> {
    (trace + 1).to_be_bytes().repeat(2)
}

fn request(numbers: std::ops::Range<u64>) -> Bytes {
    let resource_spans = (0..3).map(|service| {
        let spans = numbers.clone().filter(|number| number % 3 == service).map(span);
        let scope_spans = vec![ScopeSpans { spans: spans.collect(), ..ScopeSpans::default() }];
        let attributes = vec![key_value("service.name", text(&format!("service {service}")))];
        let resource = Some(Resource { attributes, ..Resource::default() });
        ResourceSpans { resource, scope_spans, ..ResourceSpans::default() }
    });
    let resource_spans = resource_spans.collect();
    ExportTraceServiceRequest { resource_spans }.encode_to_vec().into()
}

fn span(number: u64) -> Span {
    Span {
        trace_id: trace_id(number % 40),
        span_id: (number + 1).to_be_bytes().into(),
        parent_span_id: if number < 40 { Vec::new() } else { (number - 39).to_be_bytes().into() },
        name: format!("operation {}", number % 9_000),
        start_time_unix_nano: 1_700_000_000_000_000_000 + number,
        end_time_unix_nano: 1_700_000_000_000_000_000 + 2 * number,
        attributes: vec![
            key_value("rare", text(&number.to_string())),
            key_value("common", text(["a", "b"][number as usize % 2])),
        ],
        ..Span::default()
    }
}
