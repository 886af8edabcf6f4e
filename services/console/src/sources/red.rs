//! Rate, errors and durations of what services were asked for.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use traces::{Filter, Operation, Span, Trace, Window};

use super::{Answer, Origin, Recent, Sources, Why};

/// Spans that are read to count them.
const MOST: usize = 5_000;
/// Services that are asked for by name at once.
const MOST_SERVICES: usize = 50;
/// The time whose requests one is compared with, and how much of it is after that one.
const AROUND: Duration = Duration::from_secs(300);
const AFTER: Duration = Duration::from_secs(60);
/// Between which a distribution is drawn, in nanoseconds: the Collector's, up to where requests time
/// out.
const BOUNDS: [f64; 17] = [
    1e6, 2e6, 5e6, 10e6, 20e6, 35e6, 50e6, 75e6, 100e6, 150e6, 250e6, 500e6, 750e6, 1e9, 2.5e9,
    5e9, 10e9,
];

/// By operation.
pub(crate) type Reds = Recent<BTreeMap<Operation, Requests>>;

/// Requests of one operation.
#[derive(Clone, Debug)]
pub(crate) struct Requests {
    /// Prometheus' may be no whole number: it is what came between two scrapes, stretched.
    pub count: f64,
    /// Those that failed.
    pub errors: f64,
    pub durations: Durations,
}

/// How long they took.
#[derive(Clone, Debug)]
pub(crate) enum Durations {
    /// Each of them.
    Each(traces::Red),
    /// As a histogram of Prometheus' tells: how many took at most so many nanoseconds, by this
    /// bound, the last of which is infinite.
    Buckets(Vec<(f64, f64)>),
}

/// Requests of similar durations.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Bar {
    /// Nanoseconds, not included unless 0.
    pub from: f64,
    /// Nanoseconds, infinite for the last bar.
    pub to: f64,
    pub count: f64,
}

impl Sources {
    /// Of the services that were asked for anything in a trace, around its time. Prometheus' figures
    /// are behind by a scrape or two, and of an operation's first requests it has no durations: then
    /// they are those of spoor's spans.
    pub async fn red_around(&self, trace: &Trace) -> Answer<Reds> {
        let asked = trace.spans().iter().filter(|it| it.is_entry());
        let operations: BTreeSet<_> = asked.map(Operation::of).collect();
        let services: BTreeSet<_> = operations.iter().map(|it| &*it.service).collect();
        let services: Vec<_> = services.into_iter().take(MOST_SERVICES).collect();
        let (_, end) = trace.window();
        let until = (UNIX_EPOCH + Duration::from_nanos(end) + AFTER).min(SystemTime::now());
        let has = |reds: &Reds, it| reds.value.get(it).is_some_and(|it| it.durations.is_known());
        let has_all = |reds: &Reds| {
            let mut of_these = operations.iter().filter(|it| services.contains(&&*it.service));
            of_these.all(|it| has(reds, it))
        };
        self.red_where(has_all, &services, until, AROUND).await
    }

    /// Of these services, or without any of all, in a time: Prometheus' figures, or else those of
    /// spoor's spans.
    pub async fn red(&self, services: &[&str], until: SystemTime, over: Duration) -> Answer<Reds> {
        self.red_where(|_| true, services, until, over).await
    }

    /// Prometheus' figures, if they are enough.
    async fn red_where(
        &self,
        is_enough: impl FnOnce(&Reds) -> bool,
        services: &[&str],
        until: SystemTime,
        over: Duration,
    ) -> Answer<Reds> {
        let metrics = self.red_of_metrics(services, until, over).await;
        let metrics =
            metrics.and_then(|reds| if is_enough(&reds) { Ok(reds) } else { Err(Why::Partial) });
        let spans =
            async || Answer::of(Origin::Spoor, self.red_of_spans(services, until, over).await);
        Answer::of(Origin::Prometheus, metrics).or(spans).await
    }

    async fn red_of_spans(
        &self,
        services: &[&str],
        until: SystemTime,
        over: Duration,
    ) -> Result<Reds, Why> {
        let window = Window { start: until.checked_sub(over).unwrap_or(UNIX_EPOCH), end: until };
        let entries = Filter::any(["server", "consumer"].map(Filter::kind).into());
        let services = Filter::any(services.iter().map(|name| Filter::service(name)).collect());
        let filter = Filter::all(entries.into_iter().chain(services).collect());
        let requests = |(operation, red): (Operation, traces::Red)| {
            let (count, errors) = (red.requests as f64, red.errors as f64);
            (operation, Requests { count, errors, durations: Durations::Each(red) })
        };
        let reduce = |spans: Vec<Span>| traces::red(&spans).into_iter().map(requests).collect();
        self.latest(window, filter, MOST, reduce).await
    }
}

impl Requests {
    /// The share that failed, from 0 to 1.
    pub fn error_ratio(&self) -> f64 {
        if self.count > 0.0 { self.errors / self.count } else { 0.0 }
    }
}

impl Durations {
    /// What this share, from 0 to 1, does not exceed, in nanoseconds. Of a histogram it is as
    /// PromQL's `histogram_quantile` has it: between two bounds as if all were spread evenly.
    pub fn quantile(&self, share: f64) -> Option<f64> {
        let buckets = match self {
            Self::Each(red) => return red.quantile(share).map(|nanoseconds| nanoseconds as f64),
            Self::Buckets(buckets) => buckets,
        };
        let (_, total) = *buckets.last()?;
        let rank = share * total;
        let place = buckets.iter().position(|(_, count)| *count >= rank)?;
        let (from, before) = below(buckets, place);
        let (to, count) = buckets[place];
        if to.is_infinite() || count <= before {
            return (total > 0.0).then_some(if to.is_infinite() { from } else { to });
        }
        Some(from + (to - from) * (rank - before) / (count - before))
    }

