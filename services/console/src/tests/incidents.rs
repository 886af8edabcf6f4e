//! An incident on its page, in a lab that the test plays.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};

use axum::extract::{Form, Path, State};
use axum::http::StatusCode;
use axum::routing::{delete, get};
use axum::{Json, Router};
use serde_json::{Value, json};

use super::stand::{Page, Stand, serve, text};
use crate::config::Service;

/// What a service was told to have go wrong.
type Faults = Arc<Mutex<Vec<Value>>>;

async fn admin(faults: Faults) -> String {
    let list = async |State(faults): State<Faults>| {
        let hide = |fault: &Value| json!({ "id": fault["id"], "hidden": true });
        let listed: Vec<Value> = faults.lock().unwrap().iter().map(hide).collect();
        Json(json!({ "service": "it", "version": null, "faults": listed }))
    };
    let begin = async |State(faults): State<Faults>, Json(mut fault): Json<Value>| {
        let mut faults = faults.lock().unwrap();
        let id = faults.len() as u64 + 1;
        fault["id"] = id.into();
        faults.push(fault);
        (StatusCode::CREATED, Json(json!({ "id": id })))
    };
    let end = async |State(faults): State<Faults>, Path(id): Path<u64>| {
        faults.lock().unwrap().retain(|fault| fault["id"] != id);
        StatusCode::NO_CONTENT
    };
    let router = Router::new()
        .route("/faults", get(list).post(begin))
        .route("/faults/{id}", delete(end))
        .with_state(faults);
    serve(router).await
}

type Set = Arc<Mutex<Vec<(String, String)>>>;

async fn load() -> String {
    async fn figures(State(set): State<Set>) -> Json<Value> {
        let set = set.lock().unwrap();
        let last =
            |name: &str| set.iter().rev().find(|(it, _)| it == name).map(|(_, it)| it.clone());
        let rate: f64 = last("rate").map_or(2.0, |rate| rate.parse().unwrap());
        let none = json!({"p50": null, "p90": null, "p99": null, "p99_9": null, "max": null});
        Json(json!({
            "rate": rate, "mix": last("mix").unwrap_or_default(), "seconds": 1.0, "left_out": 0,
            "paused": 0, "under_way": 0, "requests": 0, "failed": 0, "outcomes": {},
            "latency_ms": none, "paths": [], "slowest": [], "failures": [],
        }))
    }
    async fn change(
        State(set): State<Set>,
        Form(changes): Form<Vec<(String, String)>>,
    ) -> Json<Value> {
        set.lock().unwrap().extend(changes);
        figures(State(set)).await
    }
    serve(Router::new().route("/", get(figures).post(change)).with_state(Set::default())).await
}

async fn stand() -> (Stand, Vec<Faults>) {
    let all: Vec<Faults> = (0..4).map(|_| Faults::default()).collect();
    let mut services = Vec::new();
    for (name, faults) in ["app-a", "app-b", "app-c", "app-d"].into_iter().zip(&all) {
        let url = "http://127.0.0.1:9".to_owned();
        services.push(Service { name: name.to_owned(), url, admin: admin(faults.clone()).await });
    }
    let load = load().await;
    let stand = Stand::with(|config| {
        config.services = services;
        config.admin_token = Some("secret".to_owned());
        config.load = Some(load);
    });
    (stand.await, all)
}

fn is_whole(page: &Page) {
    let ids = page.each("[id]", "id");
    assert_eq!(ids.iter().collect::<BTreeSet<_>>().len(), ids.len(), "{ids:?}");
    for control in page.all("input:not([type=hidden]), select") {
        let id = control.attr("id").unwrap();
        page.one(&format!("label[for={id}]"));
    }
    for name in page.each("[aria-labelledby]", "aria-labelledby") {
        page.one(&format!("#{name}"));
    }
    assert_eq!(page.all("h1").len(), 1);
}

#[tokio::test]
async fn who_comes_first_is_told_how_it_goes_and_begins_one_that_is_blind() {
    let (stand, _) = stand().await;
    let page = stand.page("/incidents").await;
    is_whole(&page);
    for expected in ["on purpose", "How it goes", "After four minutes there is enough to see"] {
        assert!(page.text().contains(expected), "{expected}: {}", page.text());
    }
    assert!(page.one("#blind").attr("checked").is_some());
    assert!(page.all("form[action='/incidents/answer']").is_empty());
}

