//! What goes wrong when something is to be switched.

use std::error::Error as StdError;
use std::fmt;

use reqwest::{Response, StatusCode};
use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::body;

/// Bytes of an answer: a service has a few faults, a load a few hundred paths.
const MOST: usize = 1 << 20;

/// Why nothing, or nobody knows what, was done.
#[derive(Debug)]
#[non_exhaustive]
pub enum Error {
    /// There is no answer.
    NoAnswer {
        /// What was asked of whom.
        asked: String,
        /// What came of it.
        cause: reqwest::Error,
    },
    /// The answer makes no sense.
    Nonsense {
        /// What was asked of whom.
        asked: String,
        /// What is wrong with it.
        reason: String,
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
    pub(super) async fn check(asked: &str, answer: Response) -> Result<Vec<u8>, Self> {
        let status = answer.status();
        let read = body(answer, MOST).await;
        let (body, cut) = read.map_err(|cause| Self::no_answer(asked, cause))?;
        if cut {
            return Err(Self::nonsense(asked, format!("it has more than {} MiB", MOST >> 20)));
        }
        if status.is_success() {
            return Ok(body);
        }
        let text = String::from_utf8_lossy(&body).into_owned();
        // A service says so in JSON, the load in a line.
        let reason = serde_json::from_str(&text).map_or(text, |Told { error }| error);
        Err(Self::Refused { asked: asked.to_owned(), status, reason: reason.trim().to_owned() })
    }

    /// The answer as JSON of this shape, unless it is a refusal.
    pub(super) async fn read<T: DeserializeOwned>(
        asked: &str,
        answer: Response,
    ) -> Result<T, Self> {
        let body = Self::check(asked, answer).await?;
        serde_json::from_slice(&body).map_err(|error| Self::nonsense(asked, error.to_string()))
    }

    fn nonsense(asked: &str, reason: String) -> Self {
        Self::Nonsense { asked: asked.to_owned(), reason }
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
            Self::Nonsense { asked, reason } => {
                write!(f, "{asked}: the answer makes no sense: {reason}")
            }
            Self::Refused { asked, status, reason } => {
                write!(f, "{asked}: answered {}", status.as_u16())?;
                if reason.is_empty() { Ok(()) } else { write!(f, ": {reason}") }
            }
        }
    }
}

impl StdError for Error {}
