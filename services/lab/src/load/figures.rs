//! Everything that became of the requests of a run, in memory that grows with its paths alone.

use std::collections::{BTreeMap, VecDeque};

use super::latency::Latencies;
use super::request::Outcome;
use super::tally::{Counts, LeftOut};

/// How many of the slowest are kept, and of the last that failed.
const SLOWEST: usize = 5;
const FAILED: usize = 10;

/// Counts and latencies since the begin.
#[derive(Debug, Default)]
pub struct Figures {
    pub all: Group,
    /// By path, as it is written in the mix.
    pub paths: BTreeMap<String, Group>,
    pub left_out: LeftOut,
    /// The slowest first.
    pub slowest: Vec<Outcome>,
    /// The last ones, the oldest first.
    pub failed: VecDeque<Outcome>,
}

/// Requests that are counted together.
#[derive(Clone, Debug, Default)]
pub struct Group {
    pub counts: Counts,
    pub failed: u64,
    pub latencies: Latencies,
}

impl Figures {
    pub fn count(&mut self, outcome: &Outcome) {
        self.all.count(outcome);
        self.paths.entry(outcome.target.to_string()).or_default().count(outcome);
        let place = self.slowest.partition_point(|slower| slower.latency >= outcome.latency);
        if place < SLOWEST {
            self.slowest.truncate(SLOWEST - 1);
            self.slowest.insert(place, outcome.clone());
        }
        if outcome.answer.is_failure() {
            if self.failed.len() == FAILED {
                self.failed.pop_front();
            }
            self.failed.push_back(outcome.clone());
        }
    }
}

impl Group {
    fn count(&mut self, Outcome { answer, latency, .. }: &Outcome) {
        *self.counts.entry(answer.to_string()).or_default() += 1;
        self.failed += u64::from(answer.is_failure());
        self.latencies.add(*latency);
    }
}

#[cfg(test)]
pub mod tests {
    use std::time::Duration;

    use reqwest::StatusCode;

    use super::*;
    use crate::load::mix::{Mix, Requests};
    use crate::load::request::Answer;
    use crate::load::trace::Trace;

    pub fn outcome(path: &str, milliseconds: u64, answer: Answer, id: &str) -> Outcome {
        let mix: Mix = path.parse().unwrap();
        let (service, target) = Requests::new(&mix, 0).next().unwrap();
        let trace = Trace { id: Some(id.to_owned()), sampled: Some(true) };
        let latency = Duration::from_millis(milliseconds);
        Outcome { service: service.part, target, latency, answer, trace }
    }

    #[test]
    fn the_slowest_and_the_last_that_failed_are_kept_with_their_traces() {
        let mut figures = Figures::default();
        for number in 0..100_u64 {
            let answer = match number % 4 {
                0 => Answer::Status(StatusCode::INTERNAL_SERVER_ERROR),
                1 => Answer::None("timed out"),
                2 => Answer::Status(StatusCode::NOT_FOUND),
                _ => Answer::Status(StatusCode::OK),
            };
            // All latencies below 100, in another order.
            figures.count(&outcome("/chain", number * 37 % 100, answer, &number.to_string()));
        }
        let slowest = figures.slowest.iter().map(|outcome| outcome.latency.as_millis());
        assert_eq!(slowest.collect::<Vec<_>>(), [99, 98, 97, 96, 95]);
        let failed = figures.failed.iter().map(|outcome| outcome.trace.id.as_deref().unwrap());
        let last = ["80", "81", "84", "85", "88", "89", "92", "93", "96", "97"];
        assert_eq!(failed.collect::<Vec<_>>(), last);
        assert_eq!((figures.all.failed, figures.all.counts["status 404"]), (50, 25));
    }

    #[test]
    fn each_path_is_counted_for_itself_and_one_of_a_service_apart() {
        let mut figures = Figures::default();
        for path in ["/chain", "/items/1", "app-b/chain", "/chain"] {
            figures.count(&outcome(path, 1, Answer::Status(StatusCode::OK), "4b"));
        }
        let counts = figures.paths.iter().map(|(path, group)| (&**path, group.counts["ok"]));
        assert_eq!(
            counts.collect::<Vec<_>>(),
            [("/chain", 2), ("/items/1", 1), ("app-b/chain", 1)]
        );
    }
}
