//! Steady requests, each in a trace of its own.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use e2e::ask::now;
use e2e::{SERVICES, http};
use reqwest::{Client, StatusCode};
use tokio::sync::oneshot;
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::interval;

use crate::lab::Lab;

/// More than any answer of a healthy lab takes.
const TIMEOUT: Duration = Duration::from_secs(10);

/// A request and what came of it.
pub struct Request {
    pub service: &'static str,
    pub path: &'static str,
    /// As the services got it, in hexadecimal.
    pub trace_id: String,
    /// When, in seconds since the epoch.
    pub sent: f64,
    pub took: Duration,
    /// The status, or why there is none.
    pub answer: Result<StatusCode, String>,
}

/// Requests under way, until [`Self::stop`].
pub struct Traffic {
    stop: oneshot::Sender<()>,
    task: JoinHandle<Vec<Request>>,
}

impl Traffic {
    /// Sends `rate` requests a second, to the services in turn, and each of `paths` to all of them
    /// before the next.
    pub fn start(lab: &Lab, rate: u32, paths: &'static [&'static str]) -> Self {
        let (stop, stopped) = oneshot::channel();
        let services = SERVICES.map(|(service, port)| (service, lab.url(port)));
        Self { stop, task: tokio::spawn(send(services, rate, paths, stopped)) }
    }

    /// Every request that was sent, once each has come to its end.
    pub async fn stop(self) -> Vec<Request> {
        drop(self.stop);
        self.task.await.unwrap()
    }
}

async fn send(
    services: [(&'static str, String); 4],
    rate: u32,
    paths: &'static [&'static str],
    mut stopped: oneshot::Receiver<()>,
) -> Vec<Request> {
    let client = http();
    let mut under_way = JoinSet::new();
    let mut due = interval(Duration::from_secs(1) / rate);
    for number in 0.. {
        let (service, url) = &services[number % services.len()];
        let path = paths[number / services.len() % paths.len()];
        tokio::select! {
            _ = due.tick() => {}
            _ = &mut stopped => break,
        }
        under_way.spawn(request(client.clone(), service, format!("{url}{path}"), path));
    }
    under_way.join_all().await
}

async fn request(
    client: Client,
    service: &'static str,
    url: String,
    path: &'static str,
) -> Request {
    let (sent, start) = (now(), Instant::now());
    let trace_id = trace_id(sent);
    let request = client.get(url).header("traceparent", format!("00-{trace_id}-{:016x}-01", 1));
    let answer = async {
        let answer = request.timeout(TIMEOUT).send().await?;
        let status = answer.status();
        answer.bytes().await.map(|_| status)
    };
    let answer = answer.await.map_err(|error: reqwest::Error| format!("{error:?}"));
    Request { service, path, trace_id, sent, took: start.elapsed(), answer }
}

/// One that no other request has.
fn trace_id(sent: f64) -> String {
    static COUNT: AtomicU64 = AtomicU64::new(1);
    format!("{:016x}{:016x}", (sent * 1e3) as u64, COUNT.fetch_add(1, Ordering::Relaxed))
}

/// Those that were not answered well.
pub fn failed(requests: &[Request]) -> Vec<String> {
    let failed = requests.iter().filter(|request| request.answer != Ok(StatusCode::OK));
    failed.map(|r| format!("{} of {}: {:?}", r.path, r.service, r.answer)).collect()
}

/// The 99th percentile of how long the requests took. There must be one.
pub fn p99<'a>(requests: impl IntoIterator<Item = &'a Request>) -> Duration {
    let mut times: Vec<_> = requests.into_iter().map(|request| request.took).collect();
    times.sort_unstable();
    times[(times.len() * 99).div_ceil(100) - 1]
}
