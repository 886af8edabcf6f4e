//! Rate, errors and durations of operations, and where one request is among the others.

use std::collections::BTreeMap;

use maud::{Markup, html};
use traces::{Operation, Span, Trace};

use super::figure::{duration, percent, rate, time};
use super::text::short;
use super::wide::wide;
use super::{link, source};
use crate::sources::{Answer, Bar, Reds, Requests};

/// Operations that a page has: a service may put ids into the names of its spans.
const MOST: usize = 100;
/// The size of a histogram.
const WIDTH: f64 = 160.0;
const HEIGHT: f64 = 36.0;

/// What services did with a trace: how many times each operation was asked for, and the longest.
type Here<'a> = BTreeMap<Operation, (usize, &'a Span)>;

/// Of the operations of a trace, each with the place of this request of it.
pub(crate) fn of_trace(trace: &Trace, answer: &Answer<Reds>) -> Markup {
    let mut here = Here::new();
    for span in trace.spans().iter().filter(|span| span.is_entry()) {
        let (times, longest) = here.entry(Operation::of(span)).or_insert((0, span));
        *times += 1;
        if span.duration() > longest.duration() {
            *longest = span;
        }
    }
    html! {
        section.red aria-labelledby="red" {
            h2 #red { "Rate, errors, durations" }
            @if here.is_empty() {
                p { "No service was asked for anything in this trace." }
            } @else {
                (table(answer, Some(&here)))
            }
            (source::lacks(&answer.lacks))
        }
    }
}

/// Of all operations that were asked for.
pub(crate) fn of_services(answer: &Answer<Reds>) -> Markup {
    html! {
        section.red aria-labelledby="red" {
            h2 #red { "Rate, errors, durations" }
            (table(answer, None))
            (source::lacks(&answer.lacks))
        }
    }
}

fn table(answer: &Answer<Reds>, here: Option<&Here<'_>>) -> Markup {
    let Some((reds, by)) = &answer.told else {
        return html! { p.missing { "No figures of services could be had." } };
    };
    let of_here = |operation: &Operation| here.is_none_or(|here| here.contains_key(operation));
    let shown: Vec<_> = reds.value.iter().filter(|(operation, _)| of_here(operation)).collect();
    let unknown = here.into_iter().flatten().filter(|(it, _)| !reds.value.contains_key(it));
    html! {
        p.origin {
            "Requests of " (time(reds.over))
            @if here.is_some() { " around this one" }
            ", from " (by)
            @if let Some(spans) = reds.cut { ": the latest " (spans) " of them" }
            ". A request counts where it was answered."
        }
        @if shown.is_empty() {
            p { "There were none." }
        } @else {
            (wide("Rate, errors and durations by operation", html! {
                table {
                    thead { tr {
                        @for name in ["service", "operation", "requests", "rate", "errors", "p50", "p95", "p99"] {
                            th scope="col" { (name) }
                        }
                        @if here.is_some() { th scope="col" { "this request" } }
                        th scope="col" { "distribution" }
                    } }
                    tbody {
                        @for (operation, requests) in shown.iter().take(MOST) {
                            (row(operation, requests, reds, here))
                        }
                    }
                }
            }))
        }
        @if shown.len() > MOST { p { (shown.len() - MOST) " more operations are not shown." } }
        @for (operation, (_, span)) in unknown.take(MOST) {
            p {
                (short(&operation.service)) " " (short(&operation.name))
                " took " (duration(span.duration() as f64)) " here, and was not asked for in that time otherwise."
            }
        }
    }
}

fn row(operation: &Operation, requests: &Requests, reds: &Reds, here: Option<&Here<'_>>) -> Markup {
    let here = here.and_then(|here| here.get(operation));
    let longest = here.map(|(_, span)| span.duration());
    let Operation { service, name } = operation;
    let found = link::query(&[("service", service), ("operation", name)]);
    let quantile = |share| requests.durations.quantile(share).map_or("–".to_owned(), duration);
    html! {
        tr {
            td { (short(service)) }
            th scope="row" { a href={ "/search" (found) } { (short(name)) } }
            td.number { (format!("{:.0}", requests.count)) }
            td.number { (rate(requests.count, reds.over)) }
            td.number.error[requests.errors > 0.0] { (percent(requests.error_ratio())) }
            @for share in [0.5, 0.95, 0.99] { td.number { (quantile(share)) } }
            @if let Some((times, span)) = here {
                td.here {
                    @if *times > 1 { (times) " times, the longest " }
                    span.number { (duration(span.duration() as f64)) }
                    @if let Some(share) = requests.durations.place(span.duration()) {
                        "; " (percent(share)) " took no longer"
                    }
                }
            }
            td { (histogram(requests, longest)) }
        }
    }
}

/// How durations are spread, and where one is among them.
fn histogram(requests: &Requests, here: Option<u64>) -> Markup {
    let bars = requests.durations.bars();
    let Some(highest) = bars.iter().map(|bar| bar.count).reduce(f64::max) else {
        return html! { "–" };
    };
    let wide = WIDTH / bars.len() as f64;
    let drawn = bars.iter().enumerate().map(|(place, bar)| {
        // What there is of is to be seen.
        let height = if bar.count > 0.0 { (bar.count / highest * HEIGHT).max(1.0) } else { 0.0 };
        (place as f64 * wide, height, here.is_some_and(|here| is_in(bar, here)))
    });
    let mark = here.map(|here| position(&bars, here as f64) * wide);
    html! {
        div.histogram {
            svg role="img" aria-label=(told(requests, &bars, here))
                width=(WIDTH) height=(HEIGHT) viewBox={ "0 0 " (WIDTH) " " (HEIGHT) }
            {
                @for (x, height, is_here) in drawn {
                    rect.bar.here[is_here]
                        x={ (figure(x)) } y={ (figure(HEIGHT - height)) }
                        width={ (figure((wide - 1.0).max(0.5))) } height={ (figure(height)) } {}
                }
                @if let Some(x) = mark {
                    line.mark x1=(figure(x)) x2=(figure(x)) y1="0" y2=(HEIGHT) {}
                }
            }
            span.range aria-hidden="true" { (range(&bars)) }
        }
    }
}

