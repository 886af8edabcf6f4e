//! Spans of every kind, each with the row that it is to become.

use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::common::v1::{
    AnyValue, ArrayValue, InstrumentationScope, KeyValue, KeyValueList,
};
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace::v1::span::{Event, Link};
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span, Status};
use serde_json::{Value as Json, json};

/// 2026-09-21T14:13:20Z, in nanoseconds since the Unix epoch.
pub(crate) const EPOCH: u64 = 1_790_000_000_000_000_000;

const HOSTILE: &str = "'; DROP TABLE spans; --\"\\\n\r\t\0\u{1}é漢字🦀\u{202e}\u{2028}{}[]$1%s";

/// A span with what encloses it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Whole {
    pub(crate) resource: Resource,
    pub(crate) resource_schema_url: String,
    pub(crate) scope: InstrumentationScope,
    pub(crate) scope_schema_url: String,
    pub(crate) span: Span,
}

impl Whole {
    /// A span of a service. Its ids are of these numbers.
    pub(crate) fn new(service: &str, trace: u128, id: u64) -> Self {
        let mut whole = Self::default();
        whole.resource.attributes.push(text("service.name", service));
        whole.span.trace_id = trace.to_be_bytes().to_vec();
        whole.span.span_id = id.to_be_bytes().to_vec();
        whole.at(EPOCH, 1_000_000)
    }

    pub(crate) fn at(mut self, start: u64, duration: u64) -> Self {
        self.span.start_time_unix_nano = start;
        self.span.end_time_unix_nano = start.wrapping_add(duration);
        self
    }

    pub(crate) fn with(mut self, change: impl FnOnce(&mut Span)) -> Self {
        change(&mut self.span);
        self
    }

    pub(crate) fn service(&self) -> &str {
        let mut attributes = self.resource.attributes.iter();
        let names = attributes.find_map(|it| match (&*it.key, &it.value.as_ref()?.value) {
            ("service.name", Some(Value::StringValue(name))) => Some(&**name),
            _ => None,
        });
        names.unwrap_or_default()
    }

    /// The row in the file.
    pub(crate) fn row(&self, tenant: &str) -> Json {
        let span = &self.span;
        let (start, end) = (span.start_time_unix_nano, span.end_time_unix_nano);
        let status = span.status.clone().unwrap_or_default();
        let kinds = ["unspecified", "internal", "server", "client", "producer", "consumer"];
        let codes = ["unset", "ok", "error"];
        let name_of = |names: &[&'static str], code: i32| {
            *usize::try_from(code).ok().and_then(|code| names.get(code)).unwrap_or(&names[0])
        };
        json!({
            "tenant": tenant,
            "trace_id": hex(&span.trace_id),
            "span_id": hex(&span.span_id),
            "parent_span_id": hex(&span.parent_span_id).filter(|id| id.contains(|it| it != '0')),
            "trace_state": span.trace_state,
            "flags": span.flags,
            "service_name": self.service(),
            "name": span.name,
            "kind": name_of(&kinds, span.kind),
            "start_time": time(start),
            "end_time": time(end),
            "duration_ns": i64::try_from(i128::from(end) - i128::from(start)).ok(),
            "status_code": name_of(&codes, status.code),
            "status_message": status.message,
            "resource_attributes": map(&self.resource.attributes),
            "resource_schema_url": self.resource_schema_url,
            "scope_name": self.scope.name,
            "scope_version": self.scope.version,
            "scope_attributes": map(&self.scope.attributes),
            "scope_schema_url": self.scope_schema_url,
            "span_attributes": map(&span.attributes),
            "dropped_attributes_count": span.dropped_attributes_count,
            "events": span.events.iter().map(event).collect::<Vec<_>>(),
            "dropped_events_count": span.dropped_events_count,
            "links": span.links.iter().map(link).collect::<Vec<_>>(),
            "dropped_links_count": span.dropped_links_count,
        })
    }
}

fn event(event: &Event) -> Json {
    json!({
        "time": time(event.time_unix_nano),
        "name": event.name,
        "attributes": map(&event.attributes),
        "dropped_attributes_count": event.dropped_attributes_count,
    })
}

