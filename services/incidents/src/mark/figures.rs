//! Figures of an operation, before and since.

use serde::Serialize;
use traces::Red;

use super::request::Request;
use crate::answer::{Affected, Cause};

/// What an operation did in some time. Shares are from 0 to 1; what there was none of is not told.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Figures {
    /// How many requests these are figures of. With how many a second there were, they would tell how
    /// long it took until it began.
    #[serde(skip)]
    pub requests: u64,
    /// Requests a second.
    pub per_second: Option<f64>,
    /// How many failed.
    pub errors: f64,
    /// How many failed though nothing that they asked for did.
    pub own_errors: f64,
    /// The duration that half of them did not exceed.
    pub p50_ms: Option<f64>,
    /// The duration that 95 % of them did not exceed.
    pub p95_ms: Option<f64>,
    /// The time that half of them did not exceed, what they waited for others left out.
    pub own_ms: Option<f64>,
    /// The same of 95 % of them.
    pub own_p95_ms: Option<f64>,
    /// Statements for each request.
    pub statements: f64,
    /// The mean duration of one.
    pub statement_ms: Option<f64>,
    /// How many lookups in a cache found something.
    pub cache_hits: Option<f64>,
    /// How often something was sent for each request, the first time included.
    pub tries: f64,
    /// How many came as if from nobody.
    pub without_parent: f64,
    /// How many asked somebody who went on in another trace.
    pub lost_calls: f64,
}

/// The figures of an operation, or of one tier's requests for it, before and since.
#[derive(Clone, Debug, Serialize)]
pub struct Compared {
    /// Whose operation it is.
    pub service: String,
    /// Its name.
    pub operation: String,
    /// `everyone`, or the tier.
    pub customers: Affected,
    /// Before it began, or would have.
    pub before: Figures,
    /// Since then.
    pub since: Figures,
    #[serde(skip)]
    pub(super) telling: Vec<Request>,
}

const MS: f64 = 1_000_000.0;

impl Figures {
    /// Of requests, each of which is looked into.
    pub(super) fn of(requests: &[&Request]) -> Self {
        let count = requests.len();
        let share = |is: fn(&Request) -> bool| {
            requests.iter().filter(|it| is(it)).count() as f64 / count.max(1) as f64
        };
        let mean = |of: fn(&Request) -> u64| {
            requests.iter().map(|it| of(it)).sum::<u64>() as f64 / count.max(1) as f64
        };
        let statements: Vec<u64> =
            requests.iter().flat_map(|it| it.statements.iter().copied()).collect();
        let lookups: u64 = requests.iter().map(|it| it.lookups.0).sum();
        let hits: u64 = requests.iter().map(|it| it.lookups.1).sum();
        let quantile = |of: fn(&Request) -> u64, share: f64| {
            let mut all: Vec<u64> = requests.iter().map(|it| of(it)).collect();
            all.sort_unstable();
            let rank = (all.len() as f64 * share).ceil() as usize;
            all.get(rank.saturating_sub(1)).map(|it| *it as f64 / MS)
        };
        let slowness = statements.iter().sum::<u64>() as f64 / statements.len() as f64 / MS;
        Self {
            requests: count as u64,
            per_second: None,
            errors: share(|it| it.is_error),
            own_errors: share(Request::failed_by_itself),
            p50_ms: quantile(|it| it.duration, 0.5),
            p95_ms: quantile(|it| it.duration, 0.95),
            own_ms: quantile(|it| it.own, 0.5),
            own_p95_ms: quantile(|it| it.own, 0.95),
            statements: mean(|it| it.statements.len() as u64),
            statement_ms: (!statements.is_empty()).then_some(slowness),
            cache_hits: (lookups > 0).then(|| hits as f64 / lookups as f64),
            tries: mean(|it| it.tries),
            without_parent: share(|it| it.is_root),
            lost_calls: share(|it| it.has_lost_call),
        }
    }

