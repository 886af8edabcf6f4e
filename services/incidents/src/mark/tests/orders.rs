//! Orders as the demo system has them, from which on something goes wrong, as spans.

use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue};
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace::v1::span::SpanKind;
use opentelemetry_proto::tonic::trace::v1::status::StatusCode;
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span, Status};

use super::super::Truth;
use crate::answer::Cause;

const MS: u64 = 1_000_000;

/// One order at `app-a`, whose prices and payments are `app-c`'s, stock `app-b`'s, and list of prices
/// `app-d`'s.
pub struct Order<'a> {
    number: u64,
    tier: &'static str,
    /// What goes wrong by now.
    truth: Option<&'a Truth>,
    /// Whether the bank is in trouble.
    pub is_bank_down: bool,
    spans: Vec<ResourceSpans>,
    last_id: u64,
}

/// What comes of a call: when it ended, and whether it failed.
type Outcome = (u64, bool);

impl<'a> Order<'a> {
    /// Of ten customers one is gold, three are silver.
    pub fn new(number: u64, truth: Option<&'a Truth>) -> Self {
        let tier = match number % 10 {
            0 => "gold",
            1..4 => "silver",
            _ => "bronze",
        };
        Self { number, tier, truth, is_bank_down: false, spans: Vec::new(), last_id: 0 }
    }

    /// All spans of the order, which comes at this time in nanoseconds.
    pub fn placed(mut self, at: u64) -> Vec<ResourceSpans> {
        self.serve(0, "app-a", "POST /orders", at);
        self.spans
    }

    fn serve(&mut self, parent: u64, service: &str, operation: &str, at: u64) -> Outcome {
        let has = |cause| {
            self.truth.is_some_and(|truth| {
                let is_its = truth.affected.tier().is_none_or(|tier| tier == self.tier);
                (truth.service, truth.operation, truth.cause) == (service, operation, cause)
                    && is_its
            })
        };
        let [slow, fails, many, again, lost, slow_database, no_cache] = [
            Cause::Slow,
            Cause::Errors,
            Cause::NPlusOne,
            Cause::RetryStorm,
            Cause::LostContext,
            Cause::SlowDatabase,
            Cause::Cache,
        ]
        .map(has);
        let id = self.id();
        let time = at + if slow { 200 * MS } else { 5 * MS };
        let took = if slow_database { 12 * MS } else { MS };
        let (end, failed) = match operation {
            _ if fails => (time, true),
            "POST /orders" => self.order(id, time, again),
            "demo.v1.Pricing/Quote" => self.quote(id, time, no_cache),
            "POST /reservations" => {
                let count = if many { 5 } else { 2 };
                ((0..count).fold(time, |time, _| self.statement(id, service, time, took)), false)
            }
            "POST /payments" => {
                let end = self.statement(id, service, time, took);
                (end, self.is_bank_down && !(self.number + id).is_multiple_of(8))
            }
            _ => (self.statement(id, service, time, took), false),
        };
        let protocol = if operation.contains("Pricing") { GRPC } else { METHOD };
        let tier = ("app.customer.tier", self.tier);
        let attributes: &[_] = if lost { &[protocol] } else { &[protocol, tier] };
        let parent = if lost { 0 } else { parent };
        let trace = if lost { self.number | 1 << 32 } else { self.number };
        let span = span(trace, [id, parent], operation, SpanKind::Server, [at, end], attributes);
        self.write(service, failed, span);
        (end, failed)
    }

    fn order(&mut self, id: u64, at: u64, again: bool) -> Outcome {
        let (at, failed) = self.call(id, ["app-a", "app-c", "demo.v1.Pricing/Quote"], at, 0);
        if failed {
            return (at, true);
        }
        let (mut at, _) = self.call(id, ["app-a", "app-b", "POST /reservations"], at, 0);
        for tried in 0..if again { 10 } else { 3 } {
            let (end, failed) = self.call(id, ["app-a", "app-c", "POST /payments"], at, tried);
            at = end;
            if !failed {
                return (at, false);
            }
        }
        (at, true)
    }

    fn quote(&mut self, id: u64, mut at: u64, no_cache: bool) -> Outcome {
        for item in 0..4 {
            let is_hit = item > 0 && !no_cache;
            let lookup = self.id();
            let asked = [("app.cache.hit", if is_hit { "true" } else { "false" })];
            let (end, failed) = match is_hit {
                true => (at, false),
                false => self.call(lookup, ["app-c", "app-d", "GET /prices/{sku}"], at, 0),
            };
            let ids = [lookup, id];
            let span = span(self.number, ids, "get_price", SpanKind::Internal, [at, end], &asked);
            self.write("app-c", failed, span);
            at = end;
            if failed {
                return (at, true);
            }
        }
        (at, false)
    }

    fn call(
        &mut self,
        parent: u64,
        [from, to, operation]: [&str; 3],
        at: u64,
        tried: u64,
    ) -> Outcome {
        let id = self.id();
        let (end, failed) = self.serve(id, to, operation, at);
        let protocol = if operation.contains("Pricing") { GRPC } else { METHOD };
        let tried = tried.to_string();
        let attributes = [protocol, ("http.request.resend_count", &*tried)];
        let attributes = &attributes[..if tried == "0" { 1 } else { 2 }];
        let span =
            span(self.number, [id, parent], operation, SpanKind::Client, [at, end], attributes);
        self.write(from, failed, span);
        (end, failed)
    }

    fn statement(&mut self, parent: u64, service: &str, at: u64, took: u64) -> u64 {
        let ids = [self.id(), parent];
        let attributes = [("db.system.name", "sqlite")];
        let times = [at, at + took];
        let span = span(self.number, ids, "SELECT", SpanKind::Client, times, &attributes);
        self.write(service, false, span);
        at + took
    }

    fn id(&mut self) -> u64 {
        self.last_id += 1;
        self.last_id
    }

    fn write(&mut self, service: &str, failed: bool, mut span: Span) {
        if failed {
            span.status = Some(Status { code: StatusCode::Error.into(), ..Status::default() });
        }
        let attributes = vec![attribute("service.name", service)];
        self.spans.push(ResourceSpans {
            resource: Some(Resource { attributes, ..Resource::default() }),
            scope_spans: vec![ScopeSpans { spans: vec![span], ..ScopeSpans::default() }],
            ..ResourceSpans::default()
        });
    }
}

const METHOD: (&str, &str) = ("http.request.method", "POST");
const GRPC: (&str, &str) = ("rpc.system.name", "grpc");

fn attribute(key: &str, value: &str) -> KeyValue {
    let value = Some(Value::StringValue(value.to_owned()));
    KeyValue { key: key.to_owned(), value: Some(AnyValue { value }), ..KeyValue::default() }
}

fn span(
    trace: u64,
    [id, parent]: [u64; 2],
    name: &str,
    kind: SpanKind,
    [start, end]: [u64; 2],
    attributes: &[(&str, &str)],
) -> Span {
    Span {
        trace_id: u128::from(trace + 1).to_be_bytes().into(),
        span_id: id.to_be_bytes().into(),
        parent_span_id: if parent == 0 { Vec::new() } else { parent.to_be_bytes().into() },
        name: name.to_owned(),
        kind: kind.into(),
        start_time_unix_nano: start,
        end_time_unix_nano: end,
        attributes: attributes.iter().map(|(key, value)| attribute(key, value)).collect(),
        ..Span::default()
    }
}
