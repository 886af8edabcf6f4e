//! The log lines of a trace.

use maud::{Markup, html};
use traces::Trace;

use super::figure::{duration, moment};
use super::text::{long, short};
use super::{link, source};
use crate::sources::{Answer, Line, Logs};

/// Bytes of a page for all lines.
const ROOM: usize = 2 << 20;
/// Fields of a line.
const FIELDS: usize = 20;
/// Bytes of a value that stands beside the message.
const SHORT: usize = 120;

/// All lines in order of time, each with a link to the row of its span.
pub(crate) fn logs(trace: &Trace, answer: &Answer<Logs>) -> Markup {
    html! {
        section.logs aria-labelledby="logs" {
            h2 #logs { "Logs" }
            @match &answer.told {
                None => p.missing { "No log line of this trace could be had." },
                Some((Logs { lines, cut }, by)) => {
                    p.origin {
                        @if *cut { "The first " (lines.len()) " lines, of more" }
                        @else if lines.len() == 1 { "1 line" }
                        @else { (lines.len()) " lines" }
                        " of this trace, from " (by) "."
                    }
                    @let shown = shown(trace, lines);
                    ol.lines { @for line in &shown { (line) } }
                    @if shown.len() < lines.len() {
                        p { (lines.len() - shown.len()) " more are not shown: they are too long for a page." }
                    }
                }
            }
            (source::lacks(&answer.lacks))
        }
    }
}

/// As many as a page has room for.
fn shown(trace: &Trace, lines: &[Line]) -> Vec<Markup> {
    let mut room = ROOM;
    let items = lines.iter().map_while(|line| {
        let item = item(trace, line);
        room = room.checked_sub(item.0.len())?;
        Some(item)
    });
    items.collect()
}

fn item(trace: &Trace, line: &Line) -> Markup {
    html! {
        li class={ "line " (class(&line.severity)) } {
            @if let Some(time) = line.time {
                time datetime=(moment(time)) { (since(trace, time)) } " "
            }
            @if !line.severity.is_empty() { strong.severity { (short(&line.severity)) } " " }
            span.service { (short(&line.service)) } " "
            @if trace.span(&line.span_id).is_some() {
                a.span href=(link::span(&trace.spans()[0].trace_id, &line.span_id)) { "span " (line.span_id) } " "
            } @else if !line.span_id.is_empty() {
                span.span { "span " (short(&line.span_id)) ", not in the trace" } " "
            }
            span.message { (long(&line.text)) }
            (fields(line))
        }
    }
}

/// The short ones beside the message, the others below.
fn fields(line: &Line) -> Markup {
    let fields = line.fields.iter().take(FIELDS);
    let (beside, below): (Vec<_>, Vec<_>) = fields.partition(|(_, value)| value.len() <= SHORT);
    html! {
        @for (name, value) in beside {
            " " span.field { span.key { (short(name)) } "=" (short(value)) }
        }
        @if !below.is_empty() {
            details {
                summary { "long fields" }
                dl { @for (name, value) in below { dt { (short(name)) } dd { (long(value)) } } }
            }
        }
        @if line.fields.len() > FIELDS { " and " (line.fields.len() - FIELDS) " more fields" }
    }
}

/// From the begin of the trace; a line's clock may be behind.
fn since(trace: &Trace, time: u64) -> String {
    if trace.is_empty() {
        return moment(time);
    }
    let (start, _) = trace.window();
    let sign = if time < start { '−' } else { '+' };
    format!("{sign}{}", duration(time.abs_diff(start) as f64))
}

/// What it is coloured by: a known one, since what a part writes is no class.
fn class(severity: &str) -> &'static str {
    match severity.to_ascii_lowercase().as_str() {
        "error" | "fatal" | "critical" => "error",
        "warn" | "warning" => "warn",
        "debug" | "trace" => "debug",
        _ => "info",
    }
}

#[cfg(test)]
mod tests {
    use traces::Span;

