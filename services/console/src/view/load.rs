//! What became of the lab's load, and how it is changed.

use incidents::control::{Figures, PathFigures, Percentiles, Shown};
use maud::{Markup, html};

use super::figure::percent;
use super::form::{self, Field};
use super::link;
use super::text::short;
use super::wide::wide;
use crate::guard::Token;

/// Of a mix that is long, the rows that are shown.
const MOST: usize = 100;

/// What somebody asked the load to be.
pub(crate) struct Entered<'a> {
    pub rate: &'a str,
    pub mix: &'a str,
}

/// The form to change it.
pub(crate) fn form(entered: &Entered<'_>, token: &Token) -> Markup {
    let rate = Field {
        name: "rate",
        label: "Requests a second",
        hint: "0 to 1000; 0 is none",
        value: entered.rate,
    };
    let mix = Field {
        name: "mix",
        label: "Mix",
        hint: "[POST ][SERVICE]/PATH[:WEIGHT], with commas between them, such as \
               /chain:3,POST app-a/orders; empty for the default",
        value: entered.mix,
    };
    html! {
        form method="post" action="/load" {
            (form::token(token)) (rate.line()) (mix.line())
            button.primary type="submit" { "Change" }
        }
    }
}

pub(crate) fn figures(figures: &Figures) -> Markup {
    let ratio = figures.failed as f64 / figures.requests.max(1) as f64;
    html! {
        section aria-labelledby="figures" {
            h2 #figures { "Figures" }
            p {
                (figures.requests) " requests in " (format!("{:.0} s", figures.seconds))
                ", of which " (figures.failed) " failed (" (percent(ratio)) ")"
                @if figures.under_way > 0 { ", and " (figures.under_way) " under way" }
                @if figures.left_out > 0 { "; " (figures.left_out) " were not sent, since too many were under way" }
                @if figures.paused > 0 { "; " (figures.paused) " were not sent, since the load was paused" }
                "."
            }
            (wide("Latency by path", html! {
                table {
                    caption { "Milliseconds, from when a request was due" }
                    thead { tr {
                        @for name in ["path", "requests", "failed", "p50", "p90", "p99", "p99.9", "max"] {
                            th scope="col" { (name) }
                        }
                    } }
                    tbody {
                        @for PathFigures { path, requests, failed, latency_ms, .. } in figures.paths.iter().take(MOST) {
                            (row(path, *requests, *failed, latency_ms))
                        }
                        (row("all", figures.requests, figures.failed, &figures.latency_ms))
                    }
                }
            }))
        }
        (shown("slowest", "The slowest", figures.slowest.iter(), false))
        (shown("failures", "The last that failed", figures.failures.iter().rev(), true))
    }
}

fn row(path: &str, requests: u64, failed: u64, latency: &Percentiles) -> Markup {
    let Percentiles { p50, p90, p99, p99_9, max } = *latency;
    html! {
        tr {
            th scope="row" { (short(path)) }
            td.number { (requests) }
            td.number.error[failed > 0] { (failed) }
            @for value in [p50, p90, p99, p99_9, max] {
                td.number { (value.map_or("–".to_owned(), |value| format!("{value:.1}"))) }
            }
        }
    }
}

fn shown<'a>(id: &str, title: &str, all: impl Iterator<Item = &'a Shown>, failed: bool) -> Markup {
    html! {
        section aria-labelledby=(id) {
            h2 id=(id) { (title) }
            ol.requests {
                @for Shown { service, path, outcome, latency_ms, trace_id, sampled } in all.take(MOST) {
                    li {
                        (format!("{latency_ms:.1} ms")) " " (short(outcome)) " "
                        (short(service)) (short(path)) " "
                        @match trace_id {
                            Some(id) if *sampled != Some(false) && is_id(id) => {
                                a href=(link::trace(id)) { "trace " (id) }
                            },
                            Some(id) => { "trace " (short(id)) ", not sampled" },
                            // The load's own requests have no other mark that a search could find.
                            None => { "no trace id in its answer: " a href=(alike(service, *latency_ms, failed)) { "traces like it" } },
                        }
                    }
                }
            }
        }
    }
}

/// A search for what failed at the same service, or took as long.
fn alike(service: &str, latency_ms: f64, failed: bool) -> String {
    let least = format!("{:.0}us", (latency_ms * 900.0).max(0.0));
    let what = if failed { ("errors", "1") } else { ("min", &*least) };
    format!("/search{}", link::query(&[("service", service), what]))
}

fn is_id(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    fn example() -> Figures {
        let none = Percentiles { p50: None, p90: None, p99: None, p99_9: None, max: None };
        let latency_ms = Percentiles { p50: Some(12.34), ..none };
        let outcomes = BTreeMap::from([("ok".to_owned(), 3), ("status 500".to_owned(), 1)]);
        let request = |id: &str, sampled, outcome: &str| Shown {
            service: "app-a".to_owned(),
            path: "/<b>".to_owned(),
            outcome: outcome.to_owned(),
            latency_ms: 99.95,
            trace_id: Some(id.to_owned()),
            sampled,
        };
        Figures {
            rate: 2.0,
            mix: "/<b>:1".to_owned(),
            seconds: 2.0,
            left_out: 7,
            paused: 0,
            under_way: 0,
            requests: 4,
            failed: 1,
            outcomes: outcomes.clone(),
            latency_ms,
            paths: vec![PathFigures {
                path: "/<b>".to_owned(),
                requests: 4,
                failed: 1,
                outcomes,
                latency_ms: none,
            }],
            slowest: vec![request("4b", Some(true), "ok"), request("../5c", None, "<i>")],
            failures: vec![request("6d", Some(false), "status 500")],
        }
    }

    #[test]
    fn figures_are_shown_with_links_to_the_traces_that_are_kept() {
        let page = figures(&example()).into_string();
        for expected in [
            "4 requests in 2 s, of which 1 failed (25 %); 7 were not sent",
            "<td class=\"number\">12.3</td>",
            "href=\"/trace/4b\"",
            ", not sampled",
        ] {
            assert!(page.contains(expected), "{expected} in {page}");
        }
        assert_eq!(page.matches("<a href").count(), 1, "{page}");
        assert!(!page.contains("<b>") && !page.contains("<i>"), "{page}");
    }

    #[test]
    fn what_was_entered_is_text_in_its_field() {
        let hostile = "\"><script>";
        let page = form(&Entered { rate: hostile, mix: hostile }, &Token::new()).into_string();
        assert!(!page.contains("<script>"), "{page}");
        assert_eq!(page.matches("value=\"&quot;&gt;&lt;script&gt;\"").count(), 2, "{page}");
    }
}
