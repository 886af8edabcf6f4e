//! Asking a part over HTTP.

use std::time::Duration;

use incidents::control::body;
use reqwest::Response;
use reqwest::redirect::Policy;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::Why;

/// How long one answer may take: parts that work need milliseconds.
const TIMEOUT: Duration = Duration::from_secs(5);
/// Bytes of an answer; what answers without end must not fill the memory.
const LIMIT: usize = 8 << 20;
/// Characters of an unexpected answer that are told.
const EXCERPT: usize = 300;

/// The one client of all parts that speak HTTP.
#[derive(Clone)]
pub(crate) struct Http(reqwest::Client);

impl Http {
    pub fn new() -> Self {
        let client = reqwest::Client::builder()
            // A proxy that is configured cannot reach the lab.
            .no_proxy()
            // Nor is a part asked that another one names.
            .redirect(Policy::none())
            .timeout(TIMEOUT)
            .build();
        Self(client.expect("a client without TLS needs nothing of the system"))
    }

    /// For who asks otherwise than for JSON. Clones share connections.
    pub fn client(&self) -> reqwest::Client {
        self.0.clone()
    }

    /// What the part at `base`, if there is one, answers as JSON of this shape.
    pub async fn json<T: DeserializeOwned>(
        &self,
        base: Option<&str>,
        path: &str,
        query: &[(&str, &str)],
    ) -> Result<T, Why> {
        let base = base.ok_or(Why::Absent)?;
        let request = self.0.get(format!("{base}{path}")).query(query);
        let answer = request.send().await.map_err(|error| silent(&error))?;
        let status = answer.status();
        let body = text(answer).await?;
        if !status.is_success() {
            let reason = format!("HTTP {}: {}", status.as_u16(), message(&body));
            return Err(Why::Refused(reason));
        }
        let nonsense = |error| format!("not the answer expected: {error} in {}", excerpt(&body));
        serde_json::from_str(&body).map_err(|error| Why::Refused(nonsense(error)))
    }
}

/// The whole body.
async fn text(answer: Response) -> Result<String, Why> {
    let (body, cut) = body(answer, LIMIT).await.map_err(|error| silent(&error))?;
    if cut {
        return Err(Why::Refused(format!("an answer of more than {} MiB", LIMIT >> 20)));
    }
    Ok(String::from_utf8_lossy(&body).into_owned())
}

fn silent(error: &reqwest::Error) -> Why {
    if error.is_timeout() {
        return Why::Silent(format!("none in {TIMEOUT:?}"));
    }
    Why::Silent(innermost(error))
}

/// What is wrong at the bottom: an HTTP client wraps `connection refused` three times.
pub(crate) fn innermost(error: &reqwest::Error) -> String {
    let mut inner: &dyn std::error::Error = error;
    while let Some(source) = inner.source() {
        inner = source;
    }
    inner.to_string()
}

/// The message in an error's body: Prometheus has it in a field, Loki alone.
fn message(body: &str) -> String {
    let json: Value = serde_json::from_str(body).unwrap_or_default();
    excerpt(json["error"].as_str().unwrap_or(body))
}

fn excerpt(text: &str) -> String {
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    match text.char_indices().nth(EXCERPT) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}

#[cfg(test)]
mod tests {
    use axum::Router;
    use axum::http::StatusCode;
    use axum::response::Redirect;
    use axum::routing::get;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;

    use super::*;
    use crate::tests::stand::serve;

    async fn ask(base: &str, path: &str) -> Result<Value, Why> {
        Http::new().json(Some(base), path, &[]).await
    }

    #[tokio::test]
    async fn a_redirect_is_not_followed() {
        let elsewhere = serve(Router::new().route("/", get(async || "{}"))).await;
        let redirect = Redirect::temporary(&elsewhere);
        let part = serve(Router::new().route("/", get(async || redirect))).await;
        let Err(Why::Refused(reason)) = ask(&part, "/").await else { panic!() };
        assert!(reason.starts_with("HTTP 307"), "{reason}");
    }

    #[tokio::test]
    async fn a_refusal_tells_the_parts_own_reason() {
        let json = r#"{"status":"error","errorType":"bad_data","error":"no luck"}"#;
        let bad = StatusCode::BAD_REQUEST;
        let router = Router::new()
            .route("/json", get(async move || (bad, json)))
            .route("/text", get(async move || (bad, "no\nluck\n")))
            .route("/page", get(async || "<p>"));
        let part = serve(router).await;
        for path in ["/json", "/text"] {
            assert_eq!(ask(&part, path).await, Err(Why::Refused("HTTP 400: no luck".to_owned())));
        }
        let Err(Why::Refused(reason)) = ask(&part, "/page").await else { panic!() };
        assert!(reason.starts_with("not the answer expected: "), "{reason}");
        assert!(reason.ends_with("in <p>"), "{reason}");
    }

    #[tokio::test]
    async fn nobody_at_a_port_is_silence_and_no_address_is_absence() {
        // Bound and closed again: nobody listens there.
        let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let Err(Why::Silent(reason)) = ask(&format!("http://{port}"), "/").await else { panic!() };
        assert!(reason.contains("refused"), "{reason}");
        let absent: Result<Value, _> = Http::new().json(None, "/", &[]).await;
        assert_eq!(absent, Err(Why::Absent));
    }

    #[tokio::test]
    async fn an_answer_without_end_is_not_read_to_it() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base = format!("http://{}", listener.local_addr().unwrap());
        tokio::spawn(async move {
            let (mut connection, _) = listener.accept().await.unwrap();
            let _ = connection.read(&mut [0; 1024]).await;
            let _ = connection.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await;
            while connection.write_all(&[b' '; 1 << 16]).await.is_ok() {}
        });
        let expected = Why::Refused("an answer of more than 8 MiB".to_owned());
        assert_eq!(ask(&base, "/").await, Err(expected));
    }
}
