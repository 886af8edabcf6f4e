//! What each call carried, as captured by both sides.
//!
//! A header that one side has otherwise than the other was changed on the way, by a proxy or by a
//! library; a call without the called one's span lost its context, or nobody there traces.

use std::collections::{BTreeMap, BTreeSet};

use maud::{Markup, html};
use opentelemetry_proto::tonic::common::v1::AnyValue;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use traces::{Span, Trace};

use super::link;
use super::text::{long, short};
use super::wide::wide;
use crate::send::Exchange;

/// Calls that a page has.
const MOST: usize = 50;
/// Headers of a call.
const MOST_HEADERS: usize = 30;
/// The attributes that have them, by the semantic conventions.
const PREFIXES: [&str; 2] = ["http.request.header.", "rpc.request.metadata."];

type Headers = BTreeMap<String, String>;

/// A call, from who sent it to who got it.
#[derive(Debug)]
struct Hop<'a> {
    from: Caller<'a>,
    /// Nobody of whom a span is there.
    to: Option<&'a Span>,
    headers: Vec<Header>,
}

#[derive(Debug)]
enum Caller<'a> {
    Span(&'a Span),
    /// This console.
    Here(Headers),
    /// Who has no span in the trace.
    Unknown,
}

/// One that at least one side has.
#[derive(Debug, PartialEq)]
struct Header {
    name: String,
    sent: Option<String>,
    received: Option<String>,
}

impl Header {
    fn is_same(&self) -> bool {
        self.sent == self.received
    }
}

/// The calls of a trace that was begun by `exchange`, if that was sent from here.
pub(crate) fn headers(trace: &Trace, exchange: Option<&Exchange>) -> Markup {
    let hops = hops(trace, exchange);
    html! {
        section.hops aria-labelledby="hops" {
            h2 #hops { "Headers at each hop" }
            @if hops.is_empty() {
                p { "No call between services is in this trace." }
            } @else {
                p.origin {
                    "What carries the context of a trace, as the sender's span and the receiver's have it. "
                    "A difference is marked."
                }
                ol.hops { @for hop in hops.iter().take(MOST) { li { (shown(hop)) } } }
                @if hops.len() > MOST {
                    p { (hops.len() - MOST) " more calls are not shown: their spans have their headers." }
                }
            }
        }
    }
}

fn hops<'a>(trace: &'a Trace, exchange: Option<&Exchange>) -> Vec<Hop<'a>> {
    let mut hops = Vec::new();
    for span in trace.spans() {
        if is_call(span) {
            let mut called = trace.children(span).filter(|below| below.is_entry()).peekable();
            if called.peek().is_none() {
                hops.push(hop(Caller::Span(span), None));
            }
            hops.extend(called.map(|entry| hop(Caller::Span(span), Some(entry))));
        } else if span.is_entry() && !is_called_here(trace, span) {
            // Of several without a parent the first is what was sent from here.
            let is_first = trace.first().is_some_and(|first| first.id == span.id);
            match exchange.filter(|_| is_first) {
                Some(sent) => hops.push(hop(Caller::Here(sent_headers(sent)), Some(span))),
                None if captured(span).is_empty() => {}
                None => hops.push(hop(Caller::Unknown, Some(span))),
            }
        }
    }
    hops
}

/// Whether it asks another service, and not a database or a queue.
fn is_call(span: &Span) -> bool {
    span.is_exit() && (["http", "grpc"].contains(&span.protocol) || !captured(span).is_empty())
}

fn is_called_here(trace: &Trace, span: &Span) -> bool {
    trace.parent(span).is_some_and(Span::is_exit)
}

fn hop<'a>(from: Caller<'a>, to: Option<&'a Span>) -> Hop<'a> {
    let nothing = Headers::new();
    let of_span;
    let sent = match &from {
        Caller::Span(span) => {
            of_span = captured(span);
            &of_span
        }
        Caller::Here(headers) => headers,
        Caller::Unknown => &nothing,
    };
    let received = to.map(captured).unwrap_or_default();
    let names: BTreeSet<_> = sent.keys().chain(received.keys()).collect();
    let headers = names.into_iter().map(|name| Header {
        name: name.clone(),
        sent: sent.get(name).cloned(),
        received: received.get(name).cloned(),
    });
    let headers = headers.collect();
    Hop { from, to, headers }
}

