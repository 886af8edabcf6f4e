//! Limits of what a span and a log record hold, whoever reads their variables.

use opentelemetry_proto::tonic::common::v1::{KeyValue, any_value::Value};
use opentelemetry_proto::tonic::logs::v1::LogRecord;
use opentelemetry_proto::tonic::trace::v1::Span;

use super::collector::Collector;
use super::program::{EACH, SPANS, Variable, run};

/// A span and the log record of a program with these variables.
async fn work(variables: &[Variable<'_>]) -> (Span, LogRecord) {
    let collector = Collector::start().await;
    let (name, endpoint) = collector.variable();
    run("work", &[&[(name, endpoint.as_str())], variables].concat()).await;
    let span = collector.wait_for(SPANS).await.remove(0).span;
    (span, collector.logs().remove(0).record)
}

/// The texts among the attributes, in order.
fn texts(attributes: &[KeyValue]) -> Vec<String> {
    let mut texts = Vec::new();
    for attribute in attributes {
        match attribute.value.clone().and_then(|value| value.value) {
            Some(Value::StringValue(text)) => texts.push(text),
            Some(Value::ArrayValue(array)) => {
                texts.extend(array.values.into_iter().filter_map(|value| match value.value {
                    Some(Value::StringValue(text)) => Some(text),
                    _ => None,
                }));
            }
            _ => {}
        }
    }
    texts
}

/// How many attributes, events and links a span has, and how many attributes an event and a link.
fn counts(span: &Span) -> [usize; 5] {
    [
        span.attributes.len(),
        span.events.len(),
        span.links.len(),
        span.events.first().map_or(0, |event| event.attributes.len()),
        span.links.first().map_or(0, |link| link.attributes.len()),
    ]
}

#[tokio::test]
async fn a_span_holds_as_many_of_each_kind_as_its_variable_says_and_tells_what_it_dropped() {
    for (variable, expected) in [
        (None, [EACH; 5]),
        (Some("OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT"), [1, EACH, EACH, EACH, EACH]),
        (Some("OTEL_ATTRIBUTE_COUNT_LIMIT"), [1, EACH, EACH, EACH, EACH]),
        (Some("OTEL_SPAN_EVENT_COUNT_LIMIT"), [EACH, 1, EACH, EACH, EACH]),
        (Some("OTEL_SPAN_LINK_COUNT_LIMIT"), [EACH, EACH, 1, EACH, EACH]),
        (Some("OTEL_EVENT_ATTRIBUTE_COUNT_LIMIT"), [EACH, EACH, EACH, 1, EACH]),
        (Some("OTEL_LINK_ATTRIBUTE_COUNT_LIMIT"), [EACH, EACH, EACH, EACH, 1]),
    ] {
        let variables: Vec<Variable<'_>> = variable.map(|name| (name, "1")).into_iter().collect();
        let (span, _) = work(&variables).await;
        assert_eq!(counts(&span), expected, "{variable:?}");
        let dropped = [
            span.dropped_attributes_count,
            span.dropped_events_count,
            span.dropped_links_count,
            span.events[0].dropped_attributes_count,
            span.links[0].dropped_attributes_count,
        ];
        assert_eq!(dropped, expected.map(|kept| (EACH - kept) as u32), "{variable:?}");
    }
}

#[tokio::test]
async fn a_log_record_holds_as_many_attributes_as_its_variable_says() {
    for (variables, expected) in [
        (&[][..], EACH),
        (&[("OTEL_LOGRECORD_ATTRIBUTE_COUNT_LIMIT", "1")], 1),
        (&[("OTEL_ATTRIBUTE_COUNT_LIMIT", "2")], 2),
    ] {
        let (_, record) = work(variables).await;
        assert_eq!(record.attributes.len(), expected, "{variables:?}");
    }
}

#[tokio::test]
async fn a_text_is_as_long_as_its_variable_says() {
    let of_spans = ("OTEL_SPAN_ATTRIBUTE_VALUE_LENGTH_LIMIT", "2");
    let of_logs = ("OTEL_LOGRECORD_ATTRIBUTE_VALUE_LENGTH_LIMIT", "3");
    let of_all = ("OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT", "4");
    for (variables, in_span, in_log) in [
        (&[][..], ["alphabet", "alpha", "beta", "gamma"], ["alphabet", "alpha"]),
        (&[of_all], ["alph", "alph", "beta", "gamm"], ["alph", "alph"]),
        (&[of_all, of_spans], ["al", "al", "be", "ga"], ["alph", "alph"]),
        (&[of_all, of_logs], ["alph", "alph", "beta", "gamm"], ["alp", "alp"]),
    ] {
        let (span, record) = work(variables).await;
        assert_eq!(texts(&span.attributes), in_span, "{variables:?}");
        assert_eq!(texts(&span.events[0].attributes), in_span, "{variables:?}");
        assert_eq!(texts(&span.links[0].attributes), in_span, "{variables:?}");
        let mut of_record = texts(&record.attributes);
        of_record.sort_by_key(|text| std::cmp::Reverse(text.len()));
        assert_eq!(of_record, in_log, "{variables:?}");
    }
}