fn link(link: &Link) -> Json {
    json!({
        "trace_id": hex(&link.trace_id),
        "span_id": hex(&link.span_id),
        "trace_state": link.trace_state,
        "flags": link.flags,
        "attributes": map(&link.attributes),
        "dropped_attributes_count": link.dropped_attributes_count,
    })
}

fn hex(id: &[u8]) -> Option<String> {
    (!id.is_empty()).then(|| id.iter().map(|byte| format!("{byte:02x}")).collect())
}

fn time(nanoseconds: u64) -> Option<u64> {
    // The greatest of the signed ones is DuckDB's infinity.
    (nanoseconds < i64::MAX.cast_unsigned()).then_some(nanoseconds)
}

fn map(attributes: &[KeyValue]) -> Json {
    let entry = |it: &KeyValue| (it.key.clone(), value_text(it.value.as_ref()));
    Json::Object(attributes.iter().map(entry).collect())
}

/// The text of a value, of those that [`values`] gives.
fn value_text(value: Option<&AnyValue>) -> Json {
    let Some(value) = value.and_then(|value| value.value.as_ref()) else { return Json::Null };
    if let Value::StringValue(text) = value {
        return json!(text);
    }
    let known =
        values().into_iter().find(|(known, _)| format!("{known:?}") == format!("{value:?}"));
    json!(known.expect("a value of those").1)
}

