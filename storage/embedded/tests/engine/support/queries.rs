//! Random legacy queries.

use rand::{RngExt, rngs::StdRng};
use spoor_store::LegacyQuery;

use super::facts::{Fact, Facts};

/// A query that some span may match, or nearly.
pub fn query(facts: &Facts, random: &mut StdRng) -> LegacyQuery {
    let fact = facts.any(random);
    // Now and then what no single span has.
    let other = |random: &mut StdRng| -> Fact {
        if random.random_range(0..8) == 0 { facts.any(random) } else { fact.clone() }
    };
    let mut query = LegacyQuery::default();
    if random.random_range(0..3) == 0 {
        query.service = other(random).service;
    }
    if random.random_range(0..3) == 0 {
        query.operation = other(random).name;
    }
    for _ in 0..[0, 0, 1, 1, 2, 3][random.random_range(0..6)] {
        let mut attributes = other(random).attributes;
        if !attributes.is_empty() {
            let at = random.random_range(0..attributes.len());
            query.attributes.push(attributes.swap_remove(at));
        }
    }
    if random.random_range(0..40) == 0 {
        let (key, value) =
            [("error", "maybe"), ("span.kind", "x"), ("none", ""), ("resource.", "")]
                [random.random_range(0..4)];
        query.attributes.push((key.to_owned(), value.to_owned()));
    }
    let near = |value: u64, random: &mut StdRng| {
        let by = [0, 0, 1, 1_000_000, 60_000_000_000][random.random_range(0..5)];
        (value.saturating_sub(by), value.saturating_add(by))
    };
    match random.random_range(0..6) {
        0 => query.start_min = Some(near(other(random).start, random).0),
        1 => query.start_max = Some(near(other(random).start, random).1),
        2 => {
            let (min, max) = near(other(random).start, random);
            (query.start_min, query.start_max) = (Some(min), Some(max));
        }
        _ => {}
    }
    let nanos = |fact: Fact| u64::try_from(fact.duration).unwrap_or_default();
    match random.random_range(0..8) {
        0 => query.duration_min = Some(near(nanos(other(random)), random).0),
        1 => query.duration_max = Some(near(nanos(other(random)), random).1),
        2 => {
            let (min, max) = near(nanos(other(random)), random);
            (query.duration_min, query.duration_max) = (Some(min), Some(max));
        }
        _ => {}
    }
    query.depth = [-1, 0, 1, 1, 1, 2, 2, 3, 3, 5, 5, 20, 20, 1_500][random.random_range(0..14)];
    query
}

/// A query for the long spans of a service: of each kind of length that spans have, and of the
/// greatest there are.
pub fn long_spans(facts: &Facts, random: &mut StdRng) -> LegacyQuery {
    let fact = facts.any(random);
    let nanos = u64::try_from(fact.duration).unwrap_or_default();
    let least = [
        nanos,
        nanos.saturating_add(1),
        nanos / 2,
        nanos / 3 * 2,
        (1 << 16) - 1,
        1 << 16,
        i64::MAX as u64,
        1 << 63,
        u64::MAX,
    ];
    let is_of_another = random.random_range(0..4) == 0;
    let service = if is_of_another { facts.any(random).service } else { fact.service };
    LegacyQuery {
        service,
        duration_min: Some(least[random.random_range(0..least.len())]),
        depth: 20,
        ..LegacyQuery::default()
    }
}
