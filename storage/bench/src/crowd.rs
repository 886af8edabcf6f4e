//! What good clients wait for alone, and beside a crowd of others that are idle, slow or mean harm.

use std::ops::Range;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use prost::Message;
use prost::bytes::Bytes;
use spoor_hostile::{Crowd, Kind as Other, raise_open_files};
use spoor_proto::storage::{GetTraceParams, GetTracesRequest};
use tokio::time::{sleep, timeout};
use tonic::transport::Channel;
use tonic::{Code, Status};

use crate::generator::{ExportSize, Shape};
use crate::ingest;
use crate::load::{Load, Part};
use crate::measure::latency::Latencies;
use crate::queries;
use crate::questions::{self, Kind as Asking, Question};
use crate::report::{self, Table};
use crate::servers::{Kind, Programs, Server};
use crate::setup::Setup;

/// What is there before, and what is written while the times are taken, twice.
const SPANS: usize = 60_000;
const ROUNDS: usize = 3;
/// The good clients that write.
const WRITERS: usize = 4;
/// Files that this process needs beside the crowd's connections.
const OWN_FILES: usize = 200;
const GATHERING: Duration = Duration::from_secs(120);
/// How long a good client goes on asking.
const PATIENCE: Duration = Duration::from_secs(60);

/// Measures with so many others, and prints a table.
pub async fn run(setup: &Setup, others: usize, asked: usize) -> Result<()> {
    let files = raise_open_files();
    ensure!(others + OWN_FILES < files, "{others} connections are more than {files} open files");
    let Programs { spoor, settings, place, .. } = &setup.programs;
    let most = format!("max_connections={}", others + OWN_FILES);
    let programs = Programs {
        spoor: spoor.clone(),
        settings: settings.iter().cloned().chain([most]).collect(),
        jaeger: None,
        place: place.clone(),
    };
    let load = Load::generate(Shape::Realistic, ExportSize::Sdk, SPANS, Part::Main, place)?;
    let server = Server::start(Kind::Spoor(setup.engine), &programs, load.truth.traces).await?;
    let round = |number| load.requests() * number / ROUNDS..load.requests() * (number + 1) / ROUNDS;
    ingest::send(&server, &load, round(0), ingest::CLIENTS, None).await?;

    let alone = Times::take(&server, &load, round(1), asked).await.context("without others")?;
    let crowd = Crowd::gather(server.address()?, Other::mixed().take(others), &all(&load));
    timeout(GATHERING, crowd.is_there()).await.context("waiting for the others' connections")?;
    let beside = Times::take(&server, &load, round(2), asked).await.context("beside others")?;
    let closed = crowd.closed();
    crowd.leave().await;

    let name = format!("beside {others} others");
    let mut table = Table::new(["p50 / p99, ms", "alone", &name]);
    for ((what, alone), (_, beside)) in alone.0.iter().zip(&beside.0) {
        table.row(what, [alone, beside].map(report::both));
    }
    println!("{}\n{table}\n{closed} of the others' connections were closed.", server.kind.name());
    Ok(())
}

/// A request for every trace that the load remembers.
fn all(load: &Load) -> Vec<u8> {
    let query = load.truth.sampled.iter().map(|(id, _)| GetTraceParams {
        trace_id: Bytes::copy_from_slice(id),
        ..GetTraceParams::default()
    });
    GetTracesRequest { query: query.collect() }.encode_to_vec()
}

struct Times(Vec<(&'static str, Latencies)>);

impl Times {
    async fn take(
        server: &Server,
        load: &Load,
        requests: Range<usize>,
        asked: usize,
    ) -> Result<Self> {
        let sent = ingest::send(server, load, requests, WRITERS, None).await?;
        let mut times = vec![("export of 512 spans", sent.latencies)];
        let channel = server.reads().await?;
        let questions = questions::questions(load);
        for kind in [Asking::TraceById, Asking::Summaries] {
            let of_kind = questions.iter().filter(|question| question.kind == kind);
            let mut latencies = Latencies::default();
            for question in of_kind.cycle().take(asked) {
                let began = Instant::now();
                ask(&channel, question, began).await?;
                latencies.add(began.elapsed());
            }
            times.push((kind.name(), latencies));
        }
        Ok(Self(times))
    }
}

/// Asks until it is answered. How large the answer is depends on what was written so far.
async fn ask(channel: &Channel, question: &Question, began: Instant) -> Result<()> {
    loop {
        let Err(error) = queries::ask(channel, &question.ask).await else { return Ok(()) };
        let is_for_now = error
            .downcast_ref::<Status>()
            .is_some_and(|status| status.code() == Code::ResourceExhausted);
        if !is_for_now || began.elapsed() > PATIENCE {
            return Err(error);
        }
        sleep(Duration::from_millis(50)).await;
    }
}
