//! `/`: send a request, and the latest traces; and `POST /send`.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::{Form, Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use maud::{Markup, html};
use traces::{Page, Window};

use crate::Console;
use crate::page::{Place, page};
use crate::send::{Context, ENDPOINTS, Wish};
use crate::view::form::{self, Field};
use crate::view::text::long;
use crate::view::{found, link};

/// How far back traces are the latest ones.
const LATEST: Duration = Duration::from_secs(3_600);
const MOST: u32 = 20;

/// With the form as the query wants it, for links to a request that is to be sent.
pub(crate) async fn home(State(console): State<Arc<Console>>, Query(wish): Query<Wish>) -> Markup {
    shown(&console, &wish, None).await
}

/// Sends the request, then shows what became of it.
pub(crate) async fn send(State(console): State<Arc<Console>>, Form(wish): Form<Wish>) -> Response {
    let request = match wish.request(&console.config.services) {
        Ok(request) => request,
        Err(problem) => {
            let page = shown(&console, &wish, Some(&problem)).await;
            return (StatusCode::BAD_REQUEST, page).into_response();
        }
    };
    let exchange = Arc::new(console.sender.send(request).await);
    console.sent.keep(exchange.clone());
    let to = match &exchange.request.context {
        Context::Own { trace_id, sampled, .. } => {
            // Nothing is to be waited for of one that nobody keeps.
            let looks = if *sampled { "1" } else { "" };
            format!("{}{}", link::trace(trace_id), link::query(&[("looks", looks)]))
        }
        Context::Debug(id) => {
            let at = exchange.milliseconds().to_string();
            format!("/debug{}", link::query(&[("id", id), ("at", &at), ("looks", "1")]))
        }
    };
    Redirect::to(&to).into_response()
}

async fn shown(console: &Console, wish: &Wish, problem: Option<&str>) -> Markup {
    let content = html! {
        h1 { "What happened to a request" }
        p.lead {
            "Send one to a service of the lab, and see each hop, the time it took, its logs, and how "
            "others of its kind do."
        }
        div.columns {
            section aria-labelledby="send-one" {
                h2 #send-one { "Send a request" }
                (wanted(console, wish, problem))
            }
            section aria-labelledby="latest" {
                h2 #latest { "The latest traces" }
                (latest(console).await)
            }
        }
    };
    page(console, Place::Requests, "Requests", &content)
}

fn wanted(console: &Console, wish: &Wish, problem: Option<&str>) -> Markup {
    let field = |name, label, hint, value| Field { name, label, hint, value };
    let services = console.config.services.iter().map(|it| (&*it.name, &*it.name));
    let endpoints = ENDPOINTS.map(|(name, what)| (name, format!("{name}: {what}")));
    let endpoints = endpoints.iter().map(|(name, text)| (*name, &**text));
    let sampled = [("yes", "yes: services keep their spans"), ("no", "no: services keep none")];
    html! {
        form.send method="post" action="/send" {
            (form::token(&console.token))
            @if let Some(problem) = problem { p.problem role="alert" { (long(problem)) } }
            (field("service", "Service", "", &wish.service).choice(services))
            (field("endpoint", "Endpoint", "", &wish.endpoint).choice(endpoints))
            fieldset data-endpoint="GET /items/{id}" {
                legend { "For an item" }
                (field("item", "Item", "1 to 1000; another one is not found", &wish.item).line())
            }
            fieldset data-endpoint="GET /cpu_task" {
                legend { "For counting primes" }
                (field("limit", "Limit", "primes below it are counted; empty for the service's own", &wish.limit).line())
            }
            fieldset data-endpoint="POST /orders" {
                legend { "For an order" }
                (field("customer", "Customer", "1 to 1000; empty for anybody", &wish.customer).line())
                (field("items", "Items", "number and quantity, one item a line, such as 901 2; empty for anything", &wish.items).lines(3))
            }
            details.more open[!wish.debug_id.is_empty() || !wish.baggage.is_empty() || wish.sampled == "no"] {
                summary { "Context that goes with it" }
                (field("sampled", "Sampled", "", &wish.sampled).choice(sampled))
                (field("baggage", "Baggage", "key=value, one a line; every service on the way gets it", &wish.baggage).lines(2))
                (field("debug_id", "Debug id", "the service begins the trace, keeps it, and puts the id on its first span", &wish.debug_id).line())
            }
            button.primary type="submit" { "Send" }
        }
    }
}

async fn latest(console: &Console) -> Markup {
    let page = Page { size: MOST, token: String::new() };
    match console.sources.storage.summaries(Window::last(LATEST), None, page).await {
        Ok(latest) if latest.found.is_empty() => html! {
            p { "There are none of the last hour. Send a request, or " a href="/load" { "have the lab send some" } "." }
        },
        Ok(latest) => html! {
            (found::table("Latest traces", &latest.found, &console.sent))
            p { a href="/search" { "Search for others" } }
        },
        Err(error) => html! { p.problem { (long(&error.to_string())) } },
    }
}
