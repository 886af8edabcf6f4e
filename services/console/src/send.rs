//! Sending a request to a service, and what became of it.

mod sent;
mod wish;

use std::time::{Duration, Instant, SystemTime};

use incidents::control::body;
use reqwest::redirect::Policy;
use reqwest::{Client, Method};
use traces::{Span, Trace};

pub(crate) use sent::Sent;
pub(crate) use wish::{ENDPOINTS, Wish};

use crate::sources::innermost;

/// For a whole answer: a service gives up on another one before.
const TIMEOUT: Duration = Duration::from_secs(20);
/// Bytes of an answer that are kept.
const MAX_BODY: usize = 16 << 10;
/// Headers of an answer that are kept.
const MAX_HEADERS: usize = 40;

/// A request that is to be sent, or was.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Request {
    pub service: String,
    pub method: Method,
    /// With the query.
    pub path: String,
    pub url: String,
    /// What carries its context, and what its body is.
    pub headers: Vec<(&'static str, String)>,
    pub body: Option<String>,
    pub context: Context,
}

/// Who begins the trace.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Context {
    /// This page, as the parent that sends no span.
    Own { trace_id: String, span_id: String, sampled: bool },
    /// The service, which is told to keep it under this name.
    Debug(String),
}

/// A request and what came of it.
#[derive(Debug)]
pub(crate) struct Exchange {
    pub request: Request,
    pub at: SystemTime,
    pub took: Duration,
    /// Or why there is none.
    pub answer: Result<Answer, String>,
}

#[derive(Debug)]
pub(crate) struct Answer {
    pub status: String,
    pub headers: Vec<(String, String)>,
    pub body: String,
    /// Whether there is more of the body.
    pub cut: bool,
}

impl Exchange {
    /// The parent of the first span, if it was sent as one.
    pub fn span_id(&self) -> Option<&str> {
        match &self.request.context {
            Context::Own { span_id, .. } => Some(span_id),
            Context::Debug(_) => None,
        }
    }

    /// The spans whose parent is missing, but for what was sent from here as one.
    pub fn lost<'a>(sent: Option<&Self>, trace: &'a Trace) -> impl Iterator<Item = &'a Span> {
        let own = sent.and_then(Self::span_id).unwrap_or_default();
        trace.orphans().filter(move |span| span.parent_id != own)
    }
}

/// The client that all requests are sent with.
pub(crate) struct Sender(Client);

impl Sender {
    pub fn new() -> Self {
        let client = Client::builder()
            // A proxy that is configured cannot reach the lab.
            .no_proxy()
            // Nobody but the service is asked.
            .redirect(Policy::none())
            .timeout(TIMEOUT)
            .user_agent("spoor-console")
            .build();
        Self(client.expect("a client without TLS needs nothing of the system"))
    }

    pub async fn send(&self, request: Request) -> Exchange {
        let (at, begun) = (SystemTime::now(), Instant::now());
        let answer = self.ask(&request).await;
        let answer = answer.map_err(|error| match error.is_timeout() {
            true => format!("no answer in {} s", TIMEOUT.as_secs()),
            false => innermost(&error),
        });
        Exchange { request, at, took: begun.elapsed(), answer }
    }

    async fn ask(&self, request: &Request) -> reqwest::Result<Answer> {
        let mut sending = self.0.request(request.method.clone(), &request.url);
        for (name, value) in &request.headers {
            sending = sending.header(*name, value);
        }
        if let Some(body) = &request.body {
            sending = sending.body(body.clone());
        }
        let answer = sending.send().await?;
        let status = answer.status().to_string();
        let text = |value: &[u8]| String::from_utf8_lossy(value).into_owned();
        let headers = answer.headers().iter().take(MAX_HEADERS);
        let headers = headers.map(|(name, value)| (name.to_string(), text(value.as_bytes())));
        let headers = headers.collect();
        let (body, cut) = body(answer, MAX_BODY).await?;
        Ok(Answer { status, headers, body: text(&body), cut })
    }
}