    /// Whether any is known.
    pub(super) fn is_known(&self) -> bool {
        self.quantile(0.5).is_some()
    }

    /// The share of requests, from 0 to 1, that took no longer; none if none is known.
    pub fn place(&self, nanoseconds: u64) -> Option<f64> {
        let buckets = match self {
            Self::Each(red) => {
                return self.is_known().then(|| red.place(nanoseconds));
            }
            Self::Buckets(buckets) => buckets,
        };
        let duration = nanoseconds as f64;
        let (_, total) = buckets.last().filter(|(_, total)| *total > 0.0)?;
        let place = buckets.iter().position(|(bound, _)| *bound >= duration)?;
        let (from, before) = below(buckets, place);
        let (to, count) = buckets[place];
        let inside = if to.is_infinite() { 0.0 } else { (duration - from) / (to - from) };
        Some((before + (count - before) * inside) / total)
    }

    /// From the first bar that has requests to the last.
    pub fn bars(&self) -> Vec<Bar> {
        let counted: Vec<(f64, f64)> = match self {
            Self::Buckets(buckets) => buckets.clone(),
            Self::Each(red) => {
                let within = |bound: f64| {
                    red.durations().partition_point(|duration| *duration as f64 <= bound) as f64
                };
                let bounds = BOUNDS.into_iter().chain([f64::INFINITY]);
                bounds.map(|bound| (bound, within(bound))).collect()
            }
        };
        let bars = (0..counted.len()).map(|place| {
            let (from, before) = below(&counted, place);
            // Prometheus' are sums of what is stretched, whose difference is seldom exactly nothing.
            let count = counted[place].1 - before;
            Bar { from, to: counted[place].0, count: if count > 1e-6 { count } else { 0.0 } }
        });
        let mut bars: Vec<_> = bars.skip_while(|bar| bar.count == 0.0).collect();
        while bars.pop_if(|bar| bar.count == 0.0).is_some() {}
        bars
    }
}

/// The bound and the count of the bucket before.
fn below(buckets: &[(f64, f64)], place: usize) -> (f64, f64) {
    if place == 0 { (0.0, 0.0) } else { buckets[place - 1] }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn buckets() -> Durations {
        Durations::Buckets(vec![(5e6, 10.0), (10e6, 18.0), (20e6, 18.0), (f64::INFINITY, 20.0)])
    }

    fn each(milliseconds: &[u64]) -> Durations {
        let spans: Vec<_> =
            milliseconds.iter().map(|ms| Span { end: ms * 1_000_000, ..Span::default() }).collect();
        Durations::Each(traces::Red::of(&spans))
    }

    #[test]
    fn a_histograms_quantiles_are_promqls() {
        // What Prometheus' histogram_quantile makes of these buckets.
        for (share, expected) in
            [(0.25, 2.5e6), (0.5, 5e6), (0.7, 7.5e6), (0.9, 10e6), (0.95, 20e6), (1.0, 20e6)]
        {
            assert_eq!(buckets().quantile(share), Some(expected), "{share}");
        }
        assert_eq!(Durations::Buckets(Vec::new()).quantile(0.5), None);
        assert_eq!(Durations::Buckets(vec![(f64::INFINITY, 0.0)]).quantile(0.5), None);
    }

    #[test]
    fn a_request_has_its_place_among_the_others() {
        for (milliseconds, expected) in [(0, 0.0), (5, 0.5), (10, 0.9), (15, 0.9), (60, 0.9)] {
            let place = buckets().place(milliseconds * 1_000_000);
            assert_eq!(place, Some(expected), "{milliseconds} ms");
        }
        assert_eq!(each(&[1, 2, 3, 4]).place(2_500_000), Some(0.5));
        let none = [Vec::new(), vec![(5e6, 0.0), (f64::INFINITY, 0.0)]].map(Durations::Buckets);
        assert_eq!(none.map(|it| it.place(1)), [None, None], "of none there is no place");
        assert_eq!(each(&[]).place(1), None);
    }

    #[test]
    fn bars_begin_and_end_with_requests() {
        let bar = |from, to, count| Bar { from, to, count };
        let expected = [
            bar(0.0, 5e6, 10.0),
            bar(5e6, 10e6, 8.0),
            bar(10e6, 20e6, 0.0),
            bar(20e6, f64::INFINITY, 2.0),
        ];
        assert_eq!(buckets().bars(), expected);
        let expected = [bar(2e6, 5e6, 2.0), bar(5e6, 10e6, 0.0), bar(10e6, 20e6, 1.0)];
        assert_eq!(each(&[3, 5, 11]).bars(), expected);
        assert!(each(&[]).bars().is_empty());
        let stretched = vec![(5e6, 10.0), (10e6, 10.0 + 1e-12), (20e6, 12.0)];
        let counts: Vec<_> =
            Durations::Buckets(stretched).bars().iter().map(|it| it.count).collect();
        assert_eq!(counts, [10.0, 0.0, 2.0 - 1e-12]);
    }
}
