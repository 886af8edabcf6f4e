//! A trace as it is read back: its spans, and who is whose parent.

use std::collections::HashSet;
use std::iter::successors;

use opentelemetry_proto::tonic::common::v1::{KeyValue, any_value};
use opentelemetry_proto::tonic::trace::v1::{self as otlp, TracesData};

pub use opentelemetry_proto::tonic::trace::v1::span::SpanKind;

/// A trace, with its spans by the time of their start.
#[derive(Debug, Default)]
pub struct Trace(pub Vec<Span>);

/// What the lab knows of a span.
#[derive(Clone, Debug)]
pub struct Span {
    /// As 16 hexadecimal digits.
    pub id: String,
    /// Empty for a root.
    pub parent_id: String,
    pub service: String,
    pub name: String,
    pub kind: SpanKind,
    /// `http`, `grpc`, or empty for a span that is no call.
    pub protocol: &'static str,
    /// Nanoseconds since the epoch.
    pub start: u64,
    /// Nanoseconds since the epoch.
    pub end: u64,
}

impl Trace {
    /// The spans of `data`, which holds one trace.
    pub fn new(data: TracesData) -> Self {
        let mut spans = Vec::new();
        for resource in data.resource_spans {
            let attributes = resource.resource.unwrap_or_default().attributes;
            let service = text(&attributes, "service.name").unwrap_or_default();
            for span in resource.scope_spans.into_iter().flat_map(|scope| scope.spans) {
                spans.push(Span::new(service, span));
            }
        }
        // An exporter that sends again leaves a second copy.
        let mut seen = HashSet::new();
        spans.retain(|span| seen.insert(span.id.clone()));
        spans.sort_by_key(|span| span.start);
        Self(spans)
    }

    /// The span's parent, unless it is a root or an orphan.
    pub fn parent(&self, span: &Span) -> Option<&Span> {
        self.0.iter().find(|other| other.id == span.parent_id)
    }

    /// The nearest span above that is no internal work of its service.
    pub fn caller(&self, span: &Span) -> Option<&Span> {
        // No way up is longer than the trace, unless it goes round.
        let ancestors = successors(self.parent(span), |above| self.parent(above));
        ancestors.take(self.0.len()).find(|above| above.kind != SpanKind::Internal)
    }

    /// The spans directly below.
    pub fn children<'a>(&'a self, span: &'a Span) -> impl Iterator<Item = &'a Span> {
        self.0.iter().filter(|other| other.parent_id == span.id)
    }

    /// The spans without a parent.
    pub fn roots(&self) -> impl Iterator<Item = &Span> {
        self.0.iter().filter(|span| span.parent_id.is_empty())
    }

    /// The spans whose parent is missing.
    pub fn orphans(&self) -> impl Iterator<Item = &Span> {
        self.0.iter().filter(|span| !span.parent_id.is_empty() && self.parent(span).is_none())
    }
}

impl Span {
    fn new(service: &str, span: otlp::Span) -> Self {
        let has = |key| span.attributes.iter().any(|attribute| attribute.key == key);
        Self {
            id: hex(&span.span_id),
            parent_id: hex(&span.parent_span_id),
            service: service.to_owned(),
            kind: span.kind(),
            protocol: match () {
                () if has("http.request.method") => "http",
                () if text(&span.attributes, "rpc.system.name") == Some("grpc") => "grpc",
                () => "",
            },
            start: span.start_time_unix_nano,
            end: span.end_time_unix_nano,
            name: span.name,
        }
    }

    /// `SERVER`, `CLIENT` and so on.
    pub fn kind_name(&self) -> &'static str {
        kind_name(self.kind)
    }
}

/// The kind as the specification writes it.
pub fn kind_name(kind: SpanKind) -> &'static str {
    kind.as_str_name().trim_start_matches("SPAN_KIND_")
}

/// An id as it is written everywhere.
pub fn hex(id: &[u8]) -> String {
    id.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn text<'a>(attributes: &'a [KeyValue], key: &str) -> Option<&'a str> {
    let attribute = attributes.iter().find(|attribute| attribute.key == key)?;
    match attribute.value.as_ref()?.value.as_ref()? {
        any_value::Value::StringValue(text) => Some(text),
        _ => None,
    }
}
