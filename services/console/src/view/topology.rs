//! Who calls whom: a picture, and a table that says the same.

mod picture;

use std::time::Duration;

use maud::{Markup, html};
use traces::{Call, Red, Topology};

use super::figure::{self, duration, percent, rate};
use super::source;
use super::text::short;
use super::wide::wide;
use crate::sources::{Answer, Recent, Reds, Requests};

/// Calls that a page has.
const MOST: usize = 100;

/// Of one trace, with how each of its services does around it.
pub(crate) fn of_trace(topology: &Topology, reds: &Answer<Reds>) -> Markup {
    html! {
        section.topology aria-labelledby="topology" {
            h2 #topology { "Topology" }
            (calls(topology, None, reds.told.as_ref().map(|(reds, _)| reds)))
        }
    }
}

/// Of the last time.
pub(crate) fn of_services(answer: &Answer<Recent<Topology>>) -> Markup {
    html! {
        section.topology aria-labelledby="topology" {
            h2 #topology { "Topology" }
            @match &answer.told {
                None => p.missing { "No calls could be had." },
                Some((recent, by)) => {
                    p.origin {
                        "Calls of the last " (figure::time(recent.over)) ", from " (by)
                        @if let Some(spans) = recent.cut { ": the latest " (spans) " spans" }
                        "."
                    }
                    (calls(&recent.value, Some(recent.over), None))
                }
            }
            (source::lacks(&answer.lacks))
        }
    }
}

/// So many, of one trace, or so many a second.
fn amount(red: &Red, over: Option<Duration>) -> String {
    match over {
        Some(over) => rate(red.requests as f64, over),
        None => red.requests.to_string(),
    }
}

/// The same where nothing beside it says of what.
fn requests(red: &Red, over: Option<Duration>) -> String {
    let amount = amount(red, over);
    match over {
        Some(_) => amount,
        None if red.requests == 1 => format!("{amount} request"),
        None => format!("{amount} requests"),
    }
}

/// The rate of all that a service was asked for, and the share that failed.
fn around(reds: &Reds, service: &str) -> Markup {
    let of_it = reds.value.iter().filter(|(operation, _)| operation.service == service);
    let sum = |(count, errors), (_, it): (_, &Requests)| (count + it.count, errors + it.errors);
    let (count, errors) = of_it.fold((0.0, 0.0), sum);
    let ratio = if count > 0.0 { errors / count } else { 0.0 };
    html! {
        td.number { (rate(count, reds.over)) }
        td.number.error[errors > 0.0] { (percent(ratio)) }
    }
}

