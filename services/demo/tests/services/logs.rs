//! Log lines of one trace.

use std::time::{Duration, Instant};

use serde_json::Value;

use super::process::{Service, four_services, get, nobody};

/// What each service says of one `/chain`.
const MESSAGES: [&[&str]; 4] = [
    &["starting the chain", "saying hello", "finished the chain"],
    &["IO task done"],
    &["CPU task done"],
    &["IO task done"],
];

/// The lines after the one that says that the service is ready, once there are `count`.
async fn lines_of_requests(service: &Service, count: usize) -> Vec<String> {
    let deadline = Instant::now() + Duration::from_secs(30);
    loop {
        let lines = service.lines();
        let ready = lines.iter().position(|line| line.contains("is ready")).unwrap();
        let lines = lines[ready + 1..].to_vec();
        if lines.len() >= count || Instant::now() > deadline {
            assert_eq!(lines.len(), count, "{lines:#?}");
            return lines;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_line_of_a_trace_has_its_id_in_text_and_in_json() {
    for format in ["text", "json"] {
        let services = four_services(&[("OTEL_TRACES_EXPORTER", "none"), ("LOG_FORMAT", format)]);
        let (status, answer) = get(services[0].address, "/chain").await;
        assert_eq!(status, 200, "{answer}");
        let trace_id = answer["trace_id"].as_str().unwrap();
        for (service, messages) in services.iter().zip(MESSAGES) {
            let lines = lines_of_requests(service, messages.len()).await;
            for (line, message) in lines.iter().zip(messages) {
                assert!(line.contains(message), "{line}");
                match format {
                    "json" => assert_is_json_line(line, trace_id),
                    _ => assert!(line.contains(&format!("trace_id={trace_id} span_id=")), "{line}"),
                }
            }
        }
    }
}

fn assert_is_json_line(line: &str, trace_id: &str) {
    let line: Value = serde_json::from_str(line).unwrap();
    assert_eq!(line["trace_id"], trace_id);
    assert_eq!(line["span_id"].as_str().unwrap().len(), 16);
    assert!(line["service.name"].as_str().unwrap().starts_with("app-"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_service_that_has_telemetry_disabled_answers_and_logs_all_the_same() {
    let service = Service::start("app-a", nobody(), nobody(), &[("OTEL_SDK_DISABLED", "true")]);
    assert_eq!(get(service.address, "/items/7").await.0, 200);
    let [line] = lines_of_requests(&service, 1).await.try_into().unwrap();
    assert!(line.contains("item read id=7") && !line.contains("trace_id"), "{line}");
}
