//! Incidents in a running lab: a program that knows none of them finds each, its answer is marked as
//! right, others that are plausible are refused with the reason, and nothing else tells what it is.

mod diagnosis;
mod lab;

use std::time::{Duration, SystemTime};

use anyhow::{Context, ensure};
use incidents::control::{Kind, Spec};
use serde_json::{Value, json};
use tokio::time::{Instant, sleep};

use diagnosis::{Diagnosis, diagnose};
use lab::{Lab, Open};

const POLL_INTERVAL: Duration = Duration::from_millis(500);

fn answer(found: Option<&Diagnosis>) -> Value {
    match found {
        None => json!({ "cause": "nothing" }),
        Some(found) => json!({
            "cause": found.cause,
            "service": found.service,
            "operation": found.operation,
            "since": rfc3339(found.since),
            "affected": found.affected,
        }),
    }
}

fn rfc3339(time: SystemTime) -> String {
    humantime::format_rfc3339_seconds(time).to_string()
}

/// Wrong answers that somebody may give who has looked, each with the field that it is wrong in and
/// with what the reason must say.
fn plausible(found: &Diagnosis, open: &Open) -> Vec<(&'static str, &'static str, Value)> {
    let right = answer(Some(found));
    let with = |changes: &[(&str, &str)]| {
        let mut wrong = right.clone();
        for (field, value) in changes {
            wrong[*field] = json!(value);
        }
        wrong
    };
    let tier = if found.affected == "gold" { "silver" } else { "gold" };
    let cause = if found.cause == "slow" { "slow-database" } else { "slow" };
    let early = found.since - Duration::from_secs(2 * open.tolerance + 2);
    let mut wrong = vec![
        ("affected", "silver: ", with(&[("affected", tier)])),
        ("cause", " before, ", with(&[("cause", cause)])),
        ("cause", " before, ", with(&[("cause", "more-requests")])),
        ("cause", "something did change", json!({ "cause": "nothing" })),
        ("since", "nothing began within", with(&[("since", &rfc3339(early))])),
        ("operation", "", with(&[("operation", "GET /chain")])),
    ];
    // Whoever is seen to suffer is not to blame.
    if found.service != open.shop {
        let why = match found.cause {
            "errors" => "have an error below",
            "slow" | "slow-database" => "it takes longer since what it asks does",
            "lost-context" => "goes on in another trace",
            _ => "",
        };
        wrong.push((
            "service",
            why,
            with(&[("service", &open.shop), ("operation", "POST /orders")]),
        ));
    }
    wrong
}

/// The same of a false alarm, where somebody may blame the shop.
fn guessed(open: &Open) -> Vec<(&'static str, &'static str, Value)> {
    let guess = |cause: &str, affected: &str| {
        json!({
            "cause": cause,
            "service": open.shop,
            "operation": "POST /orders",
            "since": rfc3339(open.began + Duration::from_secs(2 * open.tolerance)),
            "affected": affected,
        })
    };
    vec![
        ("service", "", guess("slow", "gold")),
        ("cause", "That is no change", guess("more-requests", "everyone")),
        ("since", "nothing began within", guess("errors", "silver")),
        ("affected", "of the operation that was named, bronze: ", guess("slow", "bronze")),
    ]
}

/// Wrong whatever the incident is, but perhaps for whom.
fn nonsense(open: &Open) -> Value {
    json!({
        "cause": "more-requests",
        "service": "app-x",
        "operation": "GET /nothing",
        "since": rfc3339(open.began),
        "affected": "gold",
    })
}

/// Checks that of the answer this field is wrong, and what the reason says.
fn is_refused(marked: &Value, field: &str, reason: &str) -> anyhow::Result<()> {
    let mut fields = marked["fields"].as_array().context("finding the fields")?.iter();
    let found = fields.find(|it| it["field"] == field && it["right"] == false);
    let found = found.with_context(|| format!("{field} is marked right: {marked:#}"))?;
    let why = found["why"].as_str().unwrap_or_default();
    ensure!(marked["right"] == false && why.len() > 20 && why.contains(reason), "{marked:#}");
    Ok(())
}

/// What came of an incident.
struct Solved {
    is_nothing: bool,
    /// What was told of an answer that is nonsense.
    nonsense: Vec<Value>,
}