/// From the shortest duration that is drawn to the longest.
fn range(bars: &[Bar]) -> String {
    let (from, to) =
        (bars.first().map_or(0.0, |bar| bar.from), bars.last().map_or(0.0, |bar| bar.to));
    let to = if to.is_infinite() { "more".to_owned() } else { duration(to) };
    format!("{} to {to}", duration(from))
}

fn figure(number: f64) -> String {
    format!("{number:.1}")
}

fn is_in(bar: &Bar, nanoseconds: u64) -> bool {
    let duration = nanoseconds as f64;
    (duration > bar.from || bar.from == 0.0) && duration <= bar.to
}

/// In bars from the left, up to their number.
fn position(bars: &[Bar], duration: f64) -> f64 {
    let whole = bars.iter().take_while(|bar| bar.to < duration).count();
    let Some(bar) = bars.get(whole) else { return bars.len() as f64 };
    let inside =
        if bar.to.is_infinite() { 0.5 } else { (duration - bar.from) / (bar.to - bar.from) };
    whole as f64 + inside.clamp(0.0, 1.0)
}

/// The picture in words.
fn told(requests: &Requests, bars: &[Bar], here: Option<u64>) -> String {
    let count = requests.count.round();
    let mut text = format!("{count} requests, from {}", range(bars));
    if let Some(middle) = requests.durations.quantile(0.5) {
        text.push_str(&format!("; half of them up to {}", duration(middle)));
    }
    if let Some((here, share)) = here.and_then(|it| Some((it, requests.durations.place(it)?))) {
        let (here, share) = (duration(here as f64), percent(share));
        text.push_str(&format!("; this one {here}: {share} took no longer"));
    }
    text
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use traces::SpanKind;

    use super::*;
    use crate::sources::{Durations, Origin};

    fn span(name: &str, milliseconds: u64) -> Span {
        Span {
            id: format!("{milliseconds:016x}"),
            service: "app-a".to_owned(),
            name: name.to_owned(),
            kind: SpanKind::Server,
            end: milliseconds * 1_000_000,
            ..Span::default()
        }
    }

    fn answer(name: &str, milliseconds: &[u64]) -> Answer<Reds> {
        let spans: Vec<_> = milliseconds.iter().map(|ms| span(name, *ms)).collect();
        let value = traces::red(&spans).into_iter().map(|(operation, red)| {
            let count = red.requests as f64;
            let durations = Durations::Each(red);
            (operation, Requests { count, errors: 0.0, durations })
        });
        let value = value.collect();
        let reds = Reds { value, over: Duration::from_secs(60), cut: None };
        Answer { told: Some((reds, Origin::Spoor)), lacks: Vec::new() }
    }

    #[test]
    fn a_request_of_a_trace_is_shown_at_its_place() {
        let trace = Trace::of(vec![span("GET /chain", 40)]);
        let page = of_trace(&trace, &answer("GET /chain", &[10, 12, 40, 90])).into_string();
        for expected in [
            "<td class=\"here\"><span class=\"number\">40.0 ms</span>; 75 % took no longer</td>",
            "<td class=\"number\">4</td>",
            "<span class=\"range\" aria-hidden=\"true\">5.0 ms to 100.0 ms</span>",
            "Requests of 1 min around this one, from spoor",
            "0.067/s",
            "4 requests, from 5.0 ms to 100.0 ms; half of them up to 12.0 ms; this one 40.0 ms: \
             75 % took no longer",
            "href=\"/search?service=app-a&amp;operation=GET%20%2Fchain\"",
        ] {
            assert!(page.contains(expected), "{expected} in {page}");
        }
        assert_eq!(page.matches("class=\"bar here\"").count(), 1, "{page}");
    }

    #[test]
    fn an_operation_that_nobody_else_asked_for_is_named() {
        let trace = Trace::of(vec![span("GET /<b>", 40)]);
        let page = of_trace(&trace, &answer("GET /chain", &[10])).into_string();
        assert!(page.contains("There were none."), "{page}");
        assert!(page.contains("GET /&lt;b&gt;") && !page.contains("<b>"), "{page}");
        assert!(page.contains("took 40.0 ms here"), "{page}");
    }

    #[test]
    fn a_mark_is_where_its_duration_is() {
        let bars = [(0.0, 1e6), (1e6, 2e6), (2e6, f64::INFINITY)];
        let bars = bars.map(|(from, to)| Bar { from, to, count: 1.0 });
        for (duration, expected) in [(0.0, 0.0), (0.5e6, 0.5), (1e6, 1.0), (1.5e6, 1.5), (9e9, 2.5)]
        {
            assert_eq!(position(&bars, duration), expected);
        }
        assert_eq!(position(&bars[..2], 9e9), 2.0);
    }
}
