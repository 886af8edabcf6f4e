//! All that is known of a span.

use maud::{Markup, html};
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue};
use traces::{Event, Link, Span, Status, Trace};

use super::figure::{duration, moment};
use super::link;
use super::text::{long, short};
use super::wide::wide;

/// Attributes, events or links of each kind that are shown.
const MOST: usize = 200;

/// What is known of the span, below a heading of the third level.
pub(crate) fn span(trace: &Trace, span: &Span) -> Markup {
    html! {
        div.detail {
            h3 { span.service { (short(&span.service)) } " " (short(&span.name)) }
            (facts(trace, span))
            (attributes("Attributes", &span.attributes))
            @if !span.events.is_empty() { (events(span)) }
            (links(trace, span))
            (attributes("Resource", &span.resource))
        }
    }
}

fn facts(trace: &Trace, span: &Span) -> Markup {
    let (start, _) = trace.window();
    html! {
        dl.facts {
            div { dt { "kind" } dd { (span.kind_name()) } }
            div { dt { "status" } dd { (status(&span.status)) } }
            div { dt { "duration" } dd { (duration(span.duration() as f64)) } }
            div {
                dt { "begun" }
                dd { (moment(span.start)) ", " (duration((span.start - start) as f64)) " into the trace" }
            }
            div { dt { "span id" } dd { code { (span.id) } } }
            div { dt { "parent" } dd { (parent(trace, span)) } }
            @if !span.scope.is_empty() { div { dt { "scope" } dd { (short(&span.scope)) } } }
            @if !span.trace_state.is_empty() { div { dt { "tracestate" } dd { code { (long(&span.trace_state)) } } } }
        }
    }
}

fn status(status: &Status) -> Markup {
    html! {
        @match status {
            Status::Unset => "unset",
            Status::Ok => "ok",
            Status::Error(message) => {
                span.tag.error { "error" }
                @if !message.is_empty() { " " (long(message)) }
            }
        }
    }
}

fn parent(trace: &Trace, span: &Span) -> Markup {
    html! {
        @if span.parent_id.is_empty() { "none: it is a root" }
        @else if let Some(parent) = trace.parent(span) {
            a href=(link::span(&parent.trace_id, &parent.id)) { (short(&parent.service)) " " (short(&parent.name)) }
        } @else { code { (span.parent_id) } ", which is not there" }
    }
}

fn attributes(caption: &str, attributes: &[KeyValue]) -> Markup {
    html! {
        @if !attributes.is_empty() {
            (wide(caption, html! {
                table.pairs {
                    caption { (caption) }
                    thead { tr { th scope="col" { "key" } th scope="col" { "type" } th scope="col" { "value" } } }
                    tbody {
                        @for KeyValue { key, value, .. } in attributes.iter().take(MOST) {
                            tr {
                                th scope="row" { (short(key)) }
                                td.type { (kind(value.as_ref())) }
                                td { @if let Some(value) = value { (long(&traces::text(value))) } }
                            }
                        }
                    }
                }
            }))
            (more(attributes.len()))
        }
    }
}

fn kind(value: Option<&AnyValue>) -> &'static str {
    match value.and_then(|value| value.value.as_ref()) {
        None => "none",
        Some(Value::StringValue(_)) => "string",
        Some(Value::BoolValue(_)) => "bool",
        Some(Value::IntValue(_)) => "int",
        Some(Value::DoubleValue(_)) => "double",
        Some(Value::BytesValue(_)) => "bytes",
        Some(Value::ArrayValue(_)) => "array",
        Some(Value::KvlistValue(_)) => "map",
        Some(_) => "other",
    }
}

fn events(span: &Span) -> Markup {
    html! {
        h4 { "Events" }
        ol.events {
            @for Event { time, name, attributes } in span.events.iter().take(MOST) {
                li {
                    span.offset { (offset(*time, span.start)) } " " strong { (short(name)) }
                    (pairs(attributes))
                }
            }
        }
        (more(span.events.len()))
    }
}

/// An event's clock may be another one than its span's.
fn offset(time: u64, start: u64) -> String {
    let sign = if time < start { '−' } else { '+' };
    format!("{sign}{}", duration(time.abs_diff(start) as f64))
}

fn pairs(attributes: &[KeyValue]) -> Markup {
    html! {
        @if !attributes.is_empty() {
            dl.pairs {
                @for KeyValue { key, value, .. } in attributes.iter().take(MOST) {
                    div {
                        dt { (short(key)) }
                        dd {
                            @if let Some(value) = value { (long(&traces::text(value))) }
                            " " span.type { (kind(value.as_ref())) }
                        }
                    }
                }
            }
            (more(attributes.len()))
        }
    }
}

fn links(trace: &Trace, span: &Span) -> Markup {
    let here =
        trace.spans().iter().flat_map(|from| from.links.iter().map(move |link| (from, link)));
    let to_it = here.filter(|(_, link)| link.trace_id == span.trace_id && link.span_id == span.id);
    let from: Vec<_> = to_it.map(|(from, _)| from).take(MOST).collect();
    html! {
        @if !span.links.is_empty() {
            h4 { "Links" }
            ul {
                @for Link { trace_id, span_id, attributes } in span.links.iter().take(MOST) {
                    li { (linked(trace, trace_id, span_id)) (pairs(attributes)) }
                }
            }
            (more(span.links.len()))
        }
        @if !from.is_empty() {
            h4 { "Linked from" }
            ul { @for span in from { li { (linked(trace, &span.trace_id, &span.id)) } } }
        }
    }
}

fn linked(trace: &Trace, trace_id: &str, span_id: &str) -> Markup {
    let is_here = trace.spans().first().is_some_and(|first| first.trace_id == trace_id);
    let here = trace.span(span_id).filter(|_| is_here);
    html! {
        a href=(link::span(trace_id, span_id)) {
            @match here {
                Some(span) => { (short(&span.service)) " " (short(&span.name)) },
                None => { "span " (span_id) }
            }
        }
        @if !is_here { " of trace " code { (trace_id) } }
        @else if here.is_none() { ", which is not there" }
    }
}

fn more(count: usize) -> Markup {
    html! { @if count > MOST { p { (count - MOST) " more are not shown." } } }
}
