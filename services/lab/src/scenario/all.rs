//! Every scenario, one after the other: does telemetry show what each is?

use std::time::Duration;

use anyhow::{Context, bail};
use serde_json::{Value, json};
use tokio::time::{Instant, sleep};

use super::api::Api;
use super::show;
use crate::interrupt::Interrupt;
use crate::output::Output;

const POLL_INTERVAL: Duration = Duration::from_millis(500);
/// How much longer than it says an incident may take until there is enough to see.
const LATE: Duration = Duration::from_secs(60);

/// Tells of each, and returns whether all were shown. An interrupt ends the one under way.
///
/// # Errors
/// When the console does not answer, or an incident does not come to where it can be answered.
pub async fn run(api: &Api, seed: u64, fast: bool, output: &Output) -> anyhow::Result<bool> {
    let mut interrupt = Interrupt::new().context("listening for signals")?;
    tokio::select! {
        outcome = each(api, seed, fast, output) => outcome,
        () = interrupt.next() => {
            api.post("/stop", json!({})).await?;
            bail!("interrupted");
        }
    }
}

async fn each(api: &Api, seed: u64, fast: bool, output: &Output) -> anyhow::Result<bool> {
    let list = api.get("/scenarios").await?;
    let scenarios = list["scenarios"].as_array().cloned().unwrap_or_default();
    let mut all = !scenarios.is_empty();
    for scenario in &scenarios {
        let name = &scenario["name"];
        let begun = api.post("/run", json!({ "name": name, "seed": seed, "fast": fast })).await?;
        open(api, begun).await?;
        let solution = api.post("/reveal", json!({})).await?;
        let shown = solution["shown"] == true;
        all &= shown;
        let verdict = if shown { "shown" } else { "NOT SHOWN by telemetry" };
        output.print(format!("{verdict}: {}\n", show::line(&solution))).await;
    }
    Ok(all)
}

/// Waits until the incident can be answered.
async fn open(api: &Api, mut state: Value) -> anyhow::Result<()> {
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
    Ok(())
}
