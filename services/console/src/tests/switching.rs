//! Faults, load and doctor, of parts that the test plays.

use std::sync::{Arc, Mutex};

use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::IntoResponse;
use axum::routing::{delete, get};
use axum::{Json, Router};
use serde_json::{Value, json};
use tokio::sync::Notify;

use super::stand::{Stand, serve, text};

const TOKEN: &str = "a-token-of-the-tests";

/// The faults that a service has.
type Active = Arc<Mutex<Vec<Value>>>;

/// An admin endpoint as the demo services have it: it takes what has a ratio up to 1.
async fn admin(active: Active) -> String {
    let list = async |State(active): State<Active>, headers: HeaderMap| {
        let is_let_in = headers["authorization"] == format!("Bearer {TOKEN}").as_str();
        assert!(is_let_in && !headers.contains_key("origin"), "{headers:?}");
        Json(json!({ "service": "app-a", "version": null, "faults": *active.lock().unwrap() }))
    };
    let begin = async |State(active): State<Active>, Json(mut fault): Json<Value>| {
        if fault["ratio"].as_f64() > Some(1.0) {
            let reason = json!({ "error": "ratio: <b> is not above 0 up to 1" });
            return (StatusCode::BAD_REQUEST, Json(reason)).into_response();
        }
        let mut active = active.lock().unwrap();
        let id = active.len() as u64 + 1;
        fault["id"] = id.into();
        active.push(fault);
        (StatusCode::CREATED, Json(json!({ "id": id }))).into_response()
    };
    let end = async |State(active): State<Active>, Path(id): Path<u64>| {
        active.lock().unwrap().retain(|fault| fault["id"] != id);
        StatusCode::NO_CONTENT
    };
    let end_all = async |State(active): State<Active>| {
        active.lock().unwrap().clear();
        StatusCode::NO_CONTENT
    };
    let router = Router::new()
        .route("/faults", get(list).post(begin).delete(end_all))
        .route("/faults/{id}", delete(end))
        .with_state(active);
    serve(router).await
}

async fn with_faults(active: &Active) -> Stand {
    let admin = admin(active.clone()).await;
    Stand::with(|config| {
        config.services[0].admin = admin;
        config.admin_token = Some(TOKEN.to_owned());
    })
    .await
}

#[tokio::test]
async fn a_fault_is_begun_and_ended_where_it_is_listed() {
    let active = Active::default();
    let stand = with_faults(&active).await;
    let fields = "service=app-a&kind=latency&operation=POST+%2Fpayments&tier=gold&ratio=0.25&seed=7\
                  &distribution=uniform&ms=100&max_ms=300";
    assert_eq!(stand.post("/faults", fields).await.location(), "/faults");
    let expected = json!({
        "id": 1, "kind": "latency", "operation": "POST /payments", "tier": "gold", "ratio": 0.25,
        "seed": 7, "latency": {"distribution": "uniform", "min_ms": 100, "max_ms": 300},
    });
    assert_eq!(*active.lock().unwrap(), [expected]);
    let page = stand.page("/faults").await;
    let listed = text(page.one("ul.faults > li"));
    for expected in ["100 to 300 ms longer", "POST /payments", "for gold customers"] {
        assert!(listed.contains(expected), "{listed}");
    }

    assert_eq!(
        stand.post("/faults", "service=app-a&kind=cache_off&ratio=1&seed=0").await.location(),
        "/faults"
    );
    let ended = stand.post("/faults/end", "service=app-a&id=1").await;
    assert_eq!(ended.location(), "/faults");
    assert_eq!(active.lock().unwrap().len(), 1);
    let whose = stand.post("/faults/end", "id=1").await;
    assert_eq!(whose.status, StatusCode::UNPROCESSABLE_ENTITY);
    let told = text(whose.page().one(".problem"));
    assert_eq!(
        (&*told, active.lock().unwrap().len()),
        ("service: it is missing, which has fault 1", 1)
    );
    assert_eq!(stand.post("/faults/end", "").await.location(), "/faults");
    assert!(active.lock().unwrap().is_empty());
}

#[tokio::test]
async fn a_fault_that_is_refused_is_still_in_the_form_beside_the_reason() {
    let active = Active::default();
    let stand = with_faults(&active).await;
    for (fields, problem) in [
        // By the service, and by what the console cannot even ask for.
        ("service=app-a&kind=error&ratio=7&seed=0&operation=%3Ci%3E", "ratio: <b> is not above 0"),
        ("service=app-a&kind=error&ratio=x&seed=0&operation=%3Ci%3E", "ratio: \"x\" is no such"),
        ("service=app-x&kind=error&ratio=1&seed=0&operation=%3Ci%3E", "there is no app-x"),
    ] {
        let answer = stand.post("/faults", fields).await;
        assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY, "{fields}");
        let page = answer.page();
        let told = text(page.one(".problem"));
        assert!(told.contains(problem), "{fields}: {told}");
        assert_eq!(page.one("#operation").attr("value"), Some("<i>"));
        assert_eq!(page.one("#kind option[selected]").attr("value"), Some("error"));
    }
    assert!(active.lock().unwrap().is_empty());
}

