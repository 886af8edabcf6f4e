//! Incidents in a running lab: a program that knows none of them finds each, its answer is marked as
//! right, and others that are plausible are refused with the reason.

mod diagnosis;
mod lab;

use std::time::{Duration, SystemTime};

use anyhow::{Context, bail, ensure};
use incidents::control::{Kind, Spec};
use incidents::{Incidents, Marked, Run, SCENARIOS, Shown, State, Status, Wish};
use tokio::time::{Instant, sleep};
use traces::Storage;

use diagnosis::{Diagnosis, diagnose};
use lab::Lab;

const POLL_INTERVAL: Duration = Duration::from_millis(500);

/// Begins a blind incident, and waits until there is enough of it to see.
async fn begin(incidents: &Incidents, name: &str, seed: u64) -> anyhow::Result<Shown> {
    let run = Run { name: Some(name.to_owned()), seed: Some(seed), blind: true, fast: true };
    let state = incidents.run(run).await?;
    let left = state.incident.context("it is told what has begun")?.ready_in;
    let deadline = Instant::now() + Duration::from_secs(left + 30);
    loop {
        let State { status, incident } = incidents.state();
        let incident = incident.context("there is an incident")?;
        match status {
            Status::Open => return Ok(incident),
            Status::Begun if Instant::now() < deadline => sleep(POLL_INTERVAL).await,
            _ => bail!("{status:?}: {:?}", incident.problem),
        }
    }
}

fn wish(found: Option<&Diagnosis>) -> Wish {
    match found {
        None => Wish { cause: "nothing".to_owned(), ..Wish::default() },
        Some(found) => Wish {
            cause: found.cause.to_owned(),
            service: found.service.clone(),
            operation: found.operation.clone(),
            since: rfc3339(found.since),
            affected: found.affected.clone(),
        },
    }
}

fn rfc3339(time: SystemTime) -> String {
    humantime::format_rfc3339_seconds(time).to_string()
}

/// Wrong answers that somebody may give who has looked, and the field that each is wrong in.
fn plausible(found: &Diagnosis, shop: &str) -> Vec<(&'static str, Wish)> {
    let right = wish(Some(found));
    let other_tier = if found.affected == "gold" { "everyone" } else { "gold" };
    let other_cause = if found.cause == "slow" { "slow-database" } else { "slow" };
    let early = rfc3339(found.since - Duration::from_secs(14));
    let mut wrong = vec![
        ("affected", Wish { affected: other_tier.to_owned(), ..right.clone() }),
        ("cause", Wish { cause: other_cause.to_owned(), ..right.clone() }),
        ("since", Wish { since: early, ..right.clone() }),
        ("cause", Wish { cause: "nothing".to_owned(), ..Wish::default() }),
    ];
    // Whoever is seen to suffer is not to blame.
    if found.service != shop {
        let (service, operation) = (shop.to_owned(), "POST /orders".to_owned());
        wrong.push(("service", Wish { service, operation, ..right }));
    }
    wrong
}

/// The reason for which one field of an answer is wrong.
fn reason(marked: &Marked, field: &str) -> anyhow::Result<String> {
    let found = marked.fields.iter().find(|it| it.field == field && !it.right);
    let found = found.with_context(|| format!("{field} is marked right: {marked:?}"))?;
    ensure!(found.why.len() > 20 && !marked.right, "{found:?}");
    Ok(found.why.clone())
}

/// The service of whose orders the story tells.
fn shop(story: &str) -> &str {
    let at = story.find("app-").unwrap_or_default();
    &story[at..at + "app-a".len()]
}

/// Runs an incident, and has it diagnosed and answered. Returns how often it was nothing.
async fn find_out(lab: &Lab, name: &str, seed: u64, also_wrong: bool) -> anyhow::Result<bool> {
    let incidents = lab.incidents()?;
    let outcome = solve(lab, &incidents, name, seed, also_wrong).await;
    incidents.stop().await;
    lab.is_as_before().await?;
    lab.tells_nothing()?;
    outcome
}

