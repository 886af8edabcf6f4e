//! Spoor and its peers with the same load, in one run.

use std::time::Duration;

use anyhow::{Context, Result};

use crate::generator::{ExportSize, Shape};
use crate::ingest::{self, CLIENTS, Ingested};
use crate::load::{Load, Part};
use crate::measure::latency::Latencies;
use crate::opening;
use crate::queries::{self, Asked, Effort};
use crate::questions::{self, Question};
use crate::report::{self, Table};
use crate::servers::{Engine, Kind, Server};
use crate::setup::Setup;

/// How much is done.
#[derive(Clone, Copy)]
pub struct Plan {
    pub spans: usize,
    /// How often the fast servers are loaded anew; they take turns. The median counts.
    pub rounds: usize,
    pub effort: Effort,
    /// How long Badger may take with every write synced, at one or two thousand spans a second.
    pub limit: Option<Duration>,
}

/// What is sent before kills: somewhat more than the greatest log of the embedded engine.
const LATER: usize = 150_000;
/// How much of it Badger gets, which takes thirty times as long.
const LATER_OF_BADGER: usize = 20_000;
const KILLS: usize = 5;
const KILLS_OF_BADGER: usize = 2;
/// How long acknowledgements are timed with few and with many clients.
const TIMED: Duration = Duration::from_secs(4);

/// What the last line of a run is made of.
pub struct Compared {
    rows: Vec<(Kind, Ingested)>,
    /// The greatest, queries included.
    peaks: Vec<(Kind, u64)>,
}

pub async fn run(setup: &Setup, plan: Plan) -> Result<Compared> {
    let generate =
        |shape, size, spans, part| Load::generate(shape, size, spans, part, &setup.programs.place);
    eprintln!("generating");
    let load = generate(Shape::Realistic, ExportSize::Sdk, plan.spans, Part::Main)?;
    let others = [
        generate(Shape::Realistic, ExportSize::Collector, plan.spans, Part::Main)?,
        generate(Shape::Telemetrygen, ExportSize::Sdk, plan.spans, Part::Main)?,
        generate(Shape::Telemetrygen, ExportSize::Collector, plan.spans, Part::Main)?,
    ];
    println!("{}", report::loads(std::iter::once(&load).chain(&others)));
    println!("realistic: {}\n", load.summary);

    let compared = main_load(setup, plan, &load).await?;
    let mut fast = setup.ours();
    fast.extend(setup.in_memory_peers());
    for load in &others {
        let mut rows = Vec::new();
        for kind in &fast {
            eprintln!("{}: {}", load.name(), kind.name());
            let server = Server::start(*kind, &setup.programs, load.truth.traces).await?;
            rows.push((kind.name(), ingest::measure(&server, load, None).await?));
        }
        println!("{}", report::ingest(&load.name(), rows));
    }
    fast.extend(setup.slow_peers());
    println!("{}", acknowledgements(setup, &load, &fast, &compared).await?);
    Ok(compared)
}

/// The load that everything else is measured with, too.
async fn main_load(setup: &Setup, plan: Plan, load: &Load) -> Result<Compared> {
    let mut fast = setup.ours();
    fast.extend(setup.in_memory_peers());
    let questions = questions::questions(load);
    let later = Load::generate(
        Shape::Realistic,
        ExportSize::Sdk,
        LATER,
        Part::Later,
        &setup.programs.place,
    )?;
    let mut runs = Vec::new();
    for round in 1..plan.rounds {
        for kind in &fast {
            eprintln!("{}: {}, round {round}", load.name(), kind.name());
            let server = Server::start(*kind, &setup.programs, load.truth.traces).await?;
            runs.push((*kind, ingest::measure(&server, load, None).await?));
        }
    }
    let mut all = fast.clone();
    all.extend(setup.slow_peers());
    let (mut answers, mut openings, mut peaks) = (Vec::new(), Vec::new(), Vec::new());
    let mut after = Table::new(["", "peak MiB, queries included", "of a processor when idle"]);
    for kind in &all {
        eprintln!("{}: {}, and queries", load.name(), kind.name());
        let Plan { effort, limit, .. } = plan;
        let subject = Subject { load, questions: &questions, later: &later, effort, limit };
        let observed = subject.observe(setup, *kind).await?;
        runs.push((*kind, observed.ingested));
        if !observed.asked.is_empty() {
            answers.push((kind.name(), observed.asked));
        }
        peaks.push((*kind, observed.peak));
        after.row(
            kind.name(),
            [
                format!("{:.0}", observed.peak as f64 / (1 << 20) as f64),
                format!("{:.1} %", 100.0 * observed.idle),
            ],
        );
        openings.extend(observed.opening.map(|times| (kind.name(), times)));
    }
    let median = |kind: &Kind| {
        let of_kind = runs.iter().filter(|(other, _)| other == kind).map(|(_, run)| *run);
        ingest::median(of_kind.collect()).map(|run| (*kind, run))
    };
    let rows: Vec<_> = all.iter().filter_map(median).collect();
    let named = || rows.iter().map(|(kind, run)| (kind.name(), *run));
    println!("{}", report::ingest(&load.name(), named()));
    if let Some(ours) = named().next() {
        println!("{}", report::ratios(ours, named().skip(1)));
    }
    println!("{after}");
    println!("{}", report::queries(&answers));
    for note in report::notes(load, &answers) {
        println!("{note}");
    }
    println!();
    if !openings.is_empty() {
        println!("{}", report::opening(openings));
    }
    Ok(Compared { rows, peaks })
}

