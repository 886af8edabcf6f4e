//! One incident at a time: begun, watched over, answered and ended.
//!
//! Every fault of an incident is hidden, and each service gets as many, whatever is wrong and
//! wherever: those that are no part of it strike nothing. So a list of faults tells no more than
//! that there is an incident. Each also ends by itself, should nobody be there to end it.

mod drive;
mod faults;
mod state;

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use serde::Deserialize;
use tokio::sync::{Mutex as Turn, oneshot, watch};
use tokio::time::timeout;
use traces::Storage;

use crate::answer::{Answer, Wish};
use crate::control::{self, Faults, Load};
use crate::mark::{self, Case, Marked, Truth};
use crate::pace::Pace;
use crate::scenario::{Plan, SCENARIOS, Scenario};
pub use state::{Shown, Solution, State, Status};

/// How long a service may be away when the trouble is to begin, or is to end.
const PATIENCE: Duration = Duration::from_secs(30);
/// How long it is waited for by who cannot wait for a service that is gone.
const BRIEFLY: Duration = Duration::from_secs(2);

/// What incidents need of a lab.
#[derive(Clone, Debug)]
pub struct Lab {
    /// Where the evidence is.
    pub storage: Storage,
    /// Of each of its four services.
    pub faults: Vec<Faults>,
    /// Its own.
    pub load: Load,
}

/// What is to be begun.
#[derive(Clone, Debug, Default, Deserialize, PartialEq)]
#[serde(default, deny_unknown_fields)]
pub struct Run {
    /// Which scenario; without one any.
    pub name: Option<String>,
    /// Which of its incidents; without one any.
    pub seed: Option<u64>,
    /// Whether nothing of it is told but that it is there.
    pub blind: bool,
    /// Whether it is as short as a program can take it.
    pub fast: bool,
}

