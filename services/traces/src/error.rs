//! What goes wrong when traces are asked for.

use std::error::Error as _;
use std::fmt;

use tonic::{Code, Status};

/// Why there is no answer.
#[derive(Debug)]
#[non_exhaustive]
pub enum Error {
    /// This is no address of a storage server.
    Address(String),
    /// This is no trace id.
    TraceId(String),
    /// The server did not answer, or refused.
    Server {
        /// Its address.
        address: String,
        /// What was asked for.
        asked: &'static str,
        /// What came of it.
        cause: Box<Status>,
    },
    /// The answer makes no sense.
    Answer {
        /// What was asked for.
        asked: &'static str,
        /// What is wrong with it.
        cause: prost::DecodeError,
    },
}

impl Error {
    /// Whether what was asked for makes no sense, so that asking again is of no use.
    pub fn is_of_the_question(&self) -> bool {
        match self {
            Self::Address(_) | Self::TraceId(_) => true,
            Self::Server { cause, .. } => cause.code() == Code::InvalidArgument,
            Self::Answer { .. } => false,
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Address(address) => write!(
                f,
                "naming the storage server {address:?}: expected such as http://127.0.0.1:17271"
            ),
            Self::TraceId(id) => write!(
                f,
                "reading the trace id {id:?}: expected 1 to 32 hexadecimal digits, not all of them 0"
            ),
            Self::Server { address, asked, cause } => {
                write!(f, "asking spoor on {address} for {asked}: {}", reason(cause))
            }
            Self::Answer { asked, cause } => write!(f, "decoding {asked} of spoor: {cause}"),
        }
    }
}

impl std::error::Error for Error {}

/// What the status says, and what the operating system does where it says no more than that there is
/// no connection.
fn reason(status: &Status) -> String {
    let (code, message) = (status.code(), status.message());
    let mut cause = status.source();
    while let Some(deeper) = cause.and_then(|cause| cause.source()) {
        cause = Some(deeper);
    }
    let cause = cause.map(|cause| cause.to_string()).filter(|cause| !message.contains(cause));
    let cause = cause.map(|cause| format!(": {cause}"));
    format!("{code}: {message}{}", cause.unwrap_or_default())
}
