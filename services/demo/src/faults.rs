//! Faults on purpose: what goes wrong in a service for as long as somebody wants it to.
//!
//! Each has a [scope](Spec) and strikes a part of what is in it: with the same seed the same part,
//! such as the third and the seventh of all that it could strike.

mod latency;
mod lost_context;
mod spec;

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime};

use serde_json::{Value, json};
use tokio::sync::watch;
use tokio::task_local;
use tokio::time::{Instant, sleep, sleep_until};
use tracing::info;

pub(crate) use lost_context::lose_context;
pub(crate) use spec::{Kind, Spec, read_all};

use crate::error::Error;
use crate::tier::Tier;

/// Faults at one time.
pub(crate) const MAX_FAULTS: usize = 16;
/// A timer knows nothing of a clock that is set, nor of a machine that sleeps.
const LONGEST_TIMER: Duration = Duration::from_secs(1);

/// What a real system would tell that fails for a reason of its own, and one with a new mistake.
const POOL_ERROR: &str = "pool timed out while waiting for an open connection";
const PANIC: &str = "called `Option::unwrap()` on a `None` value";

task_local! {
    /// What the service is doing, so that a fault finds it wherever it can strike.
    static CALL: Call;
}

struct Call {
    faults: Arc<Faults>,
    scope: Scope,
}

/// What a service is asked to do, and for whom.
pub(crate) struct Scope {
    /// The name of the server's span.
    pub operation: String,
    pub tier: Option<Tier>,
}

/// The faults of one service.
#[derive(Debug)]
pub(crate) struct Faults {
    service: String,
    version: Option<String>,
    next_id: AtomicU64,
    /// What waits for one is told when it ends.
    active: watch::Sender<Vec<Arc<Fault>>>,
}

#[derive(Debug)]
struct Fault {
    id: u64,
    spec: Spec,
    /// How many it could have struck so far.
    seen: AtomicU64,
}

/// One time that a fault strikes.
struct Strike {
    fault: Arc<Fault>,
    number: u64,
}

/// Why a fault does not begin.
#[derive(Debug)]
pub(crate) enum Refusal {
    /// There are as many as there may be.
    TooMany,
    /// It would never strike here, for this reason.
    Idle(String),
}

impl Faults {
    /// Of a service with those of the start.
    pub fn new(service: &str, version: Option<String>, start: Vec<Spec>) -> Arc<Self> {
        let faults = Self {
            service: service.to_owned(),
            version,
            next_id: AtomicU64::new(1),
            active: watch::Sender::default(),
        };
        for spec in start {
            // Fails only if it has ended meanwhile.
            let _ = faults.begin(spec);
        }
        Arc::new(faults)
    }

    /// From here on there is this fault, too. Returns its id.
    pub fn begin(&self, spec: Spec) -> Result<u64, Refusal> {
        if let Some(reason) = spec.idle_at(&self.service, self.version.as_deref()) {
            return Err(Refusal::Idle(reason));
        }
        let mut begun = Err(Refusal::TooMany);
        self.active.send_if_modified(|active| {
            if active.len() == MAX_FAULTS {
                return false;
            }
            let id = self.next_id.fetch_add(1, Ordering::Relaxed);
            if !spec.hidden {
                info!(fault = id.cast_signed(), spec = %json!(spec), "a fault begins");
            }
            active.push(Arc::new(Fault { id, spec, seen: AtomicU64::new(0) }));
            begun = Ok(id);
            true
        });
        begun
    }

    /// Ends the fault of this id, or all. Returns how many there were.
    pub fn end(&self, id: Option<u64>) -> usize {
        self.end_each(|fault| id.is_none_or(|id| fault.id == id))
    }

    /// Ends each fault at its time.
    pub async fn end_in_time(self: Arc<Self>) {
        let mut active = self.active.subscribe();
        loop {
            let until = active.borrow_and_update().iter().filter_map(|it| it.spec.until).min();
            let left = until.and_then(|until| until.duration_since(SystemTime::now()).ok());
            tokio::select! {
                () = sleep(left.unwrap_or_default().min(LONGEST_TIMER)), if until.is_some() => {
                    self.end_each(|fault| fault.spec.is_over());
                }
                Ok(()) = active.changed() => {}
            }
        }
    }

