//! Which spans, traces or log lines are meant: `service = app-c and kind = SERVER`.

use traces::{Filter, Level, Span, Status, Trace};

/// What a service puts on the first span of a trace that a person wants to have.
const DEBUG_ID: &str = "jaeger-debug-id";
/// What stands before the name of a header.
const HEADER: &str = "header.";
/// The attributes of captured headers, by the semantic conventions.
const HEADERS: [&str; 2] = ["http.request.header.", "rpc.request.metadata."];

/// All of which must hold; none are met by everything.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Conditions(Vec<Condition>);

#[derive(Clone, Debug, PartialEq)]
struct Condition {
    key: String,
    comparison: Comparison,
    value: String,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Comparison {
    Is,
    AtLeast,
    AtMost,
}

/// What the conditions are on, which tells the keys that there are.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Of {
    /// The spans of a trace that was read.
    Spans,
    /// What the storage server looks for.
    Traces,
    /// Log lines of a trace.
    Logs,
}

impl Of {
    /// Besides these, spans have attributes and traces are found by them: what has a dot. Of a span,
    /// `header.NAME` is the one value of a header or of metadata that it shows.
    pub const fn keys(self) -> &'static [&'static str] {
        match self {
            Self::Spans => &[
                "service",
                "name",
                "kind",
                "status",
                "protocol",
                "duration",
                "event",
                "link",
                "parent",
                "parent.service",
                "parent.name",
                DEBUG_ID,
            ],
            Self::Traces => &[
                "service",
                "name",
                "kind",
                "status",
                "duration",
                "root.service",
                "root.name",
                DEBUG_ID,
            ],
            Self::Logs => &["service", "level"],
        }
    }

    /// Whether it may be an attribute's, which has a dot: what is known of others than these is none.
    fn has_attribute(self, key: &str) -> bool {
        let is_of_spans = Self::Spans.keys().contains(&key) || key.starts_with(HEADER);
        let is_other = match self {
            Self::Spans => Self::Traces.keys().contains(&key),
            Self::Traces => is_of_spans,
            Self::Logs => true,
        };
        key.contains('.') && !is_other
    }
}

impl Conditions {
    /// Reads `KEY = VALUE and KEY = VALUE`; of a duration also `>=` and `<=`.
    pub fn read(text: &str, of: Of) -> Result<Self, String> {
        let conditions = text.split(" and ").map(|condition| Condition::read(condition, of));
        conditions.collect::<Result<_, _>>().map(Self)
    }

    /// Whether the span of this trace is meant.
    pub fn meet(&self, trace: &Trace, span: &Span) -> bool {
        self.0.iter().all(|condition| condition.meets(trace, span))
    }

    /// Whether a line of a trace is meant.
    pub fn meet_line(&self, service: &str, level: &str) -> bool {
        self.0.iter().all(|Condition { key, value, .. }| match key.as_str() {
            "service" => service == value,
            _ => level == value,
        })
    }

    /// Whether a trace with this root is meant.
    pub fn meet_root(&self, service: &str, name: &str) -> bool {
        self.0.iter().all(|Condition { key, value, .. }| match key.as_str() {
            "root.service" => service == value,
            "root.name" => name == value,
            _ => true,
        })
    }

    /// Whether traces that the storage server finds may still not be meant.
    pub fn are_of_roots(&self) -> bool {
        self.0.iter().any(|condition| condition.key.starts_with("root."))
    }

    /// What the storage server is asked for: traces with a span that meets all at once.
    pub fn filter(&self) -> Option<Filter> {
        Filter::all(self.0.iter().map(Condition::filter).collect())
    }
}

