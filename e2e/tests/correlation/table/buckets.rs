use std::path::Path;

use anyhow::Context;
use e2e::files::read_file;

/// The bounds of the Collector's histograms, in milliseconds.
pub struct Buckets(Vec<f64>);

impl Buckets {
    /// As the Collector is configured.
    pub fn read() -> anyhow::Result<Self> {
        let file = read_file(Path::new("compose/otel-collector/config.yaml"))?;
        let bounds = &file["connectors"]["spanmetrics"]["histogram"]["explicit"]["buckets"];
        let bounds = bounds.as_array().context("finding the buckets")?.iter();
        let bounds = bounds.map(|bound| milliseconds(bound.as_str().unwrap_or_default()));
        Ok(Self(bounds.collect::<anyhow::Result<_>>()?))
    }

    /// The bounds of the bucket that `value` is in; the last one's are infinite and, as a quantile
    /// is estimated, itself.
    pub fn around(&self, value: f64) -> (f64, f64) {
        let above = self.0.partition_point(|bound| *bound < value);
        let below = if above == 0 { 0.0 } else { self.0[above - 1] };
        (below, self.0.get(above).copied().unwrap_or(f64::INFINITY))
    }
}

/// Reads `5ms` or `1s`.
pub fn milliseconds(text: &str) -> anyhow::Result<f64> {
    let (number, factor) = match text.strip_suffix("ms") {
        Some(number) => (number, 1.0),
        None => (text.strip_suffix('s').unwrap_or(text), 1e3),
    };
    let number: f64 = number.parse().with_context(|| format!("reading the duration {text}"))?;
    Ok(number * factor)
}
