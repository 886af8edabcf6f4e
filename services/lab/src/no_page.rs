//! What the lab's own listeners owe to whoever has a browser open on this machine.

use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

/// Refuses what a page may have had its browser send to the part of this name.
pub async fn no_page(State(part): State<&'static str>, request: Request, next: Next) -> Response {
    match same_machine::may_be_of_a_page(&request, part) {
        true => StatusCode::FORBIDDEN.into_response(),
        false => next.run(request).await,
    }
}