impl Condition {
    fn read(text: &str, of: Of) -> Result<Self, String> {
        let comparisons =
            [(" = ", Comparison::Is), (" >= ", Comparison::AtLeast), (" <= ", Comparison::AtMost)];
        let parts = comparisons.iter().find_map(|(sign, comparison)| {
            let (key, value) = text.split_once(sign)?;
            Some((key.trim(), *comparison, value.trim()))
        });
        let (key, comparison, value) =
            parts.ok_or_else(|| format!("expected KEY = VALUE, not {text:?}"))?;
        if !of.keys().contains(&key) && !of.has_attribute(key) {
            let attributes = if of == Of::Logs { "" } else { ", and no attribute" };
            return Err(format!("{key:?} is none of {}{attributes}", of.keys().join(", ")));
        }
        if (key == "duration") == (comparison == Comparison::Is) {
            return Err(format!("a duration is compared by >= or <=, all else by =: {text:?}"));
        }
        if key == "duration" {
            nanoseconds(value)?;
        }
        if (key, of) == ("status", Of::Traces) && value != "error" {
            return Err(format!("of statuses only error can be looked for, not {value:?}"));
        }
        Ok(Self { key: key.to_owned(), comparison, value: value.to_owned() })
    }

    fn meets(&self, trace: &Trace, span: &Span) -> bool {
        let value = self.value.as_str();
        match self.key.as_str() {
            "service" => span.service == value,
            "name" => span.name == value,
            "kind" => span.kind_name() == value,
            "protocol" => span.protocol == value,
            "status" => status(span) == value,
            "event" => span.events.iter().any(|event| event.name == value),
            "link" => span.links.iter().any(|link| link.trace_id == value),
            "duration" => match (nanoseconds(value), self.comparison) {
                (Ok(bound), Comparison::AtMost) => span.duration() <= bound,
                (Ok(bound), _) => span.duration() >= bound,
                (Err(_), _) => false,
            },
            "parent" => match value {
                "none" => span.parent_id.is_empty(),
                "missing" => trace.is_orphan(span),
                id => span.parent_id == id,
            },
            "parent.service" => trace.parent(span).is_some_and(|parent| parent.service == value),
            "parent.name" => trace.parent(span).is_some_and(|parent| parent.name == value),
            key => match key.strip_prefix(HEADER) {
                Some(name) => HEADERS.iter().any(|prefix| {
                    let shown = span.attribute_text(&format!("{prefix}{name}"));
                    shown.is_some_and(|shown| shown == format!("[{value:?}]"))
                }),
                None => {
                    let of_resource = || span.resource_attribute(key).map(traces::text);
                    span.attribute_text(key).or_else(of_resource).is_some_and(|text| text == value)
                }
            },
        }
    }

    fn filter(&self) -> Filter {
        let value = self.value.as_str();
        match self.key.as_str() {
            "service" | "root.service" => Filter::service(value),
            "name" | "root.name" => Filter::operation(value),
            "kind" => Filter::kind(&value.to_lowercase()),
            "status" => Filter::error(),
            "duration" => {
                let bound = nanoseconds(value).unwrap_or_default();
                match self.comparison {
                    Comparison::AtMost => Filter::at_most(bound),
                    _ => Filter::at_least(bound),
                }
            }
            key => Filter::attribute(Level::Any, key, value),
        }
    }
}

fn status(span: &Span) -> &'static str {
    match span.status {
        Status::Unset => "unset",
        Status::Ok => "ok",
        Status::Error(_) => "error",
    }
}

