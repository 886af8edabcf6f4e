//! Requests that are counted where they are sent.

use std::collections::BTreeMap;
use std::pin::pin;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context, bail, ensure};
use e2e::{NativeLab, SERVICES, http};
use serde_json::Value;
use tokio::time::interval;

/// How many, by labels that are joined by `|`.
pub type Counts = BTreeMap<String, f64>;

/// What sends them, and what came of all so far.
pub struct Client {
    urls: [String; 4],
    http: reqwest::Client,
    sent: Mutex<Sent>,
}

/// What must be counted.
#[derive(Clone, Debug, Default)]
pub struct Sent {
    /// Server spans by service, name and status.
    pub calls: Counts,
    /// Calls between services, by client and server.
    pub edges: Counts,
}

/// What a service answered, and when.
pub struct Answer {
    pub body: Value,
    pub took: Duration,
}

impl Client {
    pub fn new(lab: &NativeLab) -> Self {
        let urls = SERVICES.map(|(_, port)| lab.url(port));
        Self { urls, http: http(), sent: Mutex::default() }
    }

    /// All so far.
    pub fn sent(&self) -> Sent {
        self.sent.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Asks the service of [`SERVICES`] at this index.
    pub async fn get(&self, service: usize, path: &str) -> anyhow::Result<Answer> {
        let url = format!("{}{path}", self.urls[service]);
        let (began, asking) = (Instant::now(), || format!("asking {url}"));
        let answer = self.http.get(&url).send().await.with_context(asking)?;
        let failed = answer.status().is_server_error();
        let body = answer.json().await.with_context(asking)?;
        ensure!(failed == fails(service, path), "asking {url}: {body}");
        self.count(service, path);
        Ok(Answer { body, took: began.elapsed() })
    }

    /// Sends requests at a steady rate, one path after the other, until `condition` completes.
    pub async fn repeat_until<T>(
        &self,
        condition: impl Future<Output = anyhow::Result<T>>,
        a_second: f64,
        service: usize,
        paths: &[&str],
    ) -> anyhow::Result<T> {
        let mut condition = pin!(condition);
        let mut due = interval(Duration::from_secs_f64(1.0 / a_second));
        for path in paths.iter().cycle() {
            // Never in the midst of a request, which nobody could tell then whether it is counted.
            tokio::select! {
                outcome = &mut condition => return outcome,
                _ = due.tick() => {}
            }
            self.get(service, path).await?;
        }
        bail!("there is no path")
    }

    fn count(&self, service: usize, path: &str) {
        let mut sent = self.sent.lock().unwrap_or_else(PoisonError::into_inner);
        let mut call = |service: usize, name: &str, failed: bool| {
            let status = if failed { "ERROR" } else { "UNSET" };
            let key = format!("{}|{name}|STATUS_CODE_{status}", SERVICES[service % 4].0);
            *sent.calls.entry(key).or_default() += 1.0;
        };
        let failed = fails(service, path);
        let name = if path.starts_with("/items/") { "/items/{id}" } else { path };
        call(service, &format!("GET {name}"), failed);
        if path != "/chain" {
            return;
        }
        call(service, "GET /", false);
        let mut edges = vec![(service, service)];
        // The first call that fails is the last.
        if !failed {
            call(service + 1, "GET /io_task", false);
            call(service + 2, "demo.v1.Tasks/CpuTask", false);
            call(service + 3, "GET /io_task", false);
            let [one, two] = [service + 1, service + 2];
            edges.extend([(service, one), (service, two), (two, service + 3)]);
        }
        for (client, server) in edges {
            let key = format!("{}|{}", SERVICES[client % 4].0, SERVICES[server % 4].0);
            *sent.edges.entry(key).or_default() += 1.0;
        }
    }
}

/// Whether the service fails, and its span too.
fn fails(service: usize, path: &str) -> bool {
    path == "/error_test" || path == "/chain" && SERVICES[service].0 == "app-d"
}
