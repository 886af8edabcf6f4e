//! What goes wrong in a handler, and how it is answered and told.

use std::error::Error as StdError;
use std::fmt;

use axum::Json;
use axum::response::{IntoResponse, Response};
use reqwest::StatusCode;
use serde_json::json;
use tracing::{error, info};

/// Why a request cannot be answered as asked.
#[derive(Debug)]
pub(crate) enum Error {
    /// The request makes no sense.
    BadRequest(String),
    /// There is no such thing.
    NotFound(String),
    /// What `/error_test` is for.
    Deliberate,
    /// A service that was to help did not.
    Upstream {
        /// What was asked of which service.
        call: String,
        /// What came of it.
        cause: String,
    },
}

impl Error {
    /// A call that failed for `cause` and what caused that.
    pub fn upstream(call: &str, cause: &dyn StdError) -> Self {
        Self::Upstream { call: call.to_owned(), cause: telemetry::error_chain(cause) }
    }

    pub fn status(&self) -> StatusCode {
        match self {
            Self::BadRequest(_) => StatusCode::BAD_REQUEST,
            Self::NotFound(_) => StatusCode::NOT_FOUND,
            Self::Deliberate => StatusCode::INTERNAL_SERVER_ERROR,
            Self::Upstream { .. } => StatusCode::BAD_GATEWAY,
        }
    }

    /// Logs the error in the request's span: as the span's `exception` where it is this service's.
    pub fn log(&self) {
        if self.status().is_server_error() {
            // An event without a message but with this field is what becomes an exception.
            error!(error = %self);
        } else {
            info!(reason = %self, "request refused");
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::BadRequest(reason) | Self::NotFound(reason) => f.write_str(reason),
            Self::Deliberate => f.write_str("failing, as /error_test always does"),
            Self::Upstream { call, cause } => write!(f, "calling {call}: {cause}"),
        }
    }
}

impl StdError for Error {}

impl IntoResponse for Error {
    fn into_response(self) -> Response {
        self.log();
        (self.status(), Json(json!({ "error": self.to_string() }))).into_response()
    }
}
