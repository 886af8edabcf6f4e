//! The last log lines of the native lab's parts, over HTTP: where there is no Loki, whoever shows a
//! trace has its lines from here.

use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::middleware::from_fn_with_state;
use axum::routing::get;
use axum::{Json, Router};
use serde::Deserialize;
use tokio::net::TcpListener;

use crate::logs::{Line, Logs};
use crate::no_page::no_page;
use crate::ports::known::LINES;

const TRACE_ID_DIGITS: usize = 32;

/// `?trace_id=ID`, the lines that name it, or `?part=NAME`, those of a part.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Wanted {
    trace_id: Option<String>,
    part: Option<String>,
}

/// Answers until the process ends.
///
/// # Errors
/// When connections can no longer be accepted.
pub async fn serve(listener: TcpListener, logs: Logs) -> std::io::Result<()> {
    axum::serve(listener, router(logs)).await
}

fn router(logs: Logs) -> Router {
    let guard = from_fn_with_state(LINES.part, no_page);
    Router::new().route("/", get(lines)).layer(guard).with_state(logs)
}

async fn lines(
    State(logs): State<Logs>,
    wanted: Result<Query<Wanted>, QueryRejection>,
) -> Result<Json<Vec<Line>>, (StatusCode, String)> {
    let refuse = |problem: &str| (StatusCode::BAD_REQUEST, format!("{problem}\n"));
    let Query(wanted) = wanted.map_err(|rejection| refuse(&rejection.body_text()))?;
    match wanted {
        Wanted { trace_id: Some(id), part: None } => {
            let is_id = id.len() == TRACE_ID_DIGITS && id.bytes().all(|b| b.is_ascii_hexdigit());
            let id = is_id.then(|| id.to_ascii_lowercase());
            let id = id.ok_or_else(|| refuse("trace_id: expected 32 hexadecimal digits"))?;
            Ok(Json(logs.lines(|_, line| line.contains(&id))))
        }
        Wanted { trace_id: None, part: Some(name) } => Ok(Json(logs.lines(|part, _| part == name))),
        _ => Err(refuse("expected ?trace_id=ID or ?part=NAME")),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    const ID: &str = "4bf92f3577b34da6a3ce929d0e0e4736";

    /// Lines of two parts, served.
    async fn served() -> String {
        let logs = Logs::new(None, false, 6);
        logs.push("app-a", "started".to_owned());
        logs.push("app-b", format!("called trace_id={ID} span_id=1"));
        logs.push("app-a", format!(r#"{{"trace_id":"{ID}"}}"#));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/", listener.local_addr().unwrap());
        tokio::spawn(serve(listener, logs));
        url
    }

    async fn ask(url: &str, query: &str, headers: &[(&str, &str)]) -> (u16, String) {
        let http = reqwest::Client::builder().no_proxy().build().unwrap();
        let mut request = http.get(format!("{url}{query}"));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let answer = request.send().await.unwrap();
        (answer.status().as_u16(), answer.text().await.unwrap())
    }

    #[tokio::test]
    async fn the_lines_of_a_trace_are_in_the_order_in_which_they_were_written() {
        let url = served().await;
        let expected = json!([
            {"part": "app-b", "line": format!("called trace_id={ID} span_id=1")},
            {"part": "app-a", "line": format!(r#"{{"trace_id":"{ID}"}}"#)},
        ]);
        for id in [ID, &ID.to_uppercase()] {
            let (status, body) = ask(&url, &format!("?trace_id={id}"), &[]).await;
            assert_eq!(
                (status, serde_json::from_str::<Value>(&body).unwrap()),
                (200, expected.clone())
            );
        }
    }

    #[tokio::test]
    async fn the_lines_of_a_part_are_its_own_and_of_none_there_are_none() {
        let url = served().await;
        let expected =
            json!([{"part": "app-b", "line": format!("called trace_id={ID} span_id=1")}]);
        for (part, expected) in [("app-b", expected), ("app-x", json!([]))] {
            let (status, body) = ask(&url, &format!("?part={part}"), &[]).await;
            assert_eq!((status, serde_json::from_str::<Value>(&body).unwrap()), (200, expected));
        }
    }

    #[tokio::test]
    async fn a_question_that_is_none_is_told_what_would_be_one() {
        let url = served().await;
        let both = format!("?part=app-a&trace_id={ID}");
        for (query, problem) in [
            ("", "expected ?trace_id=ID or ?part=NAME"),
            (&*both, "expected ?trace_id=ID or ?part=NAME"),
            ("?trace_id=", "expected 32 hexadecimal digits"),
            ("?trace_id=trace", "expected 32 hexadecimal digits"),
            ("?line=started", "unknown field `line`"),
        ] {
            let (status, body) = ask(&url, query, &[]).await;
            assert!(status == 400 && body.contains(problem), "{query}: {status} {body}");
        }
    }

    #[tokio::test]
    async fn a_page_of_a_browser_is_told_nothing() {
        let url = served().await;
        for (headers, expected) in [
            (("host", "localhost:8011"), 200),
            (("host", "rebound.example:8011"), 403),
            (("origin", "http://localhost:8010"), 403),
            (("origin", "null"), 403),
        ] {
            let (status, body) = ask(&url, "?part=app-a", &[headers]).await;
            assert_eq!(status, expected, "{headers:?}: {body}");
            assert_eq!(body.contains("started"), expected == 200);
        }
    }
}
