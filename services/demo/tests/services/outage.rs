//! A backend of telemetry that is not there, or does not answer.

use std::time::{Duration, Instant};

use tokio::net::TcpListener;
use tokio::sync::mpsc;

use super::collector::{Collector, Life};
use super::process::{Service, four_services, get, nobody};

/// A flush may take 3 s; requests have none under way.
const STOP: Duration = Duration::from_secs(15);

async fn answers_twenty_chains(services: &[Service; 4]) {
    for _ in 0..20 {
        let (status, answer) = get(services[0].address, "/chain").await;
        assert_eq!(status, 200, "{answer}");
    }
}

fn stop(mut services: [Service; 4]) {
    services.iter().for_each(Service::terminate);
    for service in &mut services {
        assert!(service.ended_within(STOP).success());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backend_that_is_down_fails_no_request_and_is_told_once() {
    for protocol in ["grpc", "http/protobuf"] {
        let endpoint = format!("http://{}", nobody());
        let services = four_services(&[
            ("OTEL_EXPORTER_OTLP_ENDPOINT", endpoint.as_str()),
            ("OTEL_EXPORTER_OTLP_PROTOCOL", protocol),
            ("OTEL_EXPORTER_OTLP_TIMEOUT", "500"),
            ("OTEL_BSP_SCHEDULE_DELAY", "10"),
            ("OTEL_BLRP_SCHEDULE_DELAY", "10"),
            ("OTEL_LOGS_EXPORTER", "otlp"),
        ]);
        let told = || {
            ["spans", "log records"].map(|what| {
                let failure = format!("{what} cannot be exported");
                services[0].lines().iter().filter(|line| line.contains(&failure)).count()
            })
        };
        answers_twenty_chains(&services).await;
        let deadline = Instant::now() + STOP;
        while told().contains(&0) {
            assert!(Instant::now() < deadline, "{:#?}", services[0].lines());
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        answers_twenty_chains(&services).await;
        assert_eq!(told(), [1, 1]);
        stop(services);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backend_that_never_answers_holds_up_neither_requests_nor_the_end() {
    for protocol in ["grpc", "http/protobuf"] {
        let hole = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let endpoint = format!("http://{}", hole.local_addr().unwrap());
        let (caught, mut exports) = mpsc::unbounded_channel();
        tokio::spawn(async move {
            while let Ok((connection, _)) = hole.accept().await {
                caught.send(connection).unwrap();
            }
        });
        let services = four_services(&[
            ("OTEL_EXPORTER_OTLP_ENDPOINT", endpoint.as_str()),
            ("OTEL_EXPORTER_OTLP_PROTOCOL", protocol),
            // Whatever waited for an export would wait for longer than this test does.
            ("OTEL_EXPORTER_OTLP_TIMEOUT", "600000"),
            ("OTEL_BSP_SCHEDULE_DELAY", "10"),
            ("OTEL_BSP_MAX_QUEUE_SIZE", "16"),
            ("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", "16"),
            ("OTEL_LOGS_EXPORTER", "otlp"),
            ("OTEL_BLRP_SCHEDULE_DELAY", "10"),
            ("OTEL_BLRP_MAX_QUEUE_SIZE", "16"),
            ("OTEL_BLRP_MAX_EXPORT_BATCH_SIZE", "16"),
        ]);
        answers_twenty_chains(&services).await;
        let _held = exports.recv().await.expect("an export is under way");
        let _held_too = exports.recv().await.expect("and one of the other signal");
        answers_twenty_chains(&services).await;
        stop(services);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backend_that_is_back_in_two_seconds_has_missed_nothing() {
    for protocol in ["grpc", "http/protobuf"] {
        let collector = Collector::at(nobody());
        let (name, endpoint) = collector.variable();
        let mut service = Service::start(
            "app-a",
            nobody(),
            nobody(),
            &[
                (name, endpoint.as_str()),
                ("OTEL_EXPORTER_OTLP_PROTOCOL", protocol),
                ("OTEL_LOGS_EXPORTER", "otlp"),
                ("OTEL_BSP_SCHEDULE_DELAY", "50"),
                ("OTEL_BLRP_SCHEDULE_DELAY", "50"),
            ],
        );
        let mut requests = 0;
        let mut life: Option<Life> = None;
        for seconds in [1, 2, 1] {
            life = match life {
                None => Some(collector.live().await),
                Some(life) => {
                    life.end().await;
                    None
                }
            };
            let end = Instant::now() + Duration::from_secs(seconds);
            while Instant::now() < end {
                assert_eq!(get(service.address, "/").await.0, 200);
                requests += 1;
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        }
        service.terminate();
        assert!(service.ended_within(STOP).success());
        let of_requests =
            collector.logs().iter().filter(|log| log.body() == "saying hello").count();
        assert_eq!((collector.spans().len(), of_requests), (requests, requests), "{protocol}");
    }
}
