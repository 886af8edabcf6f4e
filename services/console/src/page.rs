//! What all pages have in common.

use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use maud::{DOCTYPE, Markup, html};

use crate::Console;
use crate::assets::{ICON, SCRIPT, STYLE};
use crate::view::text::{long, visible};

/// Characters of a title: it may have the name of a span in it.
const TITLE: usize = 80;

/// A part of the console, as the navigation has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    Requests,
    Search,
    Services,
    Faults,
    Load,
    Incidents,
    Doctor,
}

const PLACES: [(Place, &str, &str); 7] = [
    (Place::Requests, "/", "Requests"),
    (Place::Search, "/search", "Search"),
    (Place::Services, "/services", "Services"),
    (Place::Faults, "/faults", "Faults"),
    (Place::Load, "/load", "Load"),
    (Place::Incidents, "/incidents", "Incidents"),
    (Place::Doctor, "/doctor", "Doctor"),
];

impl Place {
    /// The one that a path belongs to.
    pub fn of(path: &str) -> Self {
        let of_path = |(_, url, _): &&(Self, &str, &str)| path.starts_with(url);
        PLACES.iter().rfind(of_path).map_or(Self::Requests, |(place, ..)| *place)
    }
}

/// A page around its content, which has the one heading of the first level.
pub(crate) fn page(console: &Console, place: Place, title: &str, content: &Markup) -> Markup {
    let links = &console.config.links;
    let elsewhere =
        [("Jaeger", &links.jaeger), ("Prometheus", &links.prometheus), ("Grafana", &links.grafana)];
    let elsewhere = elsewhere.into_iter().filter_map(|(name, url)| Some((name, url.as_ref()?)));
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                title { (visible(title, TITLE)) " – Spoor" }
                link rel="icon" type="image/svg+xml" href=(ICON.url);
                link rel="stylesheet" href=(STYLE.url);
                script src=(SCRIPT.url) defer {}
            }
            body {
                a.skip href="#main" { "To the content" }
                header.top {
                    a.brand href="/" { "Spoor" }
                    nav aria-label="Console" {
                        ul {
                            @for (it, url, name) in PLACES {
                                li { a href=(url) aria-current=[(it == place).then_some("page")] { (name) } }
                            }
                        }
                    }
                }
                main #main tabindex="-1" { (content) }
                footer {
                    p {
                        "The same lab elsewhere: "
                        @let elsewhere: Vec<_> = elsewhere.collect();
                        @if elsewhere.is_empty() { "this lab has neither Jaeger, Prometheus nor Grafana." }
                        @for (name, url) in elsewhere { a href=(url) { (name) } " " }
                    }
                }
            }
        }
    }
}

/// What could not be done, and why.
pub(crate) fn failure(
    console: &Console,
    place: Place,
    status: StatusCode,
    reason: &str,
) -> Response {
    let title = match status {
        StatusCode::NOT_FOUND => "There is no such page",
        status if status.is_client_error() => "That makes no sense",
        _ => "That cannot be told now",
    };
    let content = html! {
        h1 { (title) }
        p.problem { (long(reason)) }
        p { a href="/" { "To the requests" } }
    };
    (status, page(console, place, title, &content)).into_response()
}

/// The same, of what the storage server was asked for.
pub(crate) fn untold(console: &Console, place: Place, error: &traces::Error) -> Response {
    failure(console, place, status(error), &error.to_string())
}

pub(crate) fn status(error: &traces::Error) -> StatusCode {
    if error.is_of_the_question() { StatusCode::BAD_REQUEST } else { StatusCode::BAD_GATEWAY }
}