/// Runs an incident, and has it diagnosed and answered, wrong at first.
async fn find_out(lab: &Lab, name: &str, seed: u64) -> anyhow::Result<Solved> {
    let outcome = solve(lab, name, seed).await;
    lab.post("/stop", json!({})).await?;
    lab.is_as_before().await?;
    outcome.with_context(|| format!("{name} with seed {seed}"))
}

async fn solve(lab: &Lab, name: &str, seed: u64) -> anyhow::Result<Solved> {
    let open = lab.begin(name, seed).await?;
    lab.tells_nothing().await?;
    let found = diagnose(&lab.storage()?, open.began).await?;
    let marked = lab.post("/answer", nonsense(&open)).await?;
    is_refused(&marked, "service", "no request for GET /nothing at app-x")?;
    let fields = marked["fields"].as_array().context("finding the fields")?;
    let nonsense = fields.iter().map(|it| it["why"].clone()).collect();
    let wrong = found.as_ref().map_or_else(|| guessed(&open), |found| plausible(found, &open));
    for (field, why, wrong) in wrong {
        let marked = lab.post("/answer", wrong.clone()).await?;
        is_refused(&marked, field, why).with_context(|| wrong.to_string())?;
    }
    let marked = lab.post("/answer", answer(found.as_ref())).await?;
    let solution = lab.post("/reveal", json!({})).await?;
    ensure!(
        marked["right"] == true,
        "it is {}\nfound was {}\n{:#}\n{}",
        solution["explanation"],
        answer(found.as_ref()),
        marked["fields"],
        found.as_ref().map_or("no suspect", |found| &found.why)
    );
    ensure!(solution["shown"] == true, "telemetry does not show {solution:#}");
    println!("{name} {seed}: {:?} found, and shown", found.as_ref().map(|it| it.cause));
    Ok(Solved { is_nothing: found.is_none(), nonsense })
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs the programs of others; run by .ci/run"]
async fn an_incident_is_found_by_telemetry_alone_and_nothing_else_tells_which_it_is()
-> anyhow::Result<()> {
    let lab = Lab::up().await?;
    let solved = [
        find_out(&lab, "failing-payments", 1).await?,
        find_out(&lab, "cache-lost", 5).await?,
        find_out(&lab, "retry-storm", 3).await?,
    ];
    let is_nothing = solved.each_ref().map(|it| it.is_nothing);
    ensure!(is_nothing == [false, true, false], "{is_nothing:?}");
    let [one, false_alarm, other] = solved.map(|it| it.nonsense);
    ensure!(one == false_alarm && one == other, "{one:?}\n{false_alarm:?}\n{other:?}");
    Ok(())
}

mod full {
    use super::*;

    #[tokio::test(flavor = "multi_thread")]
    #[ignore = "takes half an hour; run by .ci/full"]
    async fn five_incidents_of_each_kind_are_found_one_of_which_is_none() -> anyhow::Result<()> {
        let lab = Lab::up().await?;
        let mut problems = Vec::new();
        for name in lab.scenarios().await? {
            let mut nothing = 0;
            for seed in 1..=5 {
                match find_out(&lab, &name, seed).await {
                    Ok(solved) => nothing += u32::from(solved.is_nothing),
                    Err(problem) => {
                        println!("{problem:#}");
                        problems.push(format!("{problem:#}"));
                    }
                }
            }
            println!("{name}: nothing was wrong in {nothing} of 5");
            if nothing != 1 {
                problems.push(format!("{name}: nothing was wrong in {nothing} of 5"));
            }
        }
        ensure!(problems.is_empty(), "{}", problems.join("\n\n"));
        Ok(())
    }
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs the programs of others; run by .ci/run"]
async fn an_incident_leaves_a_lab_as_it_was_and_begins_beside_no_fault_of_others()
-> anyhow::Result<()> {
    let lab = Lab::up().await?;
    let run = || lab.post("/run", json!({ "name": "cache-lost", "fast": true }));

    let other = lab.faults()[2].begin(&Spec::new(Kind::CacheOff)).await?;
    let refused = run().await.err().context("it began beside another's fault")?;
    ensure!(refused.to_string().contains("app-c has 1 faults that somebody else"), "{refused}");
    lab.faults()[2].end(other).await?;

    run().await?;
    ensure!(run().await.is_err(), "two at one time");
    let early = lab.post("/answer", answer(None)).await.err().context("it is too early")?;
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
    lab.post("/stop", json!({})).await?;
    lab.is_as_before().await
}
