//! How often a fault strikes, and until when.

use std::time::{Duration, Instant, SystemTime};

use serde_json::{Value, json};
use tokio::time::timeout;

use super::lab::{LONG, Lab, ORDER, named};
use crate::admin::{VARIABLES, admin};
use crate::expected::CALLER;
use crate::process::{Service, get, nobody};

/// The time that long from now, as a fault's end.
fn after(time: Duration) -> Value {
    humantime::format_rfc3339_millis(SystemTime::now() + time).to_string().into()
}

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
async fn each_of_two_faults_strikes_what_it_strikes_alone() {
    let version = [("OTEL_RESOURCE_ATTRIBUTES", "service.version=1.1.0")];
    let lab = Lab::start_with([&[], &version, &[], &[]]).await;
    let error = json!({"kind": "error", "service": "app-b", "ratio": 0.5, "seed": 7});
    let release = json!({
        "kind": "bad_release", "service": "app-b", "version": "1.1.0", "ratio": 0.5, "seed": 8,
    });
    let failed = async |faults: &[&Value]| {
        for fault in faults {
            lab.begin(fault).await;
        }
        let mut failed = Vec::new();
        for _ in 0..40 {
            failed.push(get(lab.services[1].address, "/").await.0 == 500);
        }
        lab.end_all().await;
        failed
    };
    let [one, other] = [failed(&[&error]).await, failed(&[&release]).await];
    let either: Vec<bool> = one.iter().zip(&other).map(|(one, other)| *one || *other).collect();
    assert_eq!(failed(&[&error, &release]).await, either);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_asks_for_a_services_health_takes_no_others_turn() {
    const CALLS: usize = 20;
    let lab = Lab::start_with([&[]; 4]).await;
    let address = lab.services[3].address;
    let fault = json!({"kind": "lost_context", "service": "app-d", "ratio": 0.5, "seed": 7});
    let mut lost = Vec::new();
    for round in 0..2 {
        lab.begin(&fault).await;
        for _ in 0..CALLS {
            if round == 1 {
                get(address, "/healthz").await;
            }
            let request = reqwest::Client::new().get(format!("http://{address}/"));
            let parent = format!("00-{:032x}-{CALLER}-01", 7);
            request.header("traceparent", parent).send().await.unwrap();
        }
        lab.end_all().await;
        let of_round = lab.wait(|all| {
            let spans = named(all, "SERVER", "GET /");
            let lost: Vec<bool> = spans.iter().map(|span| span.parent_id != CALLER).collect();
            let of_round = lost.get(CALLS * round..CALLS * (round + 1));
            of_round.map(<[bool]>::to_vec).ok_or(format!("{} of them", lost.len()))
        });
        lost.push(of_round.await);
    }
    assert!(lost[0].contains(&true) && lost[0].contains(&false), "{lost:?}");
    assert_eq!(lost[0], lost[1]);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_latencies_of_several_faults_add_up_for_as_long_as_each_is_there() {
    let lab = Lab::start_with([&[]; 4]).await;
    for ms in [LONG / 2, LONG, 4 * LONG] {
        let latency = json!({"distribution": "constant", "ms": ms});
        lab.begin(&json!({"kind": "latency", "service": "app-d", "latency": latency})).await;
    }
    let begin = Instant::now();
    let waiting = tokio::spawn(get(lab.services[3].address, "/"));
    tokio::time::sleep(Duration::from_millis(LONG / 2)).await;
    assert_eq!(admin(&lab.services[3], "DELETE", "/faults/3", None).await.0, 204);
    assert_eq!(waiting.await.unwrap().0, 200);
    let waited = begin.elapsed().as_millis() as u64;
    assert!((LONG * 3 / 2..LONG * 4).contains(&waited), "{waited} ms");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_waits_for_a_fault_goes_on_when_that_ends() {
    let lab = Lab::start_with([&[]; 4]).await;
    let address = lab.services[1].address;
    for (kind, ends_by_itself) in
        [("latency", false), ("latency", true), ("slow_database", false), ("slow_database", true)]
    {
        let latency = json!({"distribution": "constant", "ms": 10_000});
        let mut fault = json!({"kind": kind, "service": "app-b", "latency": latency});
        if ends_by_itself {
            fault["until"] = after(Duration::from_millis(LONG));
        }
        lab.begin(&fault).await;
        let mut waiting = tokio::spawn(get(address, "/prices/5"));
        timeout(Duration::from_millis(LONG / 2), &mut waiting).await.unwrap_err();
        if !ends_by_itself {
            lab.end_all().await;
        }
        let begin = Instant::now();
        assert_eq!(waiting.await.unwrap().0, 200);
        assert_eq!(get(address, "/prices/6").await.0, 200);
        let waited = begin.elapsed();
        assert!(waited < Duration::from_millis(3 * LONG), "{kind}, {ends_by_itself}: {waited:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_end_of_a_fault_is_logged_though_nobody_asks_for_anything() {
    let untraced = ("OTEL_TRACES_EXPORTER", "none");
    let service =
        Service::start("app-a", nobody(), nobody(), &[&VARIABLES[..], &[untraced]].concat());
    for fault in [
        json!({"kind": "error"}),
        json!({"kind": "cache_off", "until": after(Duration::from_secs(60))}),
        json!({"kind": "error", "until": after(Duration::from_secs(1))}),
    ] {
        assert_eq!(admin(&service, "POST", "/faults", Some(&fault)).await.0, 201);
    }
    let deadline = Instant::now() + Duration::from_secs(30);
    let ended = || service.lines().into_iter().find(|line| line.contains("faults end"));
    while ended().is_none() {
        assert!(Instant::now() < deadline, "{:#?}", service.lines());
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let line = ended().unwrap();
    assert!(line.contains("ended=1") && line.contains("left=2"), "{line}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hidden_fault_strikes_and_is_told_by_no_list_no_log_line_and_no_span() {
    let version = [("OTEL_RESOURCE_ATTRIBUTES", "service.version=1.1.0")];
    let mut lab = Lab::start_with([&[], &[], &[], &version]).await;
    let address = lab.services[3].address;
    let latency = json!({"distribution": "constant", "ms": 1});
    for mut fault in [
        json!({"kind": "error", "operation": "GET /"}),
        json!({"kind": "bad_release", "version": "1.1.0", "operation": "GET /io_task"}),
        json!({"kind": "latency", "latency": latency}),
        json!({"kind": "cache_off", "until": after(Duration::from_secs(1))}),
    ] {
        (fault["service"], fault["hidden"]) = (json!("app-d"), json!(true));
        lab.begin(&fault).await;
    }
    for path in ["/", "/io_task"] {
        assert_eq!(get(address, path).await.0, 500, "{path}");
    }
    let (_, listed) = admin(&lab.services[3], "GET", "/faults", None).await;
    for fault in listed["faults"].as_array().unwrap() {
        assert_eq!(*fault, json!({"id": fault["id"], "hidden": true}));
    }
    lab.end_all().await;
    assert_eq!(get(address, "/").await.0, 200);
    lab.services[3].terminate();
    assert!(lab.services[3].ended_within(Duration::from_secs(15)).success());
    let told = format!("{:?}\n{}", lab.collector.spans(), lab.services[3].lines().join("\n"));
    for word in ["fault", "cache_off", "bad_release", "latency", "is broken", "wants it"] {
        let told: Vec<_> = told.lines().filter(|line| line.contains(word)).collect();
        // Where they are switched is told of every service.
        let told = told.iter().filter(|line| !line.contains("faults are switched"));
        assert_eq!(told.count(), 0, "{word}");
    }
    assert!(told.contains("pool timed out") && told.contains("Option::unwrap()"), "{told}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_end_of_an_open_fault_counts_no_hidden_one() {
    let untraced = ("OTEL_TRACES_EXPORTER", "none");
    let service =
        Service::start("app-a", nobody(), nobody(), &[&VARIABLES[..], &[untraced]].concat());
    for hidden in [true, false, true] {
        let fault = json!({"kind": "error", "hidden": hidden});
        assert_eq!(admin(&service, "POST", "/faults", Some(&fault)).await.0, 201);
    }
    assert_eq!(admin(&service, "DELETE", "/faults", None).await.0, 204);
    let deadline = Instant::now() + Duration::from_secs(30);
    let ended = || service.lines().into_iter().find(|line| line.contains("faults end"));
    while ended().is_none() {
        assert!(Instant::now() < deadline, "{:#?}", service.lines());
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let line = ended().unwrap();
    assert!(line.contains("ended=1") && line.contains("left=0"), "{line}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fault_ends_by_itself_at_its_time() {
    let lab = Lab::start().await;
    let until = after(Duration::from_secs(3));
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
