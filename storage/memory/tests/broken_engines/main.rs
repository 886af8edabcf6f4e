//! The conformance suite rejects engines that break a rule: each one here is the memory engine
//! with a single fault, and exactly the rules that the fault breaks must be named.

mod calls;
mod editing;
mod engine;
mod matching;
mod ranking;
mod reads;
mod writes;

use std::collections::HashSet;
use std::sync::Arc;

use engine::{Engine, Fault};
use spoor_store::conformance;

/// A fault, and the rules that it breaks.
type Case = (&'static [&'static str], Fault);

/// Rules that no fault breaks here: one is about compiling a query, in which no engine takes
/// part, and the other would take an engine that hangs.
const WITHOUT_A_FAULT: [&str; 2] =
    ["a_maximum_below_its_minimum_is_an_error", "a_stream_may_be_dropped_early"];

fn cases() -> impl Iterator<Item = Case> {
    [writes::faults(), reads::faults(), matching::faults(), ranking::faults(), calls::faults()]
        .into_iter()
        .flatten()
}

#[tokio::test(flavor = "multi_thread")]
async fn each_fault_is_found_and_named() {
    let mut wrong = Vec::new();
    for (expected, fault) in cases() {
        let violations = conformance::run(|| Arc::new(Engine::new(fault))).await;
        let broken: HashSet<_> = violations.iter().map(|violation| violation.rule).collect();
        let expected: HashSet<_> = expected.iter().copied().collect();
        if broken != expected {
            wrong.push((expected, violations));
        }
    }
    assert!(wrong.is_empty(), "expected and found: {wrong:#?}");
}

#[test]
fn each_rule_has_a_fault_that_breaks_it() {
    let broken: HashSet<_> =
        cases().flat_map(|(rules, _)| rules).copied().chain(WITHOUT_A_FAULT).collect();
    let rules: HashSet<_> = conformance::rules().map(|rule| rule.name).collect();
    assert_eq!(broken, rules);
}
