//! Each link from one signal to the next, expanded from real answers as Grafana and Jaeger's UI
//! would, and followed to its data.

mod exemplars;
mod jaeger_ui;
mod logs;
mod trace;

use std::path::Path;

use anyhow::{Context, ensure};
use e2e::ask::Span;
use e2e::files::read_file;
use e2e::{NativeLab, eventually, http};
use serde_json::Value;

/// The calls of one `/chain`, each with the client's and the server's span, and the work between.
const SPANS_OF_CHAIN: usize = 10;

/// Follows all, each from telemetry that is there by now.
pub async fn lead_there(lab: &NativeLab) -> anyhow::Result<()> {
    exemplars::lead_to_their_span(lab).await.context("from an exemplar to its trace")?;
    logs::lead_to_their_span(lab).await.context("from a log line to its trace")?;
    let spans = chain(lab).await.context("making a trace to start from")?;
    for span in &spans {
        // Grafana 13.1 cannot read a trace that has any, where it asks Jaeger over gRPC. It leaves
        // out lists, such as the headers of calls.
        ensure!(span.others.is_empty(), "{} has {:?}", span.name, span.others);
    }
    trace::leads_to_its_logs(lab, &spans).await.context("from a trace to its logs")?;
    trace::leads_to_its_metrics(lab, &spans).await.context("from a trace to its metrics")?;
    jaeger_ui::leads_to_logs(lab, &spans).await.context("from Jaeger's UI to a trace's logs")
}

/// A new trace through all services, as Jaeger shows it.
async fn chain(lab: &NativeLab) -> anyhow::Result<Vec<Span>> {
    let url = lab.url("APP_A_PORT") + "/chain";
    let answer: Value = http().get(url).send().await?.error_for_status()?.json().await?;
    let id = answer["trace_id"].as_str().context("finding the id of a trace")?;
    eventually(&format!("trace {id} has {SPANS_OF_CHAIN} spans"), async || {
        let spans = lab.jaeger().trace(id).await?;
        Ok((spans.len() == SPANS_OF_CHAIN).then_some(spans))
    })
    .await
}

/// The span, once it is in its trace.
async fn span(lab: &NativeLab, trace: &str, id: &str) -> anyhow::Result<Span> {
    eventually(&format!("trace {trace} has the span {id}"), async || {
        let spans = lab.jaeger().trace(trace).await?;
        Ok(spans.into_iter().find(|span| span.id == id))
    })
    .await
}

/// The settings of a provisioned data source.
fn settings(uid: &str) -> anyhow::Result<Value> {
    let path = format!("grafana/provisioning/datasources/{uid}.yaml");
    let mut file = read_file(Path::new(&path))?;
    Ok(file["datasources"][0]["jsonData"].take())
}

fn text<'a>(value: &'a Value, key: &str) -> anyhow::Result<&'a str> {
    value[key].as_str().with_context(|| format!("finding the text {key}"))
}
