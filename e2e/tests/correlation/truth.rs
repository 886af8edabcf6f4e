//! What the lab did in a minute of steady load, as the spans that Jaeger keeps, the lines that the
//! lab printed, the parts' own metrics and files tell. No rate and no quantile is asked for here.

mod spans;

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use anyhow::Context;
use e2e::ask::{Span, now};
use e2e::files::read_folder;
use e2e::{NativeLab, SERVICES, eventually, memory};
use prost_types::Timestamp;
use serde_json::Value;
use tokio::time::sleep;

use crate::exposition::Exposition;
use crate::table::Ranges;
use crate::table::buckets::Buckets;

/// Seconds: what a rate covers.
pub const MINUTE: f64 = 60.0;
/// Seconds until a span is counted at Prometheus, on average: it waits for its service's export,
/// the Collector's flush and the scrape.
const LAG: f64 = 3.0;
/// Seconds until the load is steady and all it makes is counted: calls of clients that send no span
/// are counted 10 s late.
const SETTLING: f64 = 20.0;
/// How often each part is scraped, in seconds, by the variable of the port of its metrics.
const TARGETS: [(&str, f64); 6] = [
    ("SPAN_METRICS_PORT", 2.0),
    ("COLLECTOR_METRICS_PORT", 5.0),
    ("JAEGER_METRICS_PORT", 5.0),
    ("STORAGE_ADMIN_PORT", 5.0),
    ("PROMETHEUS_PORT", 5.0),
    ("LOKI_PORT", 5.0),
];

/// What is known.
pub struct Truth {
    /// The end of the minute, in seconds since the epoch.
    pub time: f64,
    /// All that Jaeger has.
    pub spans: Vec<Span>,
    /// The bounds of histograms.
    pub buckets: Buckets,
    /// All that the lab printed.
    lines: Vec<Line>,
    /// The parts' own metrics by the variable of their port, at the minute's start and end.
    metrics: BTreeMap<&'static str, [Exposition; 2]>,
    /// Resident bytes by part.
    pub memory: BTreeMap<String, f64>,
    /// Jobs of Prometheus.
    pub jobs: Vec<String>,
    /// How many rules Prometheus has.
    pub rules: f64,
    /// How many alerts on parts are pending or firing.
    pub alerts: f64,
    /// How many exemplars Prometheus has of the minute.
    pub exemplars: f64,
    /// How many streams Loki has.
    pub streams: f64,
    /// Bytes of Prometheus's files by folder.
    pub files: BTreeMap<&'static str, f64>,
}

/// A line that the lab printed for a part.
pub struct Line {
    pub part: String,
    /// In seconds since the epoch.
    pub time: f64,
    pub level: String,
    pub trace: String,
    pub bytes: usize,
}

impl Truth {
    /// Waits for a minute of steady load, and until all of it is known everywhere.
    pub async fn gather(lab: &NativeLab) -> anyhow::Result<Self> {
        let prometheus = lab.prometheus();
        let flags = prometheus.get("status/flags", &[]).await?;
        let path = flags["storage.tsdb.path"].as_str().context("finding Prometheus's folder")?;
        let path = Path::new(path);
        sleep(Duration::from_secs_f64(SETTLING)).await;
        let before = metrics(lab).await?;
        // Time itself is the condition.
        sleep(Duration::from_secs_f64(MINUTE)).await;
        let time = now();
        let after = metrics(lab).await?;
        let files = ["wal", "chunks_head"].map(|folder| (folder, bytes(&path.join(folder))));
        eventually("all is scraped once more", async || {
            let oldest = prometheus.value("min(timestamp(up))", now()).await?;
            Ok(oldest.filter(|oldest| *oldest > time + LAG))
        })
        .await?;

        let mut spans = BTreeMap::new();
        for (service, _) in SERVICES {
            for span in lab.jaeger().search(service, [time - 600.0, time]).await? {
                spans.insert((span.trace.clone(), span.id.clone()), span);
            }
        }
        let metrics = before.into_iter().zip(after);
        let every = r#"{__name__=~"traces_.+"}"#;
        let alerts = prometheus.get("alerts", &[]).await?;
        let alerts = alerts["alerts"].as_array().context("finding the alerts")?;
        let on_part = |alert: &&Value| alert["labels"]["kind"] != "slo";
        let rules = e2e::queries::all()?;
        let rules = rules.iter().filter(|query| query.source.starts_with("prometheus/rules"));
        Ok(Self {
            time,
            spans: spans.into_values().collect(),
            buckets: Buckets::read()?,
            lines: lines(lab),
            metrics: metrics.map(|((part, before), (_, after))| (part, [before, after])).collect(),
            memory: memory(lab.id())?,
            jobs: jobs()?,
            rules: rules.count() as f64,
            alerts: alerts.iter().filter(on_part).count() as f64,
            exemplars: prometheus.exemplars(every, [time - MINUTE, time]).await?.len() as f64,
            streams: lab.loki().streams([time - 600.0, time]).await? as f64,
            files: files.into(),
        })
    }

