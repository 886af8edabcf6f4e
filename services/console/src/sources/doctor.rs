//! The doctor: one examination at a time, which goes on when nobody looks.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use serde::Deserialize;

use crate::config;

/// Examines the lab on request, and keeps what came of it.
pub(crate) struct Doctor {
    examine: config::Doctor,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// Since when one is under way.
    running: Option<Instant>,
    last: Option<Arc<Examined>>,
}

/// The last examination.
#[derive(Debug)]
pub(crate) struct Examined {
    /// When it ended.
    pub at: Instant,
    pub took: Duration,
    /// What was found, or why nothing was.
    pub report: Result<Report, String>,
}

/// As `lab doctor --json` writes it.
#[derive(Debug, Deserialize, PartialEq)]
pub(crate) struct Report {
    pub ok: bool,
    pub links: Vec<Link>,
}

#[derive(Debug, Deserialize, PartialEq)]
pub(crate) struct Link {
    pub link: String,
    /// `ok`, `broken` or `skipped`.
    pub status: String,
    pub evidence: String,
    pub seconds: f64,
    pub cause: Option<String>,
    pub fix: Option<String>,
}

impl Doctor {
    pub fn new(examine: config::Doctor) -> Self {
        Self { examine, state: Mutex::default() }
    }

    /// Begins an examination, unless one is under way.
    pub fn start(self: &Arc<Self>) {
        let begun = Instant::now();
        {
            let mut state = self.lock();
            if state.running.is_some() {
                return;
            }
            state.running = Some(begun);
        }
        let doctor = self.clone();
        tokio::spawn(async move {
            // In a task of its own, so that a panic of it is an end, too.
            let report = match tokio::spawn((doctor.examine)()).await {
                Ok(json) => read(&json),
                Err(error) => Err(format!("the examination was broken off: {error}")),
            };
            let (at, took) = (Instant::now(), begun.elapsed());
            *doctor.lock() =
                State { running: None, last: Some(Arc::new(Examined { at, took, report })) };
        });
    }

    /// For how long an examination has been under way, and the last one that ended.
    pub fn state(&self) -> (Option<Duration>, Option<Arc<Examined>>) {
        let state = self.lock();
        (state.running.map(|begun| begun.elapsed()), state.last.clone())
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // Each change leaves it whole.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn read(json: &str) -> Result<Report, String> {
    serde_json::from_str(json).map_err(|error| format!("reading the doctor's report: {error}"))
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use tokio::sync::Notify;

    use super::*;

    async fn ended(doctor: &Doctor) -> Arc<Examined> {
        loop {
            if let (None, Some(examined)) = doctor.state() {
                return examined;
            }
            tokio::task::yield_now().await;
        }
    }

    #[tokio::test]
    async fn one_examination_at_a_time_is_under_way_until_it_has_reported() {
        let (begun, go_on) = (Arc::new(AtomicUsize::new(0)), Arc::new(Notify::new()));
        let examine = {
            let (begun, go_on) = (begun.clone(), go_on.clone());
            move || -> futures::future::BoxFuture<'static, String> {
                begun.fetch_add(1, Ordering::Relaxed);
                let go_on = go_on.clone();
                Box::pin(async move {
                    go_on.notified().await;
                    r#"{"ok":false,"links":[{"link":"loki","status":"broken","evidence":"<b>",
                    "seconds":1.25,"cause":"c","fix":null}]}"#
                        .to_owned()
                })
            }
        };
        let doctor = Arc::new(Doctor::new(Arc::new(examine)));
        assert!(matches!(doctor.state(), (None, None)));
        doctor.start();
        doctor.start();
        assert!(matches!(doctor.state(), (Some(_), None)));
        go_on.notify_one();
        let examined = ended(&doctor).await;
        let report = examined.report.as_ref().unwrap();
        assert_eq!((report.ok, &*report.links[0].evidence), (false, "<b>"));
        assert_eq!(begun.load(Ordering::Relaxed), 1);
    }

    #[tokio::test]
    async fn a_report_that_cannot_be_read_and_an_end_without_one_are_told() {
        let doctor = Arc::new(Doctor::new(Arc::new(|| Box::pin(async { "{}".to_owned() }))));
        doctor.start();
        let reason = ended(&doctor).await.report.as_ref().unwrap_err().clone();
        assert!(reason.starts_with("reading the doctor's report: "), "{reason}");
        let dies = async || String::from_utf8(vec![0xff]).unwrap();
        let doctor = Arc::new(Doctor::new(Arc::new(move || Box::pin(dies()))));
        doctor.start();
        let reason = ended(&doctor).await.report.as_ref().unwrap_err().clone();
        assert!(reason.starts_with("the examination was broken off: "), "{reason}");
    }
}