/// Of `400 ms` or `2 s`.
fn nanoseconds(text: &str) -> Result<u64, String> {
    let time = humantime::parse_duration(text).map_err(|error| format!("{text:?}: {error}"))?;
    u64::try_from(time.as_nanos()).map_err(|_| format!("{text:?} is too long"))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use opentelemetry_proto::tonic::common::v1::any_value::Value;
    use opentelemetry_proto::tonic::common::v1::{AnyValue, ArrayValue, KeyValue};
    use traces::{Event, SpanKind};

    use super::*;

    fn attribute(key: &str, value: &str) -> KeyValue {
        let value = Some(AnyValue { value: Some(Value::StringValue(value.to_owned())) });
        KeyValue { key: key.to_owned(), value, ..KeyValue::default() }
    }

    fn headers(key: &str, values: &[&str]) -> KeyValue {
        let values = values.iter().map(|value| attribute("", value).value.unwrap()).collect();
        let value = Some(AnyValue { value: Some(Value::ArrayValue(ArrayValue { values })) });
        KeyValue { key: key.to_owned(), value, ..KeyValue::default() }
    }

    /// A root, and a child of 20 ms with everything that can be asked for.
    fn trace() -> Trace {
        let root = Span {
            id: "1".to_owned(),
            service: "app-a".to_owned(),
            name: "GET /".to_owned(),
            ..Span::default()
        };
        let child = Span {
            id: "2".to_owned(),
            parent_id: "1".to_owned(),
            service: "app-b".to_owned(),
            name: "POST /x and y".to_owned(),
            kind: SpanKind::Server,
            protocol: "http",
            end: 20_000_000,
            status: Status::Error(String::new()),
            attributes: vec![
                attribute("app.tier", "gold"),
                attribute(DEBUG_ID, "ticket"),
                headers("http.request.header.baggage", &["tier=gold"]),
                headers("rpc.request.metadata.tracestate", &["a=1", "b=2"]),
            ],
            resource: Arc::new([attribute("service.version", "1.1.0")]),
            events: vec![Event { name: "exception".to_owned(), ..Event::default() }],
            ..Span::default()
        };
        Trace::of(vec![root, child])
    }

    fn meets(text: &str) -> Vec<String> {
        let trace = trace();
        let conditions = Conditions::read(text, Of::Spans).unwrap();
        let spans = trace.spans().iter().filter(|span| conditions.meet(&trace, span));
        spans.map(|span| span.id.clone()).collect()
    }

    #[test]
    fn each_key_is_met_by_what_has_it_and_by_nothing_else() {
        for (text, met) in [
            ("service = app-b", "2"),
            ("name = GET /", "1"),
            ("kind = SERVER", "2"),
            ("protocol = http", "2"),
            ("status = error", "2"),
            ("status = unset", "1"),
            ("event = exception", "2"),
            ("duration >= 20 ms", "2"),
            ("duration <= 19 ms", "1"),
            ("parent = none", "1"),
            ("parent = 1", "2"),
            ("parent.service = app-a", "2"),
            ("parent.name = GET /", "2"),
            ("app.tier = gold", "2"),
            ("jaeger-debug-id = ticket", "2"),
            ("header.baggage = tier=gold", "2"),
            ("service.version = 1.1.0", "2"),
            ("kind = SERVER and app.tier = gold", "2"),
        ] {
            assert_eq!(meets(text), [met], "{text}");
        }
        for text in [
            "service = app-c",
            "parent = missing",
            "kind = SERVER and service = app-a",
            "header.tracestate = a=1",
        ] {
            assert!(meets(text).is_empty(), "{text}");
        }
    }

    #[test]
    fn what_cannot_be_asked_for_is_refused_with_what_can() {
        for (text, of, problem) in [
            ("service", Of::Spans, "expected KEY = VALUE"),
            ("servce = x", Of::Spans, "is none of service, name"),
            ("event = exception", Of::Traces, "is none of service, name"),
            ("app.tier = gold", Of::Logs, "is none of service, level"),
            ("header.baggage = tier=gold", Of::Traces, "is none of service, name"),
            ("parent.service = app-a", Of::Traces, "root.name, jaeger-debug-id, and no attribute"),
            ("root.name = GET /", Of::Spans, "is none of service, name"),
            ("duration = 3 ms", Of::Spans, "compared by >= or <="),
            ("service >= app-a", Of::Spans, "compared by >= or <="),
            ("duration >= long", Of::Traces, "\"long\""),
            ("status = ok", Of::Traces, "only error"),
        ] {
            let seen = Conditions::read(text, of).unwrap_err();
            assert!(seen.contains(problem), "{text}: {seen}");
        }
    }

    #[test]
    fn lines_and_roots_are_told_apart() {
        let lines = Conditions::read("service = app-b and level = ERROR", Of::Logs).unwrap();
        assert!(lines.meet_line("app-b", "ERROR"));
        assert!(!lines.meet_line("app-b", "INFO") && !lines.meet_line("app-a", "ERROR"));
        let roots = Conditions::read("root.service = app-c", Of::Traces).unwrap();
        assert!(roots.meet_root("app-c", "x") && !roots.meet_root("app-a", "x"));
    }
}
