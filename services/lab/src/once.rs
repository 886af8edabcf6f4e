//! `up --once`: one request, and its whole trace read back and checked; or, of a lab that makes
//! more than traces, every link examined by the doctor.

use std::collections::BTreeSet;
use std::io::stderr;
use std::net::SocketAddr;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::{Context, bail};
use serde_json::Value;
use tokio::time::{Instant, sleep};
use traces::{Page, Storage, Trace, Window};

use crate::addresses::Addresses;
use crate::children::Children;
use crate::logs::{Logs, prefix};
use crate::output::Output;
use crate::parts::Parts;
use crate::ports::Ports;
use crate::ports::known::{ENTRY, JAEGER_UI, STORAGE};
use crate::with::With;
use crate::{doctor, edges, tree};

/// How long a trace may take through Jaeger, once the services have sent it.
const TRACE_DEADLINE: Duration = Duration::from_secs(15);
/// How long the doctor may take for all links of a lab that has just started.
const DOCTOR_DEADLINE: Duration = Duration::from_secs(60);
const POLL_INTERVAL: Duration = Duration::from_millis(50);

/// Starts `parts`, sends a request, prints its trace and the log lines of it.
///
/// # Errors
/// When a part fails, or the trace is not as it must be: then each difference is told.
pub async fn run(
    children: &mut Children,
    parts: Parts,
    ports: &Ports,
    logs: &Logs,
    http: &reqwest::Client,
    output: &Output,
) -> anyhow::Result<()> {
    let backends = parts.backends.len();
    let with_jaeger = parts.backends.iter().any(|part| part.name == JAEGER_UI.part);
    let width = parts.name_width();
    let services: Vec<_> = parts.services.iter().map(|part| part.name).collect();
    children.start(parts.backends).await?;
    children.start(parts.services).await?;
    children.start(vec![parts.console]).await?;

    let url = format!("http://{}/chain", ports.address(ENTRY));
    let trace_id = tokio::select! {
        id = request(http, &url) => id?,
        error = children.first_end() => return Err(error),
    };
    // They export what they hold when they end. After that nothing is on its way but to Jaeger.
    children.stop(backends).await;

    let storage = Storage::new(&format!("http://{}", ports.address(STORAGE)))?;
    let jaeger = with_jaeger.then(|| ports.address(JAEGER_UI));
    let deadline = Instant::now() + if with_jaeger { TRACE_DEADLINE } else { Duration::ZERO };
    let (trace, mut problems) = loop {
        let (trace, problems) = check(&trace_id, &storage, jaeger, http).await?;
        if problems.is_empty() || Instant::now() >= deadline {
            break (trace, problems);
        }
        sleep(POLL_INTERVAL).await;
    };

    let tree = tree::draw(&trace);
    let mut report = format!("trace {trace_id} of GET {url}\n\n{tree}\nits log lines\n\n");
    for service in services {
        let lines = logs.of_trace(service, &trace_id);
        if lines.is_empty() {
            problems.push(format!("no log line of {service} has the trace id"));
        }
        for line in lines {
            report.push_str(&format!("{}{line}\n", prefix(service, width, None)));
        }
    }
    if problems.is_empty() {
        report.push_str("\nevery expected call is in the trace\n");
    }
    output.print(report).await;
    if !problems.is_empty() {
        bail!("the trace is not that of one request:\n  {}", problems.join("\n  "));
    }
    Ok(())
}

/// Starts `parts`, the traffic too, and prints the doctor's verdict on them.
///
/// # Errors
/// When a part fails, or a link is broken.
pub async fn examine(
    children: &mut Children,
    parts: Parts,
    ports: &Ports,
    with: &[With],
    output: &Output,
) -> anyhow::Result<()> {
    parts.start(children).await?;
    let (addresses, progress) = (Addresses::of(ports), Output::new(stderr()));
    let report = tokio::select! {
        report = doctor::examine(&addresses, with, DOCTOR_DEADLINE, &progress) => report,
        error = children.first_end() => return Err(error),
    };
    output.print(report.to_string()).await;
    if !report.ok {
        bail!("not every link works");
    }
    Ok(())
}

/// Sends the request and tells the id of its trace.
async fn request(http: &reqwest::Client, url: &str) -> anyhow::Result<String> {
    let answer = get(http, url).await?;
    let id = answer["trace_id"].as_str().with_context(|| format!("no trace_id from {url}"))?;
    Ok(id.to_owned())
}

/// The trace as it is kept by now, and each way in which it is not what it must be.
async fn check(
    id: &str,
    storage: &Storage,
    jaeger: Option<SocketAddr>,
    http: &reqwest::Client,
) -> anyhow::Result<(Trace, Vec<String>)> {
    let trace = storage.trace(id).await?;
    let mut problems = edges::problems(&trace);
    let ever = Window { start: UNIX_EPOCH, end: SystemTime::now() };
    let traces = storage.summaries(ever, None, Page { size: 100, ..Page::default() }).await?;
    let traces: Vec<_> = traces.found.into_iter().map(|trace| trace.trace_id).collect();
    if traces != [id] {
        problems.push(format!("{} traces instead of 1: {}", traces.len(), traces.join(" ")));
    }
    if let Some(address) = jaeger {
        match get(http, &format!("http://{address}/api/v3/traces/{id}")).await {
            Ok(answer) => problems.extend(difference(&trace, &answer)),
            Err(error) => problems.push(format!("{error:#}")),
        }
    }
    Ok((trace, problems))
}

async fn get(http: &reqwest::Client, url: &str) -> anyhow::Result<Value> {
    let answer = async { http.get(url).send().await?.error_for_status()?.json().await };
    answer.await.with_context(|| format!("asking {url}"))
}

/// How what Jaeger's API answered differs from what the storage server holds.
fn difference(trace: &Trace, answer: &Value) -> Option<String> {
    let list = |value: &Value, key: &str| value[key].as_array().cloned().unwrap_or_default();
    let spans = list(&answer["result"], "resourceSpans")
        .iter()
        .flat_map(|resource| list(resource, "scopeSpans"))
        .flat_map(|scope| list(&scope, "spans"))
        .collect::<Vec<_>>();
    let shown: BTreeSet<_> = spans.iter().filter_map(|span| span["spanId"].as_str()).collect();
    let kept: BTreeSet<_> = trace.spans().iter().map(|span| span.id.as_str()).collect();
    (shown != kept).then(|| format!("Jaeger shows the spans {shown:?}, kept are {kept:?}"))
}
