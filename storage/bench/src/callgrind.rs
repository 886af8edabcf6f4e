//! Instructions a span, counted by valgrind: the same on a machine at rest and on a busy one, so
//! that a regression of a few percent shows.

use std::path::Path;

use anyhow::{Context, Result, ensure};

use crate::ingest;
use crate::load::Load;
use crate::servers::{Engine, Kind, Programs, Server};

pub struct Counted {
    pub instructions_per_span: f64,
    /// Of starting and ending, without a span.
    pub baseline: u64,
}

/// Runs spoor twice under callgrind, without spans and with a load from one client, ended both
/// times as a service is; the second run's profile stays in `output`.
pub async fn measure(
    programs: &Programs,
    engine: Engine,
    load: &Load,
    output: &Path,
) -> Result<Counted> {
    let baseline = run(programs, engine, None, output).await?;
    let all = run(programs, engine, Some(load), output).await?;
    let instructions = all.saturating_sub(baseline) as f64;
    Ok(Counted { instructions_per_span: instructions / load.spans as f64, baseline })
}

async fn run(
    programs: &Programs,
    engine: Engine,
    load: Option<&Load>,
    output: &Path,
) -> Result<u64> {
    let wrapper = [
        "valgrind".to_owned(),
        "--tool=callgrind".to_owned(),
        // Spoor starts itself anew once, to configure malloc.
        "--trace-children=yes".to_owned(),
        format!("--callgrind-out-file={}", output.display()),
    ];
    let traces = load.map_or(1, |load| load.truth.traces);
    let kind = Kind::Spoor(engine);
    let mut server = Server::start_under(kind, programs, traces, Some(&wrapper))
        .await
        .context("starting valgrind, of the Debian package of that name")?;
    if let Some(load) = load {
        let sent = ingest::send(&server, load, 0..load.requests(), 1, None).await?;
        ensure!(sent.refused == 0, "requests were refused, which makes counts differ");
        server.rest().await?;
    }
    server.stop().await?;
    let profile =
        std::fs::read_to_string(output).with_context(|| format!("reading {}", output.display()))?;
    let total = profile.lines().find_map(|line| line.strip_prefix("totals:"));
    let total = total.context("callgrind wrote no totals")?;
    total.trim().parse().context("reading callgrind's totals")
}
