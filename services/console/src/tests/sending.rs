//! A request that is sent from the page.

use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use axum::http::{HeaderMap, StatusCode};
use opentelemetry_proto::tonic::trace::v1::span::SpanKind;
use serde_json::{Value, json};

use super::stand::{Stand, serve, text};
use super::telemetry::{attribute, header, of, span, string};

type Seen = Arc<Mutex<Vec<(String, HeaderMap, String)>>>;

/// A service that notes what it is asked, and answers this.
async fn service(answer: &'static str) -> (String, Seen) {
    let seen = Seen::default();
    let notes = seen.clone();
    let router = Router::new().fallback(async move |request: Request| {
        let (parts, body) = request.into_parts();
        let body = axum::body::to_bytes(body, 1 << 20).await.unwrap();
        let what = format!("{} {}", parts.method, parts.uri);
        let body = String::from_utf8(body.into()).unwrap();
        notes.lock().unwrap().push((what, parts.headers, body));
        (StatusCode::CREATED, answer)
    });
    (serve(router).await, seen)
}

async fn stand(answer: &'static str) -> (Stand, Seen) {
    let (url, seen) = service(answer).await;
    (Stand::with(|config| config.services[0].url = url).await, seen)
}

#[tokio::test]
async fn an_order_is_sent_in_a_trace_of_its_own_and_shown_with_its_answer() {
    let (stand, seen) = stand("{\"order\":\"<b>1</b>\"}").await;
    let fields = "service=app-a&endpoint=POST+%2Forders&customer=12&items=901+2&baggage=tier%3Dgold\
                  &sampled=yes";
    let answer = stand.post("/send", fields).await;
    let location = answer.location();
    let (path, _) = location.split_once('?').unwrap();
    let id = path.strip_prefix("/trace/").unwrap();
    let (what, headers, body) = seen.lock().unwrap().remove(0);
    let body: Value = serde_json::from_str(&body).unwrap();
    let order = json!({"customer": 12, "items": [{"sku": 901, "quantity": 2}]});
    assert_eq!((&*what, body), ("POST /orders", order));
    let parent = headers["traceparent"].to_str().unwrap();
    assert_eq!((&parent[3..35], &parent[53..]), (id, "01"));
    assert_eq!(headers["baggage"], "tier=gold");

    // Its span is on the way.
    let waiting = stand.get(location).await;
    assert_eq!(waiting.status, StatusCode::NOT_FOUND);
    assert!(waiting.header("refresh").unwrap().starts_with(&format!("1; url={path}?looks=2")));
    let told = text(waiting.page().one("section.exchange"));
    assert!(told.contains("POST") && told.contains("201 Created"), "{told}");

    let trace = u128::from_str_radix(id, 16).unwrap();
    let sent = u64::from_str_radix(&parent[36..52], 16).unwrap();
    let mut entry = span(trace, 7, sent, SpanKind::Server, (0, 5));
    entry.attributes.extend([header("traceparent", parent), header("baggage", "tier=gold")]);
    stand.write(vec![of("app-a", vec![entry])]).await;
    let answer = stand.get(location).await;
    assert_eq!(answer.status, StatusCode::OK);
    let page = answer.page();
    let told = text(page.one("section.exchange"));
    assert!(told.contains("{\"order\":\"<b>1</b>\"}"), "{told}");
    let hop = text(page.one(".hop"));
    assert!(hop.contains("this page → app-a GET /7 arrived as sent"), "{hop}");
    assert!(text(page.one("ol.rows")).contains("sent from here"));
    let home = text(stand.page("/").await.one("table.traces"));
    assert!(home.contains("sent from here") && !home.contains("without parent"), "{home}");
}

#[tokio::test]
async fn a_page_looks_again_until_nothing_more_comes_and_not_for_ever() {
    let stand = Stand::start().await;
    stand.write(vec![of("app-a", vec![span(1, 1, 0, SpanKind::Server, (0, 5))])]).await;
    let again = async |path: &str| {
        let answer = stand.get(path).await;
        answer.header("refresh").map(|it| it.trim_start_matches("1; url=").to_owned())
    };
    let path = format!("/trace/{:032x}", 1);
    assert_eq!(again(&path).await, None);
    let second = again(&format!("{path}?looks=1")).await.unwrap();
    assert_eq!(second, format!("{path}?looks=2&spans=1"));
    assert_eq!(again(&second).await, None);
    let mut next = format!("/trace/{:032x}?looks=1", 2);
    for _ in 0..7 {
        next = again(&next).await.unwrap();
    }
    assert_eq!(again(&next).await, None);
}

