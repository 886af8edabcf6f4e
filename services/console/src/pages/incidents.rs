//! `/incidents`: what is to be found out.

use std::sync::Arc;

use axum::extract::State;
use maud::{Markup, html};

use crate::Console;
use crate::page::{Place, page};

pub(crate) async fn get(State(console): State<Arc<Console>>) -> Markup {
    let content = html! {
        h1 { "Incidents" }
        p { "An incident is begun, answered and ended by " code { "lab scenario" } "." }
    };
    page(&console, Place::Incidents, "Incidents", &content)
}
