//! What the storage server has of an operation, before and since.

use std::time::{Duration, SystemTime};

use traces::{Error, Filter, Red, Span, Storage, Window};

use super::Case;
use super::figures::{Compared, Figures};
use super::request::Request;
use crate::answer::{Affected, Cause};

/// Of how many requests the duration and the outcome are read.
const COUNTED: usize = 2_000;
/// Into how many of these is looked, each of which takes its whole trace.
const LOOKED_INTO: usize = 240;
/// The one of the shop.
const ORDERS: &str = "POST /orders";

/// Where evidence comes from.
pub(super) struct Evidence<'a> {
    pub case: &'a Case,
    pub storage: &'a Storage,
}

/// Requests of some time.
struct Sample {
    red: Red,
    per_second: f64,
    requests: Vec<Request>,
}

impl Evidence<'_> {
    /// What an operation did for everyone, and for each tier.
    pub async fn of(&self, service: &str, operation: &str) -> Result<Vec<Compared>, Error> {
        let Case { settled, onset, end, .. } = *self.case;
        let before = self.read(service, operation, settled, onset).await?;
        let since = self.read(service, operation, onset, end.max(onset)).await?;
        let compare = |customers| self.compare(service, operation, customers, [&before, &since]);
        Ok(Affected::ALL.map(compare).into())
    }

    /// The same of the orders themselves.
    pub async fn of_shop(&self) -> Result<Vec<Compared>, Error> {
        self.of(self.case.shop, ORDERS).await
    }

    /// Where the tiers of those are told who are affected by this cause: in what is `compared`, unless
    /// what gets lost has the tier with it. Then the caller knows.
    pub async fn of_tiers(
        &self,
        cause: Cause,
        compared: &[Compared],
    ) -> Result<Vec<Compared>, Error> {
        match cause {
            Cause::LostContext => self.of_shop().await,
            _ => Ok(compared.to_vec()),
        }
    }

    /// What the operation did for everyone close before and after a time.
    pub async fn around(
        &self,
        service: &str,
        operation: &str,
        time: SystemTime,
    ) -> Result<Compared, Error> {
        let Case { settled, end, tolerance, .. } = *self.case;
        let time = time.clamp(settled, end.max(settled));
        let earlier = time.checked_sub(tolerance).unwrap_or(settled).max(settled);
        let before = self.read(service, operation, earlier, time).await?;
        let since = self.read(service, operation, time, (time + tolerance).min(end)).await?;
        Ok(self.compare(service, operation, Affected::Everyone, [&before, &since]))
    }

    async fn read(
        &self,
        service: &str,
        operation: &str,
        start: SystemTime,
        end: SystemTime,
    ) -> Result<Sample, Error> {
        let kinds = Filter::any(vec![Filter::kind("server"), Filter::kind("consumer")]);
        let named = [Filter::service(service), Filter::operation(operation)];
        let filter = Filter::all(named.into_iter().chain(kinds).collect());
        let spans = self.storage.spans(Window { start, end }, filter, COUNTED).await?;
        let step = spans.len().div_ceil(LOOKED_INTO).max(1);
        let mut requests = Vec::new();
        // One after the other: several of the largest traces need more memory than a console has.
        for span in spans.iter().step_by(step) {
            requests.extend(self.look_into(span).await?);
        }
        let whole = end.duration_since(start).unwrap_or_default();
        // The latest ones are read: before them there may be others.
        let first = spans
            .last()
            .map_or(start, |span| SystemTime::UNIX_EPOCH + Duration::from_nanos(span.start));
        let read = end.duration_since(first).unwrap_or_default();
        let time = if spans.len() == COUNTED { read } else { whole };
        let red = Red::of(&spans);
        let per_second = red.requests as f64 / time.as_secs_f64().max(0.001);
        Ok(Sample { red, per_second, requests })
    }

    fn compare(
        &self,
        service: &str,
        operation: &str,
        customers: Affected,
        [before, since]: [&Sample; 2],
    ) -> Compared {
        let Case { end, tolerance, .. } = *self.case;
        // Of all since it began, the first of them would tell when that was.
        let late = end.checked_sub(tolerance).unwrap_or(end);
        let late = late.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_nanos();
        let mut latest = since.of(customers);
        latest.retain(|it| u128::from(it.start) >= late);
        Compared {
            service: service.to_owned(),
            operation: operation.to_owned(),
            customers,
            before: before.figures(customers),
            since: since.figures(customers),
            telling: telling(before, latest),
        }
    }

    async fn look_into(&self, span: &Span) -> Result<Option<Request>, Error> {
        let trace = self.storage.trace(&span.trace_id).await?;
        Ok(trace.span(&span.id).map(|span| Request::new(&trace, span)))
    }
}

impl Sample {
    fn of(&self, customers: Affected) -> Vec<&Request> {
        let tier = customers.tier();
        let is_theirs = |it: &&Request| tier.is_none() || it.tier.as_deref() == tier;
        self.requests.iter().filter(is_theirs).collect()
    }

    fn figures(&self, customers: Affected) -> Figures {
        let theirs = self.of(customers);
        let figures = Figures::of(&theirs);
        if customers == Affected::Everyone {
            return figures.with_all(&self.red, self.per_second);
        }
        // As many of all as of those that were looked into.
        let share = theirs.len() as f64 / self.requests.len().max(1) as f64;
        Figures { per_second: Some(share * self.per_second), ..figures }
    }
}

/// Those first that differ most from what was normal: that failed, or else took longest.
fn telling(before: &Sample, mut since: Vec<&Request>) -> Vec<Request> {
    let was_root = before.requests.iter().any(|it| it.is_root);
    since.sort_by_key(|it| {
        let is_odd = it.failed_by_itself() || it.has_lost_call || (it.is_root && !was_root);
        let size = it.statements.len() as u64 + it.tries;
        std::cmp::Reverse((is_odd, size, it.duration))
    });
    since.into_iter().take(3).cloned().collect()
}

#[cfg(test)]
mod tests {
    use std::time::UNIX_EPOCH;

    use super::*;

    fn sample(requests: &[(u64, u64)]) -> Sample {
        let request = |(second, duration): &(u64, u64)| Request {
            trace_id: second.to_string(),
            start: second * 1_000_000_000,
            duration: *duration,
            ..Request::default()
        };
        Sample {
            red: Red::of(&[]),
            per_second: 1.0,
            requests: requests.iter().map(request).collect(),
        }
    }

    #[tokio::test]
    async fn examples_are_late_ones_however_much_an_early_one_tells() {
        let storage = &Storage::new("http://127.0.0.1:1").unwrap();
        let at = |seconds| UNIX_EPOCH + Duration::from_secs(seconds);
        let tolerance = Duration::from_secs(30);
        let (settled, onset, end) = (at(10), at(100), at(200));
        let case = &Case { truth: None, shop: "app-a", settled, onset, end, tolerance };
        let samples = [&sample(&[(20, 5)]), &sample(&[(101, 90), (169, 80), (170, 6), (190, 7)])];
        let compared =
            Evidence { case, storage }.compare("app-a", ORDERS, Affected::Everyone, samples);
        assert_eq!(compared.examples(), ["190", "170"]);
    }
}
