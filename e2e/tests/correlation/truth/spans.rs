//! What the spans tell of rates, shares and quantiles. What `key` makes of a span is what it is
//! counted under; one without a key is not counted.

use std::collections::BTreeMap;

use e2e::ask::Span;

use super::{LAG, MINUTE, Truth};
use crate::table::{Range, Ranges, around};

impl Truth {
    /// The minute's spans a second.
    pub fn per_second<'a, K: Into<String>>(
        &'a self,
        key: impl Fn(&'a Span) -> Option<K>,
    ) -> Ranges {
        per_second(self.minute().filter_map(key))
    }

    /// Which share of the minute's spans is counted with its key.
    pub fn share<'a, K: Into<String>>(
        &'a self,
        key: impl Fn(&'a Span) -> Option<(K, bool)>,
    ) -> Ranges {
        share(self.minute().filter_map(key))
    }

    /// Which share of all spans until now is counted with its key.
    pub fn share_of_all<'a, K: Into<String>>(
        &'a self,
        key: impl Fn(&'a Span) -> Option<(K, bool)>,
    ) -> Ranges {
        share(self.spans.iter().filter_map(key))
    }

    /// The bounds, in milliseconds, between which a histogram must estimate a quantile of what the
    /// minute's spans took. The longest of a few may be just in or just out of the minute that
    /// Prometheus knows, so spans beside this one's ends are taken too, and the slack leaves out as
    /// many.
    pub fn quantile<'a, K: Into<String>>(
        &'a self,
        quantile: f64,
        key: impl Fn(&'a Span) -> Option<K>,
    ) -> Ranges {
        let keys = self.minute().filter_map(&key).map(Into::into);
        let mut durations: BTreeMap<String, Vec<f64>> = keys.map(|key| (key, vec![])).collect();
        for span in self.within(self.time - 2.0 * LAG - MINUTE, self.time) {
            if let Some(known) = key(span).and_then(|key| durations.get_mut(&key.into())) {
                known.push(span.duration());
            }
        }
        let range = |mut durations: Vec<f64>| {
            durations.sort_by(f64::total_cmp);
            let count = durations.len() as f64;
            // As far as spans that are not in Prometheus's minute shift it.
            let slack = 2.0 + 0.1 * (1.0 - quantile) * count;
            let bucket = |rank: f64| {
                self.buckets.around(durations[(rank as usize).min(durations.len() - 1)])
            };
            let rank = quantile * count;
            Range(bucket(rank - slack).0, bucket(rank + slack).1)
        };
        durations.into_iter().map(|(key, durations)| (key, range(durations))).collect()
    }

    /// The service whose call a server's span answers; `user` when it sent no span.
    pub fn caller(&self, span: &Span) -> &str {
        let is_parent = |other: &&Span| other.id == span.parent && other.trace == span.trace;
        self.spans.iter().find(is_parent).map_or("user", |parent| &parent.service)
    }

    fn minute(&self) -> impl Iterator<Item = &Span> {
        self.within(self.time - LAG - MINUTE, self.time - LAG)
    }

    fn within(&self, start: f64, end: f64) -> impl Iterator<Item = &Span> {
        self.spans.iter().filter(move |span| {
            let time = span.end as f64 / 1e9;
            time > start && time <= end
        })
    }
}

/// Keys a second, of a minute's.
pub(super) fn per_second<K: Into<String>>(keys: impl Iterator<Item = K>) -> Ranges {
    let mut counts: BTreeMap<String, f64> = BTreeMap::new();
    for key in keys {
        *counts.entry(key.into()).or_default() += 1.0;
    }
    counts.into_iter().map(|(key, count)| (key, around(count).per(MINUTE))).collect()
}

fn share<K: Into<String>>(keys: impl Iterator<Item = (K, bool)>) -> Ranges {
    let mut counts: BTreeMap<String, (f64, f64)> = BTreeMap::new();
    for (key, counted) in keys {
        let (part, whole) = counts.entry(key.into()).or_default();
        *part += f64::from(u8::from(counted));
        *whole += 1.0;
    }
    let range = |(part, whole)| around(part).per(whole);
    counts.into_iter().map(|(key, counts)| (key, range(counts))).collect()
}
