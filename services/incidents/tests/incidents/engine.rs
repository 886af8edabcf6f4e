//! An incident's life, but for what telemetry tells of it.

use incidents::control::{Kind, Load, Spec};
use incidents::{Refusal, Run, SCENARIOS, Status, Wish};
use serde_json::json;

use crate::lab::{StandIn, eventually, http};

fn run(name: &str, seed: u64, blind: bool) -> Run {
    Run { name: Some(name.to_owned()), seed: Some(seed), blind, fast: true }
}

fn nothing() -> Wish {
    Wish { cause: "nothing".to_owned(), ..Wish::default() }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_incident_sets_load_and_faults_and_puts_all_back_when_it_is_stopped() {
    let lab = StandIn::start().await;
    let incidents = lab.incidents();
    assert_eq!(incidents.state().status, Status::Idle);
    let state = incidents.run(run("cache-lost", 1, false)).await.unwrap();
    assert_eq!(state.status, Status::Begun);
    assert_eq!(state.incident.unwrap().name, Some("cache-lost"));
    let (rate, mix) = lab.load_is();
    assert!(rate > 2.0 && mix.starts_with("POST app-") && mix.contains("/orders:8,"), "{mix}");
    // Everywhere, so that a list tells nothing.
    assert_eq!(lab.counts(), [2; 4]);
    for fault in lab.there().concat() {
        assert!(fault["hidden"] == true && fault["until"].is_string(), "{fault}");
    }
    assert_eq!(incidents.stop().await.status, Status::Stopped);
    assert_eq!(lab.counts(), [0; 4]);
    assert_eq!(lab.load_is(), (2.0, String::new()));
}

#[tokio::test(flavor = "multi_thread")]
async fn one_at_a_time_and_none_beside_a_fault_of_others() {
    let lab = StandIn::start().await;
    let incidents = lab.incidents();
    lab.faults[3].begin(&Spec::new(Kind::CacheOff)).await.unwrap();
    let refused = incidents.run(run("cache-lost", 1, false)).await.unwrap_err().to_string();
    assert!(refused.starts_with("app-d has 1 faults that somebody else has begun"), "{refused}");
    assert_eq!((lab.counts(), lab.load_is().0), (vec![0, 0, 0, 1], 2.0));
    lab.faults[3].end_all().await.unwrap();

    incidents.run(run("cache-lost", 1, false)).await.unwrap();
    let refused = incidents.run(run("cache-lost", 2, false)).await.unwrap_err().to_string();
    assert!(refused.starts_with("there is an incident already"), "{refused}");
    incidents.stop().await;
    incidents.run(run("cache-lost", 2, false)).await.unwrap();
    incidents.shut_down().await;
    assert_eq!((lab.counts(), lab.load_is().0), (vec![0; 4], 2.0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_service_that_is_started_anew_has_its_faults_again() {
    let lab = StandIn::start().await;
    let incidents = lab.incidents();
    incidents.run(run("retry-storm", 1, true)).await.unwrap();
    // Part of the baseline, so that it is there before the onset.
    let is_storm = || lab.there().concat().iter().any(|it| it["operation"] == "POST /payments");
    assert!(is_storm());
    for round in 0..2 {
        for service in &lab.services {
            service.faults.lock().unwrap().clear();
        }
        if round == 0 {
            *lab.services[1].refusal.lock().unwrap() = Some((503, "it is starting"));
        }
        let all =
            || lab.counts().iter().enumerate().all(|(at, it)| *it == 2 || (at, round) == (1, 0));
        eventually("the faults are there again", all).await;
        *lab.services[1].refusal.lock().unwrap() = None;
    }
    eventually("all of them", || lab.counts() == [2; 4] && is_storm()).await;
    incidents.stop().await;
    assert_eq!(lab.counts(), [0; 4]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_begin_leaves_everything_as_it_was() {
    let lab = StandIn::start().await;
    let nobody = lab.incidents_with(Load::new("http://127.0.0.1:1", http()));
    let refused = nobody.run(run("cache-lost", 1, false)).await.unwrap_err();
    assert!(matches!(refused, Refusal::Control(_)), "{refused}");
    assert_eq!(nobody.state().status, Status::Idle);
    assert_eq!(lab.counts(), [0; 4]);

    let incidents = lab.incidents();
    *lab.services[3].refusal.lock().unwrap() = Some((401, "expected the admin token"));
    let refused = incidents.run(run("cache-lost", 1, false)).await.unwrap_err().to_string();
    assert!(refused.contains("of app-d at http") && refused.contains("admin token"), "{refused}");
    assert_eq!((lab.counts(), lab.load_is().0), (vec![0; 4], 2.0));
    let unknown = incidents.run(run("cache", 1, false)).await.unwrap_err();
    assert!(unknown.to_string().starts_with("there is no scenario cache:"), "{unknown}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_comes_too_early_or_makes_no_sense_counts_for_nothing() {
    let lab = StandIn::start().await;
    let incidents = lab.incidents();
    let none = incidents.answer(&nothing()).await.unwrap_err().to_string();
    assert!(none.starts_with("there is no incident"), "{none}");
    incidents.run(run("cache-lost", 1, true)).await.unwrap();
    let early = incidents.answer(&nothing()).await.unwrap_err().to_string();
    assert!(early.starts_with("there is not enough to see yet: answer in "), "{early}");
    let invalid = incidents.answer(&Wish::default()).await.unwrap_err();
    assert!(matches!(invalid, Refusal::Invalid(_)), "{invalid}");
    incidents.stop().await;
    let late = incidents.answer(&nothing()).await.unwrap_err().to_string();
    assert_eq!(late, "it ended before there was enough to see");
    assert_eq!(incidents.state().incident.unwrap().tries, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn blind_incidents_tell_nothing_but_their_shop_and_times_until_they_are_revealed() {
    let lab = StandIn::start().await;
    let incidents = lab.incidents();
    let mut told = Vec::new();
    for scenario in &SCENARIOS {
        incidents.run(run(scenario.name, 3, true)).await.unwrap();
        let mut state = json!(incidents.state());
        let incident = &mut state["incident"];
        for of_time in ["began", "ready", "ready_in"] {
            incident[of_time].take();
        }
        let story = incident["story"].as_str().unwrap();
        let at = story.find("app-").unwrap();
        incident["story"] = json!(story.replace(&story[at..at + 5], "SHOP"));
        told.push(state);
        // Not before it is asked for, though it has ended.
        let stopped = json!(incidents.stop().await);
        assert_eq!(stopped["incident"]["name"], json!(null));
        let solution = incidents.reveal().await.unwrap();
        assert_eq!((solution.name, solution.seed), (scenario.name, 3));
        assert_eq!(incidents.state().status, Status::Revealed);
        let known = json!(incidents.state());
        assert_eq!(known["incident"]["name"], scenario.name);
    }
    assert!(told.iter().all(|state| *state == told[0]), "{told:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn hints_come_one_by_one() {
    let lab = StandIn::start().await;
    let incidents = lab.incidents();
    assert!(incidents.hint().await.is_err());
    incidents.run(run("n-plus-one", 1, true)).await.unwrap();
    let mut counts = Vec::new();
    for _ in 0..4 {
        let incident = incidents.hint().await.unwrap().incident.unwrap();
        assert_eq!(incident.hints_in_all, 3);
        counts.push(incident.hints.len());
    }
    assert_eq!(counts, [1, 2, 3, 3]);
    incidents.stop().await;
}
