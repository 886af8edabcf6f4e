//! A span as it is read back.

use std::sync::Arc;

use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue};
use opentelemetry_proto::tonic::trace::v1::status::StatusCode;
use opentelemetry_proto::tonic::trace::v1::{self as otlp, TracesData};

pub use opentelemetry_proto::tonic::trace::v1::span::SpanKind;

use crate::value::{find, hex, string};

/// A span, and what its resource and scope say of it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Span {
    /// As 32 hexadecimal digits.
    pub trace_id: String,
    /// As 16 hexadecimal digits.
    pub id: String,
    /// Empty for a root.
    pub parent_id: String,
    /// W3C's `tracestate`.
    pub trace_state: String,
    /// `service.name`, or empty.
    pub service: String,
    /// Of the resource, each span of which has the same.
    pub resource: Arc<[KeyValue]>,
    /// Name of the instrumentation scope.
    pub scope: Arc<str>,
    /// The operation.
    pub name: String,
    /// Its part in a call.
    pub kind: SpanKind,
    /// `http`, `grpc`, `rpc` for another, `sql` for any database, `messaging`, or empty for a span
    /// that is no call.
    pub protocol: &'static str,
    /// Nanoseconds since the epoch.
    pub start: u64,
    /// Nanoseconds since the epoch. By a clock that was set it may be before the start.
    pub end: u64,
    /// Whether it failed.
    pub status: Status,
    /// Its own.
    pub attributes: Vec<KeyValue>,
    /// In the order in which they were sent.
    pub events: Vec<Event>,
    /// In the order in which they were sent.
    pub links: Vec<Link>,
}

/// How a span ended.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Status {
    /// Nobody said.
    #[default]
    Unset,
    /// Somebody said that it is no error.
    Ok,
    /// It failed, with this message, which may be empty.
    Error(String),
}

/// What happened within a span.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Event {
    /// Nanoseconds since the epoch.
    pub time: u64,
    /// `exception` for an error, by convention.
    pub name: String,
    /// What is known of it.
    pub attributes: Vec<KeyValue>,
}

/// What a span has to do with without being below it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Link {
    /// As 32 hexadecimal digits.
    pub trace_id: String,
    /// As 16 hexadecimal digits.
    pub span_id: String,
    /// What is known of it.
    pub attributes: Vec<KeyValue>,
}

impl Span {
    /// All spans of `data`, in its order.
    pub fn all(data: TracesData) -> Vec<Self> {
        let mut spans = Vec::new();
        for resource in data.resource_spans {
            let attributes: Arc<[_]> = resource.resource.unwrap_or_default().attributes.into();
            let service = string(&attributes, "service.name").unwrap_or_default();
            for scope in resource.scope_spans {
                let name: Arc<str> = scope.scope.unwrap_or_default().name.into();
                let made = scope.spans.into_iter().map(|span| Self {
                    service: service.to_owned(),
                    resource: attributes.clone(),
                    scope: name.clone(),
                    ..Self::new(span)
                });
                spans.extend(made);
            }
        }
        spans
    }

    fn new(span: otlp::Span) -> Self {
        let kind = span.kind();
        // Zeros are no id: W3C Trace Context, section 3.2.2.
        let parent_id = if span.parent_span_id.iter().all(|byte| *byte == 0) {
            String::new()
        } else {
            hex(&span.parent_span_id)
        };
        let event = |event: otlp::span::Event| Event {
            time: event.time_unix_nano,
            name: event.name,
            attributes: event.attributes,
        };
        let link = |link: otlp::span::Link| Link {
            trace_id: hex(&link.trace_id),
            span_id: hex(&link.span_id),
            attributes: link.attributes,
        };
        Self {
            trace_id: hex(&span.trace_id),
            id: hex(&span.span_id),
            parent_id,
            trace_state: span.trace_state,
            name: span.name,
            kind,
            protocol: protocol(&span.attributes),
            start: span.start_time_unix_nano,
            end: span.end_time_unix_nano,
            status: span.status.map(Status::new).unwrap_or_default(),
            attributes: span.attributes,
            events: span.events.into_iter().map(event).collect(),
            links: span.links.into_iter().map(link).collect(),
            ..Self::default()
        }
    }

    /// Nanoseconds, 0 if it ended before it began.
    pub fn duration(&self) -> u64 {
        self.end.saturating_sub(self.start)
    }

