use crate::SERVICES;
use crate::ask::{Prometheus, Values};

const CALLS: &str = r#"sum by (service_name, span_name, status_code) (
    traces_span_metrics_calls_total{span_kind="SPAN_KIND_SERVER"})"#;
const CALL: [&str; 3] = ["service_name", "span_name", "status_code"];
const EDGES: &str = r#"sum by (client, server) (
    traces_service_graph_request_total{client=~"app-.+", server=~"app-.+"})"#;
const FAILED_EDGES: &str = r#"sum by (client, server) (
    traces_service_graph_request_failed_total{client=~"app-.+", server=~"app-.+"})"#;
const EDGE: [&str; 2] = ["client", "server"];

/// What the services' requests come to.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Counts {
    /// Server spans by service, name and status.
    pub calls: Values,
    /// Calls between services, by client and server.
    pub edges: Values,
    /// Those of them that failed.
    pub failed_edges: Values,
}

impl Counts {
    /// Those that Prometheus has now.
    ///
    /// # Errors
    /// See [`Prometheus::query`].
    pub async fn read(prometheus: &Prometheus) -> anyhow::Result<Self> {
        Ok(Self {
            calls: prometheus.values(CALLS, &CALL).await?,
            edges: prometheus.values(EDGES, &EDGE).await?,
            failed_edges: prometheus.values(FAILED_EDGES, &EDGE).await?,
        })
    }

    /// By how much these are more; what is as before is left out.
    #[must_use]
    pub fn since(self, before: &Self) -> Self {
        let increased = |before, after| {
            let mut values = more(before, after);
            values.retain(|_, value| *value != 0.0);
            values
        };
        Self {
            calls: increased(&before.calls, self.calls),
            edges: increased(&before.edges, self.edges),
            failed_edges: increased(&before.failed_edges, self.failed_edges),
        }
    }

    /// Counts what comes of a request to the service of [`SERVICES`] at this index. A `/chain` that
    /// failed did so at the service's first target, which was not there.
    pub fn add(&mut self, service: usize, path: &str, failed: bool) {
        let name = if path.starts_with("/items/") { "/items/{id}" } else { path };
        self.call(service, &format!("GET {name}"), failed);
        if path != "/chain" {
            return;
        }
        self.call(service, "GET /", false);
        self.edge(service, service);
        // The first call that fails is the last.
        if !failed {
            self.call(service + 1, "GET /io_task", false);
            self.call(service + 2, "demo.v1.Tasks/CpuTask", false);
            self.call(service + 3, "GET /io_task", false);
            self.edge(service, service + 1);
            self.edge(service, service + 2);
            self.edge(service + 2, service + 3);
        }
    }

    fn call(&mut self, service: usize, name: &str, failed: bool) {
        let status = if failed { "ERROR" } else { "UNSET" };
        let key = format!("{}|{name}|STATUS_CODE_{status}", SERVICES[service % 4].0);
        *self.calls.entry(key).or_default() += 1.0;
    }

    fn edge(&mut self, client: usize, server: usize) {
        let key = format!("{}|{}", SERVICES[client % 4].0, SERVICES[server % 4].0);
        *self.edges.entry(key).or_default() += 1.0;
    }
}

/// By how much each of `after` is more than before, when it may not have been there.
#[must_use]
pub fn more(before: &Values, mut after: Values) -> Values {
    for (labels, value) in &mut after {
        *value -= before.get(labels).unwrap_or(&0.0);
    }
    after
}
