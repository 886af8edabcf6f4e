//! Whether a span is what a search asks for: as spoor reads it, but for the differences given.

use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue};

use crate::differences::{Difference::*, Rules};
use crate::questions::Search;
use crate::sent::{KINDS, Kept, Level, STATUSES, text_of};
use crate::traces::{key_value, text};

/// How Jaeger's older model calls the service of a resource without attributes.
const NO_SERVICE: &str = "OTLPResourceNoServiceName";

/// A condition on an attribute.
struct Condition<'a> {
    key: &'a str,
    value: Option<&'a AnyValue>,
    text: String,
}

pub fn matches(kept: &Kept, search: &Search, rules: &Rules) -> bool {
    let span = kept.span();
    let service = service(kept, rules);
    let (start, end) = (span.start_time_unix_nano, span.end_time_unix_nano);
    let took = i128::from(end) - i128::from(start);
    let (least, most) = search.duration;
    (kept.is_good() || rules.has(BadSpansKept))
        && (search.service == service || search.service.is_empty() && !rules.has(ServiceRequired))
        && (search.operation.is_empty() || search.operation == span.name)
        && search.start.0.is_none_or(|min| min <= start)
        && search.start.1.is_none_or(|max| start <= max)
        && (least == 0 || i128::from(least) <= took)
        && (most == 0 || took <= i128::from(most))
        && conditions(search, rules).iter().all(|condition| holds(kept, condition, rules))
}

/// The name of a span's service, or nothing.
pub fn service<'a>(kept: &'a Kept, rules: &Rules) -> &'a str {
    let attributes = kept.single.resource.as_ref().map_or(0, |resource| resource.attributes.len());
    match attributes {
        0 if rules.has(UnnamedServices) => NO_SERVICE,
        _ => &kept.service,
    }
}

fn conditions<'a>(search: &'a Search, rules: &Rules) -> Vec<Condition<'a>> {
    let mut conditions = Vec::<Condition>::new();
    for (key, value) in &search.attributes {
        let value = value.as_ref();
        if rules.has(NoValueNoCondition) && value.is_none_or(|value| value.value.is_none()) {
            continue;
        }
        if rules.has(LastAskedOfAKey) {
            conditions.retain(|condition| condition.key != key);
        }
        conditions.push(Condition { key, value, text: text_of(value) });
    }
    conditions
}

fn holds(kept: &Kept, condition: &Condition, rules: &Rules) -> bool {
    let span = kept.span();
    let status = span.status.as_ref().map_or(0, |status| status.code as usize);
    let told = condition.text.as_str();
    match condition.key {
        "error" if !rules.has(ErrorIsAttribute) => match truth(condition, rules) {
            Some(true) => status == 2,
            Some(false) if rules.has(ErrorFalseMeansOk) => status == 1,
            Some(false) => status != 2,
            None => has(kept, condition, None, rules),
        },
        "span.status" if !rules.has(SpanFields) => STATUSES[status].eq_ignore_ascii_case(told),
        "span.kind" if !rules.has(SpanFields) => {
            KINDS[span.kind as usize].eq_ignore_ascii_case(told)
        }
        "scope.name" if !rules.has(ScopeFields) => {
            kept.scope().map_or("", |scope| scope.name.as_str()) == told
        }
        "scope.version" if !rules.has(ScopeFields) => {
            kept.scope().map_or("", |scope| scope.version.as_str()) == told
        }
        key => match key.strip_prefix("resource.") {
            Some(key) if !rules.has(ResourcePrefix) => {
                let condition = Condition { key, text: condition.text.clone(), ..*condition };
                has(kept, &condition, Some(Level::Resource), rules)
            }
            _ => has(kept, condition, None, rules),
        },
    }
}

/// What `error` is asked to be; none if it is asked for as an attribute.
fn truth(condition: &Condition, rules: &Rules) -> Option<bool> {
    if rules.has(ErrorAsText) {
        let value = condition.value.and_then(|value| value.value.as_ref());
        return Some(matches!(value, Some(Value::BoolValue(true))));
    }
    match condition.text.as_str() {
        "1" | "t" | "T" | "TRUE" | "true" | "True" => Some(true),
        "0" | "f" | "F" | "FALSE" | "false" | "False" => Some(false),
        _ => None,
    }
}

/// Whether a span has the attribute, at this level if one is told.
fn has(kept: &Kept, condition: &Condition, at: Option<Level>, rules: &Rules) -> bool {
    let equal = |attribute: &KeyValue| {
        attribute.key == condition.key && told(attribute.value.as_ref(), rules) == condition.text
    };
    let in_list = |(level, list): (Level, &[KeyValue])| {
        if level == Level::Link && rules.has(NoLinkAttributes)
            || level == Level::Scope && rules.has(NoScopeAttributes)
            || at.is_some_and(|at| at != level)
        {
            return false;
        }
        if level == Level::Resource && condition.key == "service.name" && rules.has(FieldsAsTags) {
            return false;
        }
        if rules.has(FirstOfAKey) {
            return list.iter().find(|one| one.key == condition.key).is_some_and(equal);
        }
        list.iter().any(equal)
    };
    kept.lists().any(in_list) || tags(kept, rules).iter().any(equal)
}

/// The text of a span's value.
fn told(value: Option<&AnyValue>, rules: &Rules) -> String {
    match value.and_then(|value| value.value.as_ref()) {
        Some(Value::BytesValue(bytes)) if rules.has(BytesAsHex) => {
            bytes.iter().map(|byte| format!("{byte:02x}")).collect()
        }
        Some(Value::DoubleValue(number)) if rules.has(TenDigits) => {
            let rounded: f64 = format!("{number:.9e}").parse().expect("it was just written");
            rounded.to_string()
        }
        _ => text_of(value),
    }
}

/// What Jaeger's older model has as attributes beside the span's own.
fn tags(kept: &Kept, rules: &Rules) -> Vec<KeyValue> {
    let (span, mut tags) = (kept.span(), Vec::new());
    let mut add = |key: &str, value: &str| {
        if !value.is_empty() {
            tags.push(key_value(key, text(value)));
        }
    };
    let status = span.status.as_ref();
    let code = status.map_or(0, |status| status.code);
    if rules.has(ErrorIsAttribute) && code == 2 {
        add("error", "true");
    }
    if rules.has(FieldsAsTags) {
        add("span.kind", if span.kind == 0 { "" } else { KINDS[span.kind as usize] });
        add("otel.status_code", ["", "OK", "ERROR"][code as usize]);
        add("otel.status_description", status.map_or("", |status| &status.message));
        add("w3c.tracestate", &span.trace_state);
        if let Some(scope) = kept.scope() {
            add("otel.scope.name", &scope.name);
            add("otel.scope.version", &scope.version);
        }
        for event in &span.events {
            add("event", &event.name);
        }
    }
    tags
}