/// A value of each type, and more, with the text that stands for it.
fn values() -> Vec<(Value, &'static str)> {
    let any = |value| AnyValue { value: Some(value) };
    let nested = KeyValueList {
        values: vec![
            KeyValue {
                key: "b".into(),
                value: Some(any(Value::IntValue(2))),
                ..Default::default()
            },
            text("a", "x\"y"),
        ],
    };
    let list = ArrayValue {
        values: vec![
            any(Value::StringValue("a".into())),
            any(Value::BoolValue(false)),
            AnyValue::default(),
        ],
    };
    vec![
        (Value::BoolValue(true), "true"),
        (Value::BoolValue(false), "false"),
        (Value::IntValue(0), "0"),
        (Value::IntValue(i64::MAX), "9223372036854775807"),
        (Value::IntValue(i64::MIN), "-9223372036854775808"),
        (Value::DoubleValue(0.25), "0.25"),
        (Value::DoubleValue(-1.5e300), "-1.5e+300"),
        (Value::DoubleValue(f64::NAN), "json: unsupported value: NaN"),
        (Value::BytesValue(vec![0, 255, 16]), "AP8Q"),
        (Value::BytesValue(vec![]), ""),
        (Value::ArrayValue(list), r#"["a",false,null]"#),
        (Value::ArrayValue(ArrayValue::default()), "[]"),
        (Value::KvlistValue(nested), r#"{"a":"x\"y","b":2}"#),
        (Value::KvlistValue(KeyValueList::default()), "{}"),
    ]
}

/// Attributes of every kind.
fn every_attribute() -> Vec<KeyValue> {
    let numbered = values().into_iter().enumerate().map(|(number, (value, _))| KeyValue {
        key: format!("value {number}"),
        value: Some(AnyValue { value: Some(value) }),
        ..Default::default()
    });
    numbered
        .chain([
            text("text", "plain"),
            text("empty", ""),
            text(HOSTILE, HOSTILE),
            text("", "of the empty key"),
            KeyValue {
                key: "unset".into(),
                value: Some(AnyValue::default()),
                ..Default::default()
            },
            KeyValue { key: "no value".into(), ..Default::default() },
            text("long", &"0123456789".repeat(30_000)),
            text("twice", "the first"),
            text("twice", "the last"),
        ])
        .collect()
}

pub(crate) fn text(key: &str, value: &str) -> KeyValue {
    let value = Some(AnyValue { value: Some(Value::StringValue(value.into())) });
    KeyValue { key: key.into(), value, ..Default::default() }
}

/// Spans unlike others, all of one trace.
pub(crate) fn odd_spans() -> Vec<Whole> {
    const TRACE: u128 = 0xfedc_ba98_7654_3210_0000_0000_0000_0001;
    let mut id = 0;
    let mut new = || {
        id += 1;
        Whole::new("odd", TRACE, id)
    };
    let signed = i64::MAX.cast_unsigned();
    let mut full = new().with(|span| {
        span.parent_span_id = vec![0xab; 8];
        span.trace_state = "vendor=value,other=1".into();
        span.flags = u32::MAX;
        span.name = HOSTILE.into();
        span.kind = 5;
        span.attributes = every_attribute();
        span.dropped_attributes_count = u32::MAX;
        span.dropped_events_count = 2;
        span.dropped_links_count = 3;
        span.status = Some(Status { code: 2, message: HOSTILE.into() });
        let event = |number| Event {
            time_unix_nano: EPOCH + number,
            name: format!("event {number}"),
            attributes: if number == 1 { every_attribute() } else { Vec::new() },
            dropped_attributes_count: 4,
        };
        span.events = (0..3).map(event).collect();
        span.events.push(Event { time_unix_nano: u64::MAX, ..Event::default() });
        span.links = vec![
            Link {
                trace_id: vec![1; 16],
                span_id: vec![2; 8],
                trace_state: "a=b".into(),
                attributes: every_attribute(),
                dropped_attributes_count: 5,
                flags: 0x301,
            },
            Link::default(),
        ];
    });
    full.resource.attributes.extend(every_attribute());
    full.scope.name = "scope".into();
    full.scope.version = "1.2".into();
    full.scope.attributes = every_attribute();
    full.resource_schema_url = "https://example.org/resource".into();
    full.scope_schema_url = "https://example.org/scope".into();
    let mut bare = new().at(0, 0);
    bare.resource = Resource::default();
    let mut numbered_service = new();
    numbered_service.resource.attributes[0].value =
        Some(AnyValue { value: Some(Value::IntValue(0)) });
    vec![
        full,
        bare,
        numbered_service,
        new().at(signed - 1, 0),
        new().at(signed, 0),
        new().at(signed + 5, 10),
        new().at(u64::MAX, 0),
        new().at(EPOCH, 5_u64.wrapping_neg()),
        new().at(0, u64::MAX),
        new().at(1, u64::MAX),
        new().with(|span| span.kind = 99),
        new().with(|span| span.kind = -1),
        new().with(|span| span.status = Some(Status { code: 7, message: String::new() })),
        new().with(|span| span.status = Some(Status { code: 1, message: "fine".into() })),
        new().with(|span| span.parent_span_id = vec![0; 8]),
        new().with(|span| {
            span.attributes = (0..9_000).map(|key| text(&format!("key {key}"), "v")).collect();
            span.events = vec![Event::default(); 3_000];
        }),
    ]
}

/// So many traces of calls among services, some of which fail.
pub(crate) fn calls(traces: u64) -> Vec<Whole> {
    let mut random = 1_u64;
    let mut next = |below: u64| {
        random =
            random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (random >> 33) % below
    };
    let services = ["app-a", "app-b", "app-c", "app-d"];
    let mut spans = Vec::new();
    for trace in 1..=traces {
        let start = EPOCH + trace * 1_000_000;
        for number in 0..1 + next(8) {
            let service = services[if number == 0 { 0 } else { next(4) as usize }];
            let id = (trace << 8) | (number + 1);
            let duration = 1_000 * (1 + next(10_000));
            let status = (next(10) == 0).then(|| Status { code: 2, message: "failed".into() });
            spans.push(Whole::new(service, trace.into(), id).at(start + number, duration).with(
                |span| {
                    span.parent_span_id = if number == 0 {
                        Vec::new()
                    } else {
                        ((trace << 8) | 1).to_be_bytes().to_vec()
                    };
                    span.name = format!("operation {}", next(5));
                    span.kind = 1 + next(5) as i32;
                    span.status = status;
                    span.attributes = vec![text("http.route", &format!("/route/{}", next(20)))];
                },
            ));
        }
    }
    spans
}

/// An export request of these spans.
pub(crate) fn request(spans: &[Whole]) -> ExportTraceServiceRequest {
    let resource_spans = |whole: &Whole| ResourceSpans {
        resource: Some(whole.resource.clone()),
        schema_url: whole.resource_schema_url.clone(),
        scope_spans: vec![ScopeSpans {
            scope: Some(whole.scope.clone()),
            schema_url: whole.scope_schema_url.clone(),
            spans: vec![whole.span.clone()],
        }],
    };
    ExportTraceServiceRequest { resource_spans: spans.iter().map(resource_spans).collect() }
}
