//! Traces of a small shop: spans with parents, values that come again in a trace, on an operation
//! or never, events, links and errors.

use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue, any_value::Value};
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace::v1::span::{Event, Link};
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span, Status};
use prost::Message;
use rand::{RngExt, SeedableRng, rngs::StdRng};

const SERVICES: [&str; 5] = ["web", "cart", "checkout", "stock", "mail"];

/// A request of so many traces, their spans in the order in which they end.
pub fn request(seed: u64, traces: usize) -> Vec<u8> {
    let mut shop = Shop { random: StdRng::seed_from_u64(seed), spans: Vec::new(), now: 1 << 60 };
    for _ in 0..traces {
        shop.now += shop.random.random_range(0..5_000_000);
        let (trace, start) = (shop.random.random::<[u8; 16]>(), shop.now);
        let user = format!("user-{}", shop.random.random_range(0..100_000));
        shop.call(&trace, &[], &user, start, 0);
    }
    let of_service = |(service, name): (usize, &&str)| ResourceSpans {
        resource: Some(Resource {
            attributes: vec![text("service.name", (*name).to_owned())],
            ..Resource::default()
        }),
        scope_spans: vec![ScopeSpans {
            spans: shop
                .spans
                .iter()
                .filter(|(own, _)| *own == service)
                .map(|(_, span)| span.clone())
                .collect(),
            ..ScopeSpans::default()
        }],
        ..ResourceSpans::default()
    };
    let resource_spans = SERVICES.iter().enumerate().map(of_service).collect();
    ExportTraceServiceRequest { resource_spans }.encode_to_vec()
}

struct Shop {
    random: StdRng,
    spans: Vec<(usize, Span)>,
    now: u64,
}

impl Shop {
    /// Adds a call and what it calls; tells when it ends.
    fn call(&mut self, trace: &[u8], parent: &[u8], user: &str, start: u64, depth: usize) -> u64 {
        let id: [u8; 8] = self.random.random();
        let service = self.random.random_range(0..SERVICES.len());
        let operation = self.random.random_range(0..6);
        let mut end = start + self.random.random_range(1_000..3_000_000);
        for _ in 0..self.random.random_range(0..4_usize.saturating_sub(depth)) {
            end = self.call(trace, &id, user, end, depth + 1) + 500;
        }
        let failed = self.random.random_range(0..20) == 0;
        let mut attributes = vec![
            text("http.route", format!("/{}/{operation}/{{id}}", SERVICES[service])),
            number("http.response.status_code", if failed { 500 } else { 200 }),
            text("request.id", format!("{:032x}", self.random.random::<u128>())),
            number("body.size", self.random.random_range(-1..50_000)),
            attribute("load", Value::DoubleValue(self.random.random_range(0..64_u32).into())),
            attribute("noise", Value::DoubleValue(self.random.random())),
            attribute("cached", Value::BoolValue(self.random.random())),
        ];
        if operation % 2 == 0 {
            attributes.push(text("user.id", user.to_owned()));
        }
        let event = Event {
            time_unix_nano: end - 10,
            name: "exception".to_owned(),
            attributes: vec![text("exception.message", format!("no item {}", end % 9))],
            ..Event::default()
        };
        let link = Link { trace_id: trace.to_vec(), span_id: id.to_vec(), ..Link::default() };
        let span = Span {
            trace_id: trace.to_vec(),
            span_id: id.to_vec(),
            parent_span_id: parent.to_vec(),
            flags: 0x101,
            name: format!("{} {operation}", SERVICES[service]),
            kind: 1 + (operation % 3),
            start_time_unix_nano: start,
            end_time_unix_nano: end,
            attributes,
            events: if failed { vec![event] } else { Vec::new() },
            links: if operation == 5 { vec![link] } else { Vec::new() },
            status: failed.then(|| Status { code: 2, message: "failed".to_owned() }),
            ..Span::default()
        };
        self.spans.push((service, span));
        end
    }
}

fn text(key: &str, value: String) -> KeyValue {
    attribute(key, Value::StringValue(value))
}

fn number(key: &str, value: i64) -> KeyValue {
    attribute(key, Value::IntValue(value))
}

fn attribute(key: &str, value: Value) -> KeyValue {
    let value = Some(AnyValue { value: Some(value) });
    KeyValue { key: key.to_owned(), value, ..KeyValue::default() }
}