    /// Whether it failed.
    pub fn is_error(&self) -> bool {
        matches!(self.status, Status::Error(_))
    }

    /// Whether a service answers by it: a SERVER or a CONSUMER.
    pub fn is_entry(&self) -> bool {
        matches!(self.kind, SpanKind::Server | SpanKind::Consumer)
    }

    /// Whether a service asks by it: a CLIENT or a PRODUCER.
    pub fn is_exit(&self) -> bool {
        matches!(self.kind, SpanKind::Client | SpanKind::Producer)
    }

    /// The value of an attribute of its own.
    pub fn attribute(&self, key: &str) -> Option<&AnyValue> {
        find(&self.attributes, key)
    }

    /// The same, as text.
    pub fn attribute_text(&self, key: &str) -> Option<String> {
        self.attribute(key).map(crate::text)
    }

    /// The value of an attribute of its resource.
    pub fn resource_attribute(&self, key: &str) -> Option<&AnyValue> {
        find(&self.resource, key)
    }

    /// `SERVER`, `CLIENT` and so on.
    pub fn kind_name(&self) -> &'static str {
        kind_name(self.kind)
    }
}

impl Status {
    fn new(status: otlp::Status) -> Self {
        match status.code() {
            StatusCode::Unset => Self::Unset,
            StatusCode::Ok => Self::Ok,
            StatusCode::Error => Self::Error(status.message),
        }
    }
}

/// The kind as the specification writes it.
pub fn kind_name(kind: SpanKind) -> &'static str {
    kind.as_str_name().trim_start_matches("SPAN_KIND_")
}

