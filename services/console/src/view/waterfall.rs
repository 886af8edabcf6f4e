//! A trace in time: a line for each span, below its parent, with a bar from its begin to its end.

mod bar;
mod marks;
mod wanted;

use maud::{Markup, html};
use traces::{Row, Span, Trace};

use super::figure::duration;
use super::form::Field;
use super::link;
use super::span::span as detail;
use super::text::short;
use crate::send::Exchange;
use marks::Marks;
pub(crate) use wanted::Wanted;

/// Lines of a page.
const LINES: usize = 500;
/// Levels that are indented; a deeper one is told.
const DEEPEST: usize = 16;
/// Services that can be chosen.
const SERVICES: usize = 100;

/// The lines that are wanted. `exchange` is what began the trace, if that was sent from here.
pub(crate) fn waterfall(trace: &Trace, wanted: &Wanted, exchange: Option<&Exchange>) -> Markup {
    let marks = Marks::of(trace);
    let rows = trace.rows();
    let matching: Vec<_> = rows.iter().filter(|row| is_wanted(row.span, wanted, &marks)).collect();
    let open = trace.span(&wanted.span);
    let place = open.and_then(|open| matching.iter().position(|row| std::ptr::eq(row.span, open)));
    let pages = matching.len().div_ceil(LINES).max(1);
    let page = wanted.page.parse().ok().or_else(|| Some(place? / LINES + 1));
    let page: usize = page.unwrap_or(1).clamp(1, pages);
    let first = (page - 1) * LINES;
    let shown = &matching[first..matching.len().min(first + LINES)];
    let own = exchange.and_then(Exchange::span_id);
    let line = |row: &Row<'_>| line(trace, row, &marks, wanted, (open, own));
    html! {
        section.waterfall aria-labelledby="waterfall" {
            h2 #waterfall { "Waterfall" }
            (bar::patterns())
            (legend(&marks))
            (filter(trace, wanted, &marks))
            (jumps(trace, &marks, exchange))
            p.count role="status" {
                @if matching.is_empty() { "No span is as wanted." }
                @else if matching.len() == rows.len() && pages == 1 { (rows.len()) @if rows.len() == 1 { " span" } @else { " spans" } }
                @else {
                    "Lines " (first + 1) " to " (first + shown.len()) " of " (matching.len())
                    @if matching.len() < rows.len() { ", chosen from " (rows.len()) " spans" }
                }
            }
            @if pages > 1 { (turn("Pages", trace, wanted, page, pages)) }
            (bar::axis(trace.duration()))
            ol.rows start=(first + 1) { @for row in shown { (line(row)) } }
            @if pages > 1 { (turn("Pages, again", trace, wanted, page, pages)) }
        }
    }
}

fn is_wanted(span: &Span, wanted: &Wanted, marks: &Marks<'_>) -> bool {
    (wanted.errors.is_empty() || span.is_error())
        && (wanted.critical.is_empty() || marks.critical(span).next().is_some())
        && (wanted.service.is_empty() || span.service == wanted.service)
}

/// A line, and below it all of the span if it is the `open` one. `own` is the id of what is sent from
/// here.
fn line(
    trace: &Trace,
    row: &Row<'_>,
    marks: &Marks<'_>,
    wanted: &Wanted,
    (open, own): (Option<&Span>, Option<&str>),
) -> Markup {
    let span = row.span;
    let is_open = open.is_some_and(|open| std::ptr::eq(open, span));
    // Of several with one id, one has it on the page.
    let is_first = trace.span(&span.id).is_some_and(|first| std::ptr::eq(first, span));
    let id = is_first.then(|| format!("span-{}", span.id));
    let is_critical = marks.critical(span).next().is_some();
    let mut class = format!("row d{}", row.depth.min(DEEPEST));
    for (name, is_so) in [("failed", span.is_error()), ("critical", is_critical), ("open", is_open)]
    {
        if is_so {
            class = format!("{class} {name}");
        }
    }
    let closed = format!("{}{}", link::trace(&span.trace_id), wanted.query(&[("span", "")]));
    let opened = format!("{}{}", link::trace(&span.trace_id), wanted.query(&[("span", &span.id)]));
    let href = format!("{}#span-{}", if is_open { &closed } else { &opened }, span.id);
    html! {
        li class=(class) id=[id] {
            a.line href=(href) data-span=[is_first.then(|| link::span_alone(&span.trace_id, &span.id))]
                aria-expanded=(is_open)
            {
                span.what {
                    (bar::swatch(marks.colour(&span.service)))
                    span.service { (short(&span.service)) } " "
                    span.name { (short(&span.name)) } " "
                    (tags(trace, row, marks, own))
                }
                span.took { (duration(span.duration() as f64)) }
                (bar::bar(trace, span, marks))
            }
            @if is_open { (detail(trace, span)) }
        }
    }
}