/// Each captured header with its values.
fn captured(span: &Span) -> Headers {
    let header = |key: &str| PREFIXES.iter().find_map(|it| key.strip_prefix(it)).map(str::to_owned);
    let all = span.attributes.iter();
    all.filter_map(|it| Some((header(&it.key)?, values(it.value.as_ref()?)))).collect()
}

/// An array of them, by convention.
fn values(value: &AnyValue) -> String {
    match &value.value {
        Some(Value::ArrayValue(array)) => {
            array.values.iter().map(traces::text).collect::<Vec<_>>().join(", ")
        }
        _ => traces::text(value),
    }
}

fn sent_headers(exchange: &Exchange) -> Headers {
    let all = exchange.request.headers.iter();
    all.map(|(name, value)| ((*name).to_owned(), value.clone())).collect()
}

impl Hop<'_> {
    /// What to say of it, and whether it is amiss.
    fn verdict(&self) -> (String, bool) {
        // What was sent from here is known whole, what a service captures is chosen.
        let compared: Vec<_> = self.compared().collect();
        let different = compared.iter().filter(|header| !header.is_same()).count();
        match (&self.from, self.to) {
            (_, None) => ("no span of who was called".to_owned(), true),
            (Caller::Unknown, _) => ("the sender is not known, what arrived is".to_owned(), false),
            _ if compared.is_empty() => ("no headers captured".to_owned(), false),
            _ if different == 0 => ("arrived as sent".to_owned(), false),
            _ => (format!("{different} of {} differ", compared.len()), true),
        }
    }

    /// The headers that both sides could have.
    fn compared(&self) -> impl Iterator<Item = &Header> {
        let from_here = matches!(self.from, Caller::Here(_));
        self.headers.iter().filter(move |header| !from_here || carries_context(&header.name))
    }
}

fn carries_context(name: &str) -> bool {
    ["traceparent", "tracestate", "baggage", "uber-trace-id", "jaeger-debug-id"].contains(&name)
}

fn shown(hop: &Hop<'_>) -> Markup {
    let (verdict, is_amiss) = hop.verdict();
    let from = match &hop.from {
        Caller::Span(span) => {
            html! { span.service { (short(&span.service)) } " " (short(&span.name)) }
        }
        Caller::Here(_) => html! { span.service { "this page" } },
        Caller::Unknown => html! { span.service { "somebody" } },
    };
    let explained = hop.to.is_none().then_some(hop).and_then(explanation);
    html! {
        details.hop.amiss[is_amiss] open[is_amiss] {
            summary {
                span.ends {
                    (from) span.arrow aria-label="to" role="img" { " → " }
                    @match hop.to {
                        Some(to) => { span.service { (short(&to.service)) } " " (short(&to.name)) },
                        None => span.service { "?" },
                    }
                }
                " " span.tag.error[is_amiss].good[!is_amiss] { (verdict) }
            }
            @if let Some(explained) = explained { p { (explained) } }
            @if !hop.headers.is_empty() { (table(hop)) }
            @if let Some(told) = told(hop) { p.hint { (told) } }
        }
    }
}

fn table(hop: &Hop<'_>) -> Markup {
    let cell = |value: &Option<String>, nothing: &str| {
        html! { td { @match value { Some(text) => code { (long(text)) }, None => span.none { (nothing) } } } }
    };
    // Of what nobody captured nothing can be said.
    let received = if hop.to.is_some() { "not there" } else { "not known" };
    let is_comparable = hop.to.is_some() && !matches!(hop.from, Caller::Unknown);
    wide(
        "Headers of a call",
        html! {
            table.pairs {
                thead { tr {
                    th scope="col" { "header" }
                    th scope="col" { "sent" }
                    th scope="col" { "received" }
                    th scope="col" { "compared" }
                } }
                tbody {
                    @for header in hop.headers.iter().take(MOST_HEADERS) {
                        @let is_amiss = is_comparable && !header.is_same() && hop.compared().any(|it| it == header);
                        tr.amiss[is_amiss] {
                            th scope="row" { (short(&header.name)) }
                            (cell(&header.sent, "not there"))
                            (cell(&header.received, received))
                            td {
                                @if header.is_same() { "same" }
                                @else if is_amiss { strong { "differs" } }
                                @else { "not captured on both sides" }
                            }
                        }
                    }
                }
            }
        },
    )
}