/// By the attributes that the semantic conventions have, and those that they had.
fn protocol(attributes: &[KeyValue]) -> &'static str {
    let has = |keys: [&str; 2]| keys.iter().any(|key| find(attributes, key).is_some());
    let is = |keys: [&str; 2], value| keys.iter().any(|key| string(attributes, key) == Some(value));
    match () {
        () if has(["http.request.method", "http.method"]) => "http",
        () if is(["rpc.system.name", "rpc.system"], "grpc") => "grpc",
        () if has(["rpc.system.name", "rpc.system"]) => "rpc",
        () if has(["db.system.name", "db.system"]) => "sql",
        () if has(["messaging.system", "messaging.destination.name"]) => "messaging",
        () => "",
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use opentelemetry_proto::tonic::common::v1::InstrumentationScope;
    use opentelemetry_proto::tonic::common::v1::any_value::Value;
    use opentelemetry_proto::tonic::resource::v1::Resource;
    use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans};

    use super::*;

    /// A span of this id and parent, from when to when.
    pub(crate) fn span(id: &str, parent_id: &str, start: u64, end: u64) -> Span {
        let (id, parent_id) = (id.to_owned(), parent_id.to_owned());
        Span { name: id.clone(), id, parent_id, start, end, ..Span::default() }
    }

    pub(crate) fn attribute(key: &str, value: &str) -> KeyValue {
        let value = Some(AnyValue { value: Some(Value::StringValue(value.to_owned())) });
        KeyValue { key: key.to_owned(), value, ..KeyValue::default() }
    }

    /// What is sent for one span of a service.
    fn data(service: &str, span: otlp::Span) -> TracesData {
        let attributes = vec![attribute("service.name", service), attribute("host.name", "here")];
        let name = "telemetry".to_owned();
        let scope = InstrumentationScope { name, ..InstrumentationScope::default() };
        let scope_spans =
            ScopeSpans { scope: Some(scope), spans: vec![span], ..ScopeSpans::default() };
        let resource = Resource { attributes, ..Resource::default() };
        let resource_spans = ResourceSpans {
            resource: Some(resource),
            scope_spans: vec![scope_spans],
            ..ResourceSpans::default()
        };
        TracesData { resource_spans: vec![resource_spans] }
    }

    fn read(span: otlp::Span) -> Span {
        let [span] = Span::all(data("app-a", span)).try_into().unwrap();
        span
    }

    #[test]
    fn all_that_is_sent_of_a_span_is_read() {
        let sent = otlp::Span {
            trace_id: vec![0xab; 16],
            span_id: vec![1; 8],
            trace_state: "a=b".to_owned(),
            parent_span_id: vec![2; 8],
            name: "GET /".to_owned(),
            kind: SpanKind::Server.into(),
            start_time_unix_nano: 5,
            end_time_unix_nano: 8,
            attributes: vec![attribute("http.request.method", "GET")],
            events: vec![otlp::span::Event {
                time_unix_nano: 6,
                name: "exception".to_owned(),
                attributes: vec![attribute("exception.type", "E")],
                ..otlp::span::Event::default()
            }],
            links: vec![otlp::span::Link {
                trace_id: vec![3; 16],
                span_id: vec![4; 8],
                attributes: vec![attribute("why", "queue")],
                ..otlp::span::Link::default()
            }],
            status: Some(otlp::Status { code: 2, message: "no".to_owned() }),
            ..otlp::Span::default()
        };
        let expected = Span {
            trace_id: "ab".repeat(16),
            id: "01".repeat(8),
            parent_id: "02".repeat(8),
            trace_state: "a=b".to_owned(),
            service: "app-a".to_owned(),
            resource: vec![attribute("service.name", "app-a"), attribute("host.name", "here")]
                .into(),
            scope: "telemetry".into(),
            name: "GET /".to_owned(),
            kind: SpanKind::Server,
            protocol: "http",
            start: 5,
            end: 8,
            status: Status::Error("no".to_owned()),
            attributes: vec![attribute("http.request.method", "GET")],
            events: vec![Event {
                time: 6,
                name: "exception".to_owned(),
                attributes: vec![attribute("exception.type", "E")],
            }],
            links: vec![Link {
                trace_id: "03".repeat(16),
                span_id: "04".repeat(8),
                attributes: vec![attribute("why", "queue")],
            }],
        };
        let span = read(sent);
        assert_eq!(span, expected);
        assert_eq!((span.duration(), span.kind_name(), span.is_error()), (3, "SERVER", true));
        assert_eq!(span.attribute_text("http.request.method").as_deref(), Some("GET"));
        assert_eq!(span.resource_attribute("host.name").map(crate::text).as_deref(), Some("here"));
        assert_eq!(span.attribute("host.name"), None);
    }

    #[test]
    fn what_is_not_sent_is_empty() {
        let resource_spans = ResourceSpans {
            scope_spans: vec![ScopeSpans {
                spans: vec![otlp::Span::default()],
                ..ScopeSpans::default()
            }],
            ..ResourceSpans::default()
        };
        let spans = Span::all(TracesData { resource_spans: vec![resource_spans] });
        assert_eq!(spans, [Span::default()]);
        assert_eq!(Span::all(TracesData::default()), []);
    }

    #[test]
    fn a_parent_of_zeros_is_none() {
        let sent = otlp::Span { parent_span_id: vec![0; 8], ..otlp::Span::default() };
        assert_eq!(read(sent).parent_id, "");
    }

    #[test]
    fn a_kind_or_a_status_that_nobody_knows_is_unset() {
        let status = Some(otlp::Status { code: 99, message: "?".to_owned() });
        let span = read(otlp::Span { kind: 99, status, ..otlp::Span::default() });
        assert_eq!((span.kind_name(), span.status), ("UNSPECIFIED", Status::Unset));
    }

    #[test]
    fn a_span_that_ended_before_it_began_took_no_time() {
        assert_eq!(span("1", "", 9, 5).duration(), 0);
    }

    #[test]
    fn a_service_is_asked_by_a_server_or_a_consumer_and_asks_by_a_client_or_a_producer() {
        use SpanKind::{Client, Consumer, Internal, Producer, Server, Unspecified};
        for (kind, entry, exit) in [
            (Server, true, false),
            (Consumer, true, false),
            (Client, false, true),
            (Producer, false, true),
            (Internal, false, false),
            (Unspecified, false, false),
        ] {
            let span = Span { kind, ..Span::default() };
            assert_eq!((span.is_entry(), span.is_exit()), (entry, exit), "{kind:?}");
        }
    }

    #[test]
    fn the_protocol_is_told_by_the_conventions_of_now_and_before() {
        for (key, value, expected) in [
            ("http.request.method", "GET", "http"),
            ("http.method", "GET", "http"),
            ("rpc.system.name", "grpc", "grpc"),
            ("rpc.system", "grpc", "grpc"),
            ("rpc.system", "connect_rpc", "rpc"),
            ("db.system.name", "sqlite", "sql"),
            ("db.system", "sqlite", "sql"),
            ("messaging.system", "in_process", "messaging"),
            ("limit", "9", ""),
        ] {
            assert_eq!(protocol(&[attribute(key, value)]), expected, "{key}");
        }
    }
}
