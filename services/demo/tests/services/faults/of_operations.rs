//! What befalls any operation: it fails, waits, or is found in no trace of its caller's.

use reqwest::Method;
use serde_json::{Value, json};

use super::lab::{LONG, Lab, attribute, counted, counts, in_words, named};
use crate::collector::text;
use crate::expected::{CALLER, Span};
use crate::process::get;

/// The hop at which the context is lost.
const LOST_HOP: &str = "demo.v1.Pricing/Quote";

#[tokio::test(flavor = "multi_thread")]
async fn an_error_fails_the_operation_before_it_does_anything() {
    let lab = Lab::start().await;
    let fault = json!({"kind": "error", "service": "app-c", "operation": "POST /payments"});
    lab.strike(&[fault], 502, async |spans| {
        // Three tries, none of which asks the database, and what is reserved is given back.
        let expected = [
            ("app-a CLIENT DELETE", 1),
            ("app-a CLIENT POST", 4),
            ("app-a CLIENT demo.v1.Pricing/Quote", 1),
            ("app-a INTERNAL place_order", 1),
            ("app-a SERVER POST /orders", 1),
            ("app-b CLIENT DELETE reservations", 1),
            ("app-b CLIENT INSERT reservations", 1),
            ("app-b CLIENT SELECT stock", 1),
            ("app-b CLIENT UPDATE stock", 2),
            ("app-b SERVER DELETE /reservations/{order}", 1),
            ("app-b SERVER POST /reservations", 1),
            ("app-c INTERNAL get_price", 2),
            ("app-c SERVER POST /payments", 3),
            ("app-c SERVER demo.v1.Pricing/Quote", 1),
        ];
        assert_eq!(counts(spans), counted(&expected));
        for payment in named(spans, "SERVER", "POST /payments") {
            assert!(payment.status == "error", "{payment:#?}");
            assert_eq!(attribute(payment, "http.response.status_code").unwrap(), "500");
            let [(name, exception)] = payment.events.as_slice() else { panic!("{payment:#?}") };
            assert_eq!(name, "exception");
            let message = exception["exception.message"].to_string();
            assert_eq!(message, "failing, as fault 1 wants it");
        }
        let failed = spans.iter().filter(|span| span.status == "error").count();
        assert_eq!(failed, 3 + 3 + 2, "the payments, their callers, the order and its request");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_error_is_for_its_tier_at_the_shop_and_over_grpc_too() {
    let lab = Lab::start().await;
    let fault = json!({"kind": "error", "service": "app-a", "operation": "POST /orders"});
    lab.strike(&[fault], 500, async |spans| {
        assert_eq!(counts(spans), counted(&[("app-a SERVER POST /orders", 1)]));
    })
    .await;
    let fault = json!({"kind": "error", "service": "app-c", "operation": "demo.v1.Pricing/Quote"});
    lab.strike(&[fault], 502, async |spans| {
        let expected = [
            ("app-a CLIENT demo.v1.Pricing/Quote", 1),
            ("app-a INTERNAL place_order", 1),
            ("app-a SERVER POST /orders", 1),
            ("app-c SERVER demo.v1.Pricing/Quote", 1),
        ];
        assert_eq!(counts(spans), counted(&expected));
        let quote = named(spans, "SERVER", "demo.v1.Pricing/Quote")[0];
        assert_eq!(attribute(quote, "rpc.response.status_code").unwrap(), "INTERNAL");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn latency_has_the_operation_wait_before_it_does_anything() {
    let lab = Lab::start().await;
    let fault = json!({
        "kind": "latency", "service": "app-b", "operation": "POST /reservations",
        "latency": {"distribution": "uniform", "min_ms": LONG, "max_ms": LONG + 100},
    });
    lab.strike(&[fault], 201, async |spans| {
        assert_eq!(lab.changes(spans), [] as [&str; 0]);
        let reservation = named(spans, "SERVER", "POST /reservations")[0];
        assert!(lab.milliseconds(reservation) >= LONG, "{reservation:#?}");
        for statement in spans.iter().filter(|span| span.parent_id == reservation.id) {
            assert!(statement.start >= reservation.start + LONG * 1_000_000, "the wait is before");
        }
        for name in ["POST /payments", "POST /shipments", "demo.v1.Pricing/Quote"] {
            assert!(lab.milliseconds(named(spans, "SERVER", name)[0]) < LONG, "{name}");
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn latency_is_spread_as_it_is_distributed() {
    let lab = Lab::start_with([&[]; 4]).await;
    let fault = json!({
        "kind": "latency", "service": "app-d", "operation": "GET /",
        "latency": {"distribution": "uniform", "min_ms": 20, "max_ms": 420},
    });
    let waits = async |all: usize| {
        for _ in 0..20 {
            get(lab.services[3].address, "/").await;
        }
        let mut spans: Vec<Span> = lab.collector.wait_for(all).await.iter().map(in_words).collect();
        spans.sort_by_key(|span| span.start);
        let last = &spans[all - 20..];
        let mut waits: Vec<u64> = last.iter().map(|span| lab.milliseconds(span)).collect();
        waits.sort_unstable();
        waits
    };
    lab.begin(&fault).await;
    let waits_of_fault = waits(20).await;
    lab.end_all().await;
    let others = waits(40).await;
    assert!(others[10] < 20, "{others:?}");
    let waits = waits_of_fault;
    assert!(waits[0] >= 20, "{waits:?}");
    // The median of twenty is that close to the middle with this seed.
    assert!((120..=400).contains(&waits[10]), "{waits:?}");
    assert!(waits[19] - waits[0] > 200, "{waits:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn where_the_context_is_lost_a_trace_begins_without_baggage() {
    let lab = Lab::start().await;
    let fault = json!({"kind": "lost_context", "service": "app-c", "operation": LOST_HOP});
    lab.strike(&[fault], 201, async |spans| {
        let expected = [
            format!("4: app-c SERVER {LOST_HOP} is missing"),
            "5: app-c INTERNAL get_price is missing".to_owned(),
            "6: app-c INTERNAL get_price is missing".to_owned(),
        ];
        assert_eq!(lab.changes(spans), expected);
        let call = named(spans, "CLIENT", LOST_HOP)[0];
        let lost = lab
            .wait(|all| {
                let root = named(all, "SERVER", LOST_HOP)
                    .into_iter()
                    .find(|it| it.parent_id.is_empty() && it.start >= call.start)
                    .ok_or("no trace begins")?;
                let of_it = all.iter().filter(|it| it.trace_id == root.trace_id);
                Ok(of_it.cloned().collect::<Vec<_>>())
            })
            .await;
        assert_eq!(
            counts(&lost),
            counted(&[("app-c INTERNAL get_price", 2), ("app-c SERVER demo.v1.Pricing/Quote", 1),])
        );
        assert!(lost.iter().all(|span| attribute(span, "app.customer.tier").is_none()));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_propagators_context_is_lost() {
    let faults = json!([{"kind": "lost_context", "tier": "gold"}]).to_string();
    let variables = [("OTEL_PROPAGATORS", "jaeger"), ("FAULTS", &*faults)];
    let lab = Lab::start_with([&variables; 4]).await;
    let trace_id = "0af7651916cd43dd8448eb211c80319c";
    let ask = async |tier: &str| {
        let request = reqwest::Client::new()
            .get(format!("http://{}/", lab.services[0].address))
            .header("uber-trace-id", format!("{trace_id}:b7ad6b7169203331:0:1"))
            .header("uberctx-app.customer.tier", tier);
        assert_eq!(request.send().await.unwrap().status(), 200);
    };
    ask("silver").await;
    ask("gold").await;
    lab.end_all().await;
    ask("gold").await;
    let mut spans: Vec<Span> = lab.collector.wait_for(3).await.iter().map(in_words).collect();
    spans.sort_by_key(|span| span.start);
    let tier = |span| attribute(span, "app.customer.tier");
    assert_eq!((&*spans[0].trace_id, tier(&spans[0]).as_deref()), (trace_id, Some("silver")));
    assert_ne!(spans[1].trace_id, trace_id);
    assert_eq!(tier(&spans[1]), None);
    assert_eq!((&*spans[2].trace_id, tier(&spans[2]).as_deref()), (trace_id, Some("gold")));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tier_for_which_the_context_is_lost_is_that_of_the_baggage_and_no_orders() {
    let faults = json!([{"kind": "lost_context", "tier": "gold"}]).to_string();
    let lab = Lab::start_with([&[("FAULTS", &*faults)], &[], &[], &[]]).await;
    let requests = [
        (Method::GET, "/", &["app.customer.tier=silver"][..], 200, true),
        (Method::GET, "/", &["app.customer.tier=gold"], 200, false),
        (Method::GET, "/", &["user.id=7", "app.customer.tier=gold"], 200, false),
        (Method::POST, "/orders", &["app.customer.tier=gold"], 400, true),
    ];
    for (number, (method, path, baggage, status, _)) in requests.iter().enumerate() {
        let url = format!("http://{}{path}", lab.services[0].address);
        let mut request = reqwest::Client::new().request(method.clone(), url).body("{}x");
        request = request.header("traceparent", format!("00-{:032x}-{CALLER}-01", number + 1));
        for entry in *baggage {
            request = request.header("baggage", *entry);
        }
        assert_eq!(request.send().await.unwrap().status(), *status);
    }
    let mut spans: Vec<Span> = lab.collector.wait_for(4).await.iter().map(in_words).collect();
    spans.sort_by_key(|span| span.start);
    for (span, (_, path, baggage, _, is_kept)) in spans.iter().zip(requests) {
        assert_eq!(span.parent_id == CALLER, is_kept, "{path} {baggage:?}: {span:#?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bad_release_fails_where_telemetry_tells_of_that_version() {
    let faults: Value =
        json!([{"kind": "bad_release", "version": "1.1.0", "operation": "GET /io_task"}]);
    let faults = faults.to_string();
    let [old, new] = ["service.version=1.0.0", "service.version=1.1.0"]
        .map(|version| [("FAULTS", faults.as_str()), ("OTEL_RESOURCE_ATTRIBUTES", version)]);
    let lab = Lab::start_with([&old, &new, &old, &old]).await;
    let ask = async || {
        for service in &lab.services {
            get(service.address, "/io_task").await;
            get(service.address, "/").await;
        }
    };
    ask().await;
    for exported in lab.collector.wait_for(8).await {
        let version = text(&exported.resource, "service.version");
        let is_bad = version.as_deref() == Some("1.1.0") && exported.span.name == "GET /io_task";
        assert_eq!(in_words(&exported).status == "error", is_bad, "{exported:#?}");
    }
    lab.end_all().await;
    ask().await;
    let failed = lab.collector.wait_for(16).await;
    assert_eq!(failed.iter().filter(|it| in_words(it).status == "error").count(), 1);
}
