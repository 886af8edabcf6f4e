//! Where a run is asked for its figures, and told another rate or mix.

use std::sync::Arc;

use axum::extract::rejection::FormRejection;
use axum::extract::{Form, State};
use axum::http::StatusCode;
use axum::middleware::from_fn_with_state;
use axum::routing::get;
use axum::{Json, Router};
use serde::Deserialize;
use tokio::net::TcpListener;

use super::summary::Summary;
use super::traffic::Traffic;
use crate::no_page::no_page;
use crate::ports::known::LOAD;

/// What `curl -d rate=20 -d mix=/chain:3,/items/7` sends; what is not there stays as it is.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Change {
    rate: Option<String>,
    mix: Option<String>,
}

/// Answers until the process ends.
///
/// # Errors
/// When connections can no longer be accepted.
pub async fn serve(listener: TcpListener, traffic: Arc<Traffic>) -> std::io::Result<()> {
    let router = Router::new()
        .route("/", get(figures).post(change))
        .layer(from_fn_with_state(LOAD.part, no_page))
        .with_state(traffic);
    axum::serve(listener, router).await
}

async fn figures(State(traffic): State<Arc<Traffic>>) -> Json<Summary> {
    Json(traffic.summary())
}

/// Takes all of a change or nothing.
async fn change(
    State(traffic): State<Arc<Traffic>>,
    form: Result<Form<Change>, FormRejection>,
) -> Result<Json<Summary>, (StatusCode, String)> {
    let refuse = |problem| (StatusCode::BAD_REQUEST, problem + "\n");
    if traffic.is_sent() {
        let problem = "the time of the run is over: nothing more is sent\n";
        return Err((StatusCode::CONFLICT, problem.to_owned()));
    }
    let Form(Change { rate, mix }) = form.map_err(|rejection| refuse(rejection.body_text()))?;
    let rate = rate.map(|rate| rate.parse().map_err(|problem| refuse(format!("rate: {problem}"))));
    let mix = mix.map(|mix| mix.parse().map_err(|problem| refuse(format!("mix: {problem}"))));
    let (rate, mix) = (rate.transpose()?, mix.transpose()?);
    traffic.set.send_modify(|set| {
        set.rate = rate.unwrap_or(set.rate);
        set.mix = mix.unwrap_or_else(|| set.mix.clone());
    });
    Ok(Json(traffic.summary()))
}
