//! Whatever a span of `jaeger.api_v2` or of OTLP is, it becomes one of the other model that can be
//! taken, with the same ids; and going to and fro comes to rest. None has more parts than it was
//! weighed with before it was decoded.
#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::{fuzz_mutator, fuzz_target};
use prost::Message;
use spoor_fuzz::{NOW, golden, mutated_input, protobuf};
use spoor_proto::api_v2::Span;
use spoor_store::ingest::split;
use spoor_store::otlp::spans_of;

/// After so many steps nothing changes any more. It takes some, because a tag may tell what another
/// one told before.
const STEPS: usize = 2;

/// The spans in the accepted ones of a request.
fn jaeger_spans(request: &[u8]) -> Vec<Span> {
    let Ok(batch) = split(request, NOW) else { return Vec::new() };
    let mut spans = Vec::new();
    for fragment in batch.traces().flat_map(|trace| trace.fragments().collect::<Vec<_>>()) {
        spans.extend(spans_of(&fragment).map(|span| jaeger_otlp::span(&span)));
    }
    assert_eq!(spans.len() as u64, batch.written().total().accepted);
    spans
}

/// A span after it was OTLP; none if its ids are refused.
fn again(span: &Span) -> Option<Span> {
    let request = jaeger_otlp::request(vec![span.clone()]);
    let batch = split(&request, NOW).expect("it is well formed");
    let total = batch.written().total();
    assert_eq!(total.accepted + total.refused, 1);
    let after = jaeger_spans(&request).pop()?;
    assert_eq!(after.trace_id, jaeger_otlp::trace_id(&span.trace_id));
    assert_eq!(after.span_id, span.span_id);
    Some(after)
}

fuzz_target!(|bytes: &[u8]| {
    let decoded = Span::decode(bytes).ok();
    if let Some(span) = &decoded {
        let mut request = vec![0x0a];
        prost::encode_length_delimiter(bytes.len(), &mut request).expect("it grows");
        request.extend(bytes);
        let told = jaeger_otlp::weight(&request) - request.len();
        // Beside its bytes, which may be a few more when it is encoded again.
        assert!(jaeger_otlp::weight_of(span) - span.encoded_len() <= told, "{span:?}");
    }
    let decoded = decoded.and_then(|span| again(&span));
    for span in jaeger_spans(bytes).into_iter().chain(decoded) {
        let mut span = again(&span).expect("what was taken is taken again");
        for _ in 0..STEPS {
            span = again(&span).expect("what was taken is taken again");
        }
        let rested = again(&span).expect("what was taken is taken again");
        // Numbers that don't equal themselves do here.
        assert_eq!(rested.encode_to_vec(), span.encode_to_vec(), "{span:?}\n{rested:?}");
    }
});

fuzz_mutator!(|data: &mut [u8], size: usize, max_size: usize, seed: u32| {
    static SEEDS: LazyLock<Vec<Vec<u8>>> = LazyLock::new(|| {
        let mut seeds = golden::requests();
        let spans = seeds.iter().flat_map(|request| jaeger_spans(request));
        let spans: Vec<_> = spans.map(|span| span.encode_to_vec()).collect();
        seeds.extend(spans);
        seeds
    });
    mutated_input(data, size, max_size, seed, &SEEDS, |message, random| {
        (!message.is_empty()).then(|| protobuf::mutated(message, random))
    })
});
