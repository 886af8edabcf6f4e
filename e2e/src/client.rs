use std::pin::pin;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context, bail, ensure};
use reqwest::StatusCode;
use serde_json::Value;
use tokio::time::interval;

use crate::{Counts, SERVICES, http};

/// What sends requests to the services of a lab, and counts what must come of them.
pub struct Client {
    urls: [String; 4],
    broken: Option<&'static str>,
    http: reqwest::Client,
    sent: Mutex<Counts>,
}

/// What a service answered, and when.
#[derive(Clone, Debug)]
pub struct Answer {
    /// Its JSON.
    pub body: Value,
    /// How long after the request it was here, to its end.
    pub took: Duration,
}

impl Client {
    /// To the services at the URLs that `url` gives by the variables of their ports, of which the
    /// first target of the `broken` one is not there.
    #[must_use]
    pub fn new(url: impl Fn(&str) -> String, broken: Option<&'static str>) -> Self {
        let urls = SERVICES.map(|(_, port)| url(port));
        Self { urls, broken, http: http(), sent: Mutex::default() }
    }

    /// What must be counted of all requests so far.
    #[must_use]
    pub fn sent(&self) -> Counts {
        self.sent.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Asks the service of [`SERVICES`] at this index.
    ///
    /// # Errors
    /// When there is no answer, or not one of the status that is due.
    pub async fn get(&self, service: usize, path: &str) -> anyhow::Result<Answer> {
        let url = format!("{}{path}", self.urls[service]);
        let (began, asking) = (Instant::now(), || format!("asking {url}"));
        let answer = self.http.get(&url).send().await.with_context(asking)?;
        let status = answer.status();
        let body = answer.json().await.with_context(asking)?;
        ensure!(status == self.due(service, path), "asking {url}: {status}: {body}");
        let mut sent = self.sent.lock().unwrap_or_else(PoisonError::into_inner);
        sent.add(service, path, status.is_server_error());
        Ok(Answer { body, took: began.elapsed() })
    }

    /// Sends requests of which each service gets another number. Only those at the indices `chains`
    /// get a `/chain`, none of which may fail.
    ///
    /// # Errors
    /// See [`Client::get`].
    pub async fn send_to_each(&self, chains: &[usize]) -> anyhow::Result<()> {
        for service in 0..SERVICES.len() {
            for (path, times) in [
                ("/items/1", 10 + service),
                // A client's error is none of the server's.
                ("/items/0", 3 + service),
                ("/error_test", 5 + service),
                ("/chain", if chains.contains(&service) { 3 + service } else { 0 }),
            ] {
                for _ in 0..times {
                    self.get(service, path).await?;
                }
            }
        }
        Ok(())
    }

    /// Sends requests at a steady rate, one path after the other, until `condition` completes.
    ///
    /// # Errors
    /// That of the condition, or see [`Client::get`].
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

    /// The status that a request must be answered with.
    fn due(&self, service: usize, path: &str) -> StatusCode {
        match path {
            "/items/0" => StatusCode::NOT_FOUND,
            "/error_test" => StatusCode::INTERNAL_SERVER_ERROR,
            "/chain" if self.broken == Some(SERVICES[service].0) => StatusCode::BAD_GATEWAY,
            _ => StatusCode::OK,
        }
    }
}