    fn end_each(&self, ends: impl Fn(&Fault) -> bool) -> usize {
        let mut ended = 0;
        self.active.send_if_modified(|active| {
            let [all, told] = [active.len(), told_of(active)];
            active.retain(|fault| !ends(fault));
            ended = all - active.len();
            let left = told_of(active);
            if left < told {
                info!(ended = (told - left) as i64, left = left as i64, "faults end");
            }
            ended > 0
        });
        ended
    }

    pub fn list(&self) -> Value {
        let active = self.active.borrow();
        let faults = active.iter().map(|fault| {
            let is_hidden = fault.spec.hidden;
            let mut listed = if is_hidden { json!({ "hidden": true }) } else { json!(fault.spec) };
            listed["id"] = fault.id.into();
            listed
        });
        let faults: Vec<Value> = faults.collect();
        json!({ "service": self.service, "version": self.version, "faults": faults })
    }

    /// Does the work, unless a fault has the operation wait or fail first; those that strike within
    /// find it by [`strikes`] and [`wait`].
    pub async fn during<T>(
        self: &Arc<Self>,
        scope: Scope,
        work: impl Future<Output = Result<T, Error>>,
    ) -> Result<T, Error> {
        let call = Call { faults: self.clone(), scope };
        let befallen = async {
            wait(Kind::Latency).await;
            fail()?;
            work.await
        };
        CALL.scope(call, befallen).await
    }

    /// Whether there is a fault of this kind, whatever it strikes.
    fn has(&self, kind: Kind) -> bool {
        self.active.borrow().iter().any(|fault| fault.spec.kind == kind)
    }

    /// The faults of this kind that strike now. Each counts for itself, whatever the others do.
    fn struck(&self, kind: Kind, scope: &Scope) -> Vec<Strike> {
        let active = self.active.borrow();
        let covering = active.iter().filter(|fault| fault.spec.covers(kind, scope));
        let strikes = covering.filter_map(|fault| {
            let number = fault.seen.fetch_add(1, Ordering::Relaxed);
            fault.spec.strikes(number).then(|| Strike { fault: fault.clone(), number })
        });
        strikes.collect()
    }
}

/// How many of them are no secret.
fn told_of(faults: &[Arc<Fault>]) -> usize {
    faults.iter().filter(|fault| !fault.spec.hidden).count()
}

/// The faults of this kind that strike what the service is doing.
fn struck(kind: Kind) -> Vec<Strike> {
    let struck = CALL.try_with(|call| call.faults.struck(kind, &call.scope));
    // Beside a call, as when the queue is worked off, nothing can strike.
    struck.unwrap_or_default()
}

/// Whether a fault of this kind strikes what the service is doing.
pub(crate) fn strikes(kind: Kind) -> bool {
    !struck(kind).is_empty()
}

/// Waits for as long as the faults of this kind together have the service wait: not for one that
/// ends meanwhile.
pub(crate) async fn wait(kind: Kind) {
    let struck = struck(kind);
    if struck.is_empty() {
        return;
    }
    let Ok(mut active) = CALL.try_with(|call| call.faults.active.subscribe()) else { return };
    let begin = Instant::now();
    loop {
        let all: Duration = {
            let active = active.borrow_and_update();
            let lasts = |strike: &&Strike| active.iter().any(|it| it.id == strike.fault.id);
            let delay = |strike: &Strike| strike.fault.spec.delay(strike.number);
            struck.iter().filter(lasts).map(delay).sum()
        };
        tokio::select! {
            () = sleep_until(begin + all) => return,
            Ok(()) = active.changed() => {}
        }
    }
}

fn fail() -> Result<(), Error> {
    // Both, so that each counts whatever the other does.
    let (errors, releases) = (struck(Kind::Error), struck(Kind::BadRelease));
    let reason = match (errors.first(), releases.first()) {
        (Some(strike), _) if strike.fault.spec.hidden => POOL_ERROR.to_owned(),
        (Some(strike), _) => format!("failing, as fault {} wants it", strike.fault.id),
        (None, Some(strike)) if strike.fault.spec.hidden => PANIC.to_owned(),
        (None, Some(strike)) => {
            let version = strike.fault.spec.version.as_deref().unwrap_or_default();
            format!("release {version} is broken")
        }
        (None, None) => return Ok(()),
    };
    Err(Error::Fault(reason))
}