    /// The minute's lines a second, by what `key` makes of them; those without are not counted.
    pub fn lines_per_second<'a, K: Into<String>>(
        &'a self,
        key: impl Fn(&'a Line) -> Option<K>,
    ) -> Ranges {
        spans::per_second(self.lines().filter_map(key))
    }

    /// The minute's lines of what exports its logs.
    pub fn lines(&self) -> impl Iterator<Item = &Line> {
        let exported = |line: &&Line| {
            line.part.starts_with("app-") || ["spoor", "jaeger"].contains(&line.part.as_str())
        };
        let (start, end) = (self.time - MINUTE, self.time);
        self.lines.iter().filter(move |line| line.time > start && line.time <= end).filter(exported)
    }

    /// A part's own metrics at the end of the minute.
    pub fn metrics(&self, port: &str) -> &Exposition {
        &self.metrics[port][1]
    }

    /// By how much each of a part's own counters rose in the minute, by a label.
    pub fn increase(&self, port: &str, name: &str, label: &str) -> BTreeMap<String, f64> {
        let [before, after] = &self.metrics[port];
        let before = before.by(name, label);
        let rise = |(label, after): (String, f64)| {
            let rise = after - before.get(&label).unwrap_or(&0.0);
            (label, rise)
        };
        after.by(name, label).into_iter().map(rise).collect()
    }

    /// How many writes spoor took in the minute.
    pub fn writes(&self) -> f64 {
        let requests = self.increase("STORAGE_ADMIN_PORT", "spoor_requests_total", "rpc");
        let writes = requests.iter().filter(|(rpc, _)| rpc.ends_with("/Export"));
        writes.map(|(_, rise)| rise).sum()
    }

    /// Samples a second of all targets.
    pub fn samples(&self) -> f64 {
        let rate = |(port, interval)| self.metrics(port).count_all() / interval;
        TARGETS.into_iter().map(rate).sum()
    }
}

async fn metrics(lab: &NativeLab) -> anyhow::Result<BTreeMap<&'static str, Exposition>> {
    let mut metrics = BTreeMap::new();
    for (port, _) in TARGETS {
        metrics.insert(port, Exposition::of(&lab.url(port)).await?);
    }
    Ok(metrics)
}

/// The lines that the lab printed so far, but for those without a time.
pub fn lines(lab: &NativeLab) -> Vec<Line> {
    let output = lab.output();
    let line = |line: &str| {
        let (part, text) = line.split_once(" | ")?;
        let mut words = text.split_whitespace();
        let time: Timestamp = words.next()?.parse().ok()?;
        let trace = text.split_once("trace_id=").and_then(|(_, id)| id.split(' ').next());
        Some(Line {
            part: part.trim_end().to_owned(),
            time: time.seconds as f64 + f64::from(time.nanos) / 1e9,
            level: words.next()?.to_lowercase(),
            trace: trace.unwrap_or_default().to_owned(),
            bytes: text.len(),
        })
    };
    output.lines().filter_map(line).collect()
}

/// What Prometheus is told to scrape, without Grafana, which runs in containers only.
fn jobs() -> anyhow::Result<Vec<String>> {
    let mut jobs = Vec::new();
    for (path, file) in read_folder("prometheus", "yml")? {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        if name.starts_with("targets") {
            for group in file.as_array().context("reading the targets")? {
                let job = group["labels"]["job"].as_str().context("finding a job")?;
                jobs.extend((job != "grafana").then(|| job.to_owned()));
            }
        }
    }
    Ok(jobs)
}

fn bytes(folder: &Path) -> f64 {
    let files = std::fs::read_dir(folder).into_iter().flatten().flatten();
    files.filter_map(|file| file.metadata().ok()).map(|file| file.len() as f64).sum()
}
