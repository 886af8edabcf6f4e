//! What it costs to take spans apart and to put them together, for either order of their fields.
//!
//! ```sh
//! cargo run --release -p spoor-embedded --example rows
//! ```
//! Times are the least of several rounds.

use std::hint::black_box;
use std::time::Duration;

use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue, any_value::Value};
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span};
use prost::Message;
use rand::{RngExt, SeedableRng, rngs::StdRng};
use spoor_embedded::rows::{
    EventTemplate, FieldOrder, LinkTemplate, Origin, Rows, Source, SpanParts, Tables, Template,
    put_span, traces_data,
};
use spoor_store::ingest::split;

const SERVICES: usize = 10;
const OPERATIONS: usize = 12;
const SPANS: usize = 512;
const REQUESTS: usize = 300;

fn attribute(key: &str, value: Value) -> KeyValue {
    let value = Some(AnyValue { value: Some(value) });
    KeyValue { key: key.to_owned(), value, ..KeyValue::default() }
}

fn text(key: &str, value: impl Into<String>) -> KeyValue {
    attribute(key, Value::StringValue(value.into()))
}

fn attributes(random: &mut StdRng, service: usize, operation: usize) -> Vec<KeyValue> {
    let skewed = |random: &mut StdRng, end: f64| (random.random::<f64>().powi(3) * end) as u32;
    let mut attributes = vec![
        text("http.request.method", ["GET", "POST", "PUT"][operation % 3]),
        text("url.scheme", "https"),
        text("http.route", format!("/api/v1/service-{service}/items/{{id}}/{operation}")),
        text("url.path", format!("/api/v1/items/{}", skewed(random, 50_000.0))),
        text("server.address", format!("service-{service}.internal")),
        attribute("server.port", Value::IntValue(8080)),
        attribute(
            "http.response.status_code",
            Value::IntValue([200, 200, 200, 404][skewed(random, 4.0) as usize]),
        ),
        text("network.peer.address", format!("10.0.{service}.{}", random.random_range(0..200))),
        text(
            "user_agent.original",
            format!("Mozilla/5.0 (X11; Linux x86_64) agent/{}", skewed(random, 40.0)),
        ),
        attribute("http.response.body.size", Value::IntValue(skewed(random, 100_000.0).into())),
        text("enduser.id", format!("user-{:08x}", skewed(random, 1_000_000.0))),
    ];
    if random.random_range(0..20) == 0 {
        attributes.insert(7, text("error.type", "timeout"));
        attributes.pop();
    }
    attributes
}

/// Traces of sixteen spans in the order in which they end, by service as a Collector batches.
fn request(random: &mut StdRng) -> Vec<u8> {
    let mut by_service = vec![Vec::new(); SERVICES];
    for _ in 0..SPANS / 16 {
        let trace_id: [u8; 16] = random.random();
        let mut parent = Vec::new();
        let start = 1_790_000_000_000_000_000 + random.random_range(0..1_000_000_000);
        for _ in 0..16 {
            let service = random.random_range(0..SERVICES);
            let operation = (random.random::<f64>().powi(2) * OPERATIONS as f64) as usize;
            let span_id = random.random::<[u8; 8]>().to_vec();
            by_service[service].push(Span {
                trace_id: trace_id.to_vec(),
                span_id: span_id.clone(),
                parent_span_id: std::mem::replace(&mut parent, span_id),
                name: format!("GET /api/v1/service-{service}/{operation}"),
                kind: 2 + (operation % 2) as i32,
                start_time_unix_nano: start,
                end_time_unix_nano: start + random.random_range(1_000..100_000_000),
                attributes: attributes(random, service, operation),
                flags: 0x101,
                ..Span::default()
            });
        }
    }
    let resource_spans = by_service.into_iter().enumerate().map(|(service, spans)| ResourceSpans {
        resource: Some(Resource {
            attributes: vec![text("service.name", format!("service-{service}"))],
            ..Resource::default()
        }),
        scope_spans: vec![ScopeSpans { spans, ..ScopeSpans::default() }],
        ..ResourceSpans::default()
    });
    ExportTraceServiceRequest { resource_spans: resource_spans.collect() }.encode_to_vec()
}

/// Rows whose spans have their fields in the other order.
struct Reordered<'r> {
    rows: &'r Rows,
    templates: Vec<Template>,
}

