//! How long a server's calls take, as a metric.

use std::sync::OnceLock;
use std::time::Duration;

use opentelemetry::metrics::Histogram;
use opentelemetry::{KeyValue, global};

use crate::subscriber::scope;

/// In seconds: what the conventions of [HTTP] and of [RPC] advise alike.
///
/// [HTTP]: https://opentelemetry.io/docs/specs/semconv/http/http-metrics/#metric-httpserverrequestduration
/// [RPC]: https://opentelemetry.io/docs/specs/semconv/rpc/rpc-metrics/
const BOUNDARIES: [f64; 14] =
    [0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0];

/// A histogram of seconds, as a convention names and describes it.
#[derive(Clone, Copy, Debug)]
pub struct Metric {
    pub name: &'static str,
    pub description: &'static str,
}

/// The histogram of one layer. It is made when a call first ends: a layer may be made before the
/// meter provider is set.
#[derive(Clone, Debug)]
pub(crate) struct Durations {
    metric: Metric,
    histogram: OnceLock<Histogram<f64>>,
}

impl Durations {
    pub fn new(metric: Metric) -> Self {
        Self { metric, histogram: OnceLock::new() }
    }

    pub fn record(&self, duration: Duration, attributes: &[KeyValue]) {
        let histogram = self.histogram.get_or_init(|| {
            global::meter_with_scope(scope())
                .f64_histogram(self.metric.name)
                .with_description(self.metric.description)
                .with_unit("s")
                .with_boundaries(BOUNDARIES.to_vec())
                .build()
        });
        histogram.record(duration.as_secs_f64(), attributes);
    }
}
