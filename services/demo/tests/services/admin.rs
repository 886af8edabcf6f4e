//! The endpoint where faults are switched: who may, and what may be.

use std::collections::BTreeSet;
use std::time::Duration;

use reqwest::header::{AUTHORIZATION, HOST, HeaderName, ORIGIN};
use serde_json::{Value, json};

use super::collector::Collector;
use super::flows::PAGE;
use super::process::{Service, Variable, demo, nobody};

pub const TOKEN: &str = "a-token-of-the-tests";

/// What a service with the endpoint has.
pub const VARIABLES: [Variable; 2] = [("ADMIN_TOKEN", TOKEN), ("ADMIN_LISTEN", "127.0.0.1:0")];

/// Where a service has its faults switched.
fn address(service: &Service) -> Option<String> {
    let lines = service.lines();
    let line = lines.iter().find(|line| line.contains("faults are switched"))?;
    let address = &line[line.find("127.0.0.1:")?..];
    Some(address.split_whitespace().next()?.to_owned())
}

/// Asks with the token: the status and the JSON, if any.
pub async fn admin(
    service: &Service,
    method: &str,
    path: &str,
    body: Option<&Value>,
) -> (u16, Value) {
    let headers = [(AUTHORIZATION, format!("Bearer {TOKEN}"))];
    ask(service, method, path, &headers, body).await
}

async fn ask(
    service: &Service,
    method: &str,
    path: &str,
    headers: &[(HeaderName, String)],
    body: Option<&Value>,
) -> (u16, Value) {
    let url = format!("http://{}{path}", address(service).unwrap());
    let mut request = reqwest::Client::new().request(method.parse().unwrap(), url);
    for (name, value) in headers {
        request = request.header(name, value);
    }
    if let Some(body) = body {
        request = request.body(body.to_string());
    }
    let response = request.send().await.unwrap();
    let status = response.status().as_u16();
    (status, serde_json::from_str(&response.text().await.unwrap()).unwrap_or_default())
}

fn start(variables: &[Variable]) -> Service {
    Service::start("app-a", nobody(), nobody(), &[&VARIABLES[..], variables].concat())
}