async fn solve(
    lab: &Lab,
    incidents: &Incidents,
    name: &str,
    seed: u64,
    also_wrong: bool,
) -> anyhow::Result<bool> {
    let shown = begin(incidents, name, seed).await?;
    let told = serde_json::to_string(&incidents.state())?;
    for kind in Kind::ALL {
        ensure!(!told.contains(kind.name()), "{kind} is told: {told}");
    }
    ensure!(!SCENARIOS.iter().any(|it| told.contains(it.name)), "its name is told: {told}");
    let began = humantime::parse_rfc3339(&shown.began)?;
    let found = diagnose(&Storage::new(&lab.storage())?, began).await?;
    if let Some(found) = found.as_ref().filter(|_| also_wrong) {
        for (field, wrong) in plausible(found, shop(&shown.story)) {
            let marked = incidents.answer(&wrong).await?;
            let why = reason(&marked, field)?;
            println!("{name} {seed}: not {wrong:?}: {why}");
            if field == "service" && found.cause == "errors" {
                ensure!(why.contains("have an error below"), "{why}");
            }
            if field == "service" && found.cause.starts_with("slow") {
                ensure!(why.contains("it takes longer since what it asks does"), "{why}");
            }
        }
    }
    let marked = incidents.answer(&wish(found.as_ref())).await?;
    let solution = incidents.reveal().await?;
    ensure!(
        marked.right,
        "{name} with seed {seed} is {:?}\nfound was {}\n{:#?}\n{}",
        solution.explanation,
        serde_json::json!(wish(found.as_ref())),
        marked.fields,
        found.as_ref().map_or("no suspect", |found| &found.why)
    );
    ensure!(solution.shown == Some(true), "telemetry does not show {solution:#?}");
    println!("{name} {seed}: {:?} found, and shown", found.as_ref().map(|it| it.cause));
    Ok(found.is_none())
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "takes a minute for each kind; run by .ci/run"]
async fn one_incident_of_each_kind_is_found_by_its_telemetry_alone() -> anyhow::Result<()> {
    let lab = Lab::up().await?;
    for (index, scenario) in SCENARIOS.iter().enumerate() {
        find_out(&lab, scenario.name, 1 + index as u64 % 5, true).await?;
    }
    Ok(())
}

mod full {
    use super::*;

    #[tokio::test(flavor = "multi_thread")]
    #[ignore = "takes half an hour; run by .ci/full"]
    async fn five_incidents_of_each_kind_are_found_one_of_which_is_none() -> anyhow::Result<()> {
        let lab = Lab::up().await?;
        let mut problems = Vec::new();
        for scenario in &SCENARIOS {
            let mut nothing = 0;
            for seed in 1..=5 {
                match find_out(&lab, scenario.name, seed, false).await {
                    Ok(is_nothing) => nothing += u32::from(is_nothing),
                    Err(problem) => {
                        println!("{problem:#}");
                        problems.push(format!("{problem:#}"));
                    }
                }
            }
            println!("{}: nothing was wrong in {nothing} of 5", scenario.name);
        }
        ensure!(problems.is_empty(), "{}", problems.join("\n\n"));
        Ok(())
    }
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "brings up a lab; run by .ci/run"]
async fn an_incident_leaves_a_lab_as_it_was_and_begins_beside_no_fault_of_others()
-> anyhow::Result<()> {
    let lab = Lab::up().await?;
    let incidents = lab.incidents()?;
    let run = || Run { name: Some("cache-lost".to_owned()), fast: true, ..Run::default() };

    let other = lab.faults()[2].begin(&Spec::new(Kind::CacheOff)).await?;
    let refused = incidents.run(run()).await.err().context("it began beside another's fault")?;
    ensure!(refused.to_string().contains("app-c has 1 faults that somebody else"), "{refused}");
    lab.faults()[2].end(other).await?;

    incidents.run(run()).await?;
    ensure!(incidents.run(run()).await.is_err(), "two at one time");
    let early = incidents.answer(&wish(None)).await.err().context("it is too early")?;
    ensure!(early.to_string().contains("there is not enough to see yet"), "{early}");
    for faults in lab.faults() {
        let listed = faults.list().await?;
        ensure!(listed.len() == 2 && listed.iter().all(|it| it.hidden && it.spec.is_none()));
        // As if the service had been started anew.
        faults.end_all().await?;
    }
    let deadline = Instant::now() + Duration::from_secs(30);
    for faults in lab.faults() {
        while faults.list().await?.len() != 2 {
            ensure!(Instant::now() < deadline, "they did not begin again");
            sleep(POLL_INTERVAL).await;
        }
    }
    incidents.stop().await;
    lab.is_as_before().await
}
