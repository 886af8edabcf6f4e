//! `lab doctor`: asks a running lab, link by link, whether each signal leads to the next.
//!
//! It sends requests of its own and looks for what must become of them, from outside: it reads
//! answers, never a configuration file. Links that fail only since an earlier one is broken are not
//! judged.

pub mod api;
mod clocks;
mod exemplars;
mod finding;
mod grafana;
pub mod lab;
mod link;
mod logs;
mod machine;
#[cfg(test)]
mod page;
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
use api::Failure;
use api::prometheus::Alert;
use finding::{Finding, Verdict};
use lab::Lab;
use link::Link;
use report::{Report, Row, Status};

/// Which lab to examine, and how.
#[derive(clap::Args)]
pub struct Arguments {
    /// The parts that the lab has besides its services and storage
    #[arg(long, value_enum, value_delimiter = ',', value_name = "PART,...")]
    with: Vec<With>,
    /// Ask the parts by their names, from a container beside them
    #[arg(long)]
    inside: bool,
    /// Print JSON instead of a table
    #[arg(long)]
    json: bool,
    /// How long all of it may take
    #[arg(long, value_name = "TIME", default_value = "60s", value_parser = deadline)]
    deadline: Duration,
}

/// Reads a `--deadline`. Far more than a day could not be added to the time.
fn deadline(text: &str) -> Result<Duration, String> {
    let deadline = humantime::parse_duration(text).map_err(|error| error.to_string())?;
    match deadline <= Duration::from_secs(86_400) {
        true => Ok(deadline),
        false => Err("expected at most a day".to_owned()),
    }
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
    let mut rows = join_all(answers).await;
    // Boxed, since it holds the state of every check.
    rows.extend(Box::pin(signals(&round, &parts)).await);
    let alerts = alerts(&round).await;
    rows.push(round.check(Link::Disk, async { machine::disk(alerts.as_deref()) }).await);
    rows.push(round.check(Link::Memory, async { machine::memory(alerts.as_deref()) }).await);
    Report::new(rows.into_iter().flatten().collect())
}

/// What Prometheus tells of limits, where that is to be believed: what is lost behind a break fills
/// queues, too.
async fn alerts(round: &Round<'_>) -> Option<Vec<Alert>> {
    let has_break = [Link::Spans, Link::Logs].into_iter().any(|link| round.fails(link));
    if has_break || !round.lab.has(With::Prometheus) || round.fails(Link::Prometheus) {
        return None;
    }
    round.in_time(api::prometheus::alerts(round.lab)).await.ok()
}

/// Sends the probe, and looks for it in every signal at the same time.
async fn signals(round: &Round<'_>, parts: &[Link]) -> Vec<Option<Row>> {
    let lab = round.lab;
    let working: Vec<_> = parts.iter().copied().filter(|part| !round.fails(*part)).collect();
    let skews = parts::skews(lab, &working).await;
    let before = round.beforehand(Link::SpanMetrics, span_metrics::before(lab)).await;
    let graph = round.beforehand(Link::ServiceGraph, service_graph::requests(lab)).await;
    let chain = match [Link::Spans, Link::Logs].into_iter().any(|link| round.judges(link)) {
        true => round.in_time(probe::chain(lab)).await,
        false => Err(late()),
    };
    let items = round.beforehand(Link::SpanMetrics, probe::items(lab)).await;
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
            span_metrics::examine(lab, &before?).await
        };
        let graph = async { service_graph::examine(lab, &graph?).await };
        let counted = round.check(Link::SpanMetrics, counted).await;
        let (graph, exemplars, spm) = tokio::join!(
            round.check(Link::ServiceGraph, graph),
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

    /// Whether the lab has this link, which is broken or needs what is.
    fn fails(&self, link: Link) -> bool {
        let is_broken = self.broken.borrow().contains(&link);
        self.links.contains(&link) && (is_broken || !self.judges(link))
    }

    /// What is asked before the probe is sent, to judge this link by it; nothing for one that will be
    /// skipped.
    async fn beforehand<T>(
        &self,
        link: Link,
        answer: impl Future<Output = Result<T, Failure>>,
    ) -> Result<T, Finding> {
        match self.judges(link) {
            true => self.in_time(answer).await,
            false => Err(late()),
        }
    }

    /// The outcome, unless the time for all of them ends before.
    async fn in_time<T, E: Into<Finding>>(
        &self,
        outcome: impl Future<Output = Result<T, E>>,
    ) -> Result<T, Finding> {
        match timeout_at(self.lab.end(), outcome).await {
            Ok(outcome) => outcome.map_err(Into::into),
            Err(_) => Err(late()),
        }
    }

    /// The row of a link that this lab has.
    async fn check(&self, link: Link, verdict: impl Future<Output = Verdict>) -> Option<Row> {
        if !self.links.contains(&link) {
            return None;
        }
        let row = match self.judges(link) {
            true => {
                let start = Instant::now();
                Row::new(link, self.in_time(verdict).await, start.elapsed())
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
