use serde_json::json;

use super::*;

#[test]
fn what_is_not_valid_is_refused_by_name() {
    let slow = |latency: Value| json!({"kind": "latency", "latency": latency});
    for (fault, named) in [
        (json!([]), "fault: expected an object"),
        (json!({}), "kind: it is missing"),
        (json!({"kind": "flood"}), "kind: unknown variant `flood`"),
        (json!({"kind": "error", "ratio": 1.5}), "ratio: 1.5"),
        (json!({"kind": "error", "ratio": 0}), "ratio: 0"),
        (json!({"kind": "error", "ratio": "all"}), "ratio: invalid type"),
        (json!({"kind": "error", "seed": -1}), "seed: invalid value"),
        (json!({"kind": "error", "tier": "platinum"}), "tier: unknown variant"),
        (json!({"kind": "error", "operation": "GET /order"}), "operation: GET /order is none of"),
        (
            json!({"kind": "retry_storm", "operation": "POST /payments"}),
            "operation: POST /payments is none of POST /orders",
        ),
        (json!({"kind": "error", "until": "tomorrow"}), "until: "),
        (json!({"kind": "error", "service": 7}), "service: invalid type"),
        (json!({"kind": "error", "hidden": "yes"}), "hidden: invalid type"),
        (json!({"kind": "error", "rate": 0.1}), "rate: there is no such field"),
        (json!({"kind": "error", "latency": {"distribution": "constant", "ms": 1}}), "latency"),
        (json!({"kind": "latency"}), "latency: it is missing"),
        (json!({"kind": "slow_database"}), "latency: it is missing"),
        (slow(json!({"distribution": "normal"})), "latency: unknown variant `normal`"),
        (slow(json!({"distribution": "constant", "ms": 10_001})), "latency: ms 10001 is above"),
        (
            slow(json!({"distribution": "uniform", "min_ms": 2, "max_ms": 1})),
            "latency: min_ms 2 is above max_ms 1",
        ),
        (json!({"kind": "bad_release"}), "version: it is missing"),
        (json!({"kind": "error", "a\nb": 1}), "a b: there is no such field"),
        (json!({"kind": "flood\nof"}), "kind: unknown variant `flood of`"),
        (json!({"kind": "error", "operation": "GET\n/"}), "operation: GET / is none of"),
        (
            json!({"kind": "lost_context", "operation": "POST /orders", "tier": "gold"}),
            "tier: that of POST /orders is in the order",
        ),
    ] {
        let error = Spec::read(fault).unwrap_err().to_string();
        assert!(error.starts_with(named) && error.lines().count() == 1, "{error}");
    }
}

#[test]
fn a_fault_is_told_as_it_was_read() {
    let fault = json!({
        "kind": "slow_database",
        "service": "app-b",
        "version": "1.1.0",
        "operation": "POST /reservations",
        "tier": "gold",
        "ratio": 0.5,
        "seed": 7,
        "until": "2100-01-01T00:00:00Z",
        "latency": {"distribution": "uniform", "min_ms": 100, "max_ms": 300},
        "hidden": true,
    });
    assert_eq!(json!(Spec::read(fault.clone()).unwrap()), fault);
    let least = json!({"kind": "cache_off", "ratio": 1.0, "seed": 0});
    assert_eq!(json!(Spec::read(json!({"kind": "cache_off"})).unwrap()), least);
}

#[test]
fn a_fault_of_another_service_or_version_or_of_the_past_is_idle() {
    let spec = |field: &str, value: &str| {
        Spec::read(json!({"kind": "error", field: value})).unwrap().idle_at("app-b", Some("1.1.0"))
    };
    for (field, value, idle) in [
        ("service", "app-b", None),
        ("version", "1.1.0", None),
        ("until", "2100-01-01T00:00:00Z", None),
        ("service", "app-c", Some("service: this is app-b")),
        ("version", "1.0.0", Some("version: this is 1.1.0")),
        ("until", "2020-01-01T00:00:00Z", Some("until: it is over")),
    ] {
        assert_eq!(spec(field, value).as_deref(), idle, "{field} {value}");
    }
}

#[test]
fn a_ratio_is_that_part_of_all_and_the_same_with_the_same_seed() {
    let spec = |seed| Spec::read(json!({"kind": "error", "ratio": 0.25, "seed": seed})).unwrap();
    let struck = |seed| (0..10_000).filter(|it| spec(seed).strikes(*it)).collect::<Vec<_>>();
    assert!((2_300..2_700).contains(&struck(1).len()), "{}", struck(1).len());
    assert_eq!(struck(1), struck(1));
    assert_ne!(struck(1), struck(2));
}

#[test]
fn what_a_low_ratio_strikes_has_the_whole_distribution() {
    let fault = json!({
        "kind": "latency", "ratio": 0.1,
        "latency": {"distribution": "uniform", "min_ms": 0, "max_ms": 1_000},
    });
    let spec = Spec::read(fault).unwrap();
    let struck = (0..10_000).filter(|it| spec.strikes(*it));
    let delays: Vec<u128> = struck.map(|it| spec.delay(it).as_millis()).collect();
    let mean = delays.iter().sum::<u128>() / delays.len() as u128;
    assert!((450..550).contains(&mean), "{mean} ms");
}
