use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::{
    AnyValue, InstrumentationScope, KeyValue, any_value::Value,
};
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span};
use prost::Message;
use prost::bytes::Bytes;

pub const SPANS_PER_TRACE: usize = 10;
/// The services of a trace's spans: the first one's first span is the root.
pub const SERVICES: [&str; 4] = ["frontend", "cart", "checkout", "payment"];
/// One trace in this many has the attribute `bench.rare` = "yes" on its root.
pub const RARE: usize = 500;
/// One trace in this many has a root of [`SLOW_NANOS`].
pub const SLOW: usize = 1_000;
pub const SLOW_NANOS: u64 = 5_000_000_000;

const TRACES_PER_REQUEST: usize = 40;

/// The spans to send, encoded beforehand so that the client costs little.
pub struct Load {
    pub traces: usize,
    pub requests: Vec<Bytes>,
    /// The start of the first trace, nanoseconds since the Unix epoch.
    pub start: u64,
}

impl Load {
    pub fn new(traces: usize) -> Self {
        // Fixed, so that every run sends the same bytes.
        let start = 1_790_000_000_000_000_000;
        let ids: Vec<_> = (0..traces).collect();
        let requests = ids
            .chunks(TRACES_PER_REQUEST)
            .map(|ids| request(ids, start).encode_to_vec().into())
            .collect();
        Self { traces, requests, start }
    }

    pub fn spans(&self) -> usize {
        self.traces * SPANS_PER_TRACE
    }

    pub fn bytes(&self) -> usize {
        self.requests.iter().map(Bytes::len).sum()
    }

    /// The start of a trace's root, nanoseconds since the Unix epoch.
    pub fn start_of(&self, trace: usize) -> u64 {
        start_of(self.start, trace)
    }
}

pub fn trace_id(trace: usize) -> Vec<u8> {
    let mixed = (trace as u128 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835);
    mixed.to_be_bytes().to_vec()
}

fn start_of(start: u64, trace: usize) -> u64 {
    // One trace a millisecond.
    start + trace as u64 * 1_000_000
}

fn request(traces: &[usize], start: u64) -> ExportTraceServiceRequest {
    let resource_spans = SERVICES.iter().enumerate().map(|(service, name)| ResourceSpans {
        resource: Some(Resource {
            attributes: vec![
                text("service.name", name),
                text("service.version", "1.4.2"),
                text("host.name", "bench-host-01"),
                text("telemetry.sdk.language", "rust"),
            ],
            ..Resource::default()
        }),
        scope_spans: vec![ScopeSpans {
            scope: Some(InstrumentationScope {
                name: "bench".to_owned(),
                version: "1.0".to_owned(),
                ..InstrumentationScope::default()
            }),
            spans: traces
                .iter()
                .flat_map(|trace| {
                    (service..SPANS_PER_TRACE)
                        .step_by(SERVICES.len())
                        .map(move |index| span(*trace, index, start))
                })
                .collect(),
            ..ScopeSpans::default()
        }],
        ..ResourceSpans::default()
    });
    ExportTraceServiceRequest { resource_spans: resource_spans.collect() }
}

fn span(trace: usize, index: usize, start: u64) -> Span {
    let begin = start_of(start, trace) + index as u64 * 1_000;
    let root = index == 0;
    let duration = if root && trace.is_multiple_of(SLOW) {
        SLOW_NANOS
    } else {
        100_000 + (trace as u64 % 977) * 1_000
    };
    let rare = root && trace.is_multiple_of(RARE);
    Span {
        trace_id: trace_id(trace),
        span_id: span_id(trace, index),
        parent_span_id: if root { Vec::new() } else { span_id(trace, index - 1) },
        name: format!("operation-{index}"),
        kind: if root { 2 } else { 3 },
        start_time_unix_nano: begin,
        end_time_unix_nano: begin + duration,
        attributes: vec![
            text("http.request.method", "GET"),
            text("url.path", &format!("/items/{}", trace % 1_000)),
            text("server.address", "checkout.internal"),
            text("bench.rare", if rare { "yes" } else { "no" }),
            attribute("http.response.status_code", Value::IntValue(200)),
            attribute("user.id", Value::IntValue((trace % 10_000) as i64)),
            attribute("cache.hit", Value::BoolValue(trace.is_multiple_of(2))),
            attribute("ratio", Value::DoubleValue(trace as f64 / 7.0)),
        ],
        flags: 1,
        ..Span::default()
    }
}

fn span_id(trace: usize, index: usize) -> Vec<u8> {
    let mixed = ((trace * SPANS_PER_TRACE + index) as u64 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    mixed.to_be_bytes().to_vec()
}

fn text(key: &str, value: &str) -> KeyValue {
    attribute(key, Value::StringValue(value.to_owned()))
}

fn attribute(key: &str, value: Value) -> KeyValue {
    KeyValue {
        key: key.to_owned(),
        value: Some(AnyValue { value: Some(value) }),
        ..KeyValue::default()
    }
}
