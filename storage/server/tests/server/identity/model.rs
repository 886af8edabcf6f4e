//! What one tenant wrote, and what is to be told of it.

use std::collections::{BTreeMap, BTreeSet};

use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, Span, TracesData};
use prost::Message;
use prost_types::Timestamp;
use spoor_proto::{RawTraces, api_v2};

use crate::support::{resource_spans, span, trace_id};

/// When spans start: seconds since the Unix epoch.
pub const START: u64 = 1_700_000_000;

/// A span as it comes back: its trace, its id, its service and its operation.
pub type Told = (u8, u64, String, String);

/// A tenant's spans, each a trace's caller or callee. Its ids and times are those of other tenants
/// too: only the names tell whose it is.
#[derive(Default)]
pub struct Model {
    pub tenant: String,
    pub spans: BTreeSet<Told>,
    pub archived: BTreeSet<Told>,
    /// The calls so far.
    pub calls: u64,
    /// Those that are no more.
    pub purged: u64,
}

impl Model {
    pub fn service(&self, role: &str) -> String {
        format!("{role}-of-{}", self.tenant)
    }

    pub fn operation(&self, id: u64) -> String {
        format!("{}-{}", self.tenant, id % 3)
    }

    /// A call in a trace: its caller's span and its callee's.
    pub fn call(&mut self, trace: u8) -> [(String, Span); 2] {
        self.calls += 1;
        let (caller, callee) = (2 * self.calls, 2 * self.calls + 1);
        ["caller", "callee"].map(|role| {
            let id = if role == "caller" { caller } else { callee };
            let start = (START + u64::from(trace)) * 1_000_000_000 + id * 1000;
            let span = Span {
                name: self.operation(id),
                start_time_unix_nano: start,
                end_time_unix_nano: start + 1000,
                parent_span_id: match role {
                    "callee" => caller.to_be_bytes().to_vec(),
                    _ => Vec::new(),
                },
                ..span(trace.into(), id)
            };
            let service = self.service(role);
            self.spans.insert((trace, id, service.clone(), span.name.clone()));
            (service, span)
        })
    }

    pub fn purge(&mut self) {
        (self.spans, self.archived) = Default::default();
        self.purged = self.calls;
    }

    pub fn of_trace(&self, trace: u8) -> BTreeSet<Told> {
        self.spans.iter().filter(|(of, ..)| *of == trace).cloned().collect()
    }

    /// How many spans each trace has.
    pub fn traces(&self) -> BTreeMap<u8, usize> {
        let mut traces = BTreeMap::new();
        for (trace, ..) in &self.spans {
            *traces.entry(*trace).or_insert(0) += 1;
        }
        traces
    }

    pub fn services(&self) -> BTreeSet<String> {
        self.spans.iter().map(|(_, _, service, _)| service.clone()).collect()
    }

    pub fn operations(&self, of: &str) -> BTreeSet<String> {
        let of_service = self.spans.iter().filter(|(_, _, service, _)| service == of);
        of_service.map(|(.., operation)| operation.clone()).collect()
    }
}

/// Spans in one export.
pub fn exported(spans: impl IntoIterator<Item = (String, Span)>) -> RawTraces {
    let resource_spans =
        spans.into_iter().map(|(service, span)| resource_spans(&service, vec![span])).collect();
    RawTraces(TracesData { resource_spans }.encode_to_vec().into())
}

/// A span as API v1 has it.
pub fn v1((service, span): (String, Span)) -> api_v2::Span {
    let data = TracesData { resource_spans: vec![resource_spans(&service, vec![span])] };
    let bytes = data.encode_to_vec();
    let converted = spoor_store::otlp::spans_of(&bytes).map(|span| jaeger_otlp::span(&span)).next();
    converted.unwrap()
}

pub fn told(chunk: &RawTraces) -> Vec<Told> {
    let data = TracesData::decode(chunk.0.clone()).unwrap();
    let mut all = Vec::new();
    for ResourceSpans { resource, scope_spans, .. } in data.resource_spans {
        let attributes = resource.unwrap().attributes;
        let name = attributes.into_iter().find(|it| it.key == "service.name").unwrap();
        let Some(Value::StringValue(service)) = name.value.unwrap().value else { panic!() };
        for span in scope_spans.into_iter().flat_map(|scope| scope.spans) {
            let id = u64::from_be_bytes(span.span_id.try_into().unwrap());
            all.push((trace(&span.trace_id), id, service.clone(), span.name));
        }
    }
    all
}

pub fn told_v1(span: api_v2::Span) -> Told {
    let id = u64::from_be_bytes(span.span_id[..].try_into().unwrap());
    (trace(&span.trace_id), id, span.process.unwrap().service_name, span.operation_name)
}

/// The number of a trace.
pub fn trace(id: &[u8]) -> u8 {
    assert_eq!(id, trace_id(id[15].into()));
    id[15]
}

pub fn time(second: u64) -> Option<Timestamp> {
    Some(Timestamp { seconds: (START + second).cast_signed(), nanos: 0 })
}
