//! `/load`: the lab's own traffic.

use std::sync::Arc;

use axum::extract::{Form, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use incidents::control::Load;
use maud::{Markup, html};
use serde::Deserialize;

use crate::Console;
use crate::page::{Place, page};
use crate::view::load::{Entered, figures, form};
use crate::view::text::long;

/// The rate and the mix that the load is to have.
#[derive(Deserialize)]
pub(crate) struct Change {
    rate: String,
    mix: String,
}

pub(crate) async fn get(State(console): State<Arc<Console>>) -> Markup {
    shown(&console, None).await
}

/// Sets what was entered, or tells what was wrong with it.
pub(crate) async fn change(
    State(console): State<Arc<Console>>,
    Form(Change { rate, mix }): Form<Change>,
) -> Response {
    let changed = match &console.sources.load {
        Some(load) => set(load, &rate, &mix).await,
        None => Err("this lab has no load of its own".to_owned()),
    };
    match changed {
        Ok(()) => Redirect::to("/load").into_response(),
        Err(problem) => {
            let entered = Entered { rate: &rate, mix: &mix };
            let page = shown(&console, Some((&entered, &problem))).await;
            (StatusCode::UNPROCESSABLE_ENTITY, page).into_response()
        }
    }
}

async fn set(load: &Load, rate: &str, mix: &str) -> Result<(), String> {
    let number = rate.trim().parse().map_err(|_| format!("rate: {rate:?} is no number"))?;
    let changed = load.change(Some(number), Some(mix.trim())).await;
    changed.map(drop).map_err(|error| error.to_string())
}

/// The form, with what was entered and what was wrong with it, or else with what is set; and the
/// figures.
async fn shown(console: &Console, entered: Option<(&Entered<'_>, &str)>) -> Markup {
    let now = match &console.sources.load {
        Some(load) => load.figures().await.map_err(|error| error.to_string()),
        None => Err("This lab has no load of its own.".to_owned()),
    };
    let set = now.as_ref().map(|now| (now.rate.to_string(), &*now.mix)).unwrap_or_default();
    let set = Entered { rate: &set.0, mix: set.1 };
    let content = html! {
        h1 { "Load" }
        @if console.sources.load.is_some() {
            section aria-labelledby="change" {
                h2 #change { "Rate and mix" }
                @if let Some((_, problem)) = entered { p.problem role="alert" { (long(problem)) } }
                (form(entered.map_or(&set, |(entered, _)| entered), &console.token))
            }
        }
        @match &now {
            Ok(now) => (figures(now)),
            Err(reason) => p.missing { (long(reason)) },
        }
    };
    page(console, Place::Load, "Load", &content)
}
