//! Who is let in.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::header::WWW_AUTHENTICATE;
use axum::http::{HeaderValue, StatusCode};
use axum::middleware::Next;
use axum::response::Response;

use same_machine::may_be_of_a_page;

use super::{Token, refuse};

/// The token, and the name of this service.
pub(super) type Own = (Token, Arc<str>);

pub(super) async fn admit(
    State((token, name)): State<Own>,
    request: Request,
    next: Next,
) -> Response {
    if may_be_of_a_page(&request, &name) {
        return refuse(StatusCode::FORBIDDEN, "no page of a browser has a say here");
    }
    if !token.is_in(request.headers()) {
        let mut refusal = refuse(StatusCode::UNAUTHORIZED, "expected the admin token");
        refusal.headers_mut().insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        return refusal;
    }
    next.run(request).await
}