#[tokio::test]
async fn a_request_with_a_debug_id_has_no_parent_and_is_found_by_the_id() {
    let (stand, seen) = stand("ok").await;
    let fields = "service=app-a&endpoint=GET+%2F&debug_id=ticket+17";
    let answer = stand.post("/send", fields).await;
    let location = answer.location().to_owned();
    let (_, headers, _) = seen.lock().unwrap().remove(0);
    assert_eq!(headers["jaeger-debug-id"], "ticket 17");
    assert!(!headers.contains_key("traceparent"));

    let waiting = stand.get(&location).await;
    assert_eq!(waiting.status, StatusCode::OK);
    assert!(waiting.header("refresh").unwrap().contains("looks=2"));
    let mut entry = span(9, 1, 0, SpanKind::Server, (30_000, 30_005));
    entry.attributes.push(attribute("jaeger-debug-id", string("ticket 17")));
    // What had the same id long before is another request's.
    let mut old = span(8, 1, 0, SpanKind::Server, (0, 5));
    old.attributes.push(attribute("jaeger-debug-id", string("ticket 17")));
    stand.write(vec![of("app-a", vec![entry, old])]).await;
    let found = stand.get(&location).await;
    assert_eq!(found.location(), format!("/trace/{:032x}?looks=1", 9));
    let page = stand.page(found.location()).await;
    let told = text(page.one("section.exchange"));
    assert!(told.contains("jaeger-debug-id ticket 17"), "{told}");
}

#[tokio::test]
async fn what_makes_no_sense_is_told_in_the_form_which_keeps_what_was_entered() {
    let stand = Stand::start().await;
    let fields = "service=app-a&endpoint=GET+%2F&baggage=%3Cb%3E";
    let answer = stand.post("/send", fields).await;
    assert_eq!(answer.status, StatusCode::BAD_REQUEST);
    let page = answer.page();
    assert!(text(page.one("form.send .problem")).starts_with("baggage: expected key=value"));
    assert_eq!(text(page.one("textarea#baggage")), "<b>");
    let answer = stand.post("/send", "service=http%3A%2F%2Fevil.example&endpoint=GET+%2F").await;
    assert_eq!(answer.status, StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn a_service_that_is_away_is_told() {
    let stand = Stand::start().await;
    let answer = stand.post("/send", "service=app-a&endpoint=GET+%2F").await;
    let page = stand.get(answer.location()).await.page();
    let told = text(page.one("section.exchange"));
    assert!(told.contains("No answer") && told.to_lowercase().contains("refused"), "{told}");
}

#[tokio::test]
async fn an_answer_without_end_is_cut_and_a_redirect_is_not_followed() {
    let endless = Router::new().fallback(async || {
        let chunks = futures::stream::repeat_with(|| Ok::<_, std::io::Error>("x".repeat(4_096)));
        (StatusCode::FOUND, [("location", "http://127.0.0.1:9/")], Body::from_stream(chunks))
    });
    let url = serve(endless).await;
    let stand = Stand::with(|config| config.services[0].url = url).await;
    let answer = stand.post("/send", "service=app-a&endpoint=GET+%2F").await;
    let page = stand.get(answer.location()).await.page();
    let told = text(page.one("section.exchange"));
    assert!(told.contains("302 Found") && told.contains("There is more of it."), "{told}");
    assert!(told.len() < 10_000);
}

#[tokio::test]
async fn a_form_can_be_asked_for_with_a_request_in_it() {
    let stand = Stand::start().await;
    let page = stand.page("/?endpoint=GET%20%2Fitems%2F%7Bid%7D&item=0&debug_id=x").await;
    assert_eq!(page.each("#endpoint option[selected]", "value"), ["GET /items/{id}"]);
    assert_eq!(page.each("#item", "value"), ["0"]);
    assert_eq!(page.all("details.more[open]").len(), 1);
}
