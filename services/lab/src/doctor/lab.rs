//! The lab under examination.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use tokio::time::{Instant, sleep};

use super::api::Client;
use crate::addresses::Addresses;
use crate::output::Output;
use crate::ports::Port;
use crate::with::With;

const POLL_INTERVAL: Duration = Duration::from_millis(250);

/// Where the parts are, and how long they may be asked.
pub struct Lab<'a> {
    pub addresses: &'a Addresses,
    pub with: &'a [With],
    pub client: Client,
    progress: &'a Output,
    start: Instant,
    deadline: Duration,
}

impl<'a> Lab<'a> {
    /// From here on the time runs.
    pub fn new(
        addresses: &'a Addresses,
        with: &'a [With],
        deadline: Duration,
        progress: &'a Output,
    ) -> Self {
        Self { addresses, with, client: Client::new(), progress, start: Instant::now(), deadline }
    }

    pub fn has(&self, part: With) -> bool {
        self.with.contains(&part)
    }

    pub fn url(&self, port: Port) -> String {
        self.addresses.url(port)
    }

    /// When the whole time is over.
    pub fn end(&self) -> Instant {
        self.start + self.deadline
    }

    /// In this share of the whole time, from 0 to 1, from now.
    pub fn within(&self, share: f64) -> Instant {
        Instant::now() + self.deadline.mul_f64(share)
    }

    /// Tells who waits that it takes longer, and for what.
    pub fn tell(&self, awaited: &str) {
        self.progress.offer(format!("lab doctor: waiting for {awaited}\n"));
    }

    /// Tries again until it succeeds, or fails after `until`: that failure is the outcome.
    pub async fn poll<T, E>(
        &self,
        awaited: &str,
        until: Instant,
        mut attempt: impl AsyncFnMut() -> Result<T, E>,
    ) -> Result<T, E> {
        let mut told = false;
        loop {
            match attempt().await {
                Err(_) if Instant::now() < until => {
                    if !std::mem::replace(&mut told, true) {
                        self.tell(awaited);
                    }
                    sleep(POLL_INTERVAL).await;
                }
                outcome => return outcome,
            }
        }
    }
}

/// Seconds since the epoch.
pub fn seconds(time: SystemTime) -> f64 {
    time.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs_f64()
}
