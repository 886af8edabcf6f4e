//! What is asked for, and who answers.

use std::sync::Arc;

use axum::body::to_bytes;
use axum::extract::{Request, State};
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderValue, StatusCode, Uri};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::Response;
use axum::routing::{get, post};
use axum::{Json, Router};
use serde_json::{Value, json};

use crate::Console;
use crate::assets::asset;
use crate::guard::guard;
use crate::page::{Place, failure};
use crate::pages::{debug, doctor, faults, home, incidents, load, search, services, trace};

/// Bytes of a reason.
const MAX_REASON: usize = 4_096;

pub(crate) fn router(console: &Arc<Console>) -> Router {
    Router::new()
        .route("/", get(home::home))
        .route("/send", post(home::send))
        .route("/debug", get(debug::debug))
        .route("/search", get(search::search))
        .route("/services", get(services::get))
        .route("/faults", get(faults::get).post(faults::begin))
        .route("/faults/end", post(faults::end))
        .route("/load", get(load::get).post(load::change))
        .merge(incidents::router())
        .route("/doctor", get(doctor::get).post(doctor::start))
        .layer(from_fn_with_state(console.clone(), in_turn))
        // They wait for each other first.
        .route("/trace/{id}", get(trace::trace))
        .route("/trace/{id}/span/{span}", get(trace::span))
        // What asks nobody waits for nobody.
        .route("/api/token", get(token))
        .fallback(no_page)
        .layer(from_fn_with_state(console.clone(), on_a_page))
        .route("/assets/{hash}/{name}", get(asset))
        .route("/healthz", get(async || Json(json!({ "status": "ok" }))))
        // Around the fallback, too.
        .layer(from_fn_with_state(console.clone(), guard))
        .with_state(console.clone())
}

async fn in_turn(State(console): State<Arc<Console>>, request: Request, next: Next) -> Response {
    // Fails only if it was closed, which nobody does.
    let _turn = console.pages.acquire().await;
    next.run(request).await
}

/// What of a request could not be read is told on a page, too.
async fn on_a_page(State(console): State<Arc<Console>>, request: Request, next: Next) -> Response {
    let place = Place::of(request.uri().path());
    let answer = next.run(request).await;
    let kind = answer.headers().get(CONTENT_TYPE).map(HeaderValue::as_bytes);
    let is_text = kind.is_some_and(|kind| kind.starts_with(b"text/plain"));
    if !is_text || !answer.status().is_client_error() {
        return answer;
    }
    let status = answer.status();
    let reason = to_bytes(answer.into_body(), MAX_REASON).await.unwrap_or_default();
    failure(&console, place, status, &String::from_utf8_lossy(&reason))
}

/// For programs, which send it as `x-console-token`. No other page can read an answer of ours.
async fn token(State(console): State<Arc<Console>>) -> Json<Value> {
    Json(json!({ "token": console.token.text() }))
}

async fn no_page(State(console): State<Arc<Console>>, uri: Uri) -> Response {
    let reason = format!("there is no {}", uri.path());
    failure(&console, Place::of(uri.path()), StatusCode::NOT_FOUND, &reason)
}
