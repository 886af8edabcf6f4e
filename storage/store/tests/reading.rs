//! Reading OTLP in place agrees with decoding it by prost, on valid and on broken bytes.

mod random;

use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::{self as common, any_value::Value};
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span, TracesData};
use prost::Message;
use rand::{RngExt, SeedableRng, rngs::StdRng};
use random::Generator;
use spoor_store::ingest::{Batch, RawSpan, SpanCounts, split};
use spoor_store::otlp::{
    AnyValue, Attributes, KeyValue, SpanInTrace, SpanKind, StatusCode, spans_of,
};
use spoor_store::{CHUNK_BYTES, SpanId, TraceId, WriteError};

/// A span with its resource and its scope as prost gives them, without the spans therein.
type Enclosed = (ResourceSpans, ScopeSpans, Span);

fn enclosed(resource_spans: Vec<ResourceSpans>) -> Vec<Enclosed> {
    let mut spans = Vec::new();
    for mut resource in resource_spans {
        for mut scope in std::mem::take(&mut resource.scope_spans) {
            for span in std::mem::take(&mut scope.spans) {
                spans.push((resource.clone(), scope.clone(), span));
            }
        }
    }
    spans
}

fn has_good_ids(span: &Span) -> bool {
    TraceId::from_slice(&span.trace_id).is_some()
        && SpanId::from_slice(&span.span_id).is_some()
        && [0, 8].contains(&span.parent_span_id.len())
        && span.links.iter().all(|link| {
            [0, 16].contains(&link.trace_id.len()) && [0, 8].contains(&link.span_id.len())
        })
}

/// As bytes, because a NaN does not equal itself.
fn bytes_of((resource, scope, span): &Enclosed) -> [Vec<u8>; 3] {
    [resource.encode_to_vec(), scope.encode_to_vec(), span.encode_to_vec()]
}

/// Checks that the batch has exactly the good spans of the request, in their order.
fn assert_splits(batch: &Batch<'_>, request: ExportTraceServiceRequest) {
    let (good, bad): (Vec<_>, Vec<_>) =
        enclosed(request.resource_spans).into_iter().partition(|(.., span)| has_good_ids(span));
    let SpanCounts { accepted, refused, .. } = batch.written().total();
    assert_eq!((accepted, refused), (good.len() as u64, bad.len() as u64));
    assert_eq!(batch.written().first_refusal.is_some(), !bad.is_empty());
    let mut traces: Vec<_> = good.iter().map(|(.., span)| span.trace_id.clone()).collect();
    let mut seen = std::collections::HashSet::new();
    traces.retain(|id| seen.insert(id.clone()));
    let found: Vec<_> = batch.traces().map(|trace| trace.trace_id().as_bytes().to_vec()).collect();
    assert_eq!(found, traces);
    for trace in batch.traces() {
        let expected =
            good.iter().filter(|(.., span)| span.trace_id == trace.trace_id().as_bytes());
        let expected: Vec<_> = expected.map(bytes_of).collect();
        let fragments: Vec<_> = trace.fragments().collect();
        let joined = fragments.concat();
        assert_eq!(trace.encoded_len(), (fragments.len(), joined.len()));
        let joined = TracesData::decode(&*joined).unwrap();
        let found: Vec<_> = enclosed(joined.resource_spans).iter().map(bytes_of).collect();
        assert_eq!(found, expected);
        assert_eq!(trace.span_count(), expected.len());
        let raw: Vec<_> = trace.spans().map(|span| raw_bytes_of(&span)).collect();
        assert_eq!(raw, expected);
    }
}

fn service_name(resource: &Resource) -> &str {
    let service = resource.attributes.iter().filter(|attribute| attribute.key == "service.name");
    let service = service.filter_map(|attribute| attribute.value.as_ref()?.value.as_ref());
    let mut service = service.filter_map(|value| match value {
        Value::StringValue(name) => Some(name.as_str()),
        _ => None,
    });
    service.next().unwrap_or_default()
}

fn raw_bytes_of(span: &RawSpan<'_>) -> [Vec<u8>; 3] {
    let scope = ScopeSpans::decode(&*[span.scope, span.field].concat()).unwrap();
    let resource = ResourceSpans::decode(span.resource).unwrap();
    assert_eq!(span.service, resource.resource.as_ref().map_or("", service_name));
    let mut enclosed = (resource, scope.clone(), scope.spans[0].clone());
    enclosed.1.spans.clear();
    bytes_of(&enclosed)
}

#[test]
fn a_split_request_has_the_same_spans_in_the_same_order() {
    for seed in 0..300 {
        let request = Generator::new(seed).request(6);
        assert_splits(&split(&request.encode_to_vec(), 0).unwrap(), request);
    }
}