/// What a server is put through.
pub struct Subject<'a> {
    pub load: &'a Load,
    pub questions: &'a [Question],
    pub later: &'a Load,
    pub effort: Effort,
    /// As in [`Plan`].
    pub limit: Option<Duration>,
}

pub struct Observed {
    pub ingested: Ingested,
    pub asked: Vec<Asked>,
    /// Bytes, of taking spans and answering together.
    pub peak: u64,
    /// The share of a processor, without anything to do.
    pub idle: f64,
    pub opening: Option<Latencies>,
}

impl Subject<'_> {
    /// Loads a fresh server, asks it everything, and kills it if it keeps what it has.
    pub async fn observe(&self, setup: &Setup, kind: Kind) -> Result<Observed> {
        let traces = self.load.truth.traces + self.later.truth.traces;
        let mut server = Server::start(kind, &setup.programs, traces).await?;
        let limit = self.limit.filter(|_| kind == Kind::JaegerBadger(true));
        let ingested = ingest::measure(&server, self.load, limit)
            .await
            .with_context(|| format!("loading {}; it wrote: {}", kind.name(), server.output()))?;
        let idle = server.idle_share().await?;
        // Whether it syncs makes no difference to what Badger reads.
        let asked = match kind {
            Kind::JaegerBadger(true) => Vec::new(),
            _ => queries::measure(&server, self.questions, self.effort).await?,
        };
        let peak = server.usage()?.peak;
        let opening = match kind {
            Kind::JaegerMemory | Kind::JaegerSpoor(_) | Kind::Spoor(Engine::Memory) => None,
            Kind::JaegerBadger(_) => {
                let requests = self.later.requests() * LATER_OF_BADGER / LATER;
                let times = opening::measure(&mut server, self.later, 0..requests, KILLS_OF_BADGER);
                Some(times.await?)
            }
            Kind::Spoor(Engine::Embedded) => {
                let requests = 0..self.later.requests();
                Some(opening::measure(&mut server, self.later, requests, KILLS).await?)
            }
        };
        Ok(Observed { ingested, asked, peak, idle, opening })
    }
}

/// Acknowledgements by the number of clients. With [`CLIENTS`] they were timed before.
async fn acknowledgements(
    setup: &Setup,
    load: &Load,
    kinds: &[Kind],
    compared: &Compared,
) -> Result<Table> {
    let clients = ["1 client".to_owned(), format!("{CLIENTS} clients"), "64 clients".to_owned()];
    let header = std::iter::once("acknowledgement p50 / p99, ms");
    let mut table = Table::new(header.chain(clients.iter().map(String::as_str)));
    for kind in kinds {
        eprintln!("acknowledgements: {}", kind.name());
        let mut cells = Vec::new();
        for clients in [1, CLIENTS, 64] {
            let (p50, p99) = if clients == CLIENTS {
                let known = compared.of(*kind).context("a server was not loaded")?;
                (known.p50, known.p99)
            } else {
                let server = Server::start(*kind, &setup.programs, load.truth.traces).await?;
                let requests = 0..load.requests();
                let sent = ingest::send(&server, load, requests, clients, Some(TIMED)).await?;
                (sent.latencies.percentile(50), sent.latencies.percentile(99))
            };
            cells.push(format!("{} / {}", report::millis(p50), report::millis(p99)));
        }
        table.row(kind.name(), cells);
    }
    Ok(table)
}

impl Compared {
    fn of(&self, kind: Kind) -> Option<Ingested> {
        self.rows.iter().find(|(other, _)| *other == kind).map(|(_, run)| *run)
    }

    /// The run in short. Badger is the cheaper of its two, which is Jaeger's default; the greatest
    /// memory is that of taking spans and answering questions.
    pub fn last_line(&self, setup: &Setup) -> Result<String> {
        let ours = Kind::Spoor(setup.engine);
        let run = self.of(ours).context("spoor was not loaded")?;
        let peak = self.peaks.iter().find(|(kind, _)| *kind == ours).map_or(run.peak, |of| of.1);
        let cpu = |kind| match self.of(kind) {
            Some(run) => format!("{:.2}", run.cpu_per_span),
            None => "not_run".to_owned(),
        };
        Ok(format!(
            "spoor_cpu_us_per_span={:.2} spoor_bytes_per_span={:.1} spoor_spans_per_s={:.0} \
             spoor_peak_rss_mib={:.0} jaeger_memory_cpu_us_per_span={} badger_cpu_us_per_span={}",
            run.cpu_per_span,
            run.disk_per_span,
            run.spans_per_second,
            peak as f64 / (1 << 20) as f64,
            cpu(Kind::JaegerMemory),
            cpu(Kind::JaegerBadger(false)),
        ))
    }
}
