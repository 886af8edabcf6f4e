//! `lab doctor`: asks a running lab, link by link, whether each signal leads to the next.
//!
//! It sends requests of its own and looks for what must become of them, from outside: it reads
//! answers, never a configuration file. Links that fail only since an earlier one is broken are not
//! judged.

mod api;
mod clocks;
mod exemplars;
mod finding;
mod grafana;
mod lab;
mod link;
mod logs;
mod machine;
mod parts;
mod ports;
mod probe;
mod report;
mod service_graph;
mod span_metrics;
mod spans;
mod spm;

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::io::{stderr, stdout};
use std::process::ExitCode;
use std::time::Duration;

use futures::future::join_all;
use tokio::time::{Instant, timeout_at};

use crate::addresses::Addresses;
use crate::output::Output;
use crate::with::{self, With};
use finding::{Finding, Verdict};
use lab::Lab;
use link::Link;
use report::{Report, Row, Status};

/// Which lab to examine, and how.
#[derive(clap::Args)]
pub struct Arguments {
    /// The parts that the lab has besides its services and storage
    #[arg(long, value_enum, value_delimiter = ',', value_name = "PART")]
    with: Vec<With>,
    /// Ask the parts by their names, from a container beside them
    #[arg(long)]
    inside: bool,
    /// Print JSON instead of a table
    #[arg(long)]
    json: bool,
    /// How long all of it may take
    #[arg(long, value_name = "TIME", default_value = "60s", value_parser = humantime::parse_duration)]
    deadline: Duration,
}

/// Prints the report on a running lab. Succeeds when every link works.
///
/// # Errors
/// When the arguments, or the variables of ports, make no sense.
pub async fn run(arguments: Arguments) -> anyhow::Result<ExitCode> {
    let Arguments { with, inside, json, deadline } = arguments;
    with::check(&with)?;
    let addresses = match inside {
        true => Addresses::inside(),
        false => Addresses::published(|name| std::env::var(name).ok())?,
    };
    let progress = Output::new(stderr());
    let report = examine(&addresses, &with, deadline, &progress).await;
    let text = if json { report.json() } else { report.to_string() };
    Output::new(stdout()).print(text).await;
    Ok(if report.ok { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Examines every link of a lab with these parts. Returns after `deadline` at the latest; what is
/// not judged then is broken. What is waited for goes to `progress`.
pub async fn examine(
    addresses: &Addresses,
    with: &[With],
    deadline: Duration,
    progress: &Output,
) -> Report {
    let lab = Lab::new(addresses, with, deadline, progress);
    let round = Round { lab: &lab, links: Link::of(with).collect(), broken: RefCell::default() };
    let parts: Vec<_> = round.links.iter().copied().filter(|link| link.port().is_some()).collect();
    let answers = parts.iter().map(|link| round.check(*link, parts::examine(&lab, *link)));
    // The machine is judged whatever part is broken.
    let (mut rows, disk, memory) = tokio::join!(
        join_all(answers),
        round.check(Link::Disk, machine::disk(&lab)),
        round.check(Link::Memory, machine::memory(&lab)),
    );
    rows.extend([disk, memory]);
    // Boxed, since it holds the state of every check.
    rows.extend(Box::pin(signals(&round, &parts)).await);
    Report::new(rows.into_iter().flatten().collect())
}

/// Sends the probe, and looks for it in every signal at the same time.
async fn signals(round: &Round<'_>, parts: &[Link]) -> Vec<Option<Row>> {
    let lab = round.lab;
    let skews = parts::skews(lab, parts).await;
    let metrics = round.judges(Link::SpanMetrics);
    let before = match metrics {
        true => span_metrics::counts(lab).await.unwrap_or_default(),
        false => Default::default(),
    };
    let graph = match metrics {
        true => service_graph::requests(lab).await.unwrap_or_default(),
        false => Default::default(),
    };
    let chain = probe::chain(lab).await;
    let items = probe::items(lab).await;
    let mut whole = None;

    let traces = async {
        let spans = round.check(Link::Spans, spans::examine(lab, chain.clone(), &mut whole)).await;
        let probe = whole.as_ref().map(|(chain, trace)| (chain, trace));
        let clocks = async { clocks::examine(&skews, probe, lab.addresses) };
        vec![spans, round.check(Link::Clocks, clocks).await]
    };
    let numbers = async {
        let counted = async {
            items?;
            span_metrics::examine(lab, &before).await
        };
        let counted = round.check(Link::SpanMetrics, counted).await;
        let (graph, exemplars, spm) = tokio::join!(
            round.check(Link::ServiceGraph, service_graph::examine(lab, &graph)),
            round.check(Link::Exemplars, exemplars::examine(lab)),
            round.check(Link::Spm, spm::examine(lab)),
        );
        vec![counted, graph, exemplars, spm]
    };
    let others = async {
        let (logs, jaeger, prometheus, loki, ports) = tokio::join!(
            round.check(Link::Logs, logs::examine(lab, chain.clone())),
            round.check(Link::GrafanaJaeger, grafana::examine(lab, "jaeger")),
            round.check(Link::GrafanaPrometheus, grafana::examine(lab, "prometheus")),
            round.check(Link::GrafanaLoki, grafana::examine(lab, "loki")),
            round.check(Link::Ports, ports::examine(lab)),
        );
        vec![logs, jaeger, prometheus, loki, ports]
    };
    let (traces, numbers, others) = tokio::join!(traces, numbers, others);
    traces.into_iter().chain(numbers).chain(others).collect()
}

/// One examination: what is to be judged, and what is broken so far.
struct Round<'a> {
    lab: &'a Lab<'a>,
    links: BTreeSet<Link>,
    broken: RefCell<BTreeSet<Link>>,
}

impl Round<'_> {
    /// Whether the lab has this link, and nothing that it needs is broken.
    fn judges(&self, link: Link) -> bool {
        let broken = self.broken.borrow();
        self.links.contains(&link) && !link.needs().iter().any(|needed| broken.contains(needed))
    }

    /// The row of a link that this lab has.
    async fn check(&self, link: Link, verdict: impl Future<Output = Verdict>) -> Option<Row> {
        if !self.links.contains(&link) {
            return None;
        }
        let row = match self.judges(link) {
            true => {
                let start = Instant::now();
                let verdict = timeout_at(self.lab.end(), verdict).await;
                Row::new(link, verdict.unwrap_or_else(|_| Err(late())), start.elapsed())
            }
            false => Row::skipped(link),
        };
        // One that was skipped says nothing of those after it.
        if row.status == Status::Broken {
            self.broken.borrow_mut().insert(link);
        }
        Some(row)
    }
}

fn late() -> Finding {
    Finding::new(
        "no verdict within the deadline",
        "the machine is too slow for this deadline, or a part hangs",
        "give more time by --deadline",
    )
}
