//! Every scenario, one after the other: does telemetry show what each is?

use std::cell::Cell;
use std::time::Duration;

use anyhow::{Context, bail};
use serde_json::{Value, json};
use tokio::time::{Instant, sleep};

use super::api::Api;
use super::show;
use crate::interrupt::Interrupt;
use crate::lesson::{PARTS, Place};
use crate::output::Output;
use crate::ports::known::CONSOLE;

const POLL_INTERVAL: Duration = Duration::from_millis(500);
/// How much longer than it says an incident may take until there is enough to see.
const LATE: Duration = Duration::from_secs(60);

/// Tells of each, in the lab that runs or, if none does, in one of its own with all parts whose
/// programs are there. Returns whether all were shown. An interrupt ends the one under way.
///
/// # Errors
/// When there is no lab, or its console does not answer.
pub async fn run(seed: u64, fast: bool, inside: bool, output: &Output) -> anyhow::Result<bool> {
    let mut interrupt = Interrupt::new().context("listening for signals")?;
    let find = async {
        match inside {
            true => Place::of_environment(true).await,
            false => Place::find(&PARTS).await,
        }
    };
    let place = tokio::select! {
        place = Box::pin(find) => place?,
        () = interrupt.next() => bail!("interrupted"),
    };
    if place.is_own() {
        output
            .offer("no lab runs: this one is the scenarios' own, and ends with them\n".to_owned());
    }
    let api = Api::new(place.addresses.url(CONSOLE))?;
    // Another's is not ended.
    let is_ours = Cell::new(false);
    tokio::select! {
        outcome = each(&api, seed, fast, output, &is_ours) => outcome,
        () = interrupt.next() => {
            if is_ours.get() {
                api.post("/stop", json!({})).await?;
            }
            bail!("interrupted");
        }
    }
}

async fn each(
    api: &Api,
    seed: u64,
    fast: bool,
    output: &Output,
    is_ours: &Cell<bool>,
) -> anyhow::Result<bool> {
    let list = api.get("/scenarios").await?;
    let scenarios = list["scenarios"].as_array().cloned().unwrap_or_default();
    let mut shown = 0;
    for scenario in &scenarios {
        let name = scenario["name"].as_str().unwrap_or_default();
        let began = Instant::now();
        let run = json!({ "name": name, "seed": seed, "fast": fast });
        let state = api.post("/run", run).await?;
        is_ours.set(true);
        let verdict = match solve(api, state).await {
            Ok(solution) if solution["shown"] == true => {
                shown += 1;
                format!("shown      {}", show::line(&solution))
            }
            Ok(solution) => {
                let figures = &solution["figures"];
                format!("NOT SHOWN  {}, by these figures: {figures}", show::line(&solution))
            }
            Err(error) => {
                // The next one may do.
                api.post("/stop", json!({})).await?;
                format!("FAILED     {name}, seed {seed}: {error:#}")
            }
        };
        is_ours.set(false);
        output.print(format!("{:4} s  {verdict}\n", began.elapsed().as_secs())).await;
    }
    let all = scenarios.len();
    output.offer(format!("telemetry shows {shown} of {all}\n"));
    Ok(shown == all && all > 0)
}

/// Waits until there is enough of the incident to see, and has it told.
async fn solve(api: &Api, mut state: Value) -> anyhow::Result<Value> {
    let left = Duration::from_secs(state["incident"]["ready_in"].as_u64().unwrap_or_default());
    let deadline = Instant::now() + left + LATE;
    while state["status"] != "open" {
        if state["status"] != "begun" || Instant::now() >= deadline {
            let problem = state["incident"]["problem"].as_str().unwrap_or("no problem is told");
            bail!("the incident is {} and cannot be answered: {problem}", state["status"]);
        }
        sleep(POLL_INTERVAL).await;
        state = api.get("").await?;
    }
    api.post("/reveal", json!({})).await
}