fn calls(topology: &Topology, over: Option<Duration>, reds: Option<&Reds>) -> Markup {
    if topology.services.is_empty() && topology.calls.is_empty() {
        return html! { p { "No service was asked for anything." } };
    }
    let quantile =
        |red: &Red| red.quantile(0.95).map_or("–".to_owned(), |it| duration(it as f64));
    let figures = |red: &Red| {
        html! {
            td.number { (amount(red, over)) }
            td.number.error[red.errors > 0] { (percent(red.error_ratio())) }
            td.number { (quantile(red)) }
        }
    };
    let [answered, called] = if over.is_some() { ["rate"; 2] } else { ["requests", "calls"] };
    html! {
        (picture::picture(topology, over))
        (wide("Services", html! {
            table {
                caption { "Services, by the requests that they answered" }
                thead { tr {
                    @for name in ["service", answered, "errors", "p95"] { th scope="col" { (name) } }
                    @if reds.is_some() {
                        @for name in ["rate around it", "errors around it"] { th scope="col" { (name) } }
                    }
                } }
                tbody {
                    @for (service, red) in topology.services.iter().take(MOST) {
                        tr { th scope="row" { (short(service)) } (figures(red)) @if let Some(reds) = reds { (around(reds, service)) } }
                    }
                }
            }
        }))
        @if topology.calls.is_empty() {
            p { "None of them called another, or a database." }
        } @else {
            (wide("Calls", html! {
                table {
                    caption { "Calls, by the one who called" }
                    thead { tr {
                        @for name in ["arrow", "from", "to", "protocol", called, "errors", "p95"] {
                            th scope="col" { (name) }
                        }
                    } }
                    tbody {
                        @for (place, (Call { from, to, protocol }, red)) in topology.calls.iter().take(MOST).enumerate() {
                            tr {
                                td.number { (place + 1) }
                                td { (short(from)) }
                                td { (short(to)) }
                                td { @if protocol.is_empty() { "–" } @else { (protocol) } }
                                (figures(red))
                            }
                        }
                    }
                }
            }))
        }
        @let more = topology.calls.len().max(topology.services.len()).saturating_sub(MOST);
        @if more > 0 { p { (more) " more are not shown." } }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use traces::{Operation, Span, SpanKind, Status, Trace};

    use super::*;
    use crate::sources::{Durations, Lack, Origin, Why};

    fn untold() -> Answer<Reds> {
        Answer { told: None, lacks: Vec::new() }
    }

    fn span(id: &str, parent: &str, service: &str, kind: SpanKind) -> Span {
        Span {
            id: id.to_owned(),
            parent_id: parent.to_owned(),
            service: service.to_owned(),
            name: "GET /".to_owned(),
            kind,
            protocol: "http",
            end: 12_000_000,
            ..Span::default()
        }
    }

    fn trace(called: &str) -> Trace {
        let failed = Status::Error(String::new());
        Trace::of(vec![
            span("1", "", "app-a", SpanKind::Server),
            span("2", "1", "app-a", SpanKind::Client),
            Span { status: failed, ..span("3", "2", called, SpanKind::Server) },
        ])
    }

    #[test]
    fn the_table_has_each_call_with_its_figures_and_the_picture_its_arrow() {
        let topology = Topology::of([&trace("app-b")]);
        let page = of_trace(&topology, &untold()).into_string();
        assert!(!page.contains("around it"), "{page}");
        let row = "<td class=\"number\">1</td><td class=\"number error\">100 %</td>\
                   <td class=\"number\">12.0 ms</td>";
        assert!(page.contains(row), "{page}");
        assert_eq!(page.matches("class=\"edge ").count(), 1, "{page}");
        assert_eq!(page.matches("class=\"node ").count(), 2, "{page}");
    }

    #[test]
    fn beside_its_part_in_the_trace_is_how_a_service_does_around_it() {
        let of = |name: &str, count, errors| {
            let operation = Operation { service: "app-a".to_owned(), name: name.to_owned() };
            (operation, Requests { count, errors, durations: Durations::Buckets(Vec::new()) })
        };
        let value = BTreeMap::from([of("GET /", 60.0, 0.0), of("GET /chain", 60.0, 30.0)]);
        let reds = Recent { value, over: Duration::from_secs(60), cut: None };
        let answer = Answer { told: Some((reds, Origin::Spoor)), lacks: Vec::new() };
        let page = of_trace(&Topology::of([&trace("app-b")]), &answer).into_string();
        let figures = |rate: &str, errors: &str| page.contains(&format!("{rate}</td>{errors}"));
        assert!(
            figures("2.00/s", "<td class=\"number error\">25 %</td></tr>")
                && figures("0.000/s", "<td class=\"number\">0 %</td></tr>"),
            "{page}"
        );
    }

    #[test]
    fn of_one_service_alone_there_is_no_table_of_calls() {
        let alone = Trace::of(vec![span("1", "", "app-a", SpanKind::Server)]);
        let page = of_trace(&Topology::of([&alone]), &untold()).into_string();
        assert!(page.contains("None of them called another"), "{page}");
        assert_eq!(page.matches("<table>").count(), 1, "{page}");
    }

    #[test]
    fn a_services_name_is_text_in_picture_and_table() {
        let topology = Topology::of([&trace("</svg><script>\u{202e}")]);
        let recent = Recent { value: topology, over: Duration::from_secs(60), cut: Some(9) };
        let answer = Answer { told: Some((recent, Origin::Spoor)), lacks: Vec::new() };
        let page = of_services(&answer).into_string();
        assert!(!page.contains("<script") && !page.contains('\u{202e}'), "{page}");
        // The picture, and each of its two boxes.
        assert_eq!(page.matches("</svg>").count(), 3, "{page}");
        assert!(
            page.contains("Calls of the last 1 min, from spoor: the latest 9 spans."),
            "{page}"
        );
    }

    #[test]
    fn a_storage_server_that_is_away_is_named() {
        let lack = Lack { of: Origin::Spoor, why: Why::Silent("refused".to_owned()) };
        let page = of_services(&Answer { told: None, lacks: vec![lack] }).into_string();
        assert!(page.contains("spoor: no answer: refused"), "{page}");
    }
}
