//! A known number of requests, and what Prometheus must count of them.

use e2e::{SERVICES, http};
use reqwest::StatusCode;

use crate::lab::Lab;
use crate::prometheus::{Values, more, settled, values};

const CALLS: &str = r#"sum by (service_name, span_name, status_code) (
    traces_span_metrics_calls_total{span_kind="SPAN_KIND_SERVER"})"#;
const CALL: [&str; 3] = ["service_name", "span_name", "status_code"];
const EDGES: &str = r#"sum by (client, server) (
    traces_service_graph_request_total{client=~"app-.+", server=~"app-.+"})"#;
const EDGE: [&str; 2] = ["client", "server"];
const FAILED: &str = r#"sum by (client, server) (
    traces_service_graph_request_failed_total{client=~"app-.+", server=~"app-.+"})"#;

/// Sends requests of which each service gets another number. All that Prometheus has more of them
/// is one call for each server span, with its status, and one edge for each call among services.
/// Nothing else may send requests.
pub async fn is_exact(lab: &Lab) -> anyhow::Result<()> {
    let before = Counted::read(lab).await?;
    let expected = send(lab).await?;
    let after = Counted::read(lab).await?;
    assert_eq!(more(&before.calls, after.calls), expected.calls);
    assert_eq!(more(&before.edges, after.edges), expected.edges);
    assert_eq!(more(&before.failed, after.failed), Values::new());
    Ok(())
}

struct Counted {
    calls: Values,
    edges: Values,
    failed: Values,
}

impl Counted {
    async fn read(lab: &Lab) -> anyhow::Result<Self> {
        let calls = settled(lab, CALLS, &CALL).await?;
        // They come to Prometheus together with the calls, and a flush sooner.
        let edges = values(lab, EDGES, &EDGE).await?;
        Ok(Self { calls, edges, failed: values(lab, FAILED, &EDGE).await? })
    }
}

#[derive(Default)]
struct Expected {
    calls: Values,
    edges: Values,
}

impl Expected {
    fn call(&mut self, service: usize, name: &str, status: &str) {
        let key = format!("{}|{name}|STATUS_CODE_{status}", SERVICES[service % 4].0);
        *self.calls.entry(key).or_default() += 1.0;
    }

    fn edge(&mut self, client: usize, server: usize) {
        let key = format!("{}|{}", SERVICES[client % 4].0, SERVICES[server % 4].0);
        *self.edges.entry(key).or_default() += 1.0;
    }

    /// Each service's targets are the two after it.
    fn chain(&mut self, service: usize) {
        self.call(service, "GET /chain", "UNSET");
        self.call(service, "GET /", "UNSET");
        self.call(service + 1, "GET /io_task", "UNSET");
        self.call(service + 2, "demo.v1.Tasks/CpuTask", "UNSET");
        self.call(service + 3, "GET /io_task", "UNSET");
        self.edge(service, service);
        self.edge(service, service + 1);
        self.edge(service, service + 2);
        self.edge(service + 2, service + 3);
    }
}

async fn send(lab: &Lab) -> anyhow::Result<Expected> {
    let mut expected = Expected::default();
    for (service, (_, port)) in SERVICES.iter().enumerate() {
        for (path, times, status) in [
            ("/items/1", 10 + service, StatusCode::OK),
            // A client's error is none of the server's.
            ("/items/0", 3 + service, StatusCode::NOT_FOUND),
            ("/error_test", 5 + service, StatusCode::INTERNAL_SERVER_ERROR),
            ("/chain", 2 + service, StatusCode::OK),
        ] {
            for _ in 0..times {
                let answer = http().get(lab.url(port) + path).send().await?;
                assert_eq!(answer.status(), status, "{path}");
                // To its end, when all that it is made of is over.
                answer.bytes().await?;
                match path {
                    "/chain" => expected.chain(service),
                    "/error_test" => expected.call(service, "GET /error_test", "ERROR"),
                    _ => expected.call(service, "GET /items/{id}", "UNSET"),
                }
            }
        }
    }
    Ok(expected)
}
