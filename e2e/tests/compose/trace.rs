//! The trace of one `/chain`, sent to app-a and read from Jaeger.

use anyhow::Context;
use e2e::{eventually, http};
use serde_json::Value;

use crate::lab::Lab;

const SERVER: i64 = 2;
const CLIENT: i64 = 3;
const CPU_TASK: &str = "demo.v1.Tasks/CpuTask";

/// Service, kind and name of a span.
type Node = (String, i64, String);

/// The expected calls: caller and callee. A service's own are those from its server to its client.
const EDGES: [(NodeRef, NodeRef); 8] = [
    (("app-a", SERVER, "GET /chain"), ("app-a", CLIENT, "GET")),
    (("app-a", CLIENT, "GET"), ("app-a", SERVER, "GET /")),
    (("app-a", SERVER, "GET /chain"), ("app-a", CLIENT, "GET")),
    (("app-a", CLIENT, "GET"), ("app-b", SERVER, "GET /io_task")),
    (("app-a", SERVER, "GET /chain"), ("app-a", CLIENT, CPU_TASK)),
    (("app-a", CLIENT, CPU_TASK), ("app-c", SERVER, CPU_TASK)),
    (("app-c", SERVER, CPU_TASK), ("app-c", CLIENT, "GET")),
    (("app-c", CLIENT, "GET"), ("app-d", SERVER, "GET /io_task")),
];
type NodeRef = (&'static str, i64, &'static str);

/// Sends a `/chain`, and waits until Jaeger finds its whole trace by the last service in it.
pub async fn chain_is_found(lab: &Lab) -> anyhow::Result<()> {
    let url = format!("{}/chain", lab.url("APP_A_PORT"));
    let answer = http().get(&url).send().await?.error_for_status()?.json::<Value>().await?;
    let id = answer["trace_id"].as_str().context("finding the trace id of /chain")?.to_owned();

    let url = format!("{}/api/v3/traces", lab.url("JAEGER_UI_PORT"));
    let query = [
        ("query.service_name", "app-d"),
        ("query.start_time_min", "2000-01-01T00:00:00Z"),
        ("query.start_time_max", "2100-01-01T00:00:00Z"),
        ("query.num_traces", "20"),
    ];
    let mut seen = Vec::new();
    let found = eventually("Jaeger finds each edge of the trace", async || {
        let answer = http().get(&url).query(&query).send().await?;
        // 404 while there is no such trace, and 5xx while Jaeger connects to spoor again.
        let Ok(answer) = answer.error_for_status() else { return Ok(None) };
        seen = edges(&answer.json().await?, &id);
        Ok((seen == sorted(EDGES.map(|(caller, callee)| (owned(caller), owned(callee)))))
            .then_some(()))
    });
    found.await.with_context(|| format!("trace {id}: {seen:#?}"))
}

/// Caller and callee of each span that has a caller in the trace, leaving out the internal spans.
fn edges(answer: &Value, trace_id: &str) -> Vec<(Node, Node)> {
    let mut spans = Vec::new();
    for resource in elements(&answer["result"]["resourceSpans"]) {
        let service = elements(&resource["resource"]["attributes"])
            .find(|attribute| attribute["key"] == "service.name")
            .map_or("", |attribute| text(&attribute["value"]["stringValue"]));
        let scopes = elements(&resource["scopeSpans"]);
        let of_trace = scopes.flat_map(|scope| elements(&scope["spans"]));
        spans.extend(
            of_trace.filter(|span| span["traceId"] == trace_id).map(|span| (service, span)),
        );
    }
    let kind = |span: &Value| span["kind"].as_i64().unwrap_or_default();
    let node = |(service, span): (&str, &Value)| -> Node {
        (service.to_owned(), kind(span), text(&span["name"]).to_owned())
    };
    let caller = |span: &Value| {
        let mut parent = text(&span["parentSpanId"]);
        loop {
            let found = *spans.iter().find(|(_, span)| span["spanId"] == parent)?;
            if [SERVER, CLIENT].contains(&kind(found.1)) {
                return Some(found);
            }
            parent = text(&found.1["parentSpanId"]);
        }
    };
    let calls = spans.iter().filter(|(_, span)| [SERVER, CLIENT].contains(&kind(span)));
    sorted(calls.filter_map(|&callee| Some((node(caller(callee.1)?), node(callee)))))
}

fn sorted<T: Ord>(values: impl IntoIterator<Item = T>) -> Vec<T> {
    let mut values: Vec<_> = values.into_iter().collect();
    values.sort();
    values
}

fn owned((service, kind, name): NodeRef) -> Node {
    (service.to_owned(), kind, name.to_owned())
}

fn elements(array: &Value) -> impl Iterator<Item = &Value> {
    array.as_array().into_iter().flatten()
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}