    use super::*;
    use crate::sources::{Lack, Origin, Why};

    fn page(line: Line) -> String {
        let span = Span { id: "00f067aa0ba902b7".to_owned(), start: 1_000_000, ..Span::default() };
        let trace = Trace::of(vec![span]);
        let logs = Logs { lines: vec![line], cut: false };
        logs_of(&trace, &Answer { told: Some((logs, Origin::Loki)), lacks: Vec::new() })
    }

    fn logs_of(trace: &Trace, answer: &Answer<Logs>) -> String {
        logs(trace, answer).into_string()
    }

    #[test]
    fn a_line_of_a_span_leads_to_its_row_and_tells_when_it_was() {
        let page = page(Line {
            time: Some(3_500_000),
            severity: "WARN".to_owned(),
            service: "app-a".to_owned(),
            span_id: "00f067aa0ba902b7".to_owned(),
            text: "trying again".to_owned(),
            ..Line::default()
        });
        for expected in [
            "#span-00f067aa0ba902b7\">",
            "+2.5 ms",
            "1 line of this trace, from Loki.",
            "class=\"line warn\"",
            "trying again",
        ] {
            assert!(page.contains(expected), "{expected} in {page}");
        }
    }

    #[test]
    fn what_a_line_says_is_text_wherever_it_stands() {
        let hostile = "\"><script>alert(1)</script>\u{202e}";
        let page = page(Line {
            time: None,
            severity: hostile.to_owned(),
            service: hostile.to_owned(),
            span_id: hostile.to_owned(),
            text: hostile.to_owned(),
            fields: [(hostile.to_owned(), hostile.to_owned())].into(),
        });
        assert!(!page.contains("<script"), "{page}");
        assert_eq!(page.matches("&lt;script&gt;").count(), 6, "{page}");
        assert!(!page.contains('\u{202e}'), "{page}");
    }

    #[test]
    fn fields_stand_beside_the_message_and_long_ones_below() {
        let field = |name: &str, value: String| (name.to_owned(), value);
        let mut fields = vec![field("order", "7".to_owned()), field("stack", "x".repeat(200))];
        fields.extend((2..25).map(|number| field(&number.to_string(), String::new())));
        let page = page(Line { fields: fields.into(), ..Line::default() });
        let expected = "<span class=\"key\"><bdi>order</bdi></span>=<bdi>7</bdi></span>";
        assert!(page.contains(expected) && page.contains("and 5 more fields"), "{page}");
        let (beside, below) = page.split_once("<details>").unwrap();
        assert!(!beside.contains("stack") && below.contains("stack"), "{page}");
    }

    #[test]
    fn lines_that_have_no_room_on_a_page_are_counted() {
        let line = |_| Line { text: "<".repeat(10_000), ..Line::default() };
        let logs = Logs { lines: (0..2_000).map(line).collect(), cut: false };
        let answer = Answer { told: Some((logs, Origin::Loki)), lacks: Vec::new() };
        let page = logs_of(&Trace::default(), &answer);
        assert!(page.len() < ROOM + 10_000, "{}", page.len());
        let shown = page.matches("<li ").count();
        assert!(shown > 50, "{shown}");
        assert!(page.contains(&format!("{} more are not shown", 2_000 - shown)));
    }

    #[test]
    fn what_is_missing_is_named_with_the_reason() {
        let lack = |of, why| Lack { of, why };
        let lacks = vec![
            lack(Origin::Loki, Why::Absent),
            lack(Origin::Lines, Why::Silent("connection <refused>".to_owned())),
        ];
        let page = logs_of(&Trace::default(), &Answer { told: None, lacks });
        for expected in [
            "No log line of this trace could be had.",
            "Loki: not in this lab",
            "the lab&#39;s lines: no answer: connection &lt;refused&gt;",
        ] {
            let unquoted = expected.replace("&#39;", "'");
            assert!(page.contains(expected) || page.contains(&unquoted), "{expected} in {page}");
        }
    }
}
