//! The drawings of a waterfall. Where something is stands in attributes of SVG: a page has no styles
//! of its own.

use maud::{Markup, html};
use traces::{Span, Trace};

use super::marks::Marks;
use crate::view::figure::duration;

/// The patterns that tell services apart, with their colours; after them they begin again.
const PATTERNS: [&str; 8] = [
    "",
    "M-2,2 l4,-4 M0,8 l8,-8 M6,10 l4,-4",
    "M0,4 h8",
    "M4,1.5 v5 M1.5,4 h5",
    "M-2,6 l4,4 M0,0 l8,8 M6,-2 l4,4",
    "M4,0 v8",
    "M0,0 l8,8 M8,0 l-8,8",
    "M0,6 l4,-4 l4,4",
];
/// Of the width: a shorter bar could not be seen.
const LEAST: f64 = 0.3;

/// What the bars below are filled with.
pub(super) fn patterns() -> Markup {
    html! {
        svg.patterns width="0" height="0" aria-hidden="true" {
            defs {
                @for (place, pattern) in PATTERNS.iter().enumerate() {
                    pattern id={ "pattern-" (place) } class={ "colour-" (place) } width="8" height="8" patternUnits="userSpaceOnUse" {
                        rect.ground width="8" height="8" {}
                        @if !pattern.is_empty() { path.mark d=(pattern) fill="none" {} }
                    }
                }
            }
        }
    }
}

fn fill(colour: usize) -> String {
    format!("url(#pattern-{})", colour % PATTERNS.len())
}

/// A service's colour and pattern beside its name.
pub(super) fn swatch(colour: usize) -> Markup {
    html! {
        svg.swatch width="14" height="14" aria-hidden="true" {
            rect width="14" height="14" rx="3" fill=(fill(colour)) {}
        }
    }
}

/// What a mark looks like.
pub(super) fn key(class: &str) -> Markup {
    html! {
        svg.swatch width="22" height="14" aria-hidden="true" {
            @match class {
                "critical" => rect.critical y="8" width="22" height="3" {},
                "gap" => rect.gap y="2" width="22" height="10" {},
                _ => rect.failed x="1" y="2" width="20" height="10" rx="2" fill="none" {},
            }
        }
    }
}

pub(super) fn bar(trace: &Trace, span: &Span, marks: &Marks<'_>) -> Markup {
    let window = trace.window();
    let place = |(start, end)| place((start, end), window);
    let (x, width) = place((span.start, span.end.max(span.start)));
    html! {
        svg.bar height="20" aria-hidden="true" {
            rect.failed[span.is_error()] x=(x) y="3" width=(width) height="11" rx="2" fill=(fill(marks.colour(&span.service))) {}
            @for (x, width) in marks.gaps(span).map(place) {
                rect.gap x=(x) y="3" width=(width) height="11" {}
            }
            @for (x, width) in marks.critical(span).map(place) {
                rect.critical x=(x) y="16" width=(width) height="3" {}
            }
        }
    }
}

/// The left edge and the width, in percent of the whole.
fn place((start, end): (u64, u64), (first, last): (u64, u64)) -> (String, String) {
    let whole = last.saturating_sub(first).max(1) as f64;
    let part = |time: u64| time.saturating_sub(first) as f64 / whole * 100.0;
    let width = (part(end) - part(start)).clamp(LEAST, 100.0);
    let x = part(start).clamp(0.0, 100.0 - width);
    (format!("{x:.3}%"), format!("{width:.3}%"))
}

/// Times above the bars.
pub(super) fn axis(whole: u64) -> Markup {
    let ticks = [
        (0.0, "start", "tick"),
        (0.25, "middle", "tick quarter"),
        (0.5, "middle", "tick"),
        (0.75, "middle", "tick quarter"),
        (1.0, "end", "tick"),
    ];
    html! {
        div.axis {
            svg height="18" aria-hidden="true" {
                @for (part, anchor, class) in ticks {
                    text class=(class) x={ (part * 100.0) "%" } y="13" text-anchor=(anchor) { (duration(part * whole as f64)) }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bar_is_seen_and_inside_however_short_or_late_it_is() {
        let of = |start, end| place((start, end), (100, 200));
        let percent = |x: &str, width: &str| (x.to_owned(), width.to_owned());
        assert_eq!(of(100, 200), percent("0.000%", "100.000%"));
        assert_eq!(of(150, 150), percent("50.000%", "0.300%"));
        assert_eq!(of(200, 200), percent("99.700%", "0.300%"));
        assert_eq!(place((7, 7), (7, 7)), percent("0.000%", "0.300%"));
        assert_eq!(place((0, u64::MAX), (0, u64::MAX)), percent("0.000%", "100.000%"));
    }
}
