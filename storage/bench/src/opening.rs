//! How long a killed server takes until it answers again.

use std::collections::HashMap;
use std::ops::Range;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};

use crate::encoded;
use crate::ingest::{self, CLIENTS};
use crate::load::Load;
use crate::measure::latency::Latencies;
use crate::queries;
use crate::questions::Ask;
use crate::servers::Server;

/// A store that opens more slowly has failed.
const DEADLINE: Duration = Duration::from_secs(300);
/// How many traces are compared after each opening.
const TRACES: usize = 50;

/// Kills the server again and again, each time right after it acknowledged a further part of
/// some requests: a log that is written anew when it is full is met at many lengths, the greatest
/// among them. Gives the times from each start of the process to its first right answer, which
/// is a trace of what was acknowledged last; then all spans of others of these must be there once.
pub async fn measure(
    server: &mut Server,
    load: &Load,
    requests: Range<usize>,
    kills: usize,
) -> Result<Latencies> {
    let mut times = Latencies::default();
    let mut sent = requests.start;
    for kill in 1..=kills {
        let end = requests.start + requests.len() * kill / kills;
        ingest::send(server, load, sent..end, CLIENTS, None).await?;
        sent = end;
        let expected = last_traces(load, requests.start..end)?;
        server.kill();
        let began = Instant::now();
        server.start_again()?;
        let mut expected = expected.into_iter();
        let first = expected.next().context("no spans were sent before a kill")?;
        until_there(server, first, began).await?;
        times.add(began.elapsed());
        let channel = server.reads().await?;
        for (id, spans) in expected {
            let found = queries::ask(&channel, &Ask::Trace(id)).await?;
            ensure!(found == spans, "{found} of a trace's {spans} spans are there after a kill");
        }
    }
    Ok(times)
}

/// Traces of the last of these requests, with the number of their spans in all of them.
fn last_traces(load: &Load, requests: Range<usize>) -> Result<Vec<([u8; 16], usize)>> {
    let Some(last) = requests.clone().next_back() else { return Ok(Vec::new()) };
    let mut spans = HashMap::new();
    for id in encoded::trace_ids(load.request(last)?.0)? {
        if spans.len() < TRACES {
            spans.insert(id, 0);
        }
    }
    for request in requests {
        for id in encoded::trace_ids(load.request(request)?.0)? {
            spans.entry(id).and_modify(|spans| *spans += 1);
        }
    }
    let id = |id: &[u8]| id.try_into().context("reading a trace id");
    spans.into_iter().map(|(bytes, spans)| Ok((id(&bytes)?, spans))).collect()
}

async fn until_there(
    server: &Server,
    (id, spans): ([u8; 16], usize),
    began: Instant,
) -> Result<()> {
    loop {
        if let Ok(channel) = server.reads().await
            && let Ok(found) = queries::ask(&channel, &Ask::Trace(id)).await
        {
            ensure!(found == spans, "{found} of a trace's {spans} spans are there after a kill");
            return Ok(());
        }
        let is_late = began.elapsed() > DEADLINE;
        ensure!(!is_late, "no answer {DEADLINE:?} after a kill; it wrote: {}", server.output());
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}
