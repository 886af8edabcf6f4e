//! The requests of a run: when each is due, and who sends it.

use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use reqwest::Client;
use tokio::sync::watch;
use tokio::time::{Instant, sleep_until};
use tokio_util::task::TaskTracker;

use super::mix::{Mix, Requests};
use super::rate::Rate;
use super::record::Record;
use super::request::Request;
use super::schedule::Schedule;
use super::summary::Summary;
use super::trace::Sample;
use crate::addresses::Addresses;
use crate::output::Output;

/// How many requests may be under way. More are left out, and counted.
const IN_FLIGHT: usize = 500;
/// What is missed in a longer pause, such as a machine's sleep, is not made up for.
const MADE_UP: Duration = Duration::from_secs(1);

/// A run: what it does, and what came of it until now.
pub struct Traffic {
    pub plan: Plan,
    /// What may change while it goes on.
    pub set: watch::Sender<Set>,
    pub addresses: Addresses,
    pub http: Client,
    pub output: Output,
    pub record: Arc<Record>,
    begin: Instant,
    under_way: TaskTracker,
}

/// What holds for a whole run.
pub struct Plan {
    /// For how long requests are sent; without an end where there is none.
    pub length: Option<Duration>,
    pub ramp: Duration,
    pub users: Option<NonZeroU32>,
    pub seed: u64,
    pub sample: Sample,
}

/// How often what is asked for.
#[derive(Clone, Debug, PartialEq)]
pub struct Set {
    pub rate: Rate,
    pub mix: Mix,
}

impl Traffic {
    /// A run that begins now.
    pub fn new(plan: Plan, set: Set, addresses: Addresses, http: Client, output: Output) -> Self {
        let record = Arc::new(Record::new(output.clone()));
        let (set, begin) = (watch::Sender::new(set), Instant::now());
        let under_way = TaskTracker::new();
        Self { plan, set, addresses, http, output, record, begin, under_way }
    }

    /// Sends each request when it is due, and waits for the last answers.
    pub async fn send(&self) {
        let mut changes = self.set.subscribe();
        let Set { rate, mix } = changes.borrow_and_update().clone();
        let mut schedule = Schedule::new(rate, self.plan.ramp);
        let mut requests = Requests::new(&mix, self.plan.seed);
        let mut random = StdRng::seed_from_u64(self.plan.seed);
        let mut last = mix;
        loop {
            let due = schedule.next().filter(|due| self.plan.length.is_none_or(|end| *due < end));
            tokio::select! {
                // What is due comes before a change, which would be too early for it.
                biased;
                () = self.reach(due.or(self.plan.length)) => {}
                _ = changes.changed() => {
                    let Set { rate, mix } = changes.borrow_and_update().clone();
                    if rate != schedule.rate() {
                        schedule.change(rate, self.begin.elapsed());
                        self.output.offer(format!("sending {rate}\n"));
                    }
                    if mix != last {
                        requests = Requests::new(&mix, self.plan.seed);
                        last = mix;
                    }
                    continue;
                }
            }
            let Some(due) = due else { break };
            let now = self.begin.elapsed();
            if now.saturating_sub(due) > MADE_UP {
                self.record.paused(schedule.skip(self.plan.length.map_or(now, |end| now.min(end))));
                continue;
            }
            schedule.arrive();
            let Some((service, target)) = requests.next() else { break };
            let user = self.plan.users.map(|users| random.random_range(0..users.get()));
            let url = self.addresses.url(service) + target.path();
            let due = (self.begin + due).into_std();
            let sample = self.plan.sample;
            self.spawn(Request { service, target, url, due, user, sample });
        }
        self.under_way.close();
        self.under_way.wait().await;
    }

    /// Whether there is nothing to do but to wait for the last answers.
    pub fn is_sent(&self) -> bool {
        self.under_way.is_closed()
    }

    /// The figures until now.
    pub fn summary(&self) -> Summary {
        let Set { rate, mix } = self.set.borrow().clone();
        let passed = self.begin.elapsed();
        let time = self.plan.length.map_or(passed, |length| length.min(passed));
        let under_way = self.under_way.len() as u64;
        self.record.read(|figures| Summary::new((rate, mix), time, figures, under_way))
    }

    fn spawn(&self, request: Request) {
        if self.under_way.len() >= IN_FLIGHT {
            return self.record.crowded();
        }
        let (http, record) = (self.http.clone(), self.record.clone());
        self.under_way.spawn(async move { record.count(&request.send(&http).await) });
    }

    async fn reach(&self, time: Option<Duration>) {
        match time {
            Some(time) => sleep_until(self.begin + time).await,
            None => std::future::pending().await,
        }
    }
}
