//! Asking the parts over HTTP: what is asked, of whom, and what came of it.

pub mod grafana;
pub mod jaeger;
pub mod loki;
pub mod otlp;
pub mod prometheus;

use std::fmt;
use std::time::Duration;

use reqwest::{RequestBuilder, Response, StatusCode};
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::finding::Finding;

/// How long one answer may take: parts that work need milliseconds.
const TIMEOUT: Duration = Duration::from_secs(5);
/// Bytes that no answer of a lab comes to; what answers without end must not fill the memory.
const LIMIT: usize = 64 << 20;
/// How much of an unexpected answer is told.
const EXCERPT: usize = 300;

/// An HTTP client for the doctor's questions.
#[derive(Clone)]
pub struct Client(reqwest::Client);

/// A question without the answer that was expected.
#[derive(Clone, Debug, PartialEq)]
pub struct Failure {
    /// What was asked of what.
    pub question: String,
    pub reason: Reason,
}

#[derive(Clone, Debug, PartialEq)]
pub enum Reason {
    /// Nobody answered, for this reason.
    Silence(String),
    /// No answer in this time.
    Delay(Duration),
    /// No success, and the message with it.
    Refusal(StatusCode, String),
    /// An answer that says something else.
    Nonsense(String),
    /// It answers, but takes nothing to be kept, for this reason.
    ReadOnly(String),
}

impl Client {
    pub fn new() -> Self {
        // A proxy that is configured cannot reach the lab.
        let client = reqwest::Client::builder().no_proxy().timeout(TIMEOUT).build();
        Self(client.expect("a client without TLS needs nothing of the system"))
    }

    pub fn get(&self, url: &str) -> RequestBuilder {
        self.0.get(url)
    }

    pub fn post(&self, url: &str) -> RequestBuilder {
        self.0.post(url)
    }
}

/// Sends the request, and expects success.
pub async fn ask(question: &str, request: RequestBuilder) -> Result<Response, Failure> {
    let failure = |reason| Failure { question: question.to_owned(), reason };
    let answer = request.send().await.map_err(|error| failure(Reason::of(&error)))?;
    let status = answer.status();
    if status.is_success() {
        return Ok(answer);
    }
    let body = text(answer).await.unwrap_or_default();
    Err(failure(Reason::Refusal(status, message(&body))))
}

/// Sends the request, and expects JSON of this shape.
pub async fn ask_json<T: DeserializeOwned>(
    question: &str,
    request: RequestBuilder,
) -> Result<T, Failure> {
    let body = ask_text(question, request).await?;
    serde_json::from_str(&body).map_err(|error| Failure {
        question: question.to_owned(),
        reason: Reason::Nonsense(format!("{error} in {}", excerpt(&body))),
    })
}

/// Sends the request, and expects text.
pub async fn ask_text(question: &str, request: RequestBuilder) -> Result<String, Failure> {
    let body = text(ask(question, request).await?).await;
    body.map_err(|reason| Failure { question: question.to_owned(), reason })
}

/// The whole body.
async fn text(mut answer: Response) -> Result<String, Reason> {
    let mut body = Vec::new();
    while let Some(chunk) = answer.chunk().await.map_err(|error| Reason::of(&error))? {
        if body.len() + chunk.len() > LIMIT {
            return Err(Reason::Nonsense(format!("more than {} MiB", LIMIT >> 20)));
        }
        body.extend_from_slice(&chunk);
    }
    Ok(String::from_utf8_lossy(&body).into_owned())
}

impl Failure {
    /// The answer that made no sense, to this question.
    pub fn nonsense(question: &str, answer: impl Into<String>) -> Self {
        Self { question: question.to_owned(), reason: Reason::Nonsense(answer.into()) }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "asking {}: ", self.question)?;
        match &self.reason {
            Reason::Silence(reason) => write!(f, "no answer: {reason}"),
            Reason::Delay(time) => write!(f, "no answer in {time:?}"),
            Reason::Refusal(status, message) => write!(f, "HTTP {}: {message}", status.as_u16()),
            Reason::Nonsense(answer) => write!(f, "not the answer expected: {answer}"),
            Reason::ReadOnly(reason) => write!(f, "it is read-only: {reason}"),
        }
    }
}

