//! How long an incident takes, and how much traffic it needs meanwhile.

use std::time::Duration;

/// The times of an incident, from its begin.
#[derive(Clone, Copy, Debug)]
pub struct Pace {
    /// What is earlier is no baseline: connections and caches are new.
    pub settled: Duration,
    /// Between which two the trouble begins.
    pub onset: (Duration, Duration),
    /// From when on there is enough to see. The same whatever goes wrong, so that it tells nothing.
    pub ready: Duration,
    /// Until when an answer is waited for.
    pub limit: Duration,
    /// How far off the time of an answer may be.
    pub tolerance: Duration,
    /// For how long a span may be on its way to the storage server: younger ones do not count.
    pub on_its_way: Duration,
    /// Requests a second.
    pub rate: f64,
}

const fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

impl Pace {
    /// For a person: minutes of normal traffic before, and time to look.
    const NORMAL: Self = Self {
        settled: seconds(10),
        onset: (seconds(60), seconds(150)),
        ready: seconds(240),
        limit: seconds(60 * 60),
        tolerance: seconds(30),
        on_its_way: seconds(8),
        rate: 10.0,
    };
    /// For a program: as short as leaves enough requests of the rarest customers.
    const FAST: Self = Self {
        settled: seconds(3),
        onset: (seconds(10), seconds(14)),
        ready: seconds(29),
        limit: seconds(10 * 60),
        tolerance: seconds(6),
        on_its_way: seconds(5),
        rate: 20.0,
    };

    /// The one for a program if it is to be `fast`, or else for a person.
    #[must_use]
    pub fn new(fast: bool) -> Self {
        if fast { Self::FAST } else { Self::NORMAL }
    }

    pub(crate) fn orders(&self) -> f64 {
        // Eight of ten requests.
        self.rate * 0.8
    }

    /// The mix of a shop: orders, and what else a lab is asked, errors included.
    pub(crate) fn mix(shop: &str) -> String {
        format!("POST {shop}/orders:8,/chain:1,/random_status:1")
    }
}
