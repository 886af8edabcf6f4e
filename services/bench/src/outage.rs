//! Requests while the backend of telemetry is slow, hangs, refuses or is gone, beside those of a
//! service whose backend is well; and what becomes of the spans once it is back.

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};

use crate::backend::{Backend, Conduct};
use crate::service::{self, Service};
use crate::table::{Table, median, percentile, sorted};

/// How often each service has its turn.
const ROUNDS: usize = 20;
/// How many requests that is: one after the other, each a span and a log record.
const REQUESTS: usize = 1_000;

/// What the queue holds is delivered within that time when the backend is back, or given up.
const BACK: Duration = Duration::from_secs(60);

/// A backend, and a service that exports to it.
struct Case {
    name: &'static str,
    backend: Backend,
    /// Where its metrics go: these tell what was lost.
    meters: Backend,
    service: Service,
    /// Milliseconds that requests took, by turn, in order.
    times: Vec<Vec<f64>>,
}

impl Case {
    async fn start(program: &Path, name: &'static str, conduct: Option<Conduct>) -> Result<Self> {
        let backend = match conduct {
            Some(_) => Backend::start().await?,
            None => Backend::gone().await?,
        };
        backend.treat(conduct.unwrap_or(Conduct::Take));
        let meters = Backend::start().await?;
        let variables = [
            ("OTEL_EXPORTER_OTLP_ENDPOINT", &*backend.url()),
            ("OTEL_EXPORTER_OTLP_METRICS_ENDPOINT", &*meters.url()),
            ("OTEL_METRIC_EXPORT_INTERVAL", "1000"),
        ];
        let service = Service::start(program, &variables)?;
        Ok(Self { name, backend, meters, service, times: Vec::new() })
    }

    /// Dropped because the queue was full, and given up by the exporter.
    fn lost(&self) -> [u64; 2] {
        ["otel.sdk.processor.span.processed", "otel.sdk.exporter.span.exported"]
            .map(|name| self.meters.counter(name, true))
    }
}

/// Measures, and tells the figures.
#[tokio::main]
pub async fn run() -> Result<()> {
    let program = service::program()?;
    let mut cases = Vec::new();
    for (name, conduct) in [
        ("well", Some(Conduct::Take)),
        ("slow: 1 s an export", Some(Conduct::TakeAfter(Duration::from_secs(1)))),
        ("hung", Some(Conduct::Hang)),
        ("refusing", Some(Conduct::Refuse)),
        ("gone", None),
    ] {
        cases.push(Case::start(&program, name, conduct).await?);
    }
    let client = reqwest::Client::new();
    for _ in 0..ROUNDS {
        for case in &mut cases {
            let mut times = Vec::with_capacity(REQUESTS);
            for _ in 0..REQUESTS {
                // A request that fails is the end of this.
                times.push(case.service.get(&client, "/").await?.as_secs_f64() * 1e3);
            }
            case.times.push(sorted(times));
        }
    }

    let mut table = Table::new(&[
        "backend",
        "p50 ms",
        "p99 ms",
        "p99, of the first row's",
        "least to most",
        "peak MiB",
        "spans",
        "delivered",
        "dropped",
        "given up",
        "ends in s",
    ]);
    let p99 = |times: &Vec<f64>| percentile(times, 99);
    let baseline: Vec<f64> = cases[0].times.iter().map(p99).collect();
    for case in cases {
        let peak = case.service.peak()?;
        if case.name == "gone" {
            case.backend.serve().await?;
        }
        case.backend.treat(Conduct::Take);
        let spans = (ROUNDS * REQUESTS) as u64;
        let deadline = Instant::now() + BACK;
        while case.backend.spans() + case.lost().iter().sum::<u64>() != spans {
            let (delivered, lost) = (case.backend.spans(), case.lost());
            ensure!(
                Instant::now() < deadline,
                "{}: of {spans} spans {delivered} were delivered, and {lost:?} lost",
                case.name
            );
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        let ratios = sorted(case.times.iter().zip(&baseline).map(|(times, of)| p99(times) / of));
        let [least, most] = [0, 100].map(|percent| percentile(&ratios, percent));
        let [dropped, given_up] = case.lost();
        let delivered = case.backend.spans();
        table.row([
            case.name.to_owned(),
            format!("{:.2}", median(case.times.iter().map(|times| percentile(times, 50)))),
            format!("{:.2}", median(case.times.iter().map(p99))),
            format!("{:.2}", percentile(&ratios, 50)),
            format!("{least:.2} to {most:.2}"),
            format!("{peak:.1}"),
            spans.to_string(),
            delivered.to_string(),
            dropped.to_string(),
            given_up.to_string(),
            format!("{:.2}", case.service.end()?.as_secs_f64()),
        ]);
    }
    println!("{table}");
    Ok(())
}
