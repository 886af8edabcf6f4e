//! How soon a service is ready, and what memory it takes when nobody asks it for anything.

use std::time::{Duration, Instant};

use anyhow::Result;

use crate::backend::Backend;
use crate::service::{self, Service};
use crate::table::{Table, percentile, sorted};

/// How often it is started.
const STARTS: usize = 10;
/// After that time nothing of the start is under way.
const REST: Duration = Duration::from_secs(3);
/// How many requests it has then.
const REQUESTS: usize = 10_000;

/// Measures, and tells the figures.
#[tokio::main]
pub async fn run() -> Result<()> {
    let program = service::program()?;
    let backend = Backend::start().await?;
    let client = reqwest::Client::new();
    let [mut ready, mut at_rest, mut after] = [const { Vec::new() }; 3];
    for _ in 0..STARTS {
        let began = Instant::now();
        let service = Service::start(&program, &[("OTEL_EXPORTER_OTLP_ENDPOINT", &backend.url())])?;
        service.get(&client, "/healthz").await?;
        ready.push(began.elapsed().as_secs_f64() * 1e3);
        tokio::time::sleep(REST).await;
        at_rest.push(service.resident()?);
        for _ in 0..REQUESTS {
            service.get(&client, "/items/7").await?;
        }
        tokio::time::sleep(REST).await;
        after.push(service.resident()?);
        service.end()?;
    }
    let mut table = Table::new(&["a demo service", "median", "least to most", "aim"]);
    let requested = format!("MiB at rest after {REQUESTS} requests");
    for (name, figures, aim) in [
        ("ms until it is ready", ready, "at most 100"),
        ("MiB at rest", at_rest, "below 32"),
        (&requested, after, "below 32"),
    ] {
        let figures = sorted(figures);
        let [least, middle, most] = [0, 50, 100].map(|percent| percentile(&figures, percent));
        let cells = [format!("{middle:.1}"), format!("{least:.1} to {most:.1}"), aim.to_owned()];
        table.row(std::iter::once(name.to_owned()).chain(cells));
    }
    println!("{table}");
    Ok(())
}
