//! `/trace/{id}`: all that is known of one request; and `/trace/{id}/span/{span}`.

use std::sync::Arc;

use axum::extract::{Path, Query, State};
use axum::http::header::REFRESH;
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use maud::{Markup, html};
use serde::Deserialize;
use traces::{Topology, Trace};

use crate::Console;
use crate::page::{Place, failure, page, untold};
use crate::send::Exchange;
use crate::sources::{Answer, Logs, Reds};
use crate::view::figure::{duration, moment};
use crate::view::headers::headers;
use crate::view::text::{short, visible};
use crate::view::waterfall::{Wanted, waterfall};
use crate::view::{elsewhere, exchange, link, logs, red, span as whole, topology};

/// How often a page looks again by itself for spans that are on their way.
const LOOKS: u32 = 8;
/// So many spans take little memory.
const SMALL: usize = 1_000;

/// How often this page has looked, and how many spans were there the last time.
#[derive(Clone, Copy, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Look {
    looks: u32,
    spans: usize,
}

pub(crate) async fn trace(
    State(console): State<Arc<Console>>,
    Path(id): Path<String>,
    Query(wanted): Query<Wanted>,
    Query(look): Query<Look>,
) -> Response {
    let held = console.trace.lock().await;
    // Fails only if it was closed, which nobody does.
    let _turn = console.pages.acquire().await;
    let trace = match console.sources.storage.trace(&id).await {
        Ok(trace) => trace,
        Err(error) => return untold(&console, Place::Requests, &error),
    };
    // For its logs and figures others need not wait.
    let _held = (trace.spans().len() > SMALL).then_some(held);
    let id = canonical(&id, &trace);
    let sent = console.sent.of_trace(&id);
    let again = again(&id, &trace, sent.as_deref(), look);
    let told = if trace.is_empty() {
        let content = nothing(&console, &id, sent.as_deref(), again.is_some()).await;
        (
            StatusCode::NOT_FOUND,
            page(&console, Place::Requests, "A trace that is not there", &content),
        )
    } else {
        let (lines, reds) = (console.sources.logs(&id, &trace), console.sources.red_around(&trace));
        let (lines, reds) = futures::join!(lines, reds);
        let shown = Shown { id: &id, trace: &trace, sent: sent.as_deref(), lines, reds };
        let content = shown.content(&console, &wanted, again.is_some());
        (StatusCode::OK, page(&console, Place::Requests, &title(&trace), &content))
    };
    refresh(told.into_response(), again)
}

/// A span alone, which is what the script puts into the page of its trace.
pub(crate) async fn span(
    State(console): State<Arc<Console>>,
    Path((id, span)): Path<(String, String)>,
) -> Response {
    let _held = console.trace.lock().await;
    // Fails only if it was closed, which nobody does.
    let _turn = console.pages.acquire().await;
    let trace = match console.sources.storage.trace(&id).await {
        Ok(trace) => trace,
        Err(error) => return untold(&console, Place::Requests, &error),
    };
    let Some(span) = trace.span(&span.to_ascii_lowercase()) else {
        let reason = format!("there is no span {span} in the trace {id}");
        return failure(&console, Place::Requests, StatusCode::NOT_FOUND, &reason);
    };
    let content = html! {
        h1 { "A span of " a href=(link::trace(&span.trace_id)) { "trace " (span.trace_id.get(..8).unwrap_or_default()) "…" } }
        section aria-labelledby="span" { h2 #span .aside { "Span" } (whole::span(&trace, span)) }
    };
    page(&console, Place::Requests, &format!("{} {}", span.service, span.name), &content)
        .into_response()
}

/// The page, or the same which the browser asks for again after a second.
pub(crate) fn refresh(mut answer: Response, again: Option<String>) -> Response {
    let header = again.and_then(|url| HeaderValue::try_from(format!("1; url={url}")).ok());
    answer.headers_mut().extend(header.map(|header| (REFRESH, header)));
    answer
}

/// As it is written everywhere, whatever was asked for: 32 lower-case digits.
fn canonical(id: &str, trace: &Trace) -> String {
    match trace.first() {
        Some(first) => first.trace_id.clone(),
        None => format!("{:0>32}", id.to_ascii_lowercase()),
    }
}

/// Where to look again: until twice the same was there, and nothing in it waits for more.
fn again(id: &str, trace: &Trace, sent: Option<&Exchange>, look: Look) -> Option<String> {
    if !(1..LOOKS).contains(&look.looks) {
        return None;
    }
    let spans = trace.spans().len();
    let waits = Exchange::lost(sent, trace).next().is_some();
    if spans > 0 && spans == look.spans && !waits {
        return None;
    }
    let (looks, spans) = ((look.looks + 1).to_string(), spans.to_string());
    Some(format!("{}{}", link::trace(id), link::query(&[("looks", &looks), ("spans", &spans)])))
}

fn title(trace: &Trace) -> String {
    trace.first().map_or_else(String::new, |first| format!("{} {}", first.service, first.name))
}

/// What there is of a trace.
struct Shown<'a> {
    id: &'a str,
    trace: &'a Trace,
    sent: Option<&'a Exchange>,
    lines: Answer<Logs>,
    reds: Answer<Reds>,
}