/// What is to be said of a span beside its name and its time.
fn tags(trace: &Trace, row: &Row<'_>, marks: &Marks<'_>, own: Option<&str>) -> Markup {
    let span = row.span;
    let early = trace.parent(span).map_or(0, |parent| parent.start.saturating_sub(span.start));
    let gap: u64 = marks.gaps(span).map(|(start, end)| end - start).sum();
    html! {
        @if span.is_error() { span.tag.error { "error" } " " }
        @if row.depth > DEEPEST { span.tag { "level " (row.depth) } " " }
        @if trace.is_orphan(span) {
            @if own == Some(&*span.parent_id) { span.tag { "sent from here" } " " }
            @else { span.tag.warn { "parent is not there" } " " }
        }
        @if early >= 1_000 { span.tag.warn { "begins " (duration(early as f64)) " before its parent: clocks differ" } " " }
        @if span.end < span.start { span.tag.warn { "ends before it begins: its clock was set" } " " }
        @if gap > 0 { span.tag.gap { "gap of " (duration(gap as f64)) } " " }
        @if !span.links.is_empty() { span.tag { "links to another span" } " " }
        @if marks.is_linked(span) { span.tag { "linked from another span" } " " }
    }
}

fn legend(marks: &Marks<'_>) -> Markup {
    html! {
        ul.legend aria-label="Legend" {
            @for (service, count) in marks.services().iter().take(SERVICES) {
                li { (bar::swatch(marks.colour(service))) (short(service)) " " span.count { (count) } }
            }
            @if marks.services().len() > SERVICES { li { (marks.services().len() - SERVICES) " more services" } }
            li { (bar::key("critical")) "critical path" }
            li { (bar::key("gap")) "gap: no span explains the time" }
            li { (bar::key("failed")) "error" }
        }
    }
}

fn filter(trace: &Trace, wanted: &Wanted, marks: &Marks<'_>) -> Markup {
    let Some(id) = trace.first().map(|first| &first.trace_id) else { return html! {} };
    let field = |name, label, value| Field { name, label, hint: "", value };
    let services = marks.services().iter().take(SERVICES).map(|(name, _)| (*name, *name));
    let all = [("", "all services")];
    html! {
        form.filter method="get" action={ (link::trace(id)) "#waterfall" } role="search" aria-label="Spans" {
            (field("service", "Service", &wanted.service).choice(all.into_iter().chain(services)))
            (field("errors", "errors only", &wanted.errors).check())
            (field("critical", "on the critical path only", &wanted.critical).check())
            button type="submit" { "Show" }
        }
    }
}

/// To what one looks for first.
fn jumps(trace: &Trace, marks: &Marks<'_>, exchange: Option<&Exchange>) -> Markup {
    let error = trace.spans().iter().find(|span| span.is_error());
    let jumps = [
        ("first error", error),
        ("longest part of the critical path", marks.longest()),
        ("largest gap", marks.largest_gap()),
        ("first without its parent", Exchange::lost(exchange, trace).next()),
    ];
    let jumps: Vec<_> = jumps.into_iter().filter_map(|(name, span)| Some((name, span?))).collect();
    html! {
        @if !jumps.is_empty() {
            nav.jumps aria-label="Jump to" {
                "Jump to: "
                @for (name, span) in jumps { a href=(link::span(&span.trace_id, &span.id)) { (name) } " " }
            }
        }
    }
}

fn turn(label: &str, trace: &Trace, wanted: &Wanted, page: usize, pages: usize) -> Markup {
    let id = trace.first().map_or("", |first| &first.trace_id);
    let to = |page: usize| {
        let query = wanted.query(&[("span", ""), ("page", &page.to_string())]);
        format!("{}{query}#waterfall", link::trace(id))
    };
    html! {
        nav.turn aria-label=(label) {
            @if page > 1 { a href=(to(1)) { "first" } " " a href=(to(page - 1)) rel="prev" { "previous" } " " }
            span aria-current="page" { "page " (page) " of " (pages) } " "
            @if page < pages { a href=(to(page + 1)) rel="next" { "next" } " " a href=(to(pages)) { "last" } }
        }
    }
}

