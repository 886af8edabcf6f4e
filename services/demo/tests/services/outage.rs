//! A backend of telemetry that is not there, does not answer, is slow or refuses: no request waits
//! for it or fails, and what is lost is counted.

use std::time::{Duration, Instant};

use tokio::net::TcpListener;
use tokio::sync::mpsc;

use super::collector::{Collector, Conduct, Life};
use super::process::{Service, Variable, four_services, get, nobody};

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
                let failure = format!("{what} are lost");
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

const PROTOCOLS: [&str; 2] = ["grpc", "http/protobuf"];

/// How many spans fit into the queue of [`exporting`], and half of it into a batch.
const QUEUE: usize = 16;

/// A service with a small queue of spans, and no timeout before the end of the test.
fn exporting(collector: &Collector, protocol: &str, others: &[Variable<'_>]) -> Service {
    let (name, endpoint) = collector.variable();
    let variables = [
        (name, endpoint.as_str()),
        ("OTEL_EXPORTER_OTLP_PROTOCOL", protocol),
        ("OTEL_EXPORTER_OTLP_TIMEOUT", "600000"),
        ("OTEL_BSP_SCHEDULE_DELAY", "10"),
        ("OTEL_BSP_MAX_QUEUE_SIZE", "16"),
        ("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", "8"),
    ];
    Service::start("app-a", nobody(), nobody(), &[&variables, others].concat())
}

/// Each a span.
async fn answers(service: &Service, requests: usize) {
    for _ in 0..requests {
        assert_eq!(get(service.address, "/").await.0, 200);
    }
}

/// How many spans the log says were lost: dropped by the queue, and by the exporter.
fn told(service: &Service) -> [usize; 2] {
    let (mut over, mut present) = ([0; 2], [0; 2]);
    for line in service.lines().iter().filter(|line| line.contains("telemetry::export")) {
        let count = |name: &str| -> usize {
            let text = line.split(&format!("{name}=")).nth(1).unwrap();
            text.split(' ').next().unwrap().parse().unwrap()
        };
        present = [count("dropped"), count("failed")];
        if line.contains("exported again") {
            over = [over[0] + present[0], over[1] + present[1]];
            present = [0; 2];
        }
    }
    [over[0] + present[0], over[1] + present[1]]
}

/// Waits until the service has said so.
async fn says(service: &Service, text: &str) {
    let deadline = Instant::now() + STOP;
    while !service.lines().iter().any(|line| line.contains(text)) {
        assert!(Instant::now() < deadline, "{text}: {:#?}", service.lines());
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

fn end(mut service: Service) -> Service {
    service.terminate();
    assert!(service.ended_within(STOP).success());
    service
}

#[tokio::test(flavor = "multi_thread")]
async fn what_waits_for_a_backend_that_hangs_arrives_later_and_the_rest_is_counted() {
    for protocol in PROTOCOLS {
        let collector = Collector::start().await;
        collector.treat(Conduct::Hang);
        let service = exporting(&collector, protocol, &[]);
        answers(&service, 100).await;
        says(&service, "spans are lost until this changes error=the queue is full").await;
        assert_eq!(collector.spans().len(), 0);

        collector.treat(Conduct::Take);
        says(&service, "spans are exported again").await;
        let [dropped, failed] = told(&service);
        // One batch was under way, and the queue was full behind it.
        assert!((100 - QUEUE - 8..=100 - QUEUE).contains(&dropped), "{dropped}");
        assert_eq!((collector.wait_for(100 - dropped).await.len(), failed), (100 - dropped, 0));

        answers(&service, 1).await;
        end(service);
        assert_eq!(collector.spans().len(), 101 - dropped, "the last span is delivered");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_backend_refuses_is_counted_and_what_comes_later_arrives() {
    for protocol in PROTOCOLS {
        let collector = Collector::start().await;
        collector.treat(Conduct::Refuse);
        let service = exporting(&collector, protocol, &[]);
        // As many as fit into the queue: none is dropped.
        answers(&service, QUEUE).await;
        says(&service, "spans are lost until this changes error=").await;
        let refused = || -> usize { collector.exports().iter().map(|export| export.items).sum() };
        let deadline = Instant::now() + STOP;
        while refused() < QUEUE {
            assert!(Instant::now() < deadline, "{:#?}", service.lines());
            tokio::time::sleep(Duration::from_millis(5)).await;
        }

        collector.treat(Conduct::Take);
        answers(&service, 1).await;
        says(&service, "spans are exported again").await;
        assert_eq!((told(&end(service)), collector.spans().len()), ([0, QUEUE], 1));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn of_a_slow_backend_every_span_has_arrived_or_is_counted_at_the_end() {
    for protocol in PROTOCOLS {
        let collector = Collector::start().await;
        collector.treat(Conduct::TakeAfter(Duration::from_millis(500)));
        let service = exporting(&collector, protocol, &[]);
        answers(&service, 300).await;
        collector.treat(Conduct::Take);
        let service = end(service);
        let [dropped, failed] = told(&service);
        assert_eq!((collector.spans().len() + dropped, failed), (300, 0));
        assert!(dropped > 0, "the backend was slow");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn metrics_tell_what_waits_what_is_under_way_and_what_was_dropped() {
    let [collector, of_metrics] = [Collector::start().await, Collector::start().await];
    collector.treat(Conduct::Hang);
    let url = of_metrics.url();
    let others = [
        ("OTEL_METRICS_EXPORTER", "otlp"),
        ("OTEL_EXPORTER_OTLP_METRICS_ENDPOINT", url.as_str()),
        ("OTEL_METRIC_EXPORT_INTERVAL", "20"),
    ];
    let service = exporting(&collector, "grpc", &others);
    answers(&service, 100).await;
    let last = |name: &str, attribute| {
        let metrics = of_metrics.metrics();
        let metric = metrics.iter().rfind(|measured| measured.metric.name == name);
        metric.and_then(|metric| metric.sum(attribute)).unwrap_or_default()
    };
    let processed = "otel.sdk.processor.span.processed";
    let counts = || {
        let full = last(processed, Some(("error.type", "queue_full")));
        [
            last("otel.sdk.processor.span.queue.capacity", None),
            last("otel.sdk.processor.span.queue.size", None),
            full + last(processed, None) + last("otel.sdk.processor.span.queue.size", None),
            last("otel.sdk.exporter.span.inflight", None) - last(processed, None),
            last("otel.sdk.exporter.span.exported", None),
        ]
    };
    let deadline = Instant::now() + STOP;
    while counts() != [QUEUE as i64, QUEUE as i64, 100, 0, 0] {
        assert!(Instant::now() < deadline, "{:?}", counts());
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    collector.treat(Conduct::Take);
    let deadline = Instant::now() + STOP;
    let dropped = last(processed, Some(("error.type", "queue_full")));
    while last("otel.sdk.exporter.span.exported", None) != 100 - dropped {
        assert!(Instant::now() < deadline, "{:?}", counts());
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    end(service);
}

#[tokio::test(flavor = "multi_thread")]
async fn metrics_of_a_backend_that_never_answers_hold_up_neither_requests_nor_the_end() {
    let collector = Collector::start().await;
    collector.treat(Conduct::Hang);
    let others = [("OTEL_METRICS_EXPORTER", "otlp"), ("OTEL_METRIC_EXPORT_INTERVAL", "10")];
    let service = exporting(&collector, "grpc", &others);
    let deadline = Instant::now() + STOP;
    while !collector.exports().iter().any(|export| export.signal == "metrics") {
        assert!(Instant::now() < deadline, "no metrics are exported");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    answers(&service, 20).await;
    let lines = end(service).lines();
    assert!(lines.iter().any(|it| it.contains("metrics were lost at shutdown")), "{lines:#?}");
}