#[tokio::test]
async fn an_incident_tells_its_story_where_to_look_and_what_to_say_but_not_what_it_is() {
    let (stand, faults) = stand().await;
    let begun = stand.post("/incidents/run", "name=retry-storm&seed=1&blind=1&fast=1").await;
    assert_eq!(begun.location(), "/incidents");
    let page = stand.page("/incidents").await;
    is_whole(&page);
    let told = page.text();
    for expected in
        ["Somebody says", "Where to look", "An order at app-d asks app-b", "Your answer"]
    {
        assert!(told.contains(expected), "{expected}: {told}");
    }
    // But for the word of an answer, which is there whatever it is.
    assert_eq!(page.0.html().matches("retry-storm").count(), 2, "{}", page.0.html());
    assert!(text(page.one("[role=status]")).contains("there is enough to see in"), "{told}");
    let links = page.each("ol.steps a", "href");
    let early = links.iter().find(|link| link.contains("until=")).unwrap();
    assert!(early.contains("service=app-d&operation=POST%20%2Forders"), "{early}");
    for link in &links {
        assert_eq!(stand.get(link).await.status, StatusCode::OK, "{link}");
    }
    assert_eq!(page.each("#service option", "value"), ["", "app-a", "app-b", "app-c", "app-d"]);
    assert_eq!(page.all("#cause option").len(), 10);
    assert!(page.all("form[action='/incidents/run']").is_empty());

    let hidden = "There are hidden ones, too: an incident is under way";
    let page = stand.page("/faults").await;
    assert!(page.text().contains(hidden), "{}", page.text());

    stand.post("/incidents/stop", "").await.location();
    assert!(faults.iter().all(|faults| faults.lock().unwrap().is_empty()));
}

#[tokio::test]
async fn an_answer_that_counts_for_nothing_is_still_in_the_form_beside_the_reason() {
    let (stand, _) = stand().await;
    stand.post("/incidents/run", "blind=1&fast=1").await.location();
    for (fields, status, problem) in [
        ("cause=nothing", StatusCode::CONFLICT, "there is not enough to see yet: answer in "),
        ("cause=slow&service=app-b", StatusCode::BAD_REQUEST, "operation: it is missing"),
        ("cause=&service=app-b", StatusCode::BAD_REQUEST, "cause: it is missing"),
        (
            "cause=slow&service=app-b&operation=%3Cb%3E&since=%3Ci%3E&affected=gold",
            StatusCode::BAD_REQUEST,
            "since: <i> is no time such as",
        ),
    ] {
        let answer = stand.post("/incidents/answer", fields).await;
        assert_eq!(answer.status, status, "{fields}");
        let page = answer.page();
        is_whole(&page);
        let told = text(page.one("p.problem"));
        assert!(told.contains(problem), "{fields}: {told}");
        let chosen = page.each("#cause option[selected]", "value").concat();
        assert!(fields.starts_with(&format!("cause={chosen}")), "{fields}: {chosen}");
        if fields.contains("service") {
            assert_eq!(page.one("#service option[selected]").attr("value"), Some("app-b"));
        }
    }
}

#[tokio::test]
async fn hints_come_one_by_one_and_the_solution_when_it_is_asked_for() {
    let (stand, _) = stand().await;
    stand.post("/incidents/run", "name=n-plus-one&seed=1&fast=1").await.location();
    for hints in 1..=3 {
        assert_eq!(stand.post("/incidents/hint", "").await.location(), "/incidents");
        let page = stand.page("/incidents").await;
        assert_eq!(page.all("section[aria-labelledby=incident] ol > li").len(), hints);
        let more = page.all("form[action='/incidents/hint']").len();
        assert_eq!(more, usize::from(hints < 3));
    }
    assert_eq!(stand.post("/incidents/reveal", "").await.location(), "/incidents");
    let page = stand.page("/incidents").await;
    is_whole(&page);
    let told = text(page.one("section[aria-labelledby=solution]"));
    for expected in ["What it was", "n-plus-one, seed 1", "POST /reservations", "for each thing"] {
        assert!(told.contains(expected), "{expected}: {told}");
    }
    assert!(page.all("form[action='/incidents/answer']").is_empty());
    page.one("form[action='/incidents/run']");
}

#[tokio::test]
async fn programs_are_told_in_json_what_they_may_do() {
    let (stand, _) = stand().await;
    let state: Value = serde_json::from_str(&stand.get("/api/incident").await.body).unwrap();
    assert_eq!(state, json!({ "status": "idle", "incident": null }));
    let list: Value =
        serde_json::from_str(&stand.get("/api/incident/scenarios").await.body).unwrap();
    assert_eq!(list["scenarios"].as_array().unwrap().len(), 8);
    assert_eq!(list["causes"].as_array().unwrap().len(), 9);
}
