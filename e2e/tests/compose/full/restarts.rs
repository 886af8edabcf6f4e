//! Metrics across a restart of any one part.

use std::time::Duration;

use e2e::SERVICES;
use e2e::ask::now;
use tokio::time::sleep;

use super::measured;
use crate::kept;
use crate::lab::Lab;
use crate::prometheus::increase;
use crate::spm::call_rate;
use crate::tier::WHOLE;
use crate::traffic::Traffic;

const PARTS: [&str; 6] = ["otel-collector", "jaeger", "spoor", "prometheus", "loki", "app-c"];
/// Requests a second.
const RATE: u32 = 10;
/// Before a restart, and after it.
const HALF: Duration = Duration::from_secs(60);
const CALLS: &str = r#"traces_span_metrics_calls_total{span_name="GET /items/{id}"}"#;
const TOLERANCE: f64 = 0.05;

#[tokio::test(flavor = "multi_thread")]
#[ignore = "takes a quarter of an hour; run by .ci/full"]
async fn increases_across_a_restart_of_any_part_are_within_five_percent_of_the_truth() {
    let lab = Lab::new(WHOLE).unwrap().load("0");
    lab.up().unwrap();
    let traffic = Traffic::start(&lab, RATE, &["/items/1"]);

    // Two minutes fill the windows, and show what Jaeger makes of a rate that is known.
    sleep(2 * HALF).await;
    for (service, _) in SERVICES {
        let shown = call_rate(&lab, service, "GET /items/{id}").await.unwrap();
        let rate = f64::from(RATE) / SERVICES.len() as f64;
        measured(&format!("steady: {service} answers {rate}/s, SPM shows {shown:.3}/s"));
        assert!((shown - rate).abs() <= TOLERANCE * rate, "{service}: {shown}/s, sent {rate}/s");
    }

    let mut windows = Vec::new();
    for part in PARTS {
        let start = now();
        sleep(HALF).await;
        lab.compose(&["restart", part]).unwrap();
        sleep(HALF).await;
        windows.push((part, start, now()));
    }
    let requests = traffic.stop().await;

    let mut worst: f64 = 0.0;
    for (part, start, end) in windows {
        let within = requests.iter().filter(|request| (start..end).contains(&request.sent));
        let (answered, lost): (Vec<_>, Vec<_>) = within.partition(|request| request.answer.is_ok());
        let counted = increase(&lab, CALLS, [start, end]).await.unwrap();
        let share = counted / answered.len() as f64 - 1.0;
        measured(&format!(
            "restart of {part}: {} answered, {} not, {counted:.1} counted: {:+.1} %",
            answered.len(),
            lost.len(),
            share * 100.0,
        ));
        assert!(lost.is_empty() || part.starts_with("app-"), "{part}: {:?}", lost[0].answer);
        worst = worst.max(share.abs());
        if part == "spoor" {
            for request in answered {
                let spans = kept::spans(&lab, &request.trace_id).await.unwrap();
                assert_eq!(spans, 1, "of {}, sent at {}", request.trace_id, request.sent);
            }
        }
    }
    assert!(worst <= TOLERANCE, "off by {:.1} %", worst * 100.0);
}
