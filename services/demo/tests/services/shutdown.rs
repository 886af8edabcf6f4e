//! SIGTERM.

use std::time::Duration;

use super::collector::Collector;
use super::process::{Service, four_services, get};
use super::stand_in::StandIn;
use super::trace::SPANS;

const STOP: Duration = Duration::from_secs(15);

#[tokio::test(flavor = "multi_thread")]
async fn what_was_answered_before_the_end_is_exported_before_the_end() {
    for protocol in ["grpc", "http/protobuf"] {
        let collector = Collector::start().await;
        let (name, endpoint) = collector.variable();
        let mut services = four_services(&[
            (name, endpoint.as_str()),
            ("OTEL_EXPORTER_OTLP_PROTOCOL", protocol),
            ("OTEL_BSP_SCHEDULE_DELAY", "600000"),
        ]);
        for _ in 0..20 {
            assert_eq!(get(services[0].address, "/chain").await.0, 200);
        }
        assert_eq!(collector.spans().len(), 0, "nothing leaves before its time");
        for service in &mut services {
            service.terminate();
            assert!(service.ended_within(STOP).success());
        }
        assert_eq!(collector.spans().len(), 20 * SPANS);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_under_way_is_answered_before_the_end() {
    let collector = Collector::start().await;
    let target = StandIn::with_answers(0).await;
    let (name, endpoint) = collector.variable();
    let mut service =
        Service::start("app-a", target.address, target.address, &[(name, endpoint.as_str())]);
    let address = service.address;
    let request = tokio::spawn(async move { get(address, "/chain").await.0 });
    while target.seen().is_empty() {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }

    service.terminate();
    while reqwest::get(format!("http://{address}/healthz")).await.is_ok() {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    target.answer(2);
    assert_eq!(request.await.unwrap(), 200);
    assert!(service.ended_within(STOP).success());
    assert_eq!(collector.spans().len(), 5);
}