impl From<Failure> for Finding {
    fn from(failure: Failure) -> Self {
        let (cause, fix) = match &failure.reason {
            Reason::Silence(_) | Reason::Delay(_) => (
                "the part has stopped or hangs since it was asked first",
                "`docker compose ps` shows its state, `docker compose logs PART` its reason",
            ),
            Reason::Refusal(..) | Reason::ReadOnly(_) => (
                "the part works, but cannot answer this; its message says why",
                "`docker compose logs PART` tells more",
            ),
            Reason::Nonsense(_) => (
                "something else answers there, or a version that this doctor does not know",
                "compare the versions with those of .env",
            ),
        };
        Self::new(failure.to_string(), cause, fix)
    }
}

impl Reason {
    /// What is wrong at the bottom: an HTTP client wraps `connection refused` three times.
    fn of(error: &reqwest::Error) -> Self {
        if error.is_timeout() {
            return Self::Delay(TIMEOUT);
        }
        let mut inner: &dyn std::error::Error = error;
        while let Some(source) = inner.source() {
            inner = source;
        }
        Self::Silence(inner.to_string())
    }
}

/// The message in an error's body: each part has its own shape for it.
fn message(body: &str) -> String {
    let json: Value = serde_json::from_str(body).unwrap_or_default();
    let shapes = ["/error", "/error/message", "/errors/0/msg", "/message"];
    let message = shapes.iter().find_map(|shape| json.pointer(shape)?.as_str());
    excerpt(message.unwrap_or(body))
}

fn excerpt(text: &str) -> String {
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    match text.char_indices().nth(EXCERPT) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}

#[cfg(test)]
pub mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;

    use super::*;

    pub fn findings() -> Vec<Finding> {
        let status = StatusCode::BAD_REQUEST;
        let none = String::new;
        [Reason::Silence(none()), Reason::Refusal(status, none()), Reason::Nonsense(none())]
            .map(|reason| Failure { question: none(), reason }.into())
            .into()
    }

    #[test]
    fn the_message_is_found_in_the_body_of_every_part() {
        for body in [
            r#"{"status":"error","errorType":"bad_data","error":"no luck"}"#,
            r#"{"error":{"httpCode":500,"message":"no luck"}}"#,
            r#"{"data":null,"errors":[{"code":500,"msg":"no luck"}]}"#,
            r#"{"message":"no luck"}"#,
            "no luck\n",
        ] {
            assert_eq!(message(body), "no luck");
        }
    }

    #[test]
    fn a_failure_names_what_was_asked_of_what() {
        let reason = Reason::Refusal(StatusCode::BAD_REQUEST, "parse error".to_owned());
        let failure = Failure { question: "loki for a trace's lines".to_owned(), reason };
        assert_eq!(failure.to_string(), "asking loki for a trace's lines: HTTP 400: parse error");
    }

    #[tokio::test]
    async fn nobody_at_a_port_is_a_refused_connection() {
        // Bound and closed again: nobody listens there.
        let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let failure = ask("x", Client::new().get(&format!("http://{port}"))).await.unwrap_err();
        let Reason::Silence(reason) = failure.reason else { panic!("{failure}") };
        assert!(reason.contains("refused"), "{reason}");
    }

    #[tokio::test]
    async fn an_answer_without_end_is_not_read_to_it() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        tokio::spawn(async move {
            let (mut connection, _) = listener.accept().await.unwrap();
            let _ = connection.read(&mut [0; 1024]).await;
            let _ = connection.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await;
            while connection.write_all(&[b' '; 1 << 16]).await.is_ok() {}
        });
        let failure = ask_text("x", Client::new().get(&url)).await.unwrap_err();
        assert_eq!(failure, Failure::nonsense("x", "more than 64 MiB"));
    }

    #[test]
    fn a_long_answer_is_cut() {
        assert_eq!(excerpt(&"ä".repeat(1_000)).chars().count(), EXCERPT + 1);
    }
}
