//! `/incidents`, and the same for programs at `/api/incident`.

use std::sync::Arc;
use std::time::SystemTime;

use axum::extract::rejection::{FormRejection, JsonRejection};
use axum::extract::{Form, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use incidents::{Cause, Incidents, Refusal, Run, SCENARIOS, Status, Wish};
use maud::html;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::Console;
use crate::page::{Place, page};
use crate::pages::faults::operations;
use crate::view::form::token;
use crate::view::incidents as view;

const PAGE: &str = "/incidents";
/// Why there are none.
const NONE: &str =
    "incidents need the token of the services' faults (ADMIN_TOKEN) and the lab's load";

/// Both.
pub(crate) fn router() -> Router<Arc<Console>> {
    Router::new()
        .route(PAGE, get(show))
        .route("/incidents/run", post(run))
        .route("/incidents/answer", post(answer))
        .route("/incidents/hint", post(hint))
        .route("/incidents/reveal", post(reveal))
        .route("/incidents/stop", post(stop))
        .nest("/api/incident", api())
}

async fn show(State(console): State<Arc<Console>>) -> Response {
    shown(&console, &Wish::default(), None).await
}

/// The page, with what was wrong with the last thing that was asked for.
async fn shown(console: &Console, entered: &Wish, problem: Option<&Refusal>) -> Response {
    let status = problem.map_or(StatusCode::OK, status);
    let content = match &console.incidents {
        None => html! { p.missing { (NONE) "." } },
        Some(all) => {
            let services: Vec<_> = console.config.services.iter().map(|it| &*it.name).collect();
            let faults = console.sources.faults.as_deref().unwrap_or_default();
            let problem = problem.map(ToString::to_string);
            let form = view::Form {
                entered,
                problem: problem.as_deref(),
                now: &humantime::format_rfc3339_seconds(SystemTime::now()).to_string(),
                operations: &operations(&console.sources, faults).await,
                services: &services,
                token: &token(&console.token),
            };
            view::incidents(&all.state(), &form)
        }
    };
    let content = html! { h1 { "Incidents" } (content) };
    (status, page(console, Place::Incidents, "Incidents", &content)).into_response()
}

/// What a form of the page leads to.
async fn done<T>(console: &Console, entered: &Wish, outcome: Result<T, Refusal>) -> Response {
    match outcome {
        Ok(_) => Redirect::to(PAGE).into_response(),
        Err(refusal) => shown(console, entered, Some(&refusal)).await,
    }
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Begun {
    name: String,
    seed: String,
    blind: String,
    fast: String,
}

impl Begun {
    fn run(self) -> Result<Run, Refusal> {
        let Self { name, seed, blind, fast } = self;
        let seed = match seed.trim() {
            "" => None,
            seed => Some(seed.parse().map_err(|_| {
                Refusal::NotNow("seed: expected a number from 0 on, or nothing".to_owned())
            })?),
        };
        Ok(Run {
            name: (!name.is_empty()).then_some(name),
            seed,
            blind: !blind.is_empty(),
            fast: !fast.is_empty(),
        })
    }
}

async fn run(
    State(console): State<Arc<Console>>,
    form: Result<Form<Begun>, FormRejection>,
) -> Response {
    let outcome = async {
        let Form(form) = form.map_err(|rejection| Refusal::NotNow(rejection.body_text()))?;
        all(&console)?.run(form.run()?).await
    };
    let outcome = outcome.await;
    done(&console, &Wish::default(), outcome).await
}

/// Without what a form has beside it.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Answered {
    cause: String,
    service: String,
    operation: String,
    since: String,
    affected: String,
}

async fn answer(
    State(console): State<Arc<Console>>,
    form: Result<Form<Answered>, FormRejection>,
) -> Response {
    let Form(Answered { cause, service, operation, since, affected }) = match form {
        Ok(form) => form,
        Err(rejection) => {
            let refusal = Refusal::NotNow(rejection.body_text());
            return shown(&console, &Wish::default(), Some(&refusal)).await;
        }
    };
    let wish = Wish { cause, service, operation, since, affected };
    let outcome = async { all(&console)?.answer(&wish).await };
    match outcome.await {
        // What is wrong is put right in the form that has it.
        Ok(marked) if !marked.right => shown(&console, &wish, None).await,
        outcome => done(&console, &wish, outcome).await,
    }
}

async fn hint(State(console): State<Arc<Console>>) -> Response {
    let outcome = async { all(&console)?.hint().await };
    let outcome = outcome.await;
    done(&console, &Wish::default(), outcome).await
}

async fn reveal(State(console): State<Arc<Console>>) -> Response {
    let outcome = async { all(&console)?.reveal().await };
    let outcome = outcome.await;
    done(&console, &Wish::default(), outcome).await
}

async fn stop(State(console): State<Arc<Console>>) -> Response {
    let outcome = async { Ok(all(&console)?.stop().await) };
    let outcome = outcome.await;
    done(&console, &Wish::default(), outcome).await
}

fn all(console: &Console) -> Result<&Incidents, Refusal> {
    console.incidents.as_ref().ok_or_else(|| Refusal::NotNow(NONE.to_owned()))
}

fn status(refusal: &Refusal) -> StatusCode {
    match refusal {
        Refusal::Unknown(_) => StatusCode::NOT_FOUND,
        Refusal::Invalid(_) => StatusCode::BAD_REQUEST,
        Refusal::Control(_) | Refusal::Traces(_) => StatusCode::BAD_GATEWAY,
        _ => StatusCode::CONFLICT,
    }
}

/// What programs ask for, such as `lab scenario`.
fn api() -> Router<Arc<Console>> {
    async fn of<T: serde::Serialize>(
        outcome: impl Future<Output = Result<T, Refusal>>,
    ) -> Response {
        match outcome.await {
            Ok(told) => Json(told).into_response(),
            Err(refusal) => told(status(&refusal), &refusal.to_string()),
        }
    }
    fn told(status: StatusCode, reason: &str) -> Response {
        (status, Json(json!({ "error": reason }))).into_response()
    }
    fn read<T>(body: Result<Json<T>, JsonRejection>) -> Result<T, Box<Response>> {
        body.map(|Json(body)| body)
            .map_err(|rejection| Box::new(told(rejection.status(), &rejection.body_text())))
    }

    Router::new()
        .route(
            "/",
            get(async |State(console): State<Arc<Console>>| match &console.incidents {
                Some(all) => Json(json!(all.state())),
                None => Json(json!({ "status": Status::Idle, "incident": null, "missing": NONE })),
            }),
        )
        .route("/scenarios", get(async || Json(list())))
        .route(
            "/run",
            post(
                async |State(console): State<Arc<Console>>, body: Result<Json<Run>, _>| match read(
                    body,
                ) {
                    Ok(run) => of(async { all(&console)?.run(run).await }).await,
                    Err(answer) => *answer,
                },
            ),
        )
        .route(
            "/answer",
            post(
                async |State(console): State<Arc<Console>>, body: Result<Json<Wish>, _>| match read(
                    body,
                ) {
                    Ok(wish) => of(async { all(&console)?.answer(&wish).await }).await,
                    Err(answer) => *answer,
                },
            ),
        )
        .route(
            "/hint",
            post(async |State(console): State<Arc<Console>>| {
                of(async { all(&console)?.hint().await }).await
            }),
        )
        .route(
            "/reveal",
            post(async |State(console): State<Arc<Console>>| {
                of(async { all(&console)?.reveal().await }).await
            }),
        )
        .route(
            "/stop",
            post(async |State(console): State<Arc<Console>>| {
                of(async { Ok(all(&console)?.stop().await) }).await
            }),
        )
}

/// What there is, and the words of an answer.
fn list() -> Value {
    let scenarios = SCENARIOS.iter().map(|it| json!({ "name": it.name, "story": it.story }));
    let causes = Cause::ALL.map(|it| json!({ "name": it.name(), "meaning": it.meaning() }));
    json!({ "scenarios": scenarios.collect::<Vec<_>>(), "causes": causes })
}
