//! What may be known of an incident.

use std::time::SystemTime;

use serde::{Deserialize, Serialize};

use super::{End, Incident};
use crate::answer::{Affected, Cause};
use crate::mark::{Compared, Marked};

/// How things are.
#[derive(Clone, Debug, Serialize)]
pub struct State {
    /// In a word.
    pub status: Status,
    /// The last incident that was begun.
    pub incident: Option<Shown>,
}

/// How things are, in a word.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    /// There was no incident yet.
    Idle,
    /// There is one, of which there is not enough to see yet.
    Begun,
    /// There is one that can be answered.
    Open,
    /// It was answered right.
    Answered,
    /// It was told what was wrong.
    Revealed,
    /// It was ended by somebody.
    Stopped,
    /// Nobody has answered it in its time.
    Over,
    /// The lab did not do as it must.
    Failed,
}

/// An incident: of a blind one nothing that tells which it is.
#[derive(Clone, Debug, Serialize)]
pub struct Shown {
    /// The scenario's; none of a blind one.
    pub name: Option<&'static str>,
    /// None of a blind one.
    pub seed: Option<u64>,
    /// Whether it is one.
    pub blind: bool,
    /// Whether it is a short one.
    pub fast: bool,
    /// What somebody notices.
    pub story: String,
    /// The service of whose orders it is.
    pub shop: &'static str,
    /// What such an order passes.
    pub order: String,
    /// When it began, as RFC 3339 has it.
    pub began: String,
    /// Until when nothing goes wrong yet, whatever it is.
    pub normal_until: String,
    /// From when it can be answered.
    pub ready: String,
    /// How many seconds that is away, 0 afterwards.
    pub ready_in: u64,
    /// How many seconds off the time of an answer may be.
    pub tolerance: u64,
    /// How many answers there were.
    pub tries: u32,
    /// The last of them, marked.
    pub marked: Option<Marked>,
    /// Those that were asked for.
    pub hints: Vec<String>,
    /// How many there are.
    pub hints_in_all: usize,
    /// What could not be put right so far.
    pub problem: Option<String>,
    /// Once it is known.
    pub solution: Option<Solution>,
}

/// All of an incident.
#[derive(Clone, Debug, Serialize)]
pub struct Solution {
    /// The scenario's.
    pub name: &'static str,
    /// With which it can be run again.
    pub seed: u64,
    /// What is wrong.
    pub cause: Cause,
    /// Where; none if nothing is wrong, as everything below.
    pub service: Option<&'static str>,
    /// In which operation.
    pub operation: Option<&'static str>,
    /// Since when, as RFC 3339 has it.
    pub since: Option<String>,
    /// For whom.
    pub affected: Option<Affected>,
    /// How telemetry shows it.
    pub explanation: String,
    /// Whether it does; none where that was not looked at.
    pub shown: Option<bool>,
    /// What the operation did, before and since.
    pub figures: Vec<Compared>,
}

impl State {
    pub(super) fn of(incident: Option<&Incident>) -> Self {
        let status = match incident {
            None => Status::Idle,
            Some(incident) => status(incident),
        };
        Self { status, incident: incident.map(Shown::of) }
    }
}

fn status(incident: &Incident) -> Status {
    match incident.end {
        _ if incident.revealed => Status::Revealed,
        None if SystemTime::now() < incident.ready() || incident.onset.is_none() => Status::Begun,
        None => Status::Open,
        Some((End::Answered, _)) => Status::Answered,
        Some((End::Revealed, _)) => Status::Revealed,
        Some((End::Stopped, _)) => Status::Stopped,
        Some((End::Over, _)) => Status::Over,
        Some((End::Failed, _)) => Status::Failed,
    }
}

impl Shown {
    fn of(incident: &Incident) -> Self {
        let Incident { scenario, plan, run, seed, pace, .. } = incident;
        let is_blind = incident.is_blind();
        let ready = incident.ready();
        // The last moment counts as a whole second: at 0 it can be answered.
        let left = ready.duration_since(SystemTime::now()).map_or(0.0, |left| left.as_secs_f64());
        Self {
            name: (!is_blind).then_some(scenario.name),
            seed: (!is_blind).then_some(*seed),
            blind: run.blind,
            fast: run.fast,
            story: scenario.story(is_blind, plan.shop),
            shop: plan.shop.name(),
            order: plan.shop.order(),
            began: rfc3339(incident.began),
            normal_until: rfc3339(incident.began + pace.onset.0),
            ready: rfc3339(ready),
            ready_in: left.ceil() as u64,
            tolerance: pace.tolerance.as_secs(),
            tries: incident.tries,
            marked: incident.marked.clone(),
            hints: plan.hints().into_iter().take(incident.hints).collect(),
            hints_in_all: plan.hints().len(),
            problem: incident.problem.clone(),
            solution: incident
                .is_told()
                .then(|| incident.known.clone().unwrap_or_else(|| incident.solution())),
        }
    }
}

impl Incident {
    pub(super) fn solution(&self) -> Solution {
        let trouble = self.plan.trouble.as_ref();
        Solution {
            name: self.scenario.name,
            seed: self.seed,
            cause: trouble.map_or(Cause::Nothing, |trouble| trouble.cause),
            service: trouble.map(|trouble| trouble.service),
            operation: trouble.map(|trouble| trouble.operation),
            since: trouble.and(self.onset).map(rfc3339),
            affected: trouble.map(|trouble| trouble.affected),
            explanation: self.plan.explanation(),
            shown: None,
            figures: Vec::new(),
        }
    }
}

fn rfc3339(time: SystemTime) -> String {
    humantime::format_rfc3339_seconds(time).to_string()
}
