//! The trace of one `/chain`, sent to app-a and read from Jaeger.

use anyhow::Context;
use e2e::ask::{Span, ask, now};
use e2e::eventually;

use crate::lab::Lab;

const SERVER: u64 = 2;
const CLIENT: u64 = 3;
const CPU_TASK: &str = "demo.v1.Tasks/CpuTask";

/// Service, kind and name of a span.
type Node = (String, u64, String);

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
type NodeRef = (&'static str, u64, &'static str);

/// Sends a `/chain`, and waits until Jaeger finds its whole trace by the last service in it. Gives
/// its id.
pub async fn chain_is_found(lab: &Lab) -> anyhow::Result<String> {
    let sent = now();
    let answer = ask(&format!("{}/chain", lab.url("APP_A_PORT")), &[]).await?;
    let id = answer["trace_id"].as_str().context("finding the trace id of /chain")?;
    let mut seen = Vec::new();
    let found = eventually("Jaeger finds each edge of the trace", async || {
        // 404 while there is no such trace, and 5xx while Jaeger connects to spoor again.
        let Ok(mut spans) = lab.jaeger().search("app-d", [sent, now()]).await else {
            return Ok(None);
        };
        spans.retain(|span| span.trace == id);
        seen = edges(&spans);
        Ok((seen == sorted(EDGES.map(|(caller, callee)| (owned(caller), owned(callee)))))
            .then_some(()))
    });
    found.await.with_context(|| format!("trace {id}: {seen:#?}"))?;
    Ok(id.to_owned())
}

/// Caller and callee of each span that has a caller in the trace, leaving out the internal spans.
fn edges(spans: &[Span]) -> Vec<(Node, Node)> {
    let calls = |span: &&Span| [SERVER, CLIENT].contains(&span.kind);
    let node = |span: &Span| (span.service.clone(), span.kind, span.name.clone());
    let caller = |span: &Span| {
        let mut parent = &span.parent;
        loop {
            let found = spans.iter().find(|span| span.id == *parent)?;
            if calls(&found) {
                return Some(found);
            }
            parent = &found.parent;
        }
    };
    let callees = spans.iter().filter(calls);
    sorted(callees.filter_map(|callee| Some((node(caller(callee)?), node(callee)))))
}

fn sorted<T: Ord>(values: impl IntoIterator<Item = T>) -> Vec<T> {
    let mut values: Vec<_> = values.into_iter().collect();
    values.sort();
    values
}

fn owned((service, kind, name): NodeRef) -> Node {
    (service.to_owned(), kind, name.to_owned())
}
