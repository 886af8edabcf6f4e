//! An incident from its begin to its end.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use tokio::sync::{oneshot, watch};
use tokio::time::{Instant, sleep, sleep_until};

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
    /// Somebody ends it, and waits that long for what is away.
    pub stopped: watch::Receiver<Option<Duration>>,
}

/// What the load was set to before.
struct Before {
    rate: f64,
    mix: String,
}

impl Drive {
    /// Tells by `ready` whether it has begun.
    pub async fn run(self, ready: oneshot::Sender<Result<(), Error>>) {
        let began = Instant::now();
        let mut rig = Rig::new(&self.inner.lab.faults, &self.plan, self.until);
        let before = match self.inner.lab.load.figures().await {
            Ok(figures) => Before { rate: figures.rate, mix: figures.mix },
            Err(error) => return drop(ready.send(Err(error))),
        };
        let begun = async {
            rig.keep().await?;
            let mix = Pace::mix(self.plan.shop.name());
            self.inner.lab.load.change(Some(self.pace.rate), Some(&mix)).await.map(drop)
        };
        if let Err(error) = begun.await {
            self.put_right(&mut rig, before, WATCH).await;
            return drop(ready.send(Err(error)));
        }
        if ready.send(Ok(())).is_err() {
            // Whoever wanted it has gone away.
            self.ended(End::Stopped);
        } else {
            let mut stopped = self.stopped.clone();
            tokio::select! {
                // Fails only if the incident is gone.
                () = async { drop(stopped.wait_for(Option::is_some).await) } => {}
                end = self.go_wrong(&mut rig, began) => self.ended(end),
            }
        }
        let patience = self.stopped.borrow().unwrap_or(PATIENCE);
        self.put_right(&mut rig, before, patience).await;
    }

    /// From the onset to the time when nobody is waited for any more.
    async fn go_wrong(&self, rig: &mut Rig, began: Instant) -> End {
        sleep_until(began + self.plan.onset).await;
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
                Err(_) => sleep(WATCH).await,
            }
        }
        while began.elapsed() < self.pace.limit {
            sleep(WATCH).await;
            let kept = rig.keep().await;
            self.problem(kept.err().map(|error| error.to_string()));
        }
        End::Over
    }

    /// Everything as it was before, unless it takes longer than there is patience for.
    async fn put_right(&self, rig: &mut Rig, Before { rate, mix }: Before, patience: Duration) {
        let late = Instant::now() + patience;
        loop {
            let ended = rig.end().await;
            let restored = self.inner.lab.load.change(Some(rate), Some(&mix)).await;
            let Err(error) = ended.and(restored) else { return self.solved() };
            if Instant::now() >= late {
                let until = rig.until();
                return self
                    .problem(Some(format!("{error}; its faults end at {until} themselves")));
            }
            sleep(WATCH).await;
        }
    }

    fn ended(&self, end: End) {
        self.inner.with(|incident| {
            incident.end.get_or_insert((end, SystemTime::now()));
        });
    }

    /// All is as before, but for what an incident has failed of.
    fn solved(&self) {
        self.inner.with(|incident| match incident.end {
            Some((End::Failed, _)) => {}
            _ => incident.problem = None,
        });
    }

    fn problem(&self, problem: Option<String>) {
        self.inner.with(|incident| incident.problem = problem);
    }
}
