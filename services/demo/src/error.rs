//! What goes wrong in a handler, and how it is answered and told.

use std::error::Error as StdError;
use std::fmt;

use axum::response::{IntoResponse, Response};
use opentelemetry::trace::Status;
use opentelemetry_semantic_conventions::attribute::ERROR_TYPE;
use reqwest::StatusCode;
use serde_json::json;
use tracing::{Span, error, info};
use tracing_opentelemetry::OpenTelemetrySpanExt;

use crate::answer::in_trace;

/// How much of an error is told, in bytes.
const MAX_TEXT: usize = 1_024;

/// Why a request cannot be answered as asked.
#[derive(Debug)]
pub(crate) enum Error {
    /// The request makes no sense.
    BadRequest(String),
    /// There is no such thing.
    NotFound(String),
    /// What is asked for is not to be had as things are.
    Conflict(String),
    /// Not now; trying again may help.
    Busy(String),
    /// What `/error_test` is for.
    Deliberate,
    /// A fault that somebody has switched on.
    Fault(String),
    /// The database of the service failed.
    Database {
        /// What was asked of it.
        statement: String,
        /// What came of it.
        cause: String,
    },
    /// A service that was to help did not.
    Upstream {
        /// What was asked of which service.
        call: String,
        /// What came of it.
        cause: String,
        /// With what it was answered over HTTP, if it was.
        status: Option<StatusCode>,
    },
}

impl Error {
    /// A call that failed for `cause` and what caused that.
    pub fn upstream(call: &str, cause: &dyn StdError) -> Self {
        let cause = telemetry::error_chain(cause);
        Self::Upstream { call: call.to_owned(), cause, status: None }
    }

    pub fn database(statement: &str, cause: &rusqlite::Error) -> Self {
        Self::Database { statement: statement.to_owned(), cause: telemetry::error_chain(cause) }
    }

    pub fn status(&self) -> StatusCode {
        match self {
            Self::BadRequest(_) => StatusCode::BAD_REQUEST,
            Self::NotFound(_) => StatusCode::NOT_FOUND,
            Self::Conflict(_) => StatusCode::CONFLICT,
            Self::Busy(_) => StatusCode::SERVICE_UNAVAILABLE,
            Self::Deliberate | Self::Fault(_) | Self::Database { .. } => {
                StatusCode::INTERNAL_SERVER_ERROR
            }
            Self::Upstream { .. } => StatusCode::BAD_GATEWAY,
        }
    }

    /// Logs the error in the request's span: as the span's `exception` where it is this service's.
    pub fn log(&self) {
        let mut text = self.to_string();
        // It may quote what somebody sent.
        text.truncate(text.floor_char_boundary(MAX_TEXT));
        if self.status().is_server_error() {
            // An event without a message but with this field is what becomes an exception.
            error!(error = %text);
        } else {
            info!(reason = %text, "request refused");
        }
    }
}

impl Error {
    /// Marks a span of this service's own work failed, unless the customer or nobody is to blame.
    pub fn mark(&self, span: &Span) {
        if self.status().is_server_error() {
            let kind = match self {
                Self::Upstream { .. } => "upstream",
                Self::Database { .. } => "database",
                _ => "_OTHER",
            };
            span.set_attribute(ERROR_TYPE, kind);
            span.set_status(Status::error(self.to_string()));
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::BadRequest(reason)
            | Self::NotFound(reason)
            | Self::Conflict(reason)
            | Self::Busy(reason)
            | Self::Fault(reason) => f.write_str(reason),
            Self::Deliberate => f.write_str("failing, as /error_test always does"),
            Self::Database { statement, cause } => write!(f, "database: {statement}: {cause}"),
            Self::Upstream { call, cause, .. } => write!(f, "calling {call}: {cause}"),
        }
    }
}

impl StdError for Error {}

impl IntoResponse for Error {
    fn into_response(self) -> Response {
        self.log();
        (self.status(), in_trace(json!({ "error": self.to_string() }))).into_response()
    }
}
