//! The lab's own load: what came of it, and another rate or mix.

use std::collections::BTreeMap;
use std::time::Duration;

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use reqwest::header::CONTENT_TYPE;
use reqwest::{Client, Method, RequestBuilder};
use serde::{Deserialize, Serialize};

use super::Error;

const DEADLINE: Duration = Duration::from_secs(5);

/// A client of a load's control.
#[derive(Clone, Debug)]
pub struct Load {
    url: String,
    http: Client,
}

/// What became of a load until now.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct Figures {
    /// Requests a second that it is set to.
    pub rate: f64,
    /// What is asked for; empty for the default.
    pub mix: String,
    /// For how long requests were sent.
    pub seconds: f64,
    /// Due and not sent, since too many were under way.
    pub left_out: u64,
    /// Due and not sent, since the load did not run for more than a second.
    pub paused: u64,
    /// Sent and not answered yet: nothing else here has those.
    pub under_way: u64,
    /// How many were answered, or given up.
    pub requests: u64,
    /// Without an answer, or with a status of 5xx.
    pub failed: u64,
    /// By what came of them.
    pub outcomes: BTreeMap<String, u64>,
    /// From when each was due.
    pub latency_ms: Percentiles,
    /// The same for each path of the mix.
    pub paths: Vec<PathFigures>,
    /// The slowest first.
    pub slowest: Vec<Shown>,
    /// The last ones, the oldest first.
    pub failures: Vec<Shown>,
}

/// In milliseconds; none without requests.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Serialize)]
#[expect(missing_docs, reason = "the names say it")]
pub struct Percentiles {
    pub p50: Option<f64>,
    pub p90: Option<f64>,
    pub p99: Option<f64>,
    pub p99_9: Option<f64>,
    pub max: Option<f64>,
}

/// What became of the requests for one path.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct PathFigures {
    /// As it is written in a mix.
    pub path: String,
    /// How many were answered, or given up.
    pub requests: u64,
    /// Without an answer, or with a status of 5xx.
    pub failed: u64,
    /// By what came of them.
    pub outcomes: BTreeMap<String, u64>,
    /// From when each was due.
    pub latency_ms: Percentiles,
}

/// One request.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct Shown {
    /// Who was asked.
    pub service: String,
    /// For what.
    pub path: String,
    /// What came of it.
    pub outcome: String,
    /// From when it was due.
    pub latency_ms: f64,
    /// Its trace, if that is known.
    pub trace_id: Option<String>,
    /// Whether that is kept.
    pub sampled: Option<bool>,
}

impl Load {
    /// Of the load that is controlled at `url`, such as `http://127.0.0.1:8089`.
    pub fn new(url: &str, http: Client) -> Self {
        Self { url: url.to_owned(), http }
    }

    /// What became of it until now, and what it is set to.
    ///
    /// # Errors
    /// When the load does not answer.
    pub async fn figures(&self) -> Result<Figures, Error> {
        self.ask("reading the figures", self.http.request(Method::GET, &self.url)).await
    }

    /// Sets another rate, mix or both; what is left out stays as it is.
    ///
    /// # Errors
    /// When the load does not answer, or refuses one of them: then neither holds.
    pub async fn change(&self, rate: Option<f64>, mix: Option<&str>) -> Result<Figures, Error> {
        let rate = rate.map(|rate| format!("rate={rate}"));
        let mix = mix.map(|mix| format!("mix={}", utf8_percent_encode(mix, NON_ALPHANUMERIC)));
        let body = rate.into_iter().chain(mix).collect::<Vec<_>>().join("&");
        let request = self.http.request(Method::POST, &self.url).body(body);
        let request = request.header(CONTENT_TYPE, "application/x-www-form-urlencoded");
        self.ask("changing the rate or the mix", request).await
    }

    async fn ask(&self, what: &str, request: RequestBuilder) -> Result<Figures, Error> {
        let asked = format!("{what} of the load at {}", self.url);
        let no_answer = |cause| Error::no_answer(&asked, cause);
        let answer = request.timeout(DEADLINE).send().await.map_err(no_answer)?;
        Error::read(&asked, answer).await
    }
}
