//! How much longer something takes.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// The longest that one fault may have one thing wait, in milliseconds.
const MAX_MS: u64 = 10_000;

/// A distribution, in milliseconds.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(tag = "distribution", rename_all = "snake_case", deny_unknown_fields)]
pub(crate) enum Latency {
    /// Always the same.
    Constant { ms: u64 },
    /// Anything between, as likely as anything else.
    Uniform { min_ms: u64, max_ms: u64 },
    /// Mostly little and sometimes much.
    Exponential { mean_ms: u64 },
}

impl Latency {
    /// The value below which this part of all values is, from 0 up to but not 1.
    pub fn quantile(&self, part: f64) -> Duration {
        let ms = match *self {
            Self::Constant { ms } => ms as f64,
            Self::Uniform { min_ms, max_ms } => min_ms as f64 + part * (max_ms - min_ms) as f64,
            Self::Exponential { mean_ms } => -(mean_ms as f64) * (1.0 - part).ln(),
        };
        Duration::from_secs_f64(ms.min(MAX_MS as f64) / 1_000.0)
    }

    /// What makes no sense, if anything does not.
    pub fn problem(&self) -> Option<String> {
        let (name, most) = match *self {
            Self::Constant { ms } => ("ms", ms),
            Self::Uniform { min_ms, max_ms } if min_ms > max_ms => {
                return Some(format!("min_ms {min_ms} is above max_ms {max_ms}"));
            }
            Self::Uniform { max_ms, .. } => ("max_ms", max_ms),
            Self::Exponential { mean_ms } => ("mean_ms", mean_ms),
        };
        (most > MAX_MS).then(|| format!("{name} {most} is above {MAX_MS}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_distribution_has_its_quantiles() {
        let uniform = Latency::Uniform { min_ms: 100, max_ms: 300 };
        let exponential = Latency::Exponential { mean_ms: 1_000 };
        for (latency, part, ms) in [
            (Latency::Constant { ms: 5 }, 0.9, 5),
            (uniform.clone(), 0.0, 100),
            (uniform, 0.5, 200),
            (exponential.clone(), 0.0, 0),
            (exponential.clone(), 0.5, 693),
            (exponential, 0.999_999_9, 10_000),
        ] {
            assert_eq!(latency.quantile(part).as_millis(), ms, "{latency:?} at {part}");
        }
    }
}