/// Why something is not done.
#[derive(Debug)]
#[non_exhaustive]
pub enum Refusal {
    /// There is no such scenario.
    Unknown(String),
    /// It cannot be done now, for this reason.
    NotNow(String),
    /// An answer makes no sense.
    Invalid(crate::Invalid),
    /// A service or the load does not do what it must.
    Control(control::Error),
    /// The storage server does not tell.
    Traces(traces::Error),
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unknown(name) => {
                let name = name.escape_debug();
                write!(f, "there is no scenario {name}: `lab scenario list` tells those that are")
            }
            Self::NotNow(reason) => f.write_str(reason),
            Self::Invalid(invalid) => invalid.fmt(f),
            Self::Control(error) => error.fmt(f),
            Self::Traces(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for Refusal {}

/// The incidents of one lab. Clones are the same.
#[derive(Clone)]
pub struct Incidents(Arc<Inner>);

struct Inner {
    lab: Lab,
    pace: fn(bool) -> Pace,
    /// Whoever begins, marks or ends something waits for those before.
    turn: Turn<()>,
    current: Mutex<Option<Incident>>,
}

/// The last one that was begun.
struct Incident {
    scenario: &'static Scenario,
    plan: Plan,
    run: Run,
    seed: u64,
    pace: Pace,
    began: SystemTime,
    /// When the trouble did, or would have.
    onset: Option<SystemTime>,
    end: Option<(End, SystemTime)>,
    tries: u32,
    marked: Option<Marked>,
    hints: usize,
    revealed: bool,
    /// With what telemetry shows of it.
    known: Option<Solution>,
    /// What could not be put right so far.
    problem: Option<String>,
    /// Whether it is to end.
    stop: watch::Sender<bool>,
    driven: Driven,
}

/// Of a task that goes on by itself, whoever waits for it.
#[derive(Clone)]
struct Driven(watch::Receiver<()>);

/// Why nothing goes wrong any more.
#[derive(Clone, Copy, Debug, PartialEq)]
enum End {
    Answered,
    Revealed,
    Stopped,
    Over,
    Failed,
}

impl Incidents {
    /// None yet, of this lab.
    pub fn new(lab: Lab) -> Self {
        Self::paced(lab, Pace::new)
    }

    /// The same with other times, of a fast one and of another.
    pub fn paced(lab: Lab, pace: fn(bool) -> Pace) -> Self {
        Self(Arc::new(Inner { lab, pace, turn: Turn::new(()), current: Mutex::new(None) }))
    }

    /// What may be known now.
    pub fn state(&self) -> State {
        State::of(self.0.current().as_ref())
    }

    /// Begins an incident, and returns once the load and what was there before is.
    ///
    /// # Errors
    /// When there is one already, somebody has switched faults, or the lab does not do as it must:
    /// then everything is as before.
    pub async fn run(&self, run: Run) -> Result<State, Refusal> {
        let _turn = self.0.turn.lock().await;
        if let Some(reason) = self.0.current().as_ref().and_then(Incident::why_no_other) {
            return Err(Refusal::NotNow(reason));
        }
        let scenario = match &run.name {
            Some(name) => Scenario::find(name).ok_or_else(|| Refusal::Unknown(name.clone()))?,
            None => &SCENARIOS[rand::random_range(0..SCENARIOS.len())],
        };
        // No longer than a person can type.
        let seed = run.seed.unwrap_or_else(|| rand::random_range(1..1_000_000));
        self.refuse_beside_others().await?;

        let pace = (self.0.pace)(run.fast);
        let plan = scenario.plan(seed, &pace);
        let (stop, stopped) = watch::channel(false);
        let (driving, driven) = watch::channel(());
        let driven = Driven(driven);
        let (ready, begun) = oneshot::channel();
        let began = SystemTime::now();
        let drive = drive::Drive {
            inner: self.0.clone(),
            plan: plan.clone(),
            pace,
            until: began + pace.limit + Duration::from_secs(60),
            stopped,
        };
        tokio::spawn(async {
            // Goes away with it, also if that panics.
            let _driving = driving;
            drive.run(ready).await;
        });
        let incident = Incident {
            scenario,
            plan,
            run,
            seed,
            pace,
            began,
            onset: None,
            end: None,
            tries: 0,
            marked: None,
            hints: 0,
            revealed: false,
            known: None,
            problem: None,
            stop,
            driven: driven.clone(),
        };
        let before = self.0.current().replace(incident);
        match begun.await {
            Ok(Ok(())) => Ok(self.state()),
            Ok(Err(error)) => {
                if driven.ends_within(BRIEFLY).await {
                    *self.0.current() = before;
                }
                Err(Refusal::Control(error))
            }
            // Its task has panicked.
            Err(_) => {
                *self.0.current() = before;
                Err(Refusal::NotNow("the incident ended before it began".to_owned()))
            }
        }
    }

    /// Marks an answer. The right one ends the incident.
    ///
    /// # Errors
    /// When there is nothing to be answered, it is too early, or the answer makes no sense: then it
    /// counts for nothing.
    pub async fn answer(&self, wish: &Wish) -> Result<Marked, Refusal> {
        let _turn = self.0.turn.lock().await;
        let (answer, case, tries) = {
            let current = self.0.current();
            let incident = current.as_ref().ok_or_else(none)?;
            if incident.is_told() {
                return Err(Refusal::NotNow("it is known already what was wrong".to_owned()));
            }
            let answer = Answer::read(wish, incident.began).map_err(Refusal::Invalid)?;
            (answer, incident.case(SystemTime::now())?, incident.tries + 1)
        };
        let marked = mark::mark(&answer, &case, &self.0.lab.storage, tries).await;
        let marked = marked.map_err(Refusal::Traces)?;
        self.0.with(|incident| {
            incident.tries = tries;
            incident.marked = Some(marked.clone());
            if marked.right {
                // It may have ended before.
                let time = incident.end.map_or_else(SystemTime::now, |(_, time)| time);
                incident.end = Some((End::Answered, time));
            }
        });
        if marked.right {
            self.end(End::Answered, PATIENCE).await;
        }
        Ok(marked)
    }

    /// Tells one more hint, as the state does from then on. After the last one there is no further.
    ///
    /// # Errors
    /// When there is no incident.
    pub async fn hint(&self) -> Result<State, Refusal> {
        let _turn = self.0.turn.lock().await;
        let mut current = self.0.current();
        let incident = current.as_mut().ok_or_else(none)?;
        incident.hints = (incident.hints + 1).min(incident.plan.hints().len());
        Ok(State::of(Some(&*incident)))
    }

    /// Ends the incident, and tells everything of it: whether telemetry shows it, too.
    ///
    /// # Errors
    /// When there is no incident, or the storage server does not answer.
    pub async fn reveal(&self) -> Result<Solution, Refusal> {
        let _turn = self.0.turn.lock().await;
        let now = SystemTime::now();
        let (case, solution) = {
            let mut current = self.0.current();
            let incident = current.as_mut().ok_or_else(none)?;
            incident.revealed = true;
            (incident.case(now), incident.solution())
        };
        self.end(End::Revealed, PATIENCE).await;
        // Too early there is nothing to be shown.
        let Ok(case) = case else { return Ok(solution) };
        let (shown, figures) =
            mark::shown(&case, &self.0.lab.storage).await.map_err(Refusal::Traces)?;
        let solution = Solution { shown: Some(shown), figures, ..solution };
        self.0.with(|incident| incident.known = Some(solution.clone()));
        Ok(solution)
    }

    /// Ends the incident, if there is one.
    pub async fn stop(&self) -> State {
        let _turn = self.0.turn.lock().await;
        self.end(End::Stopped, PATIENCE).await;
        self.state()
    }

    /// The same at the end of the process, which waits for no service that is gone.
    pub async fn shut_down(&self) {
        let _turn = self.0.turn.lock().await;
        self.end(End::Stopped, BRIEFLY).await;
    }

    /// Ends what goes wrong, and waits until all is as before, if there is patience for that.
    async fn end(&self, why: End, patience: Duration) {
        let driven = {
            let mut current = self.0.current();
            let Some(incident) = current.as_mut() else { return };
            incident.end.get_or_insert((why, SystemTime::now()));
            incident.stop.send_replace(true);
            incident.driven.clone()
        };
        driven.ends_within(patience).await;
    }

    async fn refuse_beside_others(&self) -> Result<(), Refusal> {
        for service in &self.0.lab.faults {
            let there = service.list().await.map_err(Refusal::Control)?;
            if !there.is_empty() {
                let (count, name) = (there.len(), service.service());
                let reason = format!(
                    "{name} has {count} faults that somebody else has begun, or a console that was \
                     killed, which nobody could tell from the incident's: end them first, as the \
                     page of faults does"
                );
                return Err(Refusal::NotNow(reason));
            }
        }
        Ok(())
    }
}

fn none() -> Refusal {
    Refusal::NotNow("there is no incident: `lab scenario run` begins one".to_owned())
}

impl Inner {
    fn current(&self) -> MutexGuard<'_, Option<Incident>> {
        self.current.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn with(&self, change: impl FnOnce(&mut Incident)) {
        if let Some(incident) = self.current().as_mut() {
            change(incident);
        }
    }
}

impl Driven {
    /// Whether nothing is left to be done by then.
    async fn ends_within(mut self, patience: Duration) -> bool {
        // Nothing is sent: the other end goes away with the task.
        timeout(patience, self.0.changed()).await.is_ok()
    }
}

impl Incident {
    /// None if there can be another one.
    fn why_no_other(&self) -> Option<String> {
        if self.driven.0.has_changed().is_err() {
            return None;
        }
        Some(match (self.end, &self.problem) {
            (None, _) => {
                "there is an incident already: answer it, or `lab scenario stop` it".to_owned()
            }
            (Some(_), None) => "the last incident's faults and load are being put right".to_owned(),
            (Some(_), Some(problem)) => {
                format!("the last incident's faults and load are not put right yet: {problem}")
            }
        })
    }

    /// Whether there is nothing left to find out.
    fn is_told(&self) -> bool {
        self.revealed || matches!(self.end, Some((End::Answered, _)))
    }

    fn is_blind(&self) -> bool {
        self.run.blind && !self.is_told()
    }

    /// As long after the trouble as at the latest, also if a service was away when it was to begin.
    fn ready(&self) -> SystemTime {
        let Pace { ready, onset: (_, latest), .. } = self.pace;
        let planned = self.began + ready;
        let late = self.onset.and_then(|onset| onset.checked_sub(latest)).map(|it| it + ready);
        late.map_or(planned, |late| late.max(planned))
    }

    /// What an answer at this time is marked by.
    fn case(&self, now: SystemTime) -> Result<Case, Refusal> {
        let last = self.end.map_or(now, |(_, time)| time.min(now));
        let (Some(onset), true) = (self.onset, last >= self.ready()) else {
            let reason = match self.end {
                Some(_) => "it ended before there was enough to see".to_owned(),
                None => {
                    let left = self.ready().duration_since(now).unwrap_or_default().as_secs() + 1;
                    format!("there is not enough to see yet: answer in {left} s")
                }
            };
            return Err(Refusal::NotNow(reason));
        };
        let arrived = now.checked_sub(self.pace.on_its_way).unwrap_or(now);
        let trouble = self.plan.trouble.as_ref();
        Ok(Case {
            truth: trouble.map(|trouble| Truth {
                service: trouble.service,
                operation: trouble.operation,
                cause: trouble.cause,
                affected: trouble.affected,
            }),
            shop: self.plan.shop.name(),
            settled: self.began + self.pace.settled,
            onset,
            end: last.min(arrived),
            tolerance: self.pace.tolerance,
        })
    }
}
