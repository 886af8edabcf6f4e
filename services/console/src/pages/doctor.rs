//! `/doctor`: whether each signal leads to the next.

use std::sync::Arc;

use axum::extract::State;
use axum::http::header::REFRESH;
use axum::response::{IntoResponse, Redirect, Response};
use maud::html;

use crate::Console;
use crate::page::{Place, page};
use crate::view;

/// Seconds until a page is loaded again that shows an examination under way.
const AGAIN: &str = "2";

/// What is under way, and the last report.
pub(crate) async fn get(State(console): State<Arc<Console>>) -> Response {
    let (running, last) = console.sources.doctor.state();
    let content = html! {
        h1 { "Doctor" }
        (view::doctor::doctor(running, last.as_deref(), &console.token))
    };
    let page = page(&console, Place::Doctor, "Doctor", &content);
    match running {
        Some(_) => ([(REFRESH, AGAIN)], page).into_response(),
        None => page.into_response(),
    }
}

/// Begins an examination, which goes on when nobody looks.
pub(crate) async fn start(State(console): State<Arc<Console>>) -> Redirect {
    console.sources.doctor.start();
    Redirect::to("/doctor")
}
