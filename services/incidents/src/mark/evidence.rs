//! What the storage server has of an operation, before and since.

use std::time::{Duration, SystemTime};

use futures::future::try_join_all;
use traces::{Error, Filter, Red, Span, Storage, Window};

use super::Case;
use super::figures::{Compared, Figures};
use super::request::Request;
use crate::answer::{Affected, Cause};

/// Of how many requests the duration and the outcome are read.
const COUNTED: usize = 2_000;
/// Into how many of these is looked, each of which takes its whole trace.
const LOOKED_INTO: usize = 240;
const AT_ONCE: usize = 8;
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
    seconds: f64,
    requests: Vec<Request>,
}

impl Evidence<'_> {
    /// What an operation did for everyone, and for each tier.
    pub async fn of(&self, service: &str, operation: &str) -> Result<Vec<Compared>, Error> {
        let Case { settled, onset, end, .. } = *self.case;
        let before = self.read(service, operation, settled, onset).await?;
        let since = self.read(service, operation, onset, end.max(onset)).await?;
        let all = Affected::ALL.into_iter();
        Ok(all.map(|customers| compare(service, operation, customers, &before, &since)).collect())
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
        Ok(compare(service, operation, Affected::Everyone, &before, &since))
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
        let chosen: Vec<&Span> = spans.iter().step_by(step).collect();
        let mut requests = Vec::new();
        for some in chosen.chunks(AT_ONCE) {
            let asked: Vec<_> = some.iter().map(|span| self.look_into(span)).collect();
            requests.extend(try_join_all(asked).await?.into_iter().flatten());
        }
        let whole = end.duration_since(start).unwrap_or_default();
        // The latest ones are read: before them there may be others.
        let first = spans
            .last()
            .map_or(start, |span| SystemTime::UNIX_EPOCH + Duration::from_nanos(span.start));
        let read = end.duration_since(first).unwrap_or_default();
        let time = if spans.len() == COUNTED { read } else { whole };
        Ok(Sample { red: Red::of(&spans), seconds: time.as_secs_f64(), requests })
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
        let figures = Figures::of(&self.of(customers));
        match customers {
            Affected::Everyone => figures.with_all(&self.red, self.seconds),
            _ => figures,
        }
    }
}

fn compare(
    service: &str,
    operation: &str,
    customers: Affected,
    before: &Sample,
    since: &Sample,
) -> Compared {
    Compared {
        service: service.to_owned(),
        operation: operation.to_owned(),
        customers,
        before: before.figures(customers),
        since: since.figures(customers),
        telling: telling(before, since.of(customers)),
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