/// Why there may be no span of who was called.
fn explanation(hop: &Hop<'_>) -> Option<&'static str> {
    let Caller::Span(span) = &hop.from else { return None };
    let answered =
        ["http.response.status_code", "rpc.response.status_code", "rpc.grpc.status_code"];
    Some(if !answered.iter().any(|key| span.attribute(key).is_some()) && span.is_error() {
        "The call was not answered."
    } else {
        "It was answered, and no span in this trace tells by whom: the context was lost on the way, \
         so that the spans are in another trace; or whoever answered keeps none; or they are on their way."
    })
}

/// What a `traceparent` that arrived says.
fn told(hop: &Hop<'_>) -> Option<Markup> {
    let to = hop.to?;
    let header = hop.headers.iter().find(|header| header.name == "traceparent")?;
    let mut parts = header.received.as_deref()?.split('-');
    let (version, trace_id, parent, flags) =
        (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
    let flags = u8::from_str_radix(flags, 16).ok()?;
    let continues = trace_id == to.trace_id && parent == to.parent_id;
    Some(html! {
        code { "traceparent" } " of version " (short(version)) ": trace " code { (short(trace_id)) }
        ", span " code { (short(parent)) } " as the parent, "
        @if flags & 1 == 1 { "sampled" } @else { "not sampled" } ". "
        @if continues { "The receiver's span is below it: " }
        @else { "The receiver's span is not below it: " }
        a href=(link::span(&to.trace_id, &to.id)) { (short(&to.name)) } "."
    })
}

#[cfg(test)]
mod tests {
    use opentelemetry_proto::tonic::common::v1::{ArrayValue, KeyValue};
    use traces::SpanKind;

    use super::*;

    fn captured(name: &str, value: &str) -> KeyValue {
        let one = AnyValue { value: Some(Value::StringValue(value.to_owned())) };
        let array = ArrayValue { values: vec![one] };
        KeyValue {
            key: format!("http.request.header.{name}"),
            value: Some(AnyValue { value: Some(Value::ArrayValue(array)) }),
            ..KeyValue::default()
        }
    }

    fn span(id: &str, parent: &str, kind: SpanKind, headers: &[(&str, &str)]) -> Span {
        Span {
            trace_id: "4b".repeat(16),
            id: id.to_owned(),
            parent_id: parent.to_owned(),
            service: format!("service-{id}"),
            name: "GET /".to_owned(),
            kind,
            protocol: "http",
            end: 1_000,
            attributes: headers.iter().map(|(name, value)| captured(name, value)).collect(),
            ..Span::default()
        }
    }

    fn call(sent: &[(&str, &str)], received: Option<&[(&str, &str)]>) -> String {
        let mut spans = vec![span("1", "", SpanKind::Client, sent)];
        spans.extend(received.map(|headers| span("2", "1", SpanKind::Server, headers)));
        headers(&Trace::of(spans), None).into_string()
    }

    #[test]
    fn what_arrived_as_it_was_sent_is_told_in_a_word() {
        let both = [("traceparent", "00-4b-1-01"), ("baggage", "tier=gold")];
        let page = call(&both, Some(&both));
        assert!(page.contains("arrived as sent") && !page.contains("amiss"), "{page}");
    }

    #[test]
    fn a_header_that_was_lost_or_changed_on_the_way_is_marked() {
        let sent = [("traceparent", "00-4b-1-01"), ("baggage", "tier=gold")];
        let page = call(&sent, Some(&[("traceparent", "00-4b-1-00")]));
        assert!(page.contains("2 of 2 differ"), "{page}");
        assert_eq!(page.matches("<tr class=\"amiss\">").count(), 2, "{page}");
        assert_eq!(page.matches("not there").count(), 1, "{page}");
    }

    #[test]
    fn a_call_of_which_no_span_is_there_tells_what_that_may_be() {
        let page = call(&[("traceparent", "00-4b-1-01")], None);
        assert!(page.contains("no span of who was called"), "{page}");
        assert!(page.contains("no span in this trace tells by whom"), "{page}");
        assert!(page.contains("not known") && !page.contains("differs"), "{page}");
        assert!(page.contains("<details class=\"hop amiss\" open>"), "{page}");
    }

    #[test]
    fn calls_of_a_database_and_a_queue_are_no_hops() {
        let statement = Span { protocol: "sql", ..span("1", "", SpanKind::Client, &[]) };
        let message = Span { protocol: "messaging", ..span("2", "", SpanKind::Consumer, &[]) };
        let page = headers(&Trace::of(vec![statement, message]), None).into_string();
        assert!(page.contains("No call between services"), "{page}");
    }
}
