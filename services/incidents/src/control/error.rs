//! What goes wrong when something is to be switched.

use std::error::Error as StdError;
use std::fmt;

use reqwest::{Response, StatusCode};
use serde::Deserialize;

/// Why nothing, or nobody knows what, was done.
#[derive(Debug)]
#[non_exhaustive]
pub enum Error {
    /// There is no answer, or none that makes sense.
    NoAnswer {
        /// What was asked of whom.
        asked: String,
        /// What came of it.
        cause: reqwest::Error,
    },
    /// It was understood, and refused.
    Refused {
        /// What was asked of whom.
        asked: String,
        /// With what.
        status: StatusCode,
        /// Why, in words of the one who was asked.
        reason: String,
    },
}

impl Error {
    pub(super) fn no_answer(asked: &str, cause: reqwest::Error) -> Self {
        // What was asked has the address already.
        Self::NoAnswer { asked: asked.to_owned(), cause: cause.without_url() }
    }

    /// The answer, unless it is a refusal.
    pub(super) async fn check(asked: &str, answer: Response) -> Result<Response, Self> {
        let status = answer.status();
        if status.is_success() {
            return Ok(answer);
        }
        let text = answer.text().await.unwrap_or_default();
        // A service says so in JSON, the load in a line.
        let reason = serde_json::from_str(&text).map_or(text, |Told { error }| error);
        Err(Self::Refused { asked: asked.to_owned(), status, reason: reason.trim().to_owned() })
    }
}

#[derive(Deserialize)]
struct Told {
    error: String,
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoAnswer { asked, cause } => {
                write!(f, "{asked}: {cause}")?;
                let mut source = cause.source();
                while let Some(below) = source {
                    write!(f, ": {below}")?;
                    source = below.source();
                }
                Ok(())
            }
            Self::Refused { asked, status, reason } => {
                write!(f, "{asked}: answered {}", status.as_u16())?;
                if reason.is_empty() { Ok(()) } else { write!(f, ": {reason}") }
            }
        }
    }
}

impl StdError for Error {}