async fn listed(service: &Service) -> Vec<Value> {
    let (_, answer) = admin(service, "GET", "/faults", None).await;
    answer["faults"].as_array().unwrap().clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_token_there_is_no_endpoint() {
    let address_of_none = nobody().to_string();
    let listen = ("ADMIN_LISTEN", address_of_none.as_str());
    for variables in [&[listen][..], &[listen, ("ADMIN_TOKEN", "")]] {
        let service = Service::start("app-a", nobody(), nobody(), variables);
        assert_eq!(address(&service), None);
        assert!(tokio::net::TcpStream::connect(&address_of_none).await.is_err());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn only_who_has_the_token_and_is_no_page_of_a_browser_is_let_in() {
    let collector = Collector::start().await;
    let (name, endpoint) = collector.variable();
    let mut service = start(&[(name, &endpoint)]);
    let own = address(&service).unwrap();
    let port = own.split(':').nth(1).unwrap();
    let token = || (AUTHORIZATION, format!("Bearer {TOKEN}"));
    let authorization = |value: &str| (AUTHORIZATION, value.to_owned());
    let host = |host: &str| (HOST, host.to_owned());
    let origin = |origin: &str| (ORIGIN, origin.to_owned());
    let fault = json!({"kind": "error"});
    for (headers, expected) in [
        (vec![token()], 201),
        (vec![authorization(&format!("bearer {TOKEN}"))], 201),
        (vec![token(), host(&format!("localhost:{port}"))], 201),
        (vec![token(), host(&format!("[::1]:{port}"))], 201),
        // As a container beside it calls it.
        (vec![token(), host(&format!("app-a:{port}"))], 201),
        (vec![], 401),
        (vec![authorization(TOKEN)], 401),
        (vec![authorization("Bearer ")], 401),
        (vec![authorization(&format!("Bearer {TOKEN}x"))], 401),
        (vec![authorization(&format!("Bearer {}", &TOKEN[1..]))], 401),
        (vec![authorization(&format!("Bearer {}", TOKEN.to_uppercase()))], 401),
        (vec![authorization(&format!("Basic {TOKEN}"))], 401),
        (vec![token(), token()], 401),
        (vec![token(), host(&format!("app-b:{port}"))], 403),
        (vec![token(), host(&format!("app-a.example:{port}"))], 403),
        (vec![token(), host("rebound.example")], 403),
        (vec![token(), host(&format!("rebound.example:{port}"))], 403),
        (vec![token(), host(&format!("localhost.example:{port}"))], 403),
        (vec![token(), host(&format!("127.0.0.1.example:{port}"))], 403),
        (vec![token(), origin("http://rebound.example")], 403),
        (vec![token(), origin("http://localhost:3000")], 403),
        (vec![token(), origin(&format!("https://{own}"))], 403),
        (vec![token(), origin("null")], 403),
        (vec![origin("http://rebound.example")], 403),
    ] {
        for method in ["GET", "DELETE", "POST"] {
            let (status, answer) = ask(&service, method, "/faults", &headers, Some(&fault)).await;
            let expected = match (expected, method) {
                (201, "GET") => 200,
                (201, "DELETE") => 204,
                (expected, _) => expected,
            };
            assert_eq!(status, expected, "{method} {headers:?}: {answer}");
        }
    }
    assert_eq!(listed(&service).await.len(), 1, "the refused began none, and ended none");
    service.terminate();
    assert!(service.ended_within(Duration::from_secs(15)).success());
    assert!(!service.lines().join("\n").contains(TOKEN));
    assert!(collector.spans().is_empty(), "it is no part of the system");
}

#[tokio::test(flavor = "multi_thread")]
async fn faults_are_listed_ended_and_bounded() {
    let service = start(&[
        ("OTEL_RESOURCE_ATTRIBUTES", "service.version=1.2.3"),
        ("OTEL_TRACES_EXPORTER", "none"),
    ]);
    let fault = json!({
        "kind": "latency", "operation": "GET /items/{id}", "ratio": 0.5, "seed": 7,
        "latency": {"distribution": "exponential", "mean_ms": 20},
    });
    for id in 1..=16 {
        let answer = admin(&service, "POST", "/faults", Some(&fault)).await;
        assert_eq!(answer, (201, json!({ "id": id })));
    }
    assert_eq!(admin(&service, "POST", "/faults", Some(&fault)).await.0, 409);
    assert_eq!(admin(&service, "DELETE", "/faults/3", None).await.0, 204);
    assert_eq!(admin(&service, "DELETE", "/faults/3", None).await.0, 404);
    let (_, answer) = admin(&service, "GET", "/faults", None).await;
    assert_eq!((&answer["service"], &answer["version"]), (&json!("app-a"), &json!("1.2.3")));
    let mut first = fault;
    first["id"] = json!(1);
    assert_eq!(listed(&service).await[0], first);
    assert_eq!(listed(&service).await.len(), 15);
    assert_eq!(admin(&service, "DELETE", "/faults", None).await.0, 204);
    assert_eq!(listed(&service).await, [] as [Value; 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bad_fault_is_refused_in_one_line_and_changes_nothing() {
    let service = start(&[("OTEL_TRACES_EXPORTER", "none")]);
    let (_, answer) = admin(&service, "POST", "/faults", Some(&json!({"kind": "cache_off"}))).await;
    let before = listed(&service).await;
    for (fault, expected) in [
        (json!({"kind": "error", "ratio": 2}), "ratio: 2 is not above 0 up to 1"),
        (json!({"kind": "error", "service": "app-b"}), "service: this is app-a"),
        (json!({"kind": "error", "version": "2"}), "version: this is one that tells none"),
        (json!({"kind": "error", "until": "2020-01-01T00:00:00Z"}), "until: it is over"),
        (json!({"kind": "error", "id": answer["id"]}), "id: there is no such field"),
        (json!({"kind": "error", "a\nb": 1}), "a b: there is no such field"),
        (
            json!({"kind": "lost_context", "tier": "gold", "operation": "POST /orders"}),
            "tier: that of POST /orders is in the order, which is read later",
        ),
    ] {
        let answer = admin(&service, "POST", "/faults", Some(&fault)).await;
        assert_eq!(answer, (400, json!({ "error": expected })));
    }
    for (method, path, body, expected) in [
        ("POST", "/faults", json!("x".repeat(20_000)), 413),
        ("POST", "/faults", json!("x"), 400),
        ("DELETE", "/faults/abc", json!(null), 400),
        ("DELETE", "/faults/7", json!(null), 404),
        ("GET", "/fault", json!(null), 404),
        ("GET", "/faults/1", json!(null), 405),
        ("PUT", "/faults", json!(null), 405),
    ] {
        let (status, answer) = admin(&service, method, path, Some(&body)).await;
        assert_eq!(status, expected, "{method} {path}: {answer}");
        let error = answer["error"].as_str().unwrap();
        assert_eq!(error.lines().count(), 1, "{method} {path}: {error}");
    }
    assert_eq!(listed(&service).await, before);
}

#[tokio::test(flavor = "multi_thread")]
async fn each_span_of_a_server_is_an_operation() {
    let service = start(&[("OTEL_TRACES_EXPORTER", "none")]);
    let names =
        PAGE.lines().filter_map(|line| line.split("| SERVER | `").nth(1)?.split('`').next());
    // That is of a page that there is not.
    let names: BTreeSet<&str> = names.filter(|name| *name != "GET").collect();
    assert_eq!(names.len(), 16, "{names:?}");
    for name in names {
        let fault = json!({"kind": "error", "operation": name});
        assert_eq!(admin(&service, "POST", "/faults", Some(&fault)).await.0, 201, "{name}");
    }
}

/// Those of the start, one for each of these services.
fn faults(services: &[&str]) -> String {
    let fault = |service: &&str| json!({"kind": "error", "service": service});
    Value::from_iter(services.iter().map(fault)).to_string()
}

#[tokio::test(flavor = "multi_thread")]
async fn of_the_faults_of_the_start_as_many_as_there_may_be_are_each_services() {
    let own = faults(&[["app-a"; 16], ["app-b"; 16]].concat());
    let service = start(&[("FAULTS", &own), ("OTEL_TRACES_EXPORTER", "none")]);
    assert_eq!(listed(&service).await.len(), 16);
}

#[test]
fn what_is_wrong_at_the_start_is_one_line_that_names_it() {
    for (variables, named) in [
        (&[("FAULTS", "error")][..], "FAULTS"),
        (&[("FAULTS", r#"[{"kind": "error", "ratio": 2}]"#)], "FAULTS: ratio: 2"),
        (&[("FAULTS", r#"[{"kind": "error", "a\nb": 1}]"#)], "FAULTS: a b: there is no such field"),
        (&[("FAULTS", &*faults(&["app-a"; 17]))], "FAULTS: faults: 17 of app-a are more than 16"),
        (&[("ADMIN_TOKEN", "two words")], "ADMIN_TOKEN"),
        (&[("ADMIN_LISTEN", "9000")], "--admin-listen"),
    ] {
        let output = demo().envs(variables.iter().copied()).output().unwrap();
        let error = String::from_utf8(output.stderr).unwrap();
        assert_eq!((output.status.code(), error.lines().count()), (Some(64), 1), "{error}");
        assert!(error.contains(named) && !error.contains("two words"), "{error}");
    }
}
