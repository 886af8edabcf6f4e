//! What is kept of requests: spans in Jaeger, log records in Loki.

use std::collections::BTreeSet;

use anyhow::ensure;
use e2e::ask::now;

use crate::lab::Lab;
use crate::traffic::Request;

/// A request that makes one span, and one that makes ten: five of servers, four of clients, and
/// that of the CPU task.
pub const ITEM: &str = "/items/1";
pub const CHAIN: &str = "/chain";
pub const CHAIN_SPANS: usize = 10;

/// The most lines that Loki answers at once.
const LINES: usize = 5_000;

/// How many spans Jaeger has of a trace.
pub async fn spans(lab: &Lab, trace_id: &str) -> anyhow::Result<usize> {
    let spans = lab.jaeger().trace(trace_id).await?;
    // An export that was tried again may have brought one twice.
    Ok(spans.iter().map(|span| &span.id).collect::<BTreeSet<_>>().len())
}

/// How many of the spans that these requests made are not in Jaeger, and how many they made. The
/// requests are such as [`ITEM`] and [`CHAIN`].
pub async fn missing_spans(lab: &Lab, requests: &[&Request]) -> anyhow::Result<(usize, usize)> {
    let (mut missing, mut made) = (0, 0);
    for request in requests {
        let expected = if request.path == CHAIN { CHAIN_SPANS } else { 1 };
        missing += expected - self::spans(lab, &request.trace_id).await?;
        made += expected;
    }
    Ok((missing, made))
}

/// The trace ids of the services' log records since `start` that contain `text`.
pub async fn logged(lab: &Lab, text: &str, start: f64) -> anyhow::Result<BTreeSet<String>> {
    let logql = format!(r#"{{service_name=~"app-.+"}} |= "{text}""#);
    let lines = lab.loki().lines(&logql, [start, now()]).await?;
    ensure!(lines.len() < LINES, "there are more lines with {text} than Loki answers at once");
    Ok(lines.into_iter().filter_map(|mut line| line.labels.remove("trace_id")).collect())
}