    /// With what is known of all requests, not only of those that were looked into.
    pub(super) fn with_all(mut self, red: &Red, per_second: f64) -> Self {
        let ms = |share| red.quantile(share).map(|it| it as f64 / MS);
        self.requests = red.requests;
        self.per_second = Some(per_second);
        self.errors = red.error_ratio();
        (self.p50_ms, self.p95_ms) = (ms(0.5), ms(0.95));
        self
    }

    /// As they may be told before it is known what was wrong: an exact share or mean is one of few
    /// counts, and an exact duration that of a certain request. Both would tell when it began.
    #[must_use]
    pub(super) fn coarse(&self) -> Self {
        let two_digits = |it: Option<f64>| it.map(two_digits);
        Self {
            requests: self.requests,
            per_second: two_digits(self.per_second),
            errors: twentieths(self.errors),
            own_errors: twentieths(self.own_errors),
            p50_ms: two_digits(self.p50_ms),
            p95_ms: two_digits(self.p95_ms),
            own_ms: two_digits(self.own_ms),
            own_p95_ms: two_digits(self.own_p95_ms),
            statements: tenths(self.statements),
            statement_ms: two_digits(self.statement_ms),
            cache_hits: self.cache_hits.map(twentieths),
            tries: tenths(self.tries),
            without_parent: twentieths(self.without_parent),
            lost_calls: twentieths(self.lost_calls),
        }
    }
}

/// A share, to 5 %.
pub(super) fn twentieths(value: f64) -> f64 {
    (20.0 * value).round() / 20.0
}

fn tenths(value: f64) -> f64 {
    (10.0 * value).round() / 10.0
}

/// And no finer than tenths.
fn two_digits(value: f64) -> f64 {
    if value < 10.0 {
        return tenths(value);
    }
    let step = 10_f64.powi(value.log10().floor() as i32 - 1);
    (value / step).round() * step
}

impl Compared {
    /// The same figures, [coarse](Figures::coarse).
    #[must_use]
    pub(super) fn coarse(self) -> Self {
        Self { before: self.before.coarse(), since: self.since.coarse(), ..self }
    }

    /// Whether these are the requests of those who are affected.
    pub(super) fn is_of(&self, affected: Affected) -> bool {
        self.customers == affected
    }

    /// Whether there are enough requests of both times to tell a change from chance.
    pub fn is_telling(&self) -> bool {
        self.before.requests >= 4 && self.since.requests >= 4
    }

    /// Whether the figures differ as they do where this is the cause. A little they always do.
    pub(super) fn shows(&self, cause: Cause) -> bool {
        let Self { before, since, .. } = self;
        if !self.is_telling() {
            return false;
        }
        let more = |of: fn(&Figures) -> f64, least: f64| of(since) - of(before) >= least;
        let longer = |of: fn(&Figures) -> Option<f64>, times: f64, least: f64| {
            let (since, before) = (of(since).unwrap_or_default(), of(before).unwrap_or_default());
            since >= times * before && since - before >= least
        };
        match cause {
            Cause::Errors => more(|it| it.own_errors, 0.15),
            Cause::Slow => longer(|it| it.own_ms, 2.0, 30.0),
            Cause::SlowDatabase => longer(|it| it.statement_ms, 3.0, 4.0),
            Cause::Cache => more(|it| 1.0 - it.cache_hits.unwrap_or(1.0), 0.12),
            Cause::NPlusOne => more(|it| it.statements, 0.4),
            Cause::RetryStorm => more(|it| it.tries, 0.5),
            Cause::LostContext => {
                more(|it| it.without_parent, 0.3) || more(|it| it.lost_calls, 0.3)
            }
            Cause::MoreRequests => longer(|it| it.per_second, 1.5, 0.5),
            Cause::Nothing => false,
        }
    }

