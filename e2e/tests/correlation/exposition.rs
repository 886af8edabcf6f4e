//! What a part itself tells at `/metrics`.

use std::collections::BTreeMap;

use anyhow::Context;
use e2e::ask::text;

/// Samples: name and labels as they are written, and value.
pub struct Exposition(Vec<(String, f64)>);

impl Exposition {
    /// Asks `url` for `/metrics`.
    pub async fn of(url: &str) -> anyhow::Result<Self> {
        let text = text(&format!("{url}/metrics"), &[]).await?;
        let samples = text.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
        let sample = |line: &str| {
            let (name, value) = line.rsplit_once(' ').with_context(|| format!("reading {line}"))?;
            Ok((name.to_owned(), value.parse().with_context(|| format!("reading {line}"))?))
        };
        samples.map(sample).collect::<anyhow::Result<_>>().map(Self)
    }

    /// How many samples there are of metrics of this name.
    pub fn count(&self, name: &str) -> f64 {
        self.of_name(name).count() as f64
    }

    /// How many samples there are.
    pub fn count_all(&self) -> f64 {
        self.0.len() as f64
    }

    /// The sum of metrics of this name.
    pub fn sum(&self, name: &str) -> f64 {
        self.of_name(name).map(|(_, value)| value).sum()
    }

    /// The sums of metrics of this name, by a label.
    pub fn by(&self, name: &str, label: &str) -> BTreeMap<String, f64> {
        let mut sums = BTreeMap::new();
        for (labels, value) in self.of_name(name) {
            let (_, after) = labels.split_once(&format!("{label}=\"")).unwrap_or_default();
            let label = after.split('"').next().unwrap_or_default();
            *sums.entry(label.to_owned()).or_default() += value;
        }
        sums
    }

    fn of_name(&self, name: &str) -> impl Iterator<Item = (&str, f64)> {
        self.0.iter().filter_map(move |(sample, value)| {
            let labels = sample.strip_prefix(name)?;
            (labels.is_empty() || labels.starts_with('{')).then_some((labels, *value))
        })
    }
}
