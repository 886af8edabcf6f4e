//! How often a fault strikes, and until when.

use std::time::{Duration, Instant, SystemTime};

use serde_json::json;

use super::lab::{Lab, ORDER, named};
use crate::process::{Service, get, nobody};

#[tokio::test(flavor = "multi_thread")]
async fn a_ratio_strikes_the_same_calls_with_the_same_seed() {
    const CALLS: usize = 40;
    let lab = Lab::start_with([&[]; 4]).await;
    let mut struck = Vec::new();
    for (round, seed) in [7, 7, 8].into_iter().enumerate() {
        let fault = json!({
            "kind": "error", "service": "app-b", "operation": "GET /", "ratio": 0.5, "seed": seed,
        });
        lab.begin(&fault).await;
        for _ in 0..CALLS {
            get(lab.services[1].address, "/").await;
        }
        lab.end_all().await;
        let errors = lab
            .wait(|all| {
                let spans = named(all, "SERVER", "GET /");
                let errors: Vec<bool> = spans.iter().map(|span| span.status == "error").collect();
                let of_round = errors.get(CALLS * round..CALLS * (round + 1));
                of_round.map(<[bool]>::to_vec).ok_or(format!("{} of them", errors.len()))
            })
            .await;
        struck.push(errors);
    }
    let failed = struck[0].iter().filter(|failed| **failed).count();
    assert!((10..=30).contains(&failed), "{struck:?}");
    assert_eq!(struck[0], struck[1]);
    assert_ne!(struck[0], struck[2]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fault_ends_by_itself_at_its_time() {
    let lab = Lab::start().await;
    let until = SystemTime::now() + Duration::from_secs(3);
    let until = humantime::format_rfc3339_millis(until).to_string();
    lab.begin(&json!({"kind": "error", "service": "app-d", "operation": "GET /", "until": until}))
        .await;
    let address = lab.services[3].address;
    assert_eq!(get(address, "/").await.0, 500);
    let deadline = Instant::now() + Duration::from_secs(30);
    while get(address, "/").await.0 == 500 {
        assert!(Instant::now() < deadline);
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let spans = lab.wait(|all| {
        let spans = named(all, "SERVER", "GET /");
        let ended = spans.iter().filter(|span| span.status != "error").count();
        if ended == 1 { Ok(spans.len()) } else { Err(format!("{ended} are no errors")) }
    });
    assert!(spans.await > 1);
    for flow in ["the chain", ORDER] {
        lab.is_as_ever(flow).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_over_at_the_start_is_no_fault() {
    let over = [("FAULTS", r#"[{"kind": "error", "until": "2020-01-01T00:00:00Z"}]"#)];
    let none = [("FAULTS", "")];
    let lab = Lab::start_with([&over, &none, &over, &none]).await;
    lab.is_as_ever("the chain").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fault_of_every_operation_leaves_the_service_healthy() {
    let faults = [("FAULTS", r#"[{"kind": "error"}]"#), ("OTEL_TRACES_EXPORTER", "none")];
    let service = Service::start("app-a", nobody(), nobody(), &faults);
    for (path, status) in [("/", 500), ("/items/7", 500), ("/healthz", 200)] {
        assert_eq!(get(service.address, path).await.0, status, "{path}");
    }
}