impl Shown<'_> {
    fn content(&self, console: &Console, wanted: &Wanted, waits: bool) -> Markup {
        let Self { id, trace, sent, lines, reds } = self;
        html! {
            h1 { (heading(trace)) }
            @if trace.is_cut() {
                p.problem {
                    "The trace is larger than what is read of one. All on this page is told of the "
                    (trace.spans().len()) " spans that were written first: it may last longer, more of it may have "
                    "failed, and parents that are missing here may be there."
                }
            }
            (facts(id, trace, *sent))
            (on_its_way(waits))
            (contents(sent.is_some()))
            @if let Some(sent) = sent { (exchange::exchange(sent)) }
            (waterfall(trace, wanted, *sent))
            (headers(trace, *sent))
            (logs::logs(trace, lines))
            (red::of_trace(trace, reds))
            (topology::of_trace(&Topology::of([*trace]), reds))
            (elsewhere::elsewhere(&console.config.links, id, trace))
        }
    }
}

fn heading(trace: &Trace) -> Markup {
    html! {
        @match trace.first() {
            Some(first) => { span.service { (short(&first.service)) } " " (short(&first.name)) },
            None => "A trace",
        }
    }
}

fn facts(id: &str, trace: &Trace, sent: Option<&Exchange>) -> Markup {
    let errors = trace.spans().iter().filter(|span| span.is_error()).count();
    let lost = Exchange::lost(sent, trace).count();
    let (start, _) = trace.window();
    html! {
        dl.facts {
            div { dt { "trace" } dd { code { (id) } } }
            div { dt { "begun" } dd { (moment(start)) } }
            div { dt { "duration" } dd { (duration(trace.duration() as f64)) } }
            div { dt { "spans" } dd { (trace.spans().len()) } }
            div { dt { "services" } dd { (trace.services().len()) } }
            div.failed[errors > 0] { dt { "errors" } dd { (errors) } }
            @if lost > 0 { div { dt { "without their parent" } dd { (lost) } } }
        }
    }
}

fn on_its_way(waits: bool) -> Markup {
    html! {
        @if waits {
            p.waits role="status" { "More of it may be on its way: this page looks again by itself, a few times." }
        }
    }
}

fn contents(is_sent: bool) -> Markup {
    let request = is_sent.then_some(("request", "Request"));
    let others = [
        ("waterfall", "Waterfall"),
        ("hops", "Headers"),
        ("logs", "Logs"),
        ("red", "RED"),
        ("topology", "Topology"),
        ("elsewhere", "Elsewhere"),
    ];
    html! {
        nav.contents aria-label="On this page" {
            ul { @for (id, name) in request.into_iter().chain(others) { li { a href={ "#" (id) } { (name) } } } }
        }
    }
}

/// Of a trace without spans: what was sent, if it was from here, and what services wrote meanwhile.
async fn nothing(console: &Console, id: &str, sent: Option<&Exchange>, waits: bool) -> Markup {
    let trace = Trace::default();
    let lines = console.sources.logs(id, &trace).await;
    let title = visible(id, 40);
    html! {
        h1 { "No span of trace " code { (title) } " is there" }
        p role="status" {
            @if waits { "They may be on their way: this page looks again by itself, a few times." }
            @else {
                "It was not sampled, or it is older than what is kept, or its spans are on their way, or there "
                "never was such a trace."
            }
        }
        p { a href=(link::trace(id)) { "Look again" } }
        @if let Some(sent) = sent { (exchange::exchange(sent)) }
        (logs::logs(&trace, &lines))
    }
}