#[tokio::test]
async fn of_a_hidden_fault_the_page_does_not_tell_whose_it_is() {
    let active = Active::default();
    let stand = with_faults(&active).await;
    active.lock().unwrap().push(json!({ "id": 1, "hidden": true }));
    let page = stand.page("/faults").await;
    // Such as those of a console that was killed.
    let expected = "There are hidden ones, too: no incident of this console's is under way";
    assert!(page.text().contains(expected), "{}", page.text());
    assert!(page.all("ul.faults > li").is_empty());
}

#[tokio::test]
async fn without_the_token_and_without_an_answer_it_is_said() {
    let page = Stand::start().await.page("/faults").await;
    assert!(page.text().contains("the console has no ADMIN_TOKEN"), "{}", page.text());
    let stand = Stand::with(|config| config.admin_token = Some(TOKEN.to_owned())).await;
    let page = stand.page("/faults").await;
    let told = text(page.one(".missing"));
    assert!(told.contains("listing the faults of app-a") && told.contains("refused"), "{told}");
}

#[tokio::test]
async fn the_loads_figures_are_shown_and_a_change_is_passed_on_or_refused() {
    let asked = Arc::new(Mutex::new(Vec::new()));
    let change = {
        let asked = asked.clone();
        async move |body: String| {
            asked.lock().unwrap().push(body.clone());
            match body.contains("nonsense") {
                true => (StatusCode::BAD_REQUEST, "mix: expected /PATH<b>\n").into_response(),
                false => Json(figures()).into_response(),
            }
        }
    };
    let load = serve(Router::new().route("/", get(async || Json(figures())).post(change))).await;
    let stand = Stand::with(|config| config.load = Some(load)).await;
    let page = stand.page("/load").await;
    assert!(
        page.text().contains("40 requests in 20 s, of which 1 failed (2.5 %)"),
        "{}",
        page.text()
    );
    assert_eq!(page.one("#rate").attr("value"), Some("2.5"));
    assert_eq!(page.one("#mix").attr("value"), Some("/chain:3"));
    let trace = format!("/trace/{:032x}", 7);
    assert_eq!(page.one("ol.requests a").attr("href"), Some(&*trace));

    let changed = stand.post("/load", "rate=20&mix=%2Fchain%3A1").await;
    assert_eq!(changed.location(), "/load");
    assert_eq!(asked.lock().unwrap().pop().unwrap(), "rate=20&mix=%2Fchain%3A1");
    for (fields, problem) in
        [("rate=3&mix=nonsense", "mix: expected /PATH<b>"), ("rate=many&mix=nonsense", "\"many\"")]
    {
        let answer = stand.post("/load", fields).await;
        assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY);
        let page = answer.page();
        let told = text(page.one(".problem"));
        assert!(told.contains(problem), "{told}");
        assert_eq!(page.one("#mix").attr("value"), Some("nonsense"));
    }
}

/// As `lab load` tells them.
fn figures() -> Value {
    let latency = json!({"p50": 10.0, "p90": 20.0, "p99": 30.0, "p99_9": 30.0, "max": 30.5});
    let shown = json!({
        "service": "app-a", "path": "/chain", "outcome": "ok", "latency_ms": 30.5,
        "trace_id": format!("{:032x}", 7), "sampled": true,
    });
    json!({
        "rate": 2.5, "mix": "/chain:3", "seconds": 20.0, "left_out": 0, "paused": 0, "under_way": 0,
        "requests": 40, "failed": 1, "outcomes": {"ok": 39, "status 500": 1}, "latency_ms": latency,
        "paths": [], "slowest": [shown], "failures": [],
    })
}

#[tokio::test]
async fn an_examination_is_started_by_a_form_and_looked_at_until_it_is_over() {
    let go_on = Arc::new(Notify::new());
    let waits = go_on.clone();
    let stand = Stand::with(|config| {
        config.doctor = Arc::new(move || {
            let waits = waits.clone();
            Box::pin(async move {
                waits.notified().await;
                r#"{"ok":false,"links":[{"link":"loki","status":"broken","evidence":"<seen>",
                "seconds":1.0,"cause":"<cause>","fix":"<fix>"}]}"#
                    .to_owned()
            })
        });
    })
    .await;
    assert!(stand.page("/doctor").await.all("table").is_empty());
    assert_eq!(stand.post("/doctor", "").await.location(), "/doctor");
    let running = stand.get("/doctor").await;
    assert_eq!(running.header("refresh"), Some("2"));
    assert!(running.page().all("main form").is_empty(), "none is started meanwhile");
    go_on.notify_one();
    let over = loop {
        let answer = stand.get("/doctor").await;
        if answer.header("refresh").is_none() {
            break answer.page();
        }
        // Nothing of the console's own lets others on.
        tokio::task::yield_now().await;
    };
    let row = text(over.one("tbody tr"));
    for expected in ["loki", "broken", "<seen>", "cause <cause>", "fix <fix>"] {
        assert!(row.contains(expected), "{row}");
    }
}
