//! The links of the lab, and which of them stand on which.

use serde::Serialize;

use crate::ports::Port;
use crate::ports::known::{
    APPS, CONSOLE, GRAFANA, JAEGER_UI, LOKI, OTLP_HTTP, PROMETHEUS, STORAGE_ADMIN,
};
use crate::with::With;

/// One thing to be proved, in the order in which telemetry flows: of several that fail, the first
/// is likely the cause.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Link {
    AppA,
    AppB,
    AppC,
    AppD,
    Spoor,
    Jaeger,
    Collector,
    Prometheus,
    Loki,
    Grafana,
    Console,
    Clocks,
    Spans,
    Logs,
    SpanMetrics,
    ServiceGraph,
    Exemplars,
    Spm,
    GrafanaJaeger,
    GrafanaPrometheus,
    GrafanaLoki,
    Disk,
    Memory,
    Ports,
}

use Link::*;

/// The services, in the order of their names.
pub const SERVICES: [Link; 4] = [AppA, AppB, AppC, AppD];

#[rustfmt::skip]
const ALL: [Link; 24] = [
    AppA, AppB, AppC, AppD, Spoor, Jaeger, Collector, Prometheus, Loki, Grafana, Console, Clocks, Spans, Logs,
    SpanMetrics, ServiceGraph, Exemplars, Spm, GrafanaJaeger, GrafanaPrometheus, GrafanaLoki, Disk, Memory, Ports,
];

impl Link {
    /// Those of a lab with these parts, in order.
    pub fn of(with: &[With]) -> impl Iterator<Item = Self> {
        ALL.into_iter().filter(|link| link.tier().is_none_or(|part| with.contains(&part)))
    }

    /// The part that brings it, unless every lab has it.
    const fn tier(self) -> Option<With> {
        match self {
            AppA | AppB | AppC | AppD | Spoor | Console | Clocks | Spans | Disk | Memory
            | Ports => None,
            Jaeger => Some(With::Jaeger),
            Collector => Some(With::Collector),
            Loki | Logs => Some(With::Loki),
            Prometheus | SpanMetrics | ServiceGraph | Exemplars | Spm => Some(With::Prometheus),
            Grafana | GrafanaJaeger | GrafanaPrometheus | GrafanaLoki => Some(With::Grafana),
        }
    }

    /// Those that it cannot work without, the most likely cause first.
    pub const fn needs(self) -> &'static [Self] {
        match self {
            AppA | AppB | AppC | AppD | Spoor | Jaeger | Collector | Prometheus | Loki
            | Grafana | Console | Clocks | Disk | Memory => &[],
            Spans => &[AppA, AppB, AppC, AppD, Spoor, Jaeger, Collector, Clocks],
            Logs => &[AppA, AppB, AppC, AppD, Collector, Loki, Clocks, Spans],
            SpanMetrics => &[AppA, AppB, AppC, AppD, Collector, Prometheus, Clocks, Spans],
            ServiceGraph => &[AppA, AppB, AppC, AppD, Collector, Prometheus, SpanMetrics, Spans],
            Exemplars => &[Spoor, Jaeger, Prometheus, SpanMetrics, Spans],
            Spm => &[Jaeger, Prometheus, SpanMetrics],
            GrafanaJaeger => &[Grafana, Spoor, Jaeger, Spans],
            GrafanaPrometheus => &[Grafana, Prometheus, SpanMetrics],
            GrafanaLoki => &[Grafana, Loki, Logs],
            Ports => &[Jaeger, Grafana],
        }
    }

    /// Where the part answers over HTTP; none for what is not a part.
    pub const fn port(self) -> Option<Port> {
        Some(match self {
            AppA => APPS[0],
            AppB => APPS[1],
            AppC => APPS[2],
            AppD => APPS[3],
            Spoor => STORAGE_ADMIN,
            Jaeger => JAEGER_UI,
            Collector => OTLP_HTTP,
            Prometheus => PROMETHEUS,
            Loki => LOKI,
            Grafana => GRAFANA,
            Console => CONSOLE,
            _ => return None,
        })
    }

    /// As it is written everywhere.
    pub const fn name(self) -> &'static str {
        match self {
            AppA => "app-a",
            AppB => "app-b",
            AppC => "app-c",
            AppD => "app-d",
            Spoor => "spoor",
            Jaeger => "jaeger",
            Collector => "collector",
            Prometheus => "prometheus",
            Loki => "loki",
            Grafana => "grafana",
            Console => "console",
            Clocks => "clocks",
            Spans => "spans",
            Logs => "logs",
            SpanMetrics => "span-metrics",
            ServiceGraph => "service-graph",
            Exemplars => "exemplars",
            Spm => "spm",
            GrafanaJaeger => "grafana-jaeger",
            GrafanaPrometheus => "grafana-prometheus",
            GrafanaLoki => "grafana-loki",
            Disk => "disk",
            Memory => "memory",
            Ports => "ports",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_needs_only_what_comes_before_it() {
        for link in ALL {
            assert!(link.needs().iter().all(|needed| *needed < link), "{link:?}");
        }
    }

    #[test]
    fn the_name_is_the_same_in_json_and_in_the_table() {
        for link in ALL {
            assert_eq!(serde_json::to_value(link).unwrap(), link.name());
        }
    }

    #[test]
    fn a_tier_has_only_its_own_links() {
        let names = |with: &[With]| Link::of(with).map(Link::name).collect::<Vec<_>>();
        let base = ["app-a", "app-b", "app-c", "app-d", "spoor", "console", "clocks", "spans"];
        let base: Vec<_> = base.into_iter().chain(["disk", "memory", "ports"]).collect();
        assert_eq!(names(&[]), base);
        assert_eq!(names(&[With::Jaeger]).len(), base.len() + 1);
        let metrics = names(&[With::Jaeger, With::Collector, With::Prometheus]);
        assert!(metrics.contains(&"spm") && !metrics.contains(&"logs"), "{metrics:?}");
    }
}
