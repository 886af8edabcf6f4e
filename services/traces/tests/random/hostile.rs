//! Traces as nobody should send them.

use rand::RngExt;
use rand::rngs::StdRng;
use rand::seq::SliceRandom;
use traces::{Span, SpanKind};

const KINDS: [SpanKind; 6] = [
    SpanKind::Unspecified,
    SpanKind::Internal,
    SpanKind::Server,
    SpanKind::Client,
    SpanKind::Producer,
    SpanKind::Consumer,
];

/// Spans of one trace in any order: with ids that are there twice or empty, parents that are
/// missing, themselves or below, ends before starts, children before, after and beside each other
/// and their parents, and second copies. Their times are below 100.
pub fn sent(random: &mut StdRng) -> Vec<Span> {
    let count = random.random_range(0..25);
    // With few ids many are the same, with many most parents are missing.
    let ids = random.random_range(1..40);
    let rootless = random.random_bool(0.3);
    let mut spans: Vec<Span> = (0..count).map(|_| span(random, ids, rootless)).collect();
    for place in 0..spans.len() {
        if random.random_bool(0.1) {
            spans.push(spans[place].clone());
        }
    }
    spans.shuffle(random);
    spans
}

fn span(random: &mut StdRng, ids: u32, rootless: bool) -> Span {
    let id = random.random_range(0..ids);
    let parent_id = match random.random_range(0..20) {
        0 if !rootless => String::new(),
        1 => format!("{id}"),
        2 => "lost".to_owned(),
        _ if random.random_bool(0.02) => String::new(),
        _ => format!("{}", random.random_range(0..ids)),
    };
    let (start, end) = match random.random_range(0..10) {
        // Whole, so that much is within.
        0 => (0, 99),
        1 => (random.random_range(0..100), random.random_range(0..100)),
        2 => instant(random),
        _ => {
            let start = random.random_range(0..90);
            (start, random.random_range(start..100))
        }
    };
    Span {
        id: if random.random_bool(0.02) { String::new() } else { format!("{id}") },
        parent_id,
        name: format!("{}", random.random_range(0..2)),
        kind: KINDS[random.random_range(0..KINDS.len())],
        start,
        end,
        ..Span::default()
    }
}

fn instant(random: &mut StdRng) -> (u64, u64) {
    let at = random.random_range(0..100);
    (at, at)
}
