//! Rate, errors and duration of what services were asked for.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::span::Span;

/// What a service is asked for.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Operation {
    /// `service.name`.
    pub service: String,
    /// The name of its SERVER or CONSUMER spans.
    pub name: String,
}

impl Operation {
    /// The one that the span is of.
    pub fn of(span: &Span) -> Self {
        Self { service: span.service.clone(), name: span.name.clone() }
    }
}

/// How requests of one kind went.
#[derive(Clone, Debug, Default)]
pub struct Red {
    /// How many there were.
    pub requests: u64,
    /// How many of them failed.
    pub errors: u64,
    /// Nanoseconds, the shortest first.
    durations: Vec<u64>,
}

impl Red {
    /// Of these spans.
    pub fn of<'a>(spans: impl IntoIterator<Item = &'a Span>) -> Self {
        let mut red = Self::default();
        for span in spans {
            red.requests += 1;
            red.errors += u64::from(span.is_error());
            red.durations.push(span.duration());
        }
        red.durations.sort_unstable();
        red
    }

    /// Requests a second, if these are those of this time; 0 in no time.
    pub fn rate(&self, time: Duration) -> f64 {
        if time.is_zero() { 0.0 } else { self.requests as f64 / time.as_secs_f64() }
    }

    /// The share of requests that failed, from 0 to 1.
    pub fn error_ratio(&self) -> f64 {
        self.errors as f64 / self.requests.max(1) as f64
    }

    /// The duration in nanoseconds that this share of requests, from 0 to 1, does not exceed: the
    /// shortest of theirs that does. None without requests.
    pub fn quantile(&self, share: f64) -> Option<u64> {
        // 0.07 of 100 is 7.000000000000001 to a machine.
        let rank = (self.durations.len() as f64 * share.clamp(0.0, 1.0) - 1e-6).ceil() as usize;
        self.durations.get(rank.saturating_sub(1)).copied()
    }

    /// The share of requests, from 0 to 1, that took no longer than this many nanoseconds.
    pub fn place(&self, duration: u64) -> f64 {
        let within = self.durations.partition_point(|shorter| *shorter <= duration);
        within as f64 / self.durations.len().max(1) as f64
    }

    /// In nanoseconds, the shortest first.
    pub fn durations(&self) -> &[u64] {
        &self.durations
    }
}

/// How each operation went, by the spans with which services answer; others do not count.
pub fn red<'a>(spans: impl IntoIterator<Item = &'a Span>) -> BTreeMap<Operation, Red> {
    let mut all: BTreeMap<Operation, Vec<&Span>> = BTreeMap::new();
    for span in spans.into_iter().filter(|span| span.is_entry()) {
        all.entry(Operation::of(span)).or_default().push(span);
    }
    all.into_iter().map(|(operation, spans)| (operation, Red::of(spans))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::span::tests::span;
    use crate::span::{SpanKind, Status};

    fn took(durations: &[u64]) -> Red {
        let spans: Vec<_> =
            durations.iter().map(|duration| span("a", "", 5, 5 + duration)).collect();
        Red::of(&spans)
    }

    #[test]
    fn requests_and_errors_are_counted() {
        let failed = Span { status: Status::Error(String::new()), ..span("a", "", 0, 9) };
        let red = Red::of(&[failed, span("b", "", 0, 4), span("c", "", 9, 0), span("d", "", 0, 1)]);
        assert_eq!((red.requests, red.errors, red.error_ratio()), (4, 1, 0.25));
        assert_eq!(red.durations(), [0, 1, 4, 9]);
        assert_eq!(red.rate(Duration::from_secs(8)), 0.5);
        assert_eq!(red.rate(Duration::ZERO), 0.0);
    }

    #[test]
    fn a_quantile_is_the_duration_of_a_request() {
        let red = took(&[40, 10, 30, 20]);
        for (share, expected) in
            [(0.0, 10), (0.25, 10), (0.26, 20), (0.5, 20), (0.95, 40), (1.0, 40), (7.0, 40)]
        {
            assert_eq!(red.quantile(share), Some(expected), "{share}");
        }
        let hundred = took(&(1..=100).collect::<Vec<_>>());
        assert_eq!(hundred.quantile(0.07), Some(7));
    }

    #[test]
    fn a_place_is_the_share_that_took_no_longer() {
        let red = took(&[10, 20, 20, 40]);
        for (duration, expected) in [(9, 0.0), (10, 0.25), (20, 0.75), (39, 0.75), (40, 1.0)] {
            assert_eq!(red.place(duration), expected, "{duration}");
        }
    }

    #[test]
    fn of_no_request_nothing_is_told() {
        let red = Red::default();
        assert_eq!((red.quantile(0.5), red.place(1), red.error_ratio()), (None, 0.0, 0.0));
        assert_eq!(red.rate(Duration::from_secs(1)), 0.0);
    }

    #[test]
    fn only_what_a_service_answers_counts_each_operation_for_itself() {
        use SpanKind::{Client, Consumer, Internal, Producer, Server};
        let of = |service: &str, name: &str, kind| Span {
            service: service.to_owned(),
            name: name.to_owned(),
            kind,
            ..Span::default()
        };
        let spans = [
            of("a", "GET /", Server),
            of("a", "GET /", Server),
            of("b", "GET /", Server),
            of("a", "process orders", Consumer),
            of("a", "GET /", Client),
            of("a", "work", Internal),
            of("a", "send orders", Producer),
        ];
        let red = red(&spans);
        let counted: Vec<_> =
            red.iter().map(|(it, red)| (&*it.service, &*it.name, red.requests)).collect();
        assert_eq!(counted, [("a", "GET /", 2), ("a", "process orders", 1), ("b", "GET /", 1)]);
    }
}
