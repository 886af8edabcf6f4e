//! One request, and what becomes of it.

use std::fmt;
use std::time::{Duration, Instant};

use reqwest::header::HeaderName;
use reqwest::{Client, StatusCode};

use super::mix::Target;
use super::trace::{Sample, Trace};
use crate::ports::Port;

const TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");
const BAGGAGE: HeaderName = HeaderName::from_static("baggage");

/// A request that is due.
pub struct Request {
    pub service: Port,
    pub target: Target,
    pub url: String,
    /// When it was to be sent.
    pub due: Instant,
    /// The number of the user, where there are any.
    pub user: Option<u32>,
    pub sample: Sample,
}

/// What became of it.
#[derive(Clone, Debug)]
pub struct Outcome {
    pub service: &'static str,
    pub target: Target,
    /// From when it was due, so that what delayed its sending counts too.
    pub latency: Duration,
    pub answer: Answer,
    pub trace: Trace,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Answer {
    Status(StatusCode),
    /// None, and why.
    None(&'static str),
}

impl Request {
    /// Sends it, and waits for the end of its answer.
    pub async fn send(self, http: &Client) -> Outcome {
        let mut trace = match self.sample {
            Sample::Share(share) => Trace::begin(share),
            Sample::Services => Trace::default(),
        };
        let mut request = http.request(self.target.method.clone(), self.url);
        if let Some(parent) = trace.parent() {
            request = request.header(TRACEPARENT, parent);
        }
        if let Some(user) = self.user {
            request = request.header(BAGGAGE, format!("user.id={user}"));
        }
        let answer = async {
            let answer = request.send().await?;
            let status = answer.status();
            // Read to its end, so that the connection can be used again.
            Ok((status, answer.bytes().await?))
        };
        let answer = match answer.await {
            Ok((status, body)) => {
                if self.sample == Sample::Services {
                    trace = Trace::told(&body);
                }
                Answer::Status(status)
            }
            Err(error) => Answer::none(&error),
        };
        let latency = self.due.elapsed();
        Outcome { service: self.service.part, target: self.target, latency, answer, trace }
    }
}

impl Answer {
    fn none(error: &reqwest::Error) -> Self {
        Self::None(match () {
            () if error.is_connect() => "not connected",
            () if error.is_timeout() => "timed out",
            () => "broken off",
        })
    }

    /// Whether the service failed. A status of 4xx is the client's doing.
    pub fn is_failure(self) -> bool {
        match self {
            Self::Status(status) => status.is_server_error(),
            Self::None(_) => true,
        }
    }
}

impl fmt::Display for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Status(StatusCode::OK) => f.write_str("ok"),
            Self::Status(status) => write!(f, "status {}", status.as_u16()),
            Self::None(why) => f.write_str(why),
        }
    }
}
