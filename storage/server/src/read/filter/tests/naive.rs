//! An evaluator that follows the contract's text and nothing else: it knows decoded spans and
//! Jaeger's calls, gathers every value a reference has, and tries every pair. What it leaves to
//! the contract's corners (numbers beyond 2^53, syntax of patterns) has tests of its own.

use std::cmp::Ordering;
use std::str::FromStr;

use opentelemetry_proto::tonic::common::v1::{KeyValue, any_value};
use opentelemetry_proto::tonic::trace::v1::span::{Event, Link};
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span};
use regex::Regex;
use spoor_proto::expression::expression::Term;
use spoor_proto::expression::{AttributeReference, Call, Expression, FieldReference, List};

use super::generate::DURATIONS;

/// A span with what encloses it and, inside `some`, the one event or link that is looked at.
#[derive(Clone, Copy, Debug)]
pub struct Place<'a> {
    pub resource: &'a ResourceSpans,
    pub scope: &'a ScopeSpans,
    pub span: &'a Span,
    pub event: Option<&'a Event>,
    pub link: Option<&'a Link>,
}

#[derive(Clone, Debug, PartialEq)]
enum Value {
    Text(String),
    Int(i64),
    Double(f64),
    Bool(bool),
    Duration(i128),
    Instant(i128),
    /// Bytes, arrays, maps, nothing.
    Other,
    /// A constant that declares no type.
    Untyped(String),
    /// A constant that declares one.
    Declared(Box<Value>),
}

/// What two values are to each other.
#[derive(PartialEq)]
enum Relation {
    Ordered(Ordering),
    /// Booleans: they have no order.
    Same,
    Different,
}

pub fn holds(call: &Call, place: Place<'_>) -> bool {
    let args = &call.args;
    let inner = |arg: &Expression, place| match &arg.term {
        Some(Term::Call(call)) => holds(call, place),
        _ => panic!("a predicate"),
    };
    let pairs = || {
        let mut pairs = Vec::new();
        for left in values(&args[0], &args[1], place) {
            for right in values(&args[1], &args[0], place) {
                pairs.push(relation(&left, &right));
            }
        }
        pairs
    };
    let ordered = |holds: fn(Ordering) -> bool| {
        pairs().into_iter().any(|pair| matches!(pair, Relation::Ordered(order) if holds(order)))
    };
    let is_equal =
        |pair: &Relation| matches!(pair, Relation::Same | Relation::Ordered(Ordering::Equal));
    let texts = || {
        let values = values(&args[0], &args[0], place).into_iter();
        values.filter_map(|value| if let Value::Text(text) = value { Some(text) } else { None })
    };
    match &*call.op {
        "and" => args.iter().all(|arg| inner(arg, place)),
        "or" => args.iter().any(|arg| inner(arg, place)),
        "not" => !inner(&args[0], place),
        "some" => match &args[0].term {
            Some(Term::Nested(nested)) if nested.level == "event" => {
                let events = place.span.events.iter();
                events
                    .map(|event| Place { event: Some(event), ..place })
                    .any(|p| inner(&args[1], p))
            }
            _ => {
                let links = place.span.links.iter();
                links.map(|link| Place { link: Some(link), ..place }).any(|p| inner(&args[1], p))
            }
        },
        "exists" => !values(&args[0], &args[0], place).is_empty(),
        "eq" => pairs().iter().any(is_equal),
        // "a negated leaf holds when none of them does", and of no value nothing holds.
        "ne" => !pairs().is_empty() && !pairs().iter().any(is_equal),
        "gt" => ordered(Ordering::is_gt),
        "lt" => ordered(Ordering::is_lt),
        "gte" => ordered(Ordering::is_ge),
        "lte" => ordered(Ordering::is_le),
        "in" => is_member(args, place).contains(&true),
        "not_in" => {
            let members = is_member(args, place);
            !members.is_empty() && !members.contains(&true)
        }
        "regex" => {
            let Some(Term::Scalar(pattern)) = &args[1].term else { panic!("a pattern") };
            let pattern = Regex::new(&pattern.value).unwrap();
            texts().any(|text| pattern.is_match(&text))
        }
        "phrase" => {
            let wanted = listed(&args[1]);
            texts().any(|text| words(&text).windows(wanted.len()).any(|found| *found == *wanted))
        }
        "fulltext" => {
            let wanted = listed(&args[1]);
            texts().any(|text| wanted.iter().all(|word| words(&text).contains(word)))
        }
        other => panic!("an operator: {other}"),
    }
}