/// Checks that in-place reading and prost judge the bytes alike, and split them alike.
fn assert_judged_alike(bytes: &[u8], what: &dyn Fn() -> String) {
    match (split(bytes, 0), ExportTraceServiceRequest::decode(bytes)) {
        (Ok(batch), Ok(request)) => assert_splits(&batch, request),
        (Err(WriteError::Malformed(_)), Err(_)) => {}
        (split, decoded) => {
            panic!("{}: split {:?}, prost {:?}", what(), split.map(drop), decoded.map(drop),)
        }
    }
}

#[test]
fn every_truncation_is_judged_as_by_a_decoder() {
    for seed in 0..12 {
        let bytes = Generator::new(seed).request(3).encode_to_vec();
        for len in 0..bytes.len() {
            assert_judged_alike(&bytes[..len], &|| format!("seed {seed}, the first {len} bytes"));
        }
    }
}

#[test]
fn random_damage_is_judged_as_by_a_decoder() {
    for seed in 0..10_000 {
        let mut bytes = Generator::new(seed % 200).request(2).encode_to_vec();
        if bytes.is_empty() {
            continue;
        }
        let mut rng = StdRng::seed_from_u64(seed);
        for _ in 0..rng.random_range(1..4) {
            let at = rng.random_range(0..bytes.len());
            match rng.random_range(0..5) {
                0 => bytes[at] ^= 1 << rng.random_range(0..8),
                1 => bytes[at] = rng.random(),
                2 => bytes.insert(at, rng.random()),
                3 => drop(bytes.splice(at..at, [0xff; 10])),
                _ if bytes.len() > 1 => drop(bytes.remove(at)),
                _ => {}
            }
        }
        assert_judged_alike(&bytes, &|| format!("seed {seed}"));
    }
}

/// A field that holds a message, as it stands in the outer one.
fn field(number: u32, message: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    prost::encoding::encode_key(number, prost::encoding::WireType::LengthDelimited, &mut out);
    prost::encoding::encode_varint(message.len() as u64, &mut out);
    out.extend_from_slice(message);
    out
}

#[test]
fn what_passes_the_nesting_limit_can_be_decoded() {
    const START_GROUP: u8 = 0xa3;
    const END_GROUP: u8 = 0xa4;
    let mut accepted = [0, 0];
    for depth in 0..60 {
        for groups in 0..110 {
            // An unknown group in arrays in arrays: each array is two messages deep.
            let mut value =
                [[START_GROUP, 0x06].repeat(groups), [END_GROUP, 0x06].repeat(groups)].concat();
            for _ in 0..depth {
                value = field(5, &field(1, &value));
            }
            let span =
                [field(1, &[1; 16]), field(2, &[1; 8]), field(9, &field(2, &value))].concat();
            let request = field(1, &field(2, &field(2, &span)));
            if split(&request, 0).is_ok() {
                ExportTraceServiceRequest::decode(&*request).unwrap();
                accepted = [accepted[0].max(depth), accepted[1].max(groups)];
            }
        }
    }
    assert!(accepted[0] > 40 && accepted[1] > 80, "deepest accepted: {accepted:?}");
}

#[test]
fn a_span_reads_as_a_decoder_gives_it() {
    for seed in 0..300 {
        let request = Generator::new(seed).request(6);
        let bytes = request.encode_to_vec();
        let expected = enclosed(request.resource_spans);
        assert_eq!(spans_of(&bytes).count(), expected.len());
        for (read, (resource, scope, span)) in spans_of(&bytes).zip(&expected) {
            assert_reads(&read, resource, scope, span);
        }
    }
}

fn assert_reads(read: &SpanInTrace<'_>, resource: &ResourceSpans, scope: &ScopeSpans, span: &Span) {
    let resource = resource.resource.clone().unwrap_or_default();
    let scope = scope.scope.clone().unwrap_or_default();
    assert_eq!(read.resource.service_name(), service_name(&resource));
    assert_attributes(read.resource.attributes(), &resource.attributes);
    assert_eq!((read.scope.name(), read.scope.version()), (&*scope.name, &*scope.version));
    assert_attributes(read.scope.attributes(), &scope.attributes);

    let found = read.span;
    assert_eq!(found.trace_id, span.trace_id);
    assert_eq!(found.span_id, span.span_id);
    assert_eq!(found.parent_span_id, span.parent_span_id);
    assert_eq!(found.name, span.name);
    assert_eq!((found.start, found.end), (span.start_time_unix_nano, span.end_time_unix_nano));
    assert_eq!(found.kind, kind(span.kind));
    assert_eq!(found.status, status(span.status.as_ref().map_or(0, |status| status.code)));
    assert_attributes(found.attributes(), &span.attributes);
    assert_eq!(found.events().count(), span.events.len());
    for (found, event) in found.events().zip(&span.events) {
        assert_attributes(found.attributes(), &event.attributes);
    }
    assert_eq!(found.links().count(), span.links.len());
    for (found, link) in found.links().zip(&span.links) {
        assert_eq!(found.ids(), (&*link.trace_id, &*link.span_id));
        assert_attributes(found.attributes(), &link.attributes);
    }
}