    /// Whether something is wrong, here or below.
    pub(super) fn is_changed(&self) -> bool {
        let Self { before, since, .. } = self;
        let (p50_before, p50) =
            (before.p50_ms.unwrap_or_default(), since.p50_ms.unwrap_or_default());
        Cause::ALL.iter().any(|cause| self.shows(*cause))
            || since.errors - before.errors >= 0.15
            || (p50 >= 3.0 * p50_before && p50 - p50_before >= 100.0)
    }

    /// The figure that tells this cause, before and since, in words.
    pub(super) fn told(&self, cause: Cause) -> String {
        let [before, since] = &[&self.before, &self.since].map(Figures::coarse);
        let percent = |name: &str, of: fn(&Figures) -> f64| {
            format!("{name}: {:.0} % before, {:.0} % since", 100.0 * of(before), 100.0 * of(since))
        };
        let number = |name: &str, of: fn(&Figures) -> Option<f64>, unit: &str| {
            let text =
                |it: Option<f64>| it.map_or("none".to_owned(), |it| format!("{it:.1}{unit}"));
            format!("{name}: {} before, {} since", text(of(before)), text(of(since)))
        };
        match cause {
            Cause::Errors => percent("failed by themselves", |it| it.own_errors),
            Cause::Slow => number("median time of its own", |it| it.own_ms, " ms"),
            Cause::SlowDatabase => number("mean time of a statement", |it| it.statement_ms, " ms"),
            Cause::Cache if before.cache_hits.or(since.cache_hits).is_none() => {
                "it looks nothing up in a cache".to_owned()
            }
            Cause::Cache => percent("found in the cache", |it| it.cache_hits.unwrap_or_default()),
            Cause::NPlusOne => number("statements a request", |it| Some(it.statements), ""),
            Cause::RetryStorm => number("tries a request", |it| Some(it.tries), ""),
            Cause::LostContext => {
                let lost = percent("with a call that goes on elsewhere", |it| it.lost_calls);
                format!("{}; {lost}", percent("without a parent", |it| it.without_parent))
            }
            Cause::MoreRequests => number("requests a second", |it| it.per_second, ""),
            Cause::Nothing => percent("failed", |it| it.errors),
        }
    }

    /// Traces of requests since then that tell, the latest first.
    pub(super) fn examples(&self) -> Vec<String> {
        let mut ids: Vec<String> = self.telling.iter().map(|it| it.trace_id.clone()).collect();
        ids.dedup();
        ids.truncate(3);
        ids
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// Of so many requests in so many seconds, of which one differs from all others.
    fn of(requests: u64, seconds: f64) -> Figures {
        let (count, ms) = (requests as f64, Some(20.0 + seconds / 100.0));
        Figures {
            requests,
            per_second: Some(count / seconds),
            errors: 1.0 / count,
            own_errors: 1.0 / count,
            p50_ms: ms,
            p95_ms: ms,
            own_ms: ms,
            own_p95_ms: ms,
            statements: 2.0 + 1.0 / count,
            statement_ms: ms,
            cache_hits: Some(1.0 - 1.0 / count),
            tries: 1.0 + 1.0 / count,
            without_parent: 1.0 / count,
            lost_calls: 1.0 / count,
        }
    }

    #[test]
    fn how_many_requests_in_how_long_is_not_told() {
        let told = json!(of(120, 7.533).coarse());
        for (requests, seconds) in [(60, 3.75), (160, 10.1), (190, 11.9)] {
            assert_eq!(json!(of(requests, seconds).coarse()), told, "{requests}");
        }
        assert_eq!((told["per_second"].as_f64(), told["errors"].as_f64()), (Some(16.0), Some(0.0)));
    }

    #[test]
    fn of_what_is_told_two_digits_are_right() {
        for (exact, told) in
            [(0.04, 0.0), (0.16, 0.2), (9.96, 10.0), (123.4, 120.0), (1_996.0, 2_000.0)]
        {
            assert_eq!(two_digits(exact), told);
        }
        assert_eq!([0.02, 0.03, 0.3, 0.99].map(twentieths), [0.0, 0.05, 0.3, 1.0]);
    }
}