/// For each value, whether it equals an element.
fn is_member(args: &[Expression], place: Place<'_>) -> Vec<bool> {
    let Some(Term::List(List { values: elements, r#type })) = &args[1].term else {
        panic!("a list")
    };
    let is_element = |value: &Value| {
        elements.iter().any(|element| {
            let element = constant(element, r#type, &args[0]);
            matches!(relation(value, &element), Relation::Same | Relation::Ordered(Ordering::Equal))
        })
    };
    values(&args[0], &args[0], place).iter().map(is_element).collect()
}

fn listed(list: &Expression) -> Vec<String> {
    let Some(Term::List(list)) = &list.term else { panic!("a list") };
    list.values.iter().map(|word| word.to_lowercase()).collect()
}

fn words(text: &str) -> Vec<String> {
    let is_part = |c: char| c.is_alphanumeric() || ('\u{300}'..'\u{370}').contains(&c);
    let words = text.split(|c| !is_part(c)).filter(|word| !word.is_empty());
    words.map(str::to_lowercase).collect()
}

/// All values of an operand that stands beside another one.
fn values(operand: &Expression, beside: &Expression, place: Place<'_>) -> Vec<Value> {
    match operand.term.as_ref().unwrap() {
        Term::Attr(AttributeReference { key, level }) => attribute(level, key, place),
        Term::Field(FieldReference { name, level }) => field(level, name, place),
        Term::Scalar(scalar) => vec![constant(&scalar.value, &scalar.r#type, beside)],
        other => panic!("an operand: {other:?}"),
    }
}

fn constant(text: &str, declared: &str, beside: &Expression) -> Value {
    if declared.is_empty() {
        return match &beside.term {
            Some(Term::Field(field)) => match &*field.name {
                "duration" | "timeSinceStart" => {
                    let known = DURATIONS.iter().find(|(known, _)| *known == text);
                    Value::Duration(known.unwrap().1)
                }
                "startTime" | "endTime" | "time" => {
                    let time = prost_types::Timestamp::from_str(text).unwrap();
                    let nanos = i128::from(time.seconds) * 1_000_000_000;
                    Value::Instant(nanos + i128::from(time.nanos))
                }
                _ => Value::Text(text.to_owned()),
            },
            _ => Value::Untyped(text.to_owned()),
        };
    }
    Value::Declared(Box::new(match declared {
        "string" => Value::Text(text.to_owned()),
        "int" => Value::Int(text.parse().unwrap()),
        "double" => Value::Double(text.parse().unwrap()),
        "bool" => Value::Bool(text == "true"),
        other => panic!("a type: {other}"),
    }))
}

fn attribute(level: &str, key: &str, place: Place<'_>) -> Vec<Value> {
    let span = place.span;
    let resource = || place.resource.resource.iter().flat_map(|resource| &resource.attributes);
    let attributes: Vec<&KeyValue> = match level {
        "" => span.attributes.iter().chain(resource()).collect(),
        "span" => span.attributes.iter().collect(),
        "resource" => resource().collect(),
        "scope" => place.scope.scope.iter().flat_map(|scope| &scope.attributes).collect(),
        "event" => events(place).iter().flat_map(|event| &event.attributes).collect(),
        "link" => links(place).iter().flat_map(|link| &link.attributes).collect(),
        other => panic!("a level: {other}"),
    };
    let own = attributes.into_iter().filter(|attribute| attribute.key == key);
    own.map(|attribute| match attribute.value.as_ref().and_then(|value| value.value.as_ref()) {
        Some(any_value::Value::StringValue(text)) => Value::Text(text.clone()),
        Some(any_value::Value::IntValue(number)) => Value::Int(*number),
        Some(any_value::Value::DoubleValue(number)) => Value::Double(*number),
        Some(any_value::Value::BoolValue(truth)) => Value::Bool(*truth),
        _ => Value::Other,
    })
    .collect()
}

fn events(place: Place<'_>) -> Vec<&Event> {
    place.event.map_or_else(|| place.span.events.iter().collect(), |event| vec![event])
}

fn links(place: Place<'_>) -> Vec<&Link> {
    place.link.map_or_else(|| place.span.links.iter().collect(), |link| vec![link])
}

fn field(level: &str, name: &str, place: Place<'_>) -> Vec<Value> {
    let span = place.span;
    let text = |text: &str| vec![Value::Text(text.to_owned())];
    let optional = |text: &str| {
        if text.is_empty() { Vec::new() } else { vec![Value::Text(text.to_owned())] }
    };
    let instant = |nanos: u64| Value::Instant(nanos.into());
    let since_start =
        |nanos: u64| Value::Duration(i128::from(nanos) - i128::from(span.start_time_unix_nano));
    match (level, name) {
        ("span", "traceID") => text(&hex(&span.trace_id)),
        ("span", "spanID") => text(&hex(&span.span_id)),
        ("span", "parentSpanID") => optional(&hex(&span.parent_span_id)),
        ("span", "traceState") => optional(&span.trace_state),
        ("span", "name") => text(&span.name),
        ("span", "kind") => text(match span.kind {
            1 => "internal",
            2 => "server",
            3 => "client",
            4 => "producer",
            5 => "consumer",
            _ => "unspecified",
        }),
        ("span", "startTime") => vec![instant(span.start_time_unix_nano)],
        ("span", "endTime") => vec![instant(span.end_time_unix_nano)],
        ("span", "duration") => vec![since_start(span.end_time_unix_nano)],
        ("span", "status") => text(match span.status.as_ref().map(|status| status.code) {
            Some(1) => "ok",
            Some(2) => "error",
            _ => "unset",
        }),
        ("span", "statusMessage") => {
            optional(span.status.as_ref().map_or("", |status| &status.message))
        }
        ("resource", "service") => {
            let names = attribute("resource", "service.name", place);
            let name = names.into_iter().find_map(|value| match value {
                Value::Text(name) => Some(name),
                _ => None,
            });
            optional(&name.unwrap_or_default())
        }
        ("resource", "schemaURL") => optional(&place.resource.schema_url),
        ("scope", "name") => optional(place.scope.scope.as_ref().map_or("", |scope| &scope.name)),
        ("scope", "version") => {
            optional(place.scope.scope.as_ref().map_or("", |scope| &scope.version))
        }
        ("scope", "schemaURL") => optional(&place.scope.schema_url),
        ("event", "name") => {
            events(place).iter().map(|event| Value::Text(event.name.clone())).collect()
        }
        ("event", "time") => {
            events(place).iter().map(|event| instant(event.time_unix_nano)).collect()
        }
        ("event", "timeSinceStart") => {
            events(place).iter().map(|event| since_start(event.time_unix_nano)).collect()
        }
        ("link", "traceID") => {
            links(place).iter().flat_map(|link| text(&hex(&link.trace_id))).collect()
        }
        ("link", "spanID") => {
            links(place).iter().flat_map(|link| text(&hex(&link.span_id))).collect()
        }
        ("link", "traceState") => {
            links(place).iter().flat_map(|link| optional(&link.trace_state)).collect()
        }
        other => panic!("a field: {other:?}"),
    }
}

/// An id's digits. None that is all zero is told, as in the Collector.
fn hex(id: &[u8]) -> String {
    if id.iter().all(|byte| *byte == 0) {
        return String::new();
    }
    id.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn relation(left: &Value, right: &Value) -> Relation {
    use Value::{Bool, Declared, Double, Duration, Instant, Int, Text, Untyped};
    let numbers = |left: Option<f64>, right: Option<f64>| {
        let order = left.zip(right).and_then(|(left, right)| left.partial_cmp(&right));
        order.map_or(Relation::Different, Relation::Ordered)
    };
    let same = |is: bool| if is { Relation::Same } else { Relation::Different };
    match (left, right) {
        // A declared type is authoritative over what is stored; two constants only compare.
        (Declared(left), Declared(right)) => relation(left, right),
        (Declared(left), Untyped(_)) => relation(left, right),
        (Untyped(_), Declared(right)) => relation(left, right),
        (Declared(declared), stored) | (stored, Declared(declared))
            if std::mem::discriminant(&**declared) != std::mem::discriminant(stored) =>
        {
            Relation::Different
        }
        (Declared(left), right) => relation(left, right),
        (left, Declared(right)) => relation(left, right),

        (Text(left) | Untyped(left), Text(right) | Untyped(right)) => {
            Relation::Ordered(left.cmp(right))
        }
        (Bool(left), Bool(right)) => same(left == right),
        (Bool(truth), Untyped(text)) | (Untyped(text), Bool(truth)) => same(match &**text {
            "1" | "t" | "T" | "TRUE" | "true" | "True" => *truth,
            "0" | "f" | "F" | "FALSE" | "false" | "False" => !truth,
            _ => false,
        }),
        (Int(_) | Double(_), Untyped(text)) => numbers(number(left), text.parse().ok()),
        (Untyped(text), Int(_) | Double(_)) => numbers(text.parse().ok(), number(right)),
        // The contract leaves open what an attribute is beside these.
        (
            Int(_) | Double(_) | Duration(_) | Instant(_),
            Int(_) | Double(_) | Duration(_) | Instant(_),
        ) => match (whole(left), whole(right)) {
            (Some(left), Some(right)) => Relation::Ordered(left.cmp(&right)),
            _ => numbers(number(left), number(right)),
        },
        _ => Relation::Different,
    }
}

fn whole(value: &Value) -> Option<i128> {
    match value {
        Value::Int(number) => Some((*number).into()),
        Value::Duration(nanos) | Value::Instant(nanos) => Some(*nanos),
        _ => None,
    }
}

fn number(value: &Value) -> Option<f64> {
    match value {
        Value::Double(number) => Some(*number),
        other => whole(other).map(|number| number as f64),
    }
}
