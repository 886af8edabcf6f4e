//! An incident's life, but for what telemetry tells of it.

use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use incidents::control::{Kind, Load, Spec};
use incidents::{Cause, Pace, Refusal, Run, SCENARIOS, Status, Wish};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::time::timeout;

use crate::lab::{StandIn, eventually, http};

const ONSET: Duration = Duration::from_millis(1_200);
const READY: Duration = Duration::from_millis(2_400);
const LIMIT: Duration = Duration::from_millis(4_500);
/// For as long somebody waits who then goes away.
const BRIEF: Duration = Duration::from_millis(500);

/// Seconds for what takes a person minutes.
fn quick(_: bool) -> Pace {
    Pace {
        settled: Duration::ZERO,
        onset: (ONSET, ONSET),
        ready: READY,
        limit: LIMIT,
        tolerance: Duration::from_secs(1),
        on_its_way: Duration::ZERO,
        rate: 20.0,
    }
}

/// The faults that strike something.
fn striking(lab: &StandIn) -> Vec<(usize, Value)> {
    let of_services = lab.there().into_iter().enumerate();
    let all = of_services.flat_map(|(at, faults)| faults.into_iter().map(move |it| (at, it)));
    all.filter(|(_, fault)| fault["ratio"].as_f64().is_none_or(|it| it > 0.001)).collect()
}

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
    // The onset, when all begins anyhow, is a minute away.
    incidents.run(Run { fast: false, ..run("retry-storm", 1, true) }).await.unwrap();
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
async fn a_fault_whose_begin_was_never_answered_is_ended_all_the_same() {
    let lab = StandIn::start().await;
    let incidents = lab.incidents();
    incidents.run(Run { fast: false, ..run("cache-lost", 1, true) }).await.unwrap();
    let hidden = Spec { hidden: true, ..Spec::new(Kind::NPlusOne) };
    lab.faults[2].begin(&hidden).await.unwrap();
    eventually("it is ended meanwhile", || lab.counts() == [2; 4]).await;
    lab.faults[2].begin(&hidden).await.unwrap();
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
        for of_its_own in ["began", "normal_until", "ready", "ready_in", "shop", "order"] {
            assert!(!incident[of_its_own].take().is_null(), "{of_its_own}");
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

#[tokio::test(flavor = "multi_thread")]
async fn the_trouble_comes_at_its_time_where_the_solution_says_and_stays() {
    let lab = StandIn::start().await;
    let incidents = lab.incidents_paced(quick);
    let began = Instant::now();
    incidents.run(run("n-plus-one", 1, true)).await.unwrap();
    assert_eq!((lab.counts(), striking(&lab)), (vec![2; 4], Vec::new()));
    eventually("the trouble is there", || !striking(&lab).is_empty()).await;
    assert!(began.elapsed() >= ONSET, "{:?}", began.elapsed());
    while let Err(refused) = incidents.answer(&nothing()).await {
        assert!(refused.to_string().starts_with("there is not enough to see yet"), "{refused}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert!(began.elapsed() >= READY, "{:?}", began.elapsed());
    assert_eq!(incidents.state().status, Status::Open);
    assert_eq!(lab.counts(), [2; 4]);
    let faults = striking(&lab);
    // Nobody has the spans.
    assert!(matches!(incidents.reveal().await.unwrap_err(), Refusal::Traces(_)));
    let solution = incidents.state().incident.unwrap().solution.unwrap();
    let [(at, fault)] = &faults[..] else { panic!("{faults:?}") };
    assert_eq!(["app-a", "app-b", "app-c", "app-d"][*at], solution.service.unwrap());
    assert_eq!(fault["operation"], solution.operation.unwrap());
    assert_eq!((&fault["kind"], solution.cause), (&json!("n_plus_one"), Cause::NPlusOne));
    let since = humantime::parse_rfc3339(&solution.since.unwrap()).unwrap();
    let shown = incidents.state().incident.unwrap();
    let offset = since.duration_since(humantime::parse_rfc3339(&shown.began).unwrap()).unwrap();
    assert!((1..=3).contains(&offset.as_secs()), "{offset:?}");
    assert_eq!(lab.counts(), [0; 4]);
}

#[tokio::test(flavor = "multi_thread")]
async fn where_nothing_goes_wrong_lists_of_faults_change_at_that_time_all_the_same() {
    let lab = StandIn::start().await;
    let incidents = lab.incidents_paced(quick);
    incidents.run(run("n-plus-one", 2, true)).await.unwrap();
    let ids = || lab.services.iter().map(|it| it.ids()).collect::<Vec<_>>();
    assert_eq!(ids(), vec![vec![1, 2]; 4]);
    eventually("it can be answered", || incidents.state().status == Status::Open).await;
    assert_eq!((ids(), striking(&lab)), (vec![vec![1, 3]; 4], Vec::new()));
    incidents.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_nobody_answers_ends_in_its_time_and_can_still_be_answered() {
    let lab = StandIn::start().await;
    let incidents = lab.incidents_paced(quick);
    let began = Instant::now();
    incidents.run(run("cache-lost", 1, true)).await.unwrap();
    eventually("it is over", || incidents.state().status == Status::Over).await;
    assert!(began.elapsed() >= LIMIT, "{:?}", began.elapsed());
    eventually("nothing is left", || lab.counts() == [0; 4] && lab.load_is().0 == 2.0).await;
    let marked = incidents.answer(&nothing()).await.unwrap();
    assert!(
        !marked.right && marked.fields[0].why.starts_with("something did change"),
        "{marked:?}"
    );
    let incident = incidents.state().incident.unwrap();
    assert_eq!((incident.name, incident.tries), (None, 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_stopped_after_there_was_enough_to_see_can_still_be_answered() {
    let lab = StandIn::start().await;
    let incidents = lab.incidents_paced(quick);
    incidents.run(run("cache-lost", 1, true)).await.unwrap();
    eventually("it can be answered", || incidents.state().status == Status::Open).await;
    assert_eq!(incidents.stop().await.status, Status::Stopped);
    assert!(!incidents.answer(&nothing()).await.unwrap().right);
    let slow = Wish {
        cause: "slow".to_owned(),
        service: "app-a".to_owned(),
        operation: "GET /".to_owned(),
        since: "20:15:30".to_owned(),
        affected: "gold".to_owned(),
    };
    // What nobody can mark counts for nothing.
    assert!(matches!(incidents.answer(&slow).await.unwrap_err(), Refusal::Traces(_)));
    assert_eq!(incidents.state().incident.unwrap().tries, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_that_are_begun_at_once_one_begins() {
    let lab = StandIn::start().await;
    let incidents = lab.incidents();
    let (one, other) = tokio::join!(
        incidents.run(run("cache-lost", 1, true)),
        incidents.run(run("n-plus-one", 1, true))
    );
    assert!(one.is_ok() != other.is_ok(), "{one:?} {other:?}");
    assert_eq!(lab.counts(), [2; 4]);
    incidents.stop().await;
    assert_eq!((lab.counts(), lab.load_is()), (vec![0; 4], (2.0, String::new())));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_load_that_is_gone_is_told_and_one_that_is_started_anew_is_set_again() {
    let lab = StandIn::start().await;
    let incidents = lab.incidents();
    incidents.run(Run { fast: false, ..run("cache-lost", 1, true) }).await.unwrap();
    let wanted = lab.load_is();
    let problem = || incidents.state().incident.unwrap().problem;
    assert_eq!(problem(), None);
    lab.set.is_gone.store(true, Ordering::Relaxed);
    eventually("it is told", || problem().is_some_and(|it| it.contains("it is gone"))).await;
    *lab.set.to.lock().unwrap() = (2.0, String::new());
    lab.set.is_gone.store(false, Ordering::Relaxed);
    eventually("it is set again", || lab.load_is() == wanted && problem().is_none()).await;
    incidents.stop().await;
    // What it was before the incident, not what it was when it was started anew.
    assert_eq!(lab.load_is(), (2.0, String::new()));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_service_that_is_away_at_the_onset_has_it_begin_later() {
    let lab = StandIn::start().await;
    let incidents = lab.incidents_paced(quick);
    incidents.run(run("cache-lost", 1, true)).await.unwrap();
    *lab.services[0].refusal.lock().unwrap() = Some((503, "it is starting"));
    tokio::time::sleep(READY).await;
    assert_eq!(incidents.state().status, Status::Begun);
    let early = incidents.answer(&nothing()).await.unwrap_err().to_string();
    assert!(early.starts_with("there is not enough to see yet"), "{early}");
    *lab.services[0].refusal.lock().unwrap() = None;
    let back = Instant::now();
    eventually("it can be answered", || incidents.state().status == Status::Open).await;
    // As long after it as ever.
    assert!(back.elapsed() >= READY - ONSET, "{:?}", back.elapsed());
    incidents.stop().await;
    assert_eq!(lab.counts(), [0; 4]);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_end_of_the_process_waits_for_nobody_who_is_gone() {
    let lab = StandIn::start().await;
    let incidents = lab.incidents();
    incidents.run(run("cache-lost", 1, true)).await.unwrap();
    *lab.services[2].refusal.lock().unwrap() = Some((503, "it ends, too"));
    lab.set.is_gone.store(true, Ordering::Relaxed);
    let began = Instant::now();
    incidents.shut_down().await;
    assert!(began.elapsed() < Duration::from_secs(8), "{:?}", began.elapsed());
    assert_eq!(lab.counts(), [0, 0, 2, 0]);
    let problem = incidents.state().incident.unwrap().problem.unwrap();
    assert!(problem.contains("its faults end at "), "{problem}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_begin_ends_though_nobody_waits_for_it_any_more() {
    let lab = StandIn::start().await;
    // It takes connections, and never answers.
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", silent.local_addr().unwrap());
    let incidents = lab.incidents_with(Load::new(&url, http()));
    let gone = timeout(BRIEF, incidents.run(run("cache-lost", 1, true))).await;
    assert!(gone.is_err(), "{gone:?}");
    eventually("it has failed", || incidents.state().status == Status::Failed).await;
    let problem = incidents.state().incident.unwrap().problem.unwrap();
    assert!(problem.contains(&format!("of the load at {url}: ")), "{problem}");
    let answered = incidents.answer(&nothing()).await.unwrap_err().to_string();
    assert_eq!(answered, "it ended before there was enough to see");
    assert_eq!(lab.counts(), [0; 4]);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_end_goes_on_though_nobody_waits_for_it_and_no_other_one_begins_meanwhile() {
    let lab = StandIn::start().await;
    let incidents = lab.incidents();
    incidents.run(run("cache-lost", 1, true)).await.unwrap();
    lab.set.is_gone.store(true, Ordering::Relaxed);
    let gone = timeout(BRIEF, incidents.stop()).await;
    assert!(gone.is_err(), "{gone:?}");
    eventually("its faults are gone", || lab.counts() == [0; 4]).await;
    assert_eq!(incidents.state().status, Status::Stopped);
    lab.set.is_gone.store(false, Ordering::Relaxed);
    let refused = incidents.run(run("n-plus-one", 1, true)).await.unwrap_err().to_string();
    let expected = "the last incident's faults and load are not put right yet: ";
    assert!(refused.starts_with(expected) && refused.contains("it is gone"), "{refused}");
    eventually("the load is what it was", || lab.load_is() == (2.0, String::new())).await;
    while let Err(refused) = incidents.run(run("n-plus-one", 1, true)).await {
        assert!(refused.to_string().starts_with("the last incident's faults"), "{refused}");
    }
    assert_eq!(lab.counts(), [2; 4]);
    incidents.stop().await;
    assert_eq!((lab.counts(), lab.load_is()), (vec![0; 4], (2.0, String::new())));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_revealed_is_told_though_nobody_waited_until_it_had_ended() {
    let lab = StandIn::start().await;
    let incidents = lab.incidents();
    incidents.run(run("cache-lost", 1, true)).await.unwrap();
    lab.set.is_gone.store(true, Ordering::Relaxed);
    let gone = timeout(BRIEF, incidents.reveal()).await;
    assert!(gone.is_err(), "{gone:?}");
    let state = incidents.state();
    assert_eq!(state.status, Status::Revealed);
    assert_eq!(state.incident.unwrap().solution.unwrap().name, "cache-lost");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_service_that_is_away_at_the_end_is_put_right_when_it_is_back_and_nothing_else_again() {
    let lab = StandIn::start().await;
    let incidents = lab.incidents();
    incidents.run(run("cache-lost", 1, true)).await.unwrap();
    *lab.services[2].refusal.lock().unwrap() = Some((503, "it hangs"));
    // Whoever ends it has gone away by then.
    incidents.shut_down().await;
    let problem = || incidents.state().incident.unwrap().problem;
    assert!(problem().is_some_and(|it| it.contains("it hangs")), "{:?}", problem());
    assert_eq!((lab.counts(), lab.load_is().0), (vec![0, 0, 2, 0], 2.0));
    let other = lab.faults[0].begin(&Spec { hidden: true, ..Spec::new(Kind::CacheOff) }).await;
    lab.load.change(Some(5.0), None).await.unwrap();
    *lab.services[2].refusal.lock().unwrap() = None;
    eventually("it is put right", || problem().is_none()).await;
    assert_eq!((lab.counts(), lab.load_is().0), (vec![1, 0, 0, 0], 5.0));
    lab.faults[0].end(other.unwrap()).await.unwrap();
    assert_eq!(incidents.state().status, Status::Stopped);
}
