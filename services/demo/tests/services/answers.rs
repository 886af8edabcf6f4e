//! What each endpoint answers.

use std::time::Duration;

use demo::tasks::pricing_client::PricingClient;
use demo::tasks::tasks_client::TasksClient;
use demo::tasks::{CpuTaskRequest, OrderItem, QuoteRequest};
use reqwest::Method;
use serde_json::{Value, json};
use tonic::Code;

use super::process::{Service, get, nobody};
use super::stand_in::StandIn;

const STOP: Duration = Duration::from_secs(15);
const UNTRACED: (&str, &str) = ("OTEL_TRACES_EXPORTER", "none");

#[tokio::test(flavor = "multi_thread")]
async fn every_endpoint_answers_in_json() {
    let service = Service::start("app-b", nobody(), nobody(), &[UNTRACED]);
    for (path, expected) in [
        ("/", 200),
        ("/items/7", 200),
        ("/items/0", 404),
        ("/items/1001", 404),
        ("/items/-1", 400),
        ("/items/seven", 400),
        ("/items/99999999999", 400),
        ("/io_task", 200),
        ("/cpu_task", 200),
        ("/cpu_task?limit=100", 200),
        ("/cpu_task?limit=1000001", 400),
        ("/cpu_task?limit=many", 400),
        ("/random_sleep", 200),
        ("/error_test", 500),
        ("/healthz", 200),
        ("/nowhere", 404),
    ] {
        let (status, answer) = get(service.address, path).await;
        assert_eq!(status, expected, "{path}: {answer}");
        if path.contains("healthz") {
            continue;
        }
        let key = if expected == 200 { "service" } else { "error" };
        assert!(answer[key].is_string(), "{path}: {answer}");
    }
    let (status, answer) = get(service.address, "/random_status").await;
    assert_eq!(answer["status"], status);
    assert_eq!(get(service.address, "/cpu_task?limit=100").await.1["primes"], 25);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_no_shop_would_send_is_refused_by_each_role_of_an_order() {
    let id = "0123456789abcdef";
    let item = json!({ "sku": 7, "quantity": 1 });
    let payment = json!({ "order": id, "customer": 1, "amount": 1, "currency": "EUR" });
    let other = |name: &str, value: Value| {
        let mut payment = payment.clone();
        payment[name] = value;
        payment
    };
    let service = Service::start("app-b", nobody(), nobody(), &[UNTRACED]);
    for (path, body) in [
        ("/orders", json!({ "customer": 1001 })),
        ("/orders", json!({ "items": [] })),
        ("/orders", json!({ "items": [{ "sku": 1001, "quantity": 1 }] })),
        ("/orders", json!({ "items": [{ "sku": 7, "quantity": 101 }] })),
        ("/orders", json!({ "items": [item, item] })),
        ("/orders", json!({ "items": vec![&item; 11] })),
        ("/orders", json!({ "colour": "red" })),
        ("/reservations", json!({ "order": "a".repeat(17), "items": [item] })),
        ("/reservations", json!({ "order": id, "items": [item, item] })),
        ("/reservations", json!({ "order": id, "items": [] })),
        ("/shipments", json!({ "order": "no order's id at all" })),
        ("/payments", other("order", json!("a".repeat(17)))),
        ("/payments", other("amount", json!(-1))),
        ("/payments", other("currency", json!("Euro"))),
    ] {
        let request = reqwest::Client::new().post(format!("http://{}{path}", service.address));
        let response = request.json(&body).send().await.unwrap();
        assert_eq!(response.status(), 400, "{path}: {body}");
        let answer: Value = response.json().await.unwrap();
        assert!(answer["error"].is_string(), "{path}: {answer}");
    }

    let url = format!("http://{}", service.address);
    let mut pricing = PricingClient::connect(url).await.unwrap();
    let items = vec![OrderItem { sku: 7, quantity: u32::MAX }];
    let error = pricing.quote(QuoteRequest { customer: 1, items }).await.unwrap_err();
    assert_eq!(error.code(), Code::InvalidArgument, "{error}");
}

/// The status of the answer.
async fn send(service: &Service, method: Method, path: &str, body: &Value) -> u16 {
    let url = format!("http://{}{path}", service.address);
    let request = reqwest::Client::new().request(method, url).json(body);
    request.send().await.unwrap().status().as_u16()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_given_back_makes_no_more_of_an_item_than_there_were_and_comes_back_once() {
    let service = Service::start("app-b", nobody(), nobody(), &[UNTRACED]);
    let reserve = async |order: &str, quantity: u32| {
        let body = json!({ "order": order, "items": [{ "sku": 7, "quantity": quantity }] });
        send(&service, Method::POST, "/reservations", &body).await
    };
    let release = async |order: &str| {
        send(&service, Method::DELETE, &format!("/reservations/{order}"), &Value::Null).await
    };
    let [restocked, sold, refused] = ["000000000000000a", "000000000000000b", "000000000000000c"];
    // The 5 that are left become 100.
    assert_eq!(reserve(restocked, 95).await, 201);
    assert_eq!((release(restocked).await, release(restocked).await), (200, 404));
    assert_eq!((reserve(sold, 60).await, reserve(refused, 60).await), (201, 409));

    let shipped = send(&service, Method::POST, "/shipments", &json!({ "order": sold })).await;
    assert_eq!((shipped, release(sold).await), (200, 404));
}

#[tokio::test(flavor = "multi_thread")]
async fn of_reservations_and_payments_the_last_thousand_are_kept() {
    let service = Service::start("app-b", nobody(), nobody(), &[UNTRACED]);
    let client = reqwest::Client::new();
    let post = async |path: &str, body: Value| {
        let request = client.post(format!("http://{}{path}", service.address)).json(&body);
        request.send().await.unwrap().status().as_u16()
    };
    let reserve = async |order: u32| {
        let items = json!([{ "sku": 7, "quantity": 1 }]);
        post("/reservations", json!({ "order": format!("{order:016x}"), "items": items })).await
    };
    let ship =
        async |order: u32| post("/shipments", json!({ "order": format!("{order:016x}") })).await;
    // Of this customer and amount the bank is too busy for the first try, and not for the second.
    let pay = async |order: u32| {
        let order = format!("{order:016x}");
        let payment =
            json!({ "order": order, "customer": 12, "amount": 11_236, "currency": "EUR" });
        post("/payments", payment).await
    };
    for order in 0..1_000 {
        assert_eq!((reserve(order).await, pay(order).await), (201, 503));
    }
    assert_eq!((ship(0).await, pay(0).await), (200, 201));
    assert_eq!((reserve(1_000).await, pay(1_000).await), (201, 503));
    assert_eq!((ship(0).await, pay(0).await), (404, 503));
    assert_eq!(ship(1).await, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn of_what_a_client_sends_only_so_much_is_read_and_less_is_told() {
    let mut service = Service::start("app-a", nobody(), nobody(), &[UNTRACED]);
    for length in [4_000, 20_000] {
        let body = json!({ "é".repeat(length): 1 });
        assert_eq!(send(&service, Method::POST, "/orders", &body).await, 400);
    }
    service.terminate();
    assert!(service.ended_within(STOP).success());
    let lines = service.lines();
    let refused: Vec<&String> =
        lines.iter().filter(|line| line.contains("request refused")).collect();
    assert_eq!(refused.len(), 2, "{lines:#?}");
    assert!(refused[0].contains("unknown field `éé") && refused[0].len() < 1_500, "{}", refused[0]);
    assert!(refused[1].contains("length limit exceeded"), "{}", refused[1]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_chain_whose_target_is_down_is_a_bad_gateway_that_names_it() {
    let up = StandIn::start().await.address;
    for (one, two, down) in [(nobody(), up, "/io_task"), (up, nobody(), "demo.v1.Tasks/CpuTask")] {
        let service = Service::start("app-a", one, two, &[UNTRACED]);
        let (status, answer) = get(service.address, "/chain").await;
        let error = answer["error"].as_str().unwrap();
        assert_eq!(status, 502, "{error}");
        assert!(error.starts_with("calling ") && error.contains(down), "{error}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cpu_task_refuses_too_large_a_limit_and_tells_of_a_target_that_is_down() {
    let service = Service::start("app-c", nobody(), nobody(), &[UNTRACED]);
    let mut client = TasksClient::connect(format!("http://{}", service.address)).await.unwrap();
    for (limit, code) in [(1_000_001, Code::InvalidArgument), (100, Code::Unavailable)] {
        let status = client.cpu_task(CpuTaskRequest { limit }).await.unwrap_err();
        assert_eq!(status.code(), code, "{}", status.message());
    }
}
