//! The ingest's decoder takes what prost takes, but for the deepest nesting, counts the spans that
//! are there, and gives each good one back.
#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::{fuzz_mutator, fuzz_target};
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::trace::v1::{Span, TracesData};
use prost::Message;
use spoor_fuzz::{NOW, golden, mutated_input, protobuf};
use spoor_store::CHUNK_BYTES;
use spoor_store::ingest::split;

fuzz_target!(|request: &[u8]| {
    let decoded = ExportTraceServiceRequest::decode(request);
    let batch = match (split(request, NOW), &decoded) {
        (Ok(batch), Ok(_)) => batch,
        (Err(_), Err(_)) => return,
        // Ours refuses two levels that prost takes.
        (Err(error), Ok(_)) if error.to_string().ends_with("nested too deep") => return,
        (Err(error), Ok(_)) => panic!("prost takes it: {error}"),
        (Ok(_), Err(error)) => panic!("prost refuses it: {error}"),
    };
    let Ok(ExportTraceServiceRequest { resource_spans }) = decoded else { return };
    let all: Vec<Span> = spans(TracesData { resource_spans }).collect();
    let total = batch.written().total();
    assert_eq!(total.accepted + total.refused, all.len() as u64);
    assert!(total.late <= total.accepted);

    let mut expected: Vec<_> =
        all.into_iter().filter(is_good).map(|span| span.encode_to_vec()).collect();
    assert_eq!(expected.len() as u64, total.accepted);
    let mut found = Vec::new();
    for trace in batch.traces() {
        let fragments: Vec<_> = trace.fragments().collect();
        let bytes = fragments.iter().map(|fragment| fragment.len()).sum();
        assert_eq!(trace.encoded_len(), (fragments.len(), bytes));
        let before = found.len();
        for fragment in fragments {
            let data = TracesData::decode(&fragment[..]).expect("a fragment is TracesData");
            let of_trace = spans(data).map(|span| {
                assert_eq!(span.trace_id, trace.trace_id().as_bytes());
                span.encode_to_vec()
            });
            let before = found.len();
            found.extend(of_trace);
            assert!(fragment.len() < CHUNK_BYTES || found.len() == before + 1);
        }
        assert_eq!(found.len() - before, trace.span_count());
    }
    expected.sort_unstable();
    found.sort_unstable();
    assert!(found == expected, "other spans come out than went in");
});

fuzz_mutator!(|data: &mut [u8], size: usize, max_size: usize, seed: u32| {
    static SEEDS: LazyLock<Vec<Vec<u8>>> = LazyLock::new(golden::requests);
    mutated_input(data, size, max_size, seed, &SEEDS, |request, random| {
        (!request.is_empty()).then(|| protobuf::mutated(request, random))
    })
});

fn spans(data: TracesData) -> impl Iterator<Item = Span> {
    let scopes = data.resource_spans.into_iter().flat_map(|resource| resource.scope_spans);
    scopes.flat_map(|scope| scope.spans)
}

fn is_good(span: &Span) -> bool {
    let is_id = |id: &[u8], len| id.len() == len && id.iter().any(|byte| *byte != 0);
    let is_good_link = |trace_id: &[u8], span_id: &[u8]| {
        matches!(trace_id.len(), 0 | 16) && matches!(span_id.len(), 0 | 8)
    };
    is_id(&span.trace_id, 16)
        && is_id(&span.span_id, 8)
        && matches!(span.parent_span_id.len(), 0 | 8)
        && span.links.iter().all(|link| is_good_link(&link.trace_id, &link.span_id))
}
