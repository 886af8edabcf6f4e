//! An incident from its begin to its end.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use tokio::sync::{oneshot, watch};
use tokio::time::{Instant, sleep, timeout_at};

use super::faults::Rig;
use super::{End, Inner, PATIENCE};
use crate::control::Error;
use crate::pace::Pace;
use crate::scenario::Plan;

/// How often it is looked whether all faults are still there.
const WATCH: Duration = Duration::from_secs(1);

/// What drives an incident.
pub(super) struct Drive {
    pub inner: Arc<Inner>,
    pub plan: Plan,
    pub pace: Pace,
    /// When what is left of it ends by itself.
    pub until: SystemTime,
    /// Whether somebody ends it.
    pub stopped: watch::Receiver<bool>,
}

/// Whether somebody has ended it.
#[derive(PartialEq)]
struct Stopped(bool);

/// What the load was set to before.
struct Before {
    rate: f64,
    mix: String,
}

impl Drive {
    /// Tells by `ready` whether it has begun. Whoever wanted it may have gone away: how it ends is
    /// told in any case.
    pub async fn run(self, ready: oneshot::Sender<Result<(), Error>>) {
        let began = Instant::now();
        let mut rig = Rig::new(&self.inner.lab.faults, &self.plan, self.until);
        let before = match self.inner.lab.load.figures().await {
            Ok(figures) => Before { rate: figures.rate, mix: figures.mix },
            Err(error) => return self.not_begun(error, ready),
        };
        let begun = async {
            rig.keep().await?;
            self.load().await
        };
        if let Err(error) = begun.await {
            self.not_begun(error, ready);
        } else if ready.send(Ok(())).is_err() {
            self.ended(End::Stopped);
        } else {
            let end = self.go_wrong(&mut rig, began).await;
            self.ended(end);
        }
        self.put_right(&mut rig, before).await;
    }

    fn not_begun(&self, error: Error, ready: oneshot::Sender<Result<(), Error>>) {
        self.ended(End::Failed);
        self.problem(Some(error.to_string()));
        drop(ready.send(Err(error)));
    }

    /// From the begin to the time when nobody is waited for any more, or somebody has ended it.
    async fn go_wrong(&self, rig: &mut Rig, began: Instant) -> End {
        if self.keep(rig, began + self.plan.onset).await == Stopped(true) {
            return End::Stopped;
        }
        rig.want(&self.plan);
        let late = Instant::now() + PATIENCE;
        loop {
            let onset = SystemTime::now();
            match rig.keep().await {
                Ok(()) => {
                    self.inner.with(|incident| incident.onset = Some(onset));
                    break;
                }
                Err(error) if Instant::now() >= late => {
                    self.problem(Some(error.to_string()));
                    return End::Failed;
                }
                Err(error) => self.problem(Some(error.to_string())),
            }
            if self.wait(Instant::now() + WATCH).await == Stopped(true) {
                return End::Stopped;
            }
        }
        match self.keep(rig, began + self.pace.limit).await {
            Stopped(true) => End::Stopped,
            Stopped(false) => End::Over,
        }
    }

    /// Until then whatever is away is begun again as soon as it is back. What is under way is not
    /// broken off: nobody would know what has begun.
    async fn keep(&self, rig: &mut Rig, until: Instant) -> Stopped {
        loop {
            let stopped = self.wait(until.min(Instant::now() + WATCH)).await;
            if stopped == Stopped(true) || Instant::now() >= until {
                return stopped;
            }
            let kept = async {
                rig.keep().await?;
                self.load().await
            };
            let kept = kept.await;
            self.problem(kept.err().map(|error| error.to_string()));
        }
    }

    /// Until then, or until somebody ends it.
    async fn wait(&self, until: Instant) -> Stopped {
        let mut stopped = self.stopped.clone();
        // Fails only if the incident is gone.
        Stopped(timeout_at(until, stopped.wait_for(|it| *it)).await.is_ok())
    }

    /// Sets the load, which has its own again once it was started anew.
    async fn load(&self) -> Result<(), Error> {
        let (load, rate) = (&self.inner.lab.load, self.pace.rate);
        let mix = Pace::mix(self.plan.shop.name());
        let set = load.figures().await?;
        if set.mix != mix || set.rate != rate {
            load.change(Some(rate), Some(&mix)).await?;
        }
        Ok(())
    }

    /// Everything as it was before, each once: as soon as who is away is back, unless its faults have
    /// ended themselves by then.
    async fn put_right(&self, rig: &mut Rig, Before { rate, mix }: Before) {
        let failed = self.failed_of();
        let mut is_restored = false;
        loop {
            let ended = rig.end().await;
            let mut restored = Ok(());
            if !is_restored {
                restored = self.inner.lab.load.change(Some(rate), Some(&mix)).await.map(drop);
                is_restored = restored.is_ok();
            }
            let problem = match (ended, restored) {
                (Ok(()), Ok(())) => return self.problem(failed),
                (Err(error), _) => format!("{error}; its faults end at {} themselves", rig.until()),
                (Ok(()), Err(error)) => error.to_string(),
            };
            self.problem(Some(problem));
            if SystemTime::now() >= self.until {
                return;
            }
            sleep(WATCH).await;
        }
    }

    fn ended(&self, end: End) {
        self.inner.with(|incident| {
            incident.end.get_or_insert((end, SystemTime::now()));
        });
    }

    /// What it has failed of, which is told also when all is as before.
    fn failed_of(&self) -> Option<String> {
        let current = self.inner.current();
        let failed = current.as_ref().filter(|it| matches!(it.end, Some((End::Failed, _))));
        failed.and_then(|incident| incident.problem.clone())
    }

    fn problem(&self, problem: Option<String>) {
        self.inner.with(|incident| incident.problem = problem);
    }
}
