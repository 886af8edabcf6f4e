//! How figures are written.

use std::time::{Duration, UNIX_EPOCH};

/// Nanoseconds, in a unit that suits.
pub(crate) fn duration(nanoseconds: f64) -> String {
    match nanoseconds {
        it if it < 1e6 => format!("{:.0} µs", it / 1e3),
        it if it < 1e9 => format!("{:.1} ms", it / 1e6),
        it => format!("{:.2} s", it / 1e9),
    }
}

/// So many in a time, a second.
pub(crate) fn rate(count: f64, over: Duration) -> String {
    let rate = count / over.as_secs_f64().max(1e-3);
    match rate {
        it if it < 0.1 => format!("{it:.3}/s"),
        it if it < 10.0 => format!("{it:.2}/s"),
        it => format!("{it:.0}/s"),
    }
}

/// From 0 to 1.
pub(crate) fn percent(share: f64) -> String {
    match share * 100.0 {
        it if it > 0.0 && it < 0.1 => "< 0.1 %".to_owned(),
        it if it == it.round() => format!("{it:.0} %"),
        it => format!("{it:.1} %"),
    }
}

/// A time for people: `5 min`, or `42 s`.
pub(crate) fn time(time: Duration) -> String {
    match time.as_secs() {
        seconds if seconds >= 60 && seconds % 60 == 0 => format!("{} min", seconds / 60),
        seconds => format!("{seconds} s"),
    }
}

/// Nanoseconds since the epoch, as RFC 3339 has it.
pub(crate) fn moment(nanoseconds: u64) -> String {
    humantime::format_rfc3339_millis(UNIX_EPOCH + Duration::from_nanos(nanoseconds)).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_are_short_and_have_their_unit() {
        assert_eq!([900.0, 12_345_678.0, 2.5e9].map(duration), ["1 µs", "12.3 ms", "2.50 s"]);
        assert_eq!([0.0, 0.0004, 0.025, 1.0].map(percent), ["0 %", "< 0.1 %", "2.5 %", "100 %"]);
        let minute = Duration::from_secs(60);
        let rates = [0.3, 30.0, 1200.0].map(|count| rate(count, minute));
        assert_eq!(rates, ["0.005/s", "0.50/s", "20/s"]);
        assert_eq!(
            [60, 300, 90].map(|it| time(Duration::from_secs(it))),
            ["1 min", "5 min", "90 s"]
        );
        assert_eq!(moment(1_795_348_800_250_000_000), "2026-11-22T12:00:00.250Z");
    }
}
