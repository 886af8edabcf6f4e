//! The doctor's table.

use std::time::{Duration, Instant};

use maud::{Markup, html};

use super::figure::time;
use super::form;
use super::text::{long, short};
use super::wide::wide;
use crate::guard::Token;
use crate::sources::{Examined, Link, Report};

/// What is under way, and what the last examination found.
pub(crate) fn doctor(running: Option<Duration>, last: Option<&Examined>, token: &Token) -> Markup {
    html! {
        @match running {
            Some(since) => p role="status" {
                "An examination is under way for " (time(since)) ". It takes up to a minute; this page is "
                "loaded again until it is there."
            },
            None => {
                p.lead {
                    "Does every signal lead to the next? The doctor asks each part whether it is well, sends "
                    "requests of its own, and follows their spans, log lines and figures from part to part. "
                    "Where that breaks it says what it saw, why that may be, and what to do. It takes up to a "
                    "minute."
                }
                form method="post" action="/doctor" {
                    (form::token(token))
                    button.primary type="submit" { "Examine the lab" }
                }
            },
        }
        @if let Some(examined) = last { (result(examined)) }
    }
}

fn result(examined: &Examined) -> Markup {
    let ago = Instant::now().saturating_duration_since(examined.at);
    html! {
        section aria-labelledby="report" {
            h2 #report { "Report" }
            p.origin { "Of " (time(ago)) " ago; it took " (time(examined.took)) "." }
            @match &examined.report {
                Err(reason) => p.missing { (long(reason)) },
                Ok(report) => (table(report)),
            }
        }
    }
}

fn table(Report { ok, links }: &Report) -> Markup {
    let first = links.iter().find(|link| link.status == "broken");
    html! {
        @match first {
            _ if *ok => p { "Every link works." },
            Some(link) => p.problem { "The first broken link: " (short(&link.link)) "." },
            None => p.problem { "Not every link works." },
        }
        (wide("Links", html! {
            table {
                thead { tr {
                    @for name in ["link", "status", "time", "evidence"] { th scope="col" { (name) } }
                } }
                tbody { @for link in links { (row(link)) } }
            }
        }))
    }
}

fn row(link: &Link) -> Markup {
    let class = match &*link.status {
        "ok" => "tag good",
        "broken" => "tag error",
        _ => "tag",
    };
    html! {
        tr {
            th scope="row" { (short(&link.link)) }
            td { span class=(class) { (short(&link.status)) } }
            td.number { (format!("{:.1} s", link.seconds)) }
            td {
                (long(&link.evidence))
                @if link.cause.is_some() || link.fix.is_some() {
                    dl {
                        @for (name, text) in [("cause", &link.cause), ("fix", &link.fix)] {
                            @if let Some(text) = text { dt { (name) } dd { (long(text)) } }
                        }
                    }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn link(status: &str, text: &str) -> Link {
        let more = (status == "broken").then(|| text.to_owned());
        Link {
            link: text.to_owned(),
            status: status.to_owned(),
            evidence: text.to_owned(),
            seconds: 1.25,
            cause: more.clone(),
            fix: more,
        }
    }

    fn page(running: Option<Duration>, report: Result<Report, String>) -> String {
        let examined = Examined { at: Instant::now(), took: Duration::from_secs(31), report };
        doctor(running, Some(&examined), &Token::new()).into_string()
    }

    #[test]
    fn a_broken_link_is_shown_with_its_cause_and_fix() {
        let links = vec![link("ok", "<one>"), link("broken", "<two>"), link("skipped", "<three>")];
        let page = page(None, Ok(Report { ok: false, links }));
        for expected in
            ["it took 31 s", "The first broken link: ", "<dt>cause</dt>", "<dt>fix</dt>"]
        {
            assert!(page.contains(expected), "{expected} in {page}");
        }
        assert_eq!(page.matches("&lt;two&gt;").count(), 5, "{page}");
        assert!(!page.contains("<two>"), "{page}");
    }

    #[test]
    fn none_is_started_while_one_is_under_way() {
        let report = || Ok(Report { ok: true, links: vec![link("ok", "one")] });
        assert!(page(None, report()).contains("<button"));
        let running = page(Some(Duration::from_secs(7)), report());
        assert!(running.contains("under way for 7 s") && !running.contains("<button"), "{running}");
        assert!(running.contains("Every link works."), "{running}");
    }

    #[test]
    fn an_examination_without_a_report_says_why() {
        let page = page(None, Err("reading the doctor's report: <EOF>".to_owned()));
        assert!(page.contains("report: &lt;EOF&gt;"), "{page}");
    }
}