impl<'r> Reordered<'r> {
    fn new(rows: &'r Rows) -> Self {
        let templates = (0..rows.templates())
            .map(|code| Template { order: FieldOrder::Descending, ..rows.template(code).clone() });
        Self { rows, templates: templates.collect() }
    }
}

impl Tables for Reordered<'_> {
    fn template(&self, code: u32) -> Option<&Template> {
        self.templates.get(code as usize)
    }
    fn event_template(&self, code: u32) -> Option<&EventTemplate> {
        Tables::event_template(self.rows, code)
    }
    fn link_template(&self, code: u32) -> Option<&LinkTemplate> {
        Tables::link_template(self.rows, code)
    }
    fn origin(&self, code: u32) -> Option<&Origin> {
        Tables::origin(self.rows, code)
    }
    fn text(&self, code: u32) -> Option<&[u8]> {
        Tables::text(self.rows, code)
    }
}

impl Source for Reordered<'_> {
    fn span(&self, row: u32) -> Option<SpanParts> {
        Source::span(self.rows, row)
    }
    fn words<'s>(&'s self, row: u32, buffer: &'s mut Vec<u32>) -> &'s [u32] {
        Source::words(self.rows, row, buffer)
    }
}

/// Requests of the same spans whose fields descend, as Jaeger sends them.
fn descending(requests: &[Vec<u8>]) -> Vec<Vec<u8>> {
    let reorder = |request: &Vec<u8>| {
        let mut rows = Rows::new();
        rows.append(&split(request, 0).unwrap());
        // Grouped by origin as before.
        let mut order: Vec<_> = (0..rows.len()).collect();
        order.sort_by_key(|row| rows.span(*row).origin);
        traces_data(&Reordered::new(&rows), order).unwrap().concat()
    };
    requests.iter().map(reorder).collect()
}

/// The least CPU time that this thread took for the work in several rounds: other programs may run
/// beside. Linux brings the figure up to date at every tick of some milliseconds only.
fn cpu_time(mut work: impl FnMut()) -> Duration {
    let now = || {
        let stat = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
        stat.split(' ')
            .next()
            .and_then(|nanos| nanos.parse().ok())
            .map_or(Duration::ZERO, Duration::from_nanos)
    };
    let mut round = || {
        let start = now();
        work();
        now() - start
    };
    (0..7).map(|_| round()).min().unwrap_or_default()
}

fn resident_bytes() -> usize {
    let statm = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
    statm.split(' ').nth(1).and_then(|pages| pages.parse::<usize>().ok()).unwrap_or(0) * 4_096
}

fn main() {
    let mut random = StdRng::seed_from_u64(7);
    let ascending: Vec<_> = (0..REQUESTS).map(|_| request(&mut random)).collect();
    let descending = descending(&ascending);
    for (order, requests) in [("ascending", &ascending), ("descending", &descending)] {
        let before = resident_bytes();
        let mut rows = Rows::new();
        let splitting = cpu_time(|| {
            for request in requests {
                black_box(split(request, 0).unwrap());
            }
        });
        let appending = cpu_time(|| {
            rows = Rows::new();
            for request in requests {
                rows.append(&split(request, 0).unwrap());
            }
        });
        let rebuilding = cpu_time(|| {
            let mut out = Vec::new();
            for row in 0..rows.len() {
                out.clear();
                put_span(&rows, row, &mut out).unwrap();
                black_box(&out);
            }
        });
        let traces = cpu_time(|| {
            for trace in 0..rows.traces() {
                black_box(traces_data(&rows, rows.rows_of(trace)).unwrap());
            }
        });
        let spans = rows.len();
        let raw = (0..spans).filter(|row| rows.template(rows.span(*row).template).is_raw).count();
        let ns = |time: Duration| time.as_nanos() / u128::from(spans);
        println!(
            "{order}: {spans} spans, {raw} raw, {} templates, {} texts; ns a span: splitting {}, \
             appending {}, rebuilding {}, traces {}; bytes a span: {} on the wire, {} held, {} resident",
            rows.templates(),
            rows.texts(),
            ns(splitting),
            ns(appending.saturating_sub(splitting)),
            ns(rebuilding),
            ns(traces),
            requests.iter().map(Vec::len).sum::<usize>() / spans as usize,
            rows.bytes() / spans as usize,
            resident_bytes().saturating_sub(before) / spans as usize,
        );
    }
}