#[cfg(test)]
mod tests {
    use traces::{Link, SpanKind, Status};

    use super::*;

    /// In milliseconds.
    fn span(id: u64, parent: u64, (start, end): (u64, u64)) -> Span {
        let id_of = |id: u64| if id == 0 { String::new() } else { format!("{id:016x}") };
        Span {
            trace_id: "4b".repeat(16),
            id: id_of(id),
            parent_id: id_of(parent),
            service: format!("app-{}", id % 3),
            name: format!("work {id}"),
            kind: SpanKind::Internal,
            start: start * 1_000_000,
            end: end * 1_000_000,
            ..Span::default()
        }
    }

    fn page(spans: Vec<Span>, wanted: &Wanted) -> String {
        waterfall(&Trace::of(spans), wanted, None).into_string()
    }

    fn lines(page: &str) -> usize {
        page.matches("<a class=\"line\"").count()
    }

    #[test]
    fn a_bar_is_where_its_span_was() {
        let page = page(vec![span(1, 0, (100, 200)), span(2, 1, (150, 175))], &Wanted::default());
        assert!(page.contains("x=\"50.000%\" y=\"3\" width=\"25.000%\""), "{page}");
        assert_eq!(lines(&page), 2);
    }

    #[test]
    fn what_is_amiss_is_told_in_words() {
        let spans = vec![
            span(1, 0, (100, 200)),
            Span { status: Status::Error(String::new()), ..span(2, 1, (110, 190)) },
            span(3, 2, (90, 120)),
            span(4, 99, (100, 110)),
            span(5, 1, (150, 140)),
            Span {
                links: vec![Link {
                    trace_id: "4b".repeat(16),
                    span_id: format!("{:016x}", 2),
                    ..Link::default()
                }],
                ..span(6, 1, (195, 196))
            },
        ];
        let page = page(spans, &Wanted::default());
        for expected in [
            "<span class=\"tag error\">error</span>",
            "begins 20.0 ms before its parent: clocks differ",
            "parent is not there",
            "ends before it begins: its clock was set",
            "links to another span",
            "linked from another span",
            "gap of ",
        ] {
            assert!(page.contains(expected), "{expected} in {page}");
        }
    }

    #[test]
    fn a_large_trace_has_pages_and_a_span_is_on_its_own() {
        let mut spans = vec![span(1, 0, (0, 10_000))];
        spans.extend((2..=1_200).map(|id| span(id, 1, (id, id + 1))));
        let whole = page(spans.clone(), &Wanted::default());
        assert_eq!(lines(&whole), LINES);
        assert!(whole.contains("Lines 1 to 500 of 1200"), "{whole}");
        let last = Wanted { page: "99".to_owned(), ..Wanted::default() };
        assert!(page(spans.clone(), &last).contains("Lines 1001 to 1200 of 1200"));
        let id = format!("{:016x}", 1_100);
        let page = page(spans, &Wanted { span: id.clone(), ..Wanted::default() });
        assert!(
            page.contains("page 3 of 3") && page.contains(&format!("id=\"span-{id}\"")),
            "{page}"
        );
        assert_eq!(page.matches("class=\"detail\"").count(), 1);
    }

    #[test]
    fn lines_are_chosen_by_error_service_and_critical_path() {
        let spans = vec![
            span(1, 0, (0, 100)),
            Span { status: Status::Error(String::new()), ..span(2, 1, (10, 90)) },
            span(3, 1, (20, 30)),
        ];
        let with = |change: fn(&mut Wanted)| {
            let mut wanted = Wanted::default();
            change(&mut wanted);
            let page = page(spans.clone(), &wanted);
            (1..=3)
                .filter(|id| page.contains(&format!("id=\"span-{id:016x}\"")))
                .collect::<Vec<_>>()
        };
        assert_eq!(with(|wanted| wanted.errors = "1".to_owned()), [2]);
        assert_eq!(with(|wanted| wanted.critical = "1".to_owned()), [1, 2]);
        assert_eq!(with(|wanted| wanted.service = "app-0".to_owned()), [3]);
        assert_eq!(with(|wanted| wanted.service = "none".to_owned()), [0; 0]);
    }

    #[test]
    fn an_id_that_two_spans_have_is_on_the_page_once() {
        let again = Span { name: "another".to_owned(), ..span(1, 0, (5, 6)) };
        let page = page(vec![span(1, 0, (0, 10)), again], &Wanted::default());
        assert_eq!((lines(&page), page.matches("id=\"span-").count()), (2, 1), "{page}");
    }
}
