//! `/debug`: the trace of a request that was sent with a debug id.

use std::sync::Arc;
use std::time::SystemTime;

use axum::extract::{Query, State};
use axum::response::{IntoResponse, Redirect, Response};
use maud::html;
use serde::Deserialize;
use traces::{Filter, Level, Page, Window};

use crate::Console;
use crate::page::{Place, page, untold};
use crate::pages::trace::refresh;
use crate::send::Exchange;
use crate::view::link::{self, query};
use crate::view::text::short;

/// How often a page looks again by itself.
const LOOKS: u32 = 10;
/// Requests with the same id at the same time.
const MOST: u32 = 20;

/// A debug id, and when the request with it was sent.
#[derive(Deserialize)]
pub(crate) struct Asked {
    id: String,
    /// Milliseconds since the epoch.
    at: u64,
    #[serde(default)]
    looks: u32,
}

/// Leads to the trace as soon as its first span is there.
pub(crate) async fn debug(
    State(console): State<Arc<Console>>,
    Query(Asked { id, at, looks }): Query<Asked>,
) -> Response {
    let window = Window { start: Exchange::since(at), end: SystemTime::now() };
    let with_it = Filter::attribute(Level::Span, "jaeger-debug-id", &id);
    let first = Page { size: MOST, token: String::new() };
    let found = match console.sources.storage.summaries(window, Some(with_it), first).await {
        Ok(found) => found.found,
        Err(error) => return untold(&console, Place::Requests, &error),
    };
    // The latest come first, and a later request may have the same id.
    if let Some(found) = found.last() {
        console.sent.found(&id, at, &found.trace_id);
        let to = format!("{}?looks=1", link::trace(&found.trace_id));
        return Redirect::to(&to).into_response();
    }
    let again = |looks: u32| {
        format!(
            "/debug{}",
            query(&[("id", &id), ("at", &at.to_string()), ("looks", &looks.to_string())])
        )
    };
    let content = html! {
        h1 { "Looking for the debug id " (short(&id)) }
        p role="status" {
            "No span with it is there so far. A service sends its spans after a moment"
            @if looks < LOOKS { "; this page looks again by itself." }
            @else { ". A service that does not know the header " code { "jaeger-debug-id" } " puts it on none." }
        }
        p { a href=(again(LOOKS)) { "Look again" } }
    };
    let answer =
        page(&console, Place::Requests, "Looking for a debug id", &content).into_response();
    refresh(answer, (looks < LOOKS).then(|| again(looks + 1)))
}
