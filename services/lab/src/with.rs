//! What can be added to the base of the lab.

use anyhow::bail;
use clap::ValueEnum;

/// A part that a lab may have or not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, ValueEnum)]
pub enum With {
    /// Takes the spans, keeps them in spoor, and shows them.
    Jaeger,
    /// The OpenTelemetry Collector: takes all telemetry, and makes metrics of spans.
    Collector,
    /// Keeps the metrics.
    Prometheus,
    /// Keeps the logs.
    Loki,
    /// Shows traces, metrics and logs; only in containers.
    Grafana,
}

impl With {
    /// What it has no use without.
    const fn needs(self) -> &'static [Self] {
        match self {
            Self::Jaeger => &[],
            Self::Collector => &[Self::Jaeger],
            Self::Prometheus | Self::Loki => &[Self::Collector],
            Self::Grafana => &[Self::Jaeger, Self::Prometheus, Self::Loki],
        }
    }

    /// As it is written on the command line, and as `e2e/programs` calls its program.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Jaeger => "jaeger",
            Self::Collector => "collector",
            Self::Prometheus => "prometheus",
            Self::Loki => "loki",
            Self::Grafana => "grafana",
        }
    }

    /// The part that it adds, by its name among the parts.
    pub const fn part(self) -> &'static str {
        match self {
            Self::Collector => "otel-collector",
            _ => self.name(),
        }
    }
}

/// Checks that each has what it needs.
///
/// # Errors
/// The first that lacks a part, and which.
pub fn check(with: &[With]) -> anyhow::Result<()> {
    for part in with {
        if let Some(missing) = part.needs().iter().find(|needed| !with.contains(needed)) {
            bail!("--with {} needs {1}: add {1}", part.name(), missing.name());
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::With::{Collector, Grafana, Jaeger, Loki, Prometheus};
    use super::*;

    #[test]
    fn each_part_that_lacks_another_is_named_with_it() {
        for (with, part, missing) in [
            (&[Collector][..], "collector", "jaeger"),
            (&[Prometheus, Jaeger], "prometheus", "collector"),
            (&[Jaeger, Loki], "loki", "collector"),
            (&[Jaeger, Collector, Loki, Grafana], "grafana", "prometheus"),
        ] {
            let problem = check(with).unwrap_err().to_string();
            assert_eq!(problem, format!("--with {part} needs {missing}: add {missing}"));
        }
    }

    #[test]
    fn any_order_of_parts_that_have_what_they_need_is_fine() {
        for with in
            [&[][..], &[Jaeger], &[Collector, Jaeger], &[Loki, Prometheus, Collector, Jaeger]]
        {
            check(with).unwrap();
        }
    }
}
