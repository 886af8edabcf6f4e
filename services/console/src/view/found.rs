//! Traces that were found, one a row.

use maud::{Markup, html};
use traces::Summary;

use super::figure::{duration, moment};
use super::link;
use super::text::short;
use super::wide::wide;
use crate::send::{Exchange, Sent};

/// Services that a row names.
const SERVICES: usize = 6;

pub(crate) fn table(caption: &str, found: &[Summary], sent: &Sent) -> Markup {
    wide(
        caption,
        html! {
            table.traces {
                caption.aside { (caption) }
                thead { tr {
                    @for name in ["trace", "duration", "errors", "spans", "begun (UTC)", "services"] {
                        th scope="col" { (name) }
                    }
                } }
                tbody { @for summary in found { (row(summary, sent)) } }
            }
        },
    )
}

fn row(summary: &Summary, sent: &Sent) -> Markup {
    let time = moment(summary.start);
    let exchange = sent.of_trace(&summary.trace_id);
    // What was sent from here as a span is the parent of one of them, and nowhere else.
    let own = exchange.as_ref().and_then(|exchange| exchange.span_id()).map_or(0, |_| 1);
    let orphans = summary.orphans.saturating_sub(own);
    html! {
        tr {
            th scope="row" {
                a href=(link::trace(&summary.trace_id)) { (name(summary, exchange.as_deref())) }
            }
            td.number { (duration(summary.duration as f64)) }
            td.number.error[summary.errors > 0] { (summary.errors) }
            td.number {
                (summary.spans)
                @if orphans > 0 { " " span.tag title="spans whose parent is not there" { (orphans) " without parent" } }
            }
            td { time datetime=(time) { (clock(&time)) } }
            td.services {
                @for (name, spans, errors) in summary.services.iter().take(SERVICES) {
                    span.tag.error[*errors > 0] { (short(name)) " " (spans) } " "
                }
                @if summary.services.len() > SERVICES { (summary.services.len() - SERVICES) " more" }
            }
        }
    }
}

/// The root; of a trace whose root is elsewhere, what was sent, or else that there is none.
fn name(summary: &Summary, exchange: Option<&Exchange>) -> Markup {
    html! {
        @if !summary.root_operation.is_empty() || !summary.root_service.is_empty() {
            span.service { (short(&summary.root_service)) } " " (short(&summary.root_operation))
        } @else if let Some(Exchange { request, .. }) = exchange {
            span.service { (short(&request.service)) } " " (request.method) " " (short(&request.path)) ", sent from here"
        } @else {
            "without root: " code { (summary.trace_id.get(..8).unwrap_or_default()) "…" }
        }
    }
}

/// The day is told where it is not clear, in the attribute.
fn clock(moment: &str) -> &str {
    moment.split_once('T').map_or(moment, |(_, time)| time.trim_end_matches('Z'))
}
