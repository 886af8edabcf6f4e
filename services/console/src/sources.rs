//! Whom the console asks, and what became of it.

mod answer;
mod doctor;
mod http;
mod lines;
mod logs;
mod loki;
mod prometheus;
mod red;
mod topology;

use std::sync::Arc;
use std::time::{Duration, UNIX_EPOCH};

use incidents::control::{Faults, Load};
use tokio::sync::Mutex;
use traces::{Filter, Span, Storage, Window};

pub(crate) use answer::{Answer, Lack, Origin, Why};
pub(crate) use doctor::{Doctor, Examined, Link, Report};
pub(crate) use http::{Http, innermost};
pub use lines::read as read_line;
pub use logs::Line;
pub(crate) use logs::Logs;
#[cfg(test)]
pub(crate) use red::Durations;
pub(crate) use red::{Bar, Reds, Requests};

use crate::config::Config;

/// How long the storage server may take: who waits for a page longer than that gives up.
const STORAGE_DEADLINE: Duration = Duration::from_secs(10);

/// All that the console reads. It asks nobody but whom the configuration names.
pub(crate) struct Sources {
    /// The storage server.
    pub storage: Storage,
    /// Examines the lab on request.
    pub doctor: Arc<Doctor>,
    /// Those of each service; none without the token that switches them.
    pub faults: Option<Vec<Faults>>,
    /// The lab's own load.
    pub load: Option<Load>,
    http: Http,
    prometheus: Option<String>,
    loki: Option<String>,
    lines: Option<String>,
    reading: Mutex<()>,
}

/// What was told of a time until now, or until shortly after what is looked at.
#[derive(Clone, Debug)]
pub(crate) struct Recent<T> {
    pub value: T,
    /// Of how much time it is: less than was asked for, if there was too much to read.
    pub over: Duration,
    /// If there was: how many spans were read.
    pub cut: Option<usize>,
}

impl Sources {
    /// # Errors
    /// When the address of the storage server is none.
    pub fn new(config: &Config) -> Result<Self, traces::Error> {
        let http = Http::new();
        let faults = config.admin_token.as_ref().map(|token| {
            let services = config.services.iter();
            services.map(|it| Faults::new(&it.name, &it.admin, token, http.client())).collect()
        });
        Ok(Self {
            storage: Storage::new(&config.storage)?.within(STORAGE_DEADLINE),
            doctor: Arc::new(Doctor::new(config.doctor.clone())),
            faults,
            load: config.load.as_ref().map(|url| Load::new(url, http.client())),
            http,
            prometheus: config.prometheus.clone(),
            loki: config.loki.clone(),
            lines: config.lines.clone(),
            reading: Mutex::default(),
        })
    }

    /// What becomes of the latest spans of the window, at most so many. One question reads at a time:
    /// spans are large.
    async fn latest<T>(
        &self,
        window: Window,
        filter: Option<Filter>,
        most: usize,
        reduce: impl FnOnce(Vec<Span>) -> T,
    ) -> Result<Recent<T>, Why> {
        let _reading = self.reading.lock().await;
        let whole = window.end.duration_since(window.start).unwrap_or_default();
        let mut spans = self.storage.spans(window, filter, most + 1).await?;
        if spans.len() <= most {
            return Ok(Recent { value: reduce(spans), over: whole, cut: None });
        }
        spans.truncate(most);
        let first = spans.iter().map(|span| span.start).min().unwrap_or_default();
        let over = window.end.duration_since(UNIX_EPOCH + Duration::from_nanos(first));
        Ok(Recent { value: reduce(spans), over: over.unwrap_or(whole), cut: Some(most) })
    }
}

#[cfg(test)]
mod tests;
