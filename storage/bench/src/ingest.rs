//! Sending a load, and what it cost the server.

use std::ops::Range;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use futures::future::try_join_all;
use prost::bytes::Bytes;
use spoor_proto::RawTraces;
use spoor_proto::otlp::trace_service_client::TraceServiceClient;
use tonic::Code;
use tonic::transport::Channel;
use tonic_types::StatusExt;

use crate::load::Load;
use crate::measure::latency::Latencies;
use crate::servers::Server;

/// How many clients send at once unless something else is measured.
pub const CLIENTS: usize = 8;
/// How long a client tries again what was refused for now.
const PATIENCE: Duration = Duration::from_secs(60);

/// What was acknowledged.
pub struct Sent {
    pub spans: usize,
    pub elapsed: Duration,
    pub latencies: Latencies,
    /// Requests that were refused for the time being, and sent again.
    pub refused: usize,
}

/// What a load cost.
#[derive(Clone, Copy)]
pub struct Ingested {
    /// What was acknowledged: less than the load if there was no time for all of it.
    pub spans: usize,
    /// Microseconds, until the server is idle again.
    pub cpu_per_span: f64,
    /// Microseconds, until the last request was acknowledged.
    pub cpu_until_acknowledged: f64,
    pub spans_per_second: f64,
    /// Milliseconds.
    pub p50: f64,
    /// Milliseconds.
    pub p99: f64,
    /// Bytes.
    pub peak: u64,
    /// Bytes, when idle.
    pub resting: u64,
    /// Bytes of disk, when idle.
    pub disk_per_span: f64,
    pub refused: usize,
    pub came_to_rest: bool,
}

/// Sends requests by clients with a connection each, every one acknowledged before its client
/// sends the next, until all are sent or the time is over.
pub async fn send(
    server: &Server,
    load: &Load,
    requests: Range<usize>,
    clients: usize,
    limit: Option<Duration>,
) -> Result<Sent> {
    let next = AtomicUsize::new(requests.start);
    let connections = try_join_all((0..clients).map(|_| server.writes())).await?;
    let began = Instant::now();
    let results = try_join_all(connections.into_iter().map(|mut client| {
        let (next, end) = (&next, requests.end);
        async move {
            let mut sent = Sent::nothing();
            loop {
                let number = next.fetch_add(1, Ordering::Relaxed);
                if number >= end || limit.is_some_and(|limit| began.elapsed() >= limit) {
                    return Ok::<_, anyhow::Error>(sent);
                }
                let (bytes, spans) = load.request(number)?;
                let asked = Instant::now();
                sent.refused += export(&mut client, bytes)
                    .await
                    .with_context(|| format!("sending request {number} of {spans} spans"))?;
                sent.latencies.add(asked.elapsed());
                sent.spans += spans;
            }
        }
    }))
    .await?;
    let mut all = Sent { elapsed: began.elapsed(), ..Sent::nothing() };
    for sent in results {
        all.spans += sent.spans;
        all.refused += sent.refused;
        all.latencies.append(sent.latencies);
    }
    Ok(all)
}

/// Sends one request until it is taken; gives how often it was refused.
async fn export(client: &mut TraceServiceClient<Channel>, bytes: Bytes) -> Result<usize> {
    let began = Instant::now();
    for refused in 0.. {
        match client.export(RawTraces(bytes.clone())).await {
            Ok(response) => {
                let rejected = response.into_inner().partial_success;
                let rejected = rejected.map_or(0, |partial| partial.rejected_spans);
                ensure!(rejected == 0, "{rejected} spans were rejected");
                return Ok(refused);
            }
            Err(status)
                if matches!(status.code(), Code::ResourceExhausted | Code::Unavailable)
                    && began.elapsed() < PATIENCE =>
            {
                let told = status.get_details_retry_info().and_then(|info| info.retry_delay);
                tokio::time::sleep(told.unwrap_or(Duration::from_millis(50))).await;
            }
            Err(status) => return Err(status.into()),
        }
    }
    unreachable!("the numbers do not end")
}

/// Sends a load to a fresh server, all of it unless the time is over, and waits until that is
/// idle.
pub async fn measure(server: &Server, load: &Load, limit: Option<Duration>) -> Result<Ingested> {
    let before = server.usage()?;
    let sent = send(server, load, 0..load.requests(), CLIENTS, limit).await?;
    let is_all = sent.spans == load.spans || limit.is_some();
    ensure!(is_all, "{} of {} spans were sent", sent.spans, load.spans);
    let acknowledged = server.usage()?;
    let came_to_rest = server.rest().await?;
    let after = server.usage()?;
    let spans = sent.spans as f64;
    let micros = |cpu: Duration| cpu.as_secs_f64() * 1e6 / spans;
    let run = Ingested {
        spans: sent.spans,
        cpu_per_span: micros(after.cpu - before.cpu),
        cpu_until_acknowledged: micros(acknowledged.cpu - before.cpu),
        spans_per_second: spans / sent.elapsed.as_secs_f64(),
        p50: sent.latencies.percentile(50),
        p99: sent.latencies.percentile(99),
        peak: after.peak,
        resting: after.resident,
        disk_per_span: server.disk()? as f64 / spans,
        refused: sent.refused,
        came_to_rest,
    };
    eprintln!("  {:.2} µs/span, {:.0} spans/s", run.cpu_per_span, run.spans_per_second);
    Ok(run)
}

/// The one with the median CPU of several, which are not none.
pub fn median(mut runs: Vec<Ingested>) -> Option<Ingested> {
    runs.sort_by(|a, b| a.cpu_per_span.total_cmp(&b.cpu_per_span));
    runs.get(runs.len() / 2).copied()
}

impl Sent {
    fn nothing() -> Self {
        Self { spans: 0, elapsed: Duration::ZERO, latencies: Latencies::default(), refused: 0 }
    }
}