#[test]
fn enums_are_cut_to_32_bits_as_by_a_decoder() {
    let one_beyond_32_bits = [0x81, 0x80, 0x80, 0x80, 0x10];
    let status = field(15, &[&[0x18][..], &one_beyond_32_bits].concat());
    let span = [&[0x30][..], &one_beyond_32_bits, &status].concat();
    let decoded = Span::decode(&*span).unwrap();
    assert_eq!((decoded.kind, decoded.status.unwrap().code), (1, 1));
    let bytes = field(1, &field(2, &field(2, &span)));
    let read = spans_of(&bytes).next().unwrap().span;
    assert_eq!((read.kind, read.status), (SpanKind::Internal, StatusCode::Ok));
}

fn kind(number: i32) -> SpanKind {
    match number {
        1 => SpanKind::Internal,
        2 => SpanKind::Server,
        3 => SpanKind::Client,
        4 => SpanKind::Producer,
        5 => SpanKind::Consumer,
        _ => SpanKind::Unspecified,
    }
}

fn status(number: i32) -> StatusCode {
    match number {
        1 => StatusCode::Ok,
        2 => StatusCode::Error,
        _ => StatusCode::Unset,
    }
}

fn assert_attributes<'a>(found: impl Iterator<Item = KeyValue<'a>>, expected: &[common::KeyValue]) {
    let found: Vec<_> = found.collect();
    assert_eq!(found.len(), expected.len());
    for (found, expected) in found.iter().zip(expected) {
        assert_eq!(found.key(), expected.key);
        assert_value(found.value(), expected.value.as_ref());
    }
}

fn assert_value(found: AnyValue<'_>, expected: Option<&common::AnyValue>) {
    match (found, expected.and_then(|value| value.value.as_ref())) {
        (AnyValue::Unset, None | Some(Value::StringValueStrindex(_))) => {}
        (AnyValue::String(found), Some(Value::StringValue(expected))) => {
            assert_eq!(found, expected);
        }
        (AnyValue::Bool(found), Some(Value::BoolValue(expected))) => assert_eq!(found, *expected),
        (AnyValue::Int(found), Some(Value::IntValue(expected))) => assert_eq!(found, *expected),
        (AnyValue::Double(found), Some(Value::DoubleValue(expected))) => {
            assert_eq!(found.to_bits(), expected.to_bits());
        }
        (AnyValue::Bytes(found), Some(Value::BytesValue(expected))) => assert_eq!(found, expected),
        (AnyValue::Array(_), Some(Value::ArrayValue(expected))) => {
            let elements: Vec<_> = found.elements().collect();
            assert_eq!(elements.len(), expected.values.len());
            for (found, expected) in elements.into_iter().zip(&expected.values) {
                assert_value(found, Some(expected));
            }
        }
        (AnyValue::Map(_), Some(Value::KvlistValue(expected))) => {
            let entries: Attributes<'_> = found.entries();
            assert_attributes(entries, &expected.values);
        }
        (found, expected) => panic!("expected {expected:?}, found {found:?}"),
    }
}

#[test]
fn fragments_stay_below_the_limit_and_waste_no_memory() {
    for seed in 0..8 {
        let mut generator = Generator::new(seed);
        let mut request = generator.request(8);
        let sizes = [0, CHUNK_BYTES / 5, CHUNK_BYTES / 2, CHUNK_BYTES - 200, CHUNK_BYTES + 1];
        let spans = request
            .resource_spans
            .iter_mut()
            .flat_map(|resource| &mut resource.scope_spans)
            .flat_map(|scope| &mut scope.spans);
        for span in spans {
            span.trace_state = "x".repeat(sizes[generator.below(sizes.len())]);
        }
        let bytes = request.encode_to_vec();
        let batch = split(&bytes, 0).unwrap();
        assert_splits(&batch, request);
        for fragment in batch.traces().flat_map(|trace| trace.fragments()) {
            let spans = spans_of(&fragment).count();
            assert!(spans == 1 || (spans > 1 && fragment.len() < CHUNK_BYTES));
            let len = fragment.len();
            let owned = fragment.try_into_mut().expect("nobody else holds the fragment");
            assert_eq!(owned.capacity(), len);
        }
    }
}
