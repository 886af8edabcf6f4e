//! What is asked for, and who answers.

use std::sync::Arc;

use axum::extract::State;
use axum::http::{StatusCode, Uri};
use axum::middleware::from_fn_with_state;
use axum::response::Response;
use axum::routing::{get, post};
use axum::{Json, Router};
use serde_json::{Value, json};

use crate::Console;
use crate::assets::asset;
use crate::guard::guard;
use crate::page::{Place, failure};
use crate::pages::{debug, doctor, faults, home, incidents, load, search, services, trace};

pub(crate) fn router(console: &Arc<Console>) -> Router {
    Router::new()
        .route("/", get(home::home))
        .route("/send", post(home::send))
        .route("/debug", get(debug::debug))
        .route("/trace/{id}", get(trace::trace))
        .route("/trace/{id}/span/{span}", get(trace::span))
        .route("/search", get(search::search))
        .route("/services", get(services::get))
        .route("/faults", get(faults::get).post(faults::begin))
        .route("/faults/end", post(faults::end))
        .route("/load", get(load::get).post(load::change))
        .merge(incidents::router())
        .route("/doctor", get(doctor::get).post(doctor::start))
        .route("/api/token", get(token))
        .route("/assets/{hash}/{name}", get(asset))
        .route("/healthz", get(async || Json(json!({ "status": "ok" }))))
        .fallback(no_page)
        // Around the fallback, too.
        .layer(from_fn_with_state(console.clone(), guard))
        .with_state(console.clone())
}

/// For programs, which send it as `x-console-token`. No other page can read an answer of ours.
async fn token(State(console): State<Arc<Console>>) -> Json<Value> {
    Json(json!({ "token": console.token.text() }))
}

async fn no_page(State(console): State<Arc<Console>>, uri: Uri) -> Response {
    let reason = format!("there is no {}", uri.path());
    failure(&console, Place::Requests, StatusCode::NOT_FOUND, &reason)
}
