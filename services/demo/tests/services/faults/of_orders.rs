//! What befalls the parts of an order: its prices, its stock, its payment.

use futures::future::join_all;
use serde_json::json;

use super::lab::{LONG, Lab, ORDER, attribute, counts, named};
use crate::expected;

#[tokio::test(flavor = "multi_thread")]
async fn a_slow_database_takes_longer_for_each_statement_of_the_operation() {
    let lab = Lab::start().await;
    let fault = json!({
        "kind": "slow_database", "service": "app-b", "operation": "POST /reservations",
        "latency": {"distribution": "constant", "ms": LONG},
    });
    lab.strike(&[fault], 201, async |spans| {
        assert_eq!(lab.changes(spans), [] as [&str; 0]);
        let slow = ["SELECT stock", "UPDATE stock", "INSERT reservations"];
        for (names, is_slow) in [(&slow[..], true), (&["UPDATE reservations"], false)] {
            for name in names {
                let statement = named(spans, "CLIENT", name)[0];
                assert_eq!(lab.milliseconds(statement) >= LONG, is_slow, "{name}");
            }
        }
        assert!(lab.milliseconds(named(spans, "CLIENT", "INSERT payments")[0]) < LONG);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_the_cache_each_price_is_asked_for() {
    let lab = Lab::start().await;
    let fault = json!({"kind": "cache_off", "service": "app-c"});
    lab.strike(&[fault], 201, async |spans| {
        let at_first = lab.flow("an order");
        assert_eq!(expected::problems(at_first, spans), [] as [&str; 0]);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn with_n_plus_one_queries_stock_is_read_item_by_item() {
    let lab = Lab::start().await;
    let fault = json!({"kind": "n_plus_one", "service": "app-b"});
    lab.strike(&[fault], 201, async |spans| {
        let expected = [
            "9: app-b CLIENT SELECT stock: db.response.returned_rows is 1",
            "unexpected: app-b CLIENT SELECT stock below 8",
        ];
        assert_eq!(lab.changes(spans), expected);
        for read in named(spans, "CLIENT", "SELECT stock") {
            assert_eq!(attribute(read, "db.response.returned_rows").unwrap(), "1");
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn in_a_retry_storm_a_failing_payment_is_tried_ten_times_at_once() {
    let lab = Lab::start().await;
    let storm = json!({"kind": "retry_storm", "service": "app-a", "tier": "gold"});
    lab.begin(&storm).await;
    // As long as none fails there is nothing to try again.
    lab.is_as_ever(ORDER).await;
    lab.end_all().await;

    let failing = json!({"kind": "error", "service": "app-c", "operation": "POST /payments"});
    lab.strike(&[storm, failing], 502, async |spans| {
        let tries = named(spans, "SERVER", "POST /payments");
        let counted: Vec<_> = tries
            .iter()
            .map(|server| spans.iter().find(|span| span.id == server.parent_id).unwrap())
            .map(|client| attribute(client, "http.request.resend_count"))
            .collect();
        let expected: Vec<_> = (0..10).map(|it| (it > 0).then(|| it.to_string())).collect();
        assert_eq!(counted, expected);
        assert_eq!(counts(spans)["app-a CLIENT POST"], 10 + 1, "the other one is for stock");
        let placing = named(spans, "INTERNAL", "place_order")[0];
        let waits: Vec<_> = placing
            .events
            .iter()
            .filter(|(name, _)| name == "trying the payment again")
            .map(|(_, event)| event["wait_ms"].to_string())
            .collect();
        assert_eq!(waits, ["0"; 9]);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn however_many_orders_wait_for_slow_prices_all_are_placed() {
    const ORDERS: usize = 100;
    let lab = Lab::start().await;
    lab.begin(&json!({
        "kind": "latency", "service": "app-c", "operation": "demo.v1.Pricing/Quote",
        "latency": {"distribution": "constant", "ms": LONG},
    }))
    .await;
    let (url, body) = (format!("http://{}/orders", lab.services[0].address), &lab.flow(ORDER).body);
    let client = reqwest::Client::new();
    let orders = (0..ORDERS).map(|_| client.post(&url).body(body.clone()).send());
    let orders = join_all(orders).await;
    let placed = orders.iter().filter(|order| order.as_ref().is_ok_and(|it| it.status() == 201));
    assert_eq!(placed.count(), ORDERS, "{orders:?}");
    lab.end_all().await;
    lab.is_as_ever(ORDER).await;
}
