//! Whether all parts and the doctor agree on the time.

use std::collections::BTreeMap;

use traces::Trace;

use super::finding::{Finding, Verdict};
use super::lab::seconds;
use super::probe::Chain;
use crate::addresses::Addresses;

/// Seconds that a `Date` may be off beyond what its whole seconds leave open, and a span be outside
/// the request that it is of. A busy machine ends a span late; what is less harms nothing.
const TOLERANCE: f64 = 1.0;

/// Judges by the `Date` of each part's answer, and by the spans of a request: each must lie within
/// it. `skews` are seconds that each part's clock is ahead.
pub fn examine(
    skews: &BTreeMap<&'static str, f64>,
    probe: Option<(&Chain, &Trace)>,
    addresses: &Addresses,
) -> Verdict {
    let spans = probe.map(|(chain, trace)| span_skews(chain, trace)).unwrap_or_default();
    let by_date = skews.iter().filter(|(_, skew)| skew.abs() > TOLERANCE);
    let by_span = spans.iter().filter(|(part, skew)| {
        skew.abs() > TOLERANCE && !skews.get(*part).is_some_and(|date| date.abs() > TOLERANCE)
    });
    let off: Vec<(&str, f64)> = by_date.chain(by_span).map(|(part, skew)| (*part, *skew)).collect();
    if off.is_empty() {
        let spans = if spans.is_empty() { "" } else { ", the probe's spans lie within it" };
        return Ok(format!("{} parts agree with this clock{spans}", skews.len()));
    }
    Err(explain(&off, skews.len(), addresses))
}

/// By how many seconds each service's spans are after the end of their request, or before its
/// start.
fn span_skews<'a>(chain: &Chain, trace: &'a Trace) -> BTreeMap<&'a str, f64> {
    let (sent, answered) = (seconds(chain.sent), seconds(chain.answered));
    let mut skews = BTreeMap::new();
    for span in trace.spans() {
        let (start, end) = (span.start as f64 / 1e9, span.end as f64 / 1e9);
        let skew = (end - answered).max(0.0) + (start - sent).min(0.0);
        let most = skews.entry(span.service.as_str()).or_insert(skew);
        if skew.abs() > most.abs() {
            *most = skew;
        }
    }
    skews
}

fn explain(off: &[(&str, f64)], asked: usize, addresses: &Addresses) -> Finding {
    let told = off.iter().map(|(part, skew)| {
        let direction = if *skew > 0.0 { "ahead" } else { "behind" };
        format!("{part} is {:.1} s {direction}", skew.abs())
    });
    let evidence = told.collect::<Vec<_>>().join(", ");
    let (least, most) = off
        .iter()
        .fold((f64::MAX, f64::MIN), |(least, most), (_, skew)| (least.min(*skew), most.max(*skew)));
    let alike = off.len() >= asked && asked > 1 && most - least < 2.0 * TOLERANCE;
    match (alike, addresses) {
        (true, Addresses::Loopback(_)) => Finding::new(
            evidence,
            "all differ alike: the clock of Docker's virtual machine drifted, as after a sleep",
            "restart Docker Desktop, or set the machine's clock",
        ),
        (true, Addresses::Inside) => {
            Finding::new(evidence, "the doctor's own clock is off", "set the clock of its machine")
        }
        (false, _) => Finding::new(
            evidence,
            format!("the clock of {} is off", join_parts(off)),
            "run all parts on one machine, or keep the machines' clocks in step by NTP",
        ),
    }
}

fn join_parts(off: &[(&str, f64)]) -> String {
    off.iter().map(|(part, _)| *part).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
pub mod tests {
    use std::time::{Duration, SystemTime};

    use super::*;
    use crate::edges::tests::changed;

    pub fn findings() -> Vec<Finding> {
        let loopback = Addresses::published(|_| None).unwrap();
        let alike = [("PART", 9.0), ("OTHER", 9.0)];
        vec![
            explain(&alike, 2, &loopback),
            explain(&alike, 2, &Addresses::inside()),
            explain(&alike[..1], 2, &loopback),
        ]
    }

    fn judged(skews: &[(&'static str, f64)]) -> Verdict {
        examine(&skews.iter().copied().collect(), None, &Addresses::published(|_| None).unwrap())
    }

    #[test]
    fn one_clock_that_is_off_names_its_part_and_by_how_much() {
        let finding = judged(&[("app-a", 0.0), ("app-b", 89.5), ("loki", 0.0)]).unwrap_err();
        assert_eq!(finding.evidence, "app-b is 89.5 s ahead");
        assert!(finding.cause.contains("the clock of app-b"), "{finding:?}");
    }

    #[test]
    fn all_clocks_off_alike_are_those_of_one_machine() {
        let finding = judged(&[("app-a", -30.0), ("app-b", -29.5), ("loki", -30.4)]).unwrap_err();
        assert!(finding.cause.contains("Docker's virtual machine"), "{finding:?}");
    }

    #[test]
    fn agreeing_clocks_are_fine() {
        assert!(judged(&[("app-a", 0.4), ("loki", -0.9)]).is_ok());
    }

    /// A request whose spans of app-c are this many nanoseconds early.
    fn judged_early(early: u64) -> Verdict {
        let sent = SystemTime::UNIX_EPOCH + Duration::from_secs(1_000);
        let answered = sent + Duration::from_millis(100);
        let chain = Chain { trace_id: String::new(), sampled: true, sent, answered };
        let trace = changed(|spans| {
            for span in spans {
                let early = if span.service == "app-c" { early } else { 0 };
                (span.start, span.end) = (1_000_010_000_000 - early, 1_000_050_000_000 - early);
            }
        });
        let skews = [("app-a", 0.0), ("app-c", 0.0)].into_iter().collect();
        examine(&skews, Some((&chain, &trace)), &Addresses::inside())
    }

    #[test]
    fn a_span_outside_its_request_names_its_service() {
        assert_eq!(judged_early(1_700_000_000).unwrap_err().evidence, "app-c is 1.7 s behind");
    }

    #[test]
    fn what_a_busy_machine_adds_is_no_clock() {
        assert!(judged_early(700_000_000).is_ok());
    }
}
