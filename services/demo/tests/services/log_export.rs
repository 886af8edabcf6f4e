//! Logs by OTLP.

use std::time::{Duration, Instant};

use opentelemetry_proto::tonic::logs::v1::SeverityNumber;
use serde_json::Value;

use super::collector::{Collector, Exported, Logged, hex, text};
use super::process::{Service, four_services, get, nobody};

const STOP: Duration = Duration::from_secs(15);

/// Level, message, trace id and span id of a line or a record.
type Entry = (String, String, String, String);

/// What a service has printed itself, and how many lines the libraries below the exporter have.
fn printed(service: &Service) -> (Vec<Entry>, usize) {
    let lines: Vec<Value> =
        service.lines().iter().map(|line| serde_json::from_str(line).unwrap()).collect();
    let field = |line: &Value, key: &str| line[key].as_str().unwrap_or_default().to_owned();
    let (own, others): (Vec<&Value>, Vec<&Value>) =
        lines.iter().partition(|line| field(line, "target").starts_with("demo"));
    let entry = |line: &&Value| {
        let message = ["message", "error"].map(|key| field(line, key)).concat();
        (field(line, "level"), message, field(line, "trace_id"), field(line, "span_id"))
    };
    let mut own: Vec<Entry> = own.iter().map(entry).collect();
    own.sort();
    (own, others.len())
}

fn exported(logs: &[Logged], service: &str) -> Vec<Entry> {
    let mut entries: Vec<Entry> = logs
        .iter()
        .filter(|logged| logged.service == service)
        .map(|logged| {
            let record = &logged.record;
            let level = record.severity_text.clone();
            (level, logged.body().to_owned(), hex(&record.trace_id), hex(&record.span_id))
        })
        .collect();
    entries.sort();
    entries
}

#[tokio::test(flavor = "multi_thread")]
async fn every_line_is_exported_once_with_its_ids_and_none_of_the_libraries_below_the_exporter() {
    for protocol in ["grpc", "http/protobuf"] {
        let collector = Collector::start().await;
        let (name, endpoint) = collector.variable();
        let mut services = four_services(&[
            (name, endpoint.as_str()),
            ("OTEL_EXPORTER_OTLP_PROTOCOL", protocol),
            ("OTEL_LOGS_EXPORTER", "otlp"),
            ("LOG_FORMAT", "json"),
            ("RUST_LOG", "info,h2=debug,hyper_util=debug,reqwest=debug,tonic=debug,tower=debug"),
        ]);
        let (_, chain) = get(services[0].address, "/chain").await;
        let (_, error) = get(services[1].address, "/error_test").await;
        services.iter().for_each(Service::terminate);
        for service in &mut services {
            assert!(service.ended_within(STOP).success());
        }

        let logs = collector.logs();
        for (service, name) in services.iter().zip(["app-a", "app-b", "app-c", "app-d"]) {
            let exported = exported(&logs, name);
            let (own, of_libraries) = printed(service);
            assert_eq!(own, exported, "{name}");
            assert!(of_libraries > 0, "{name} has printed what its libraries say");
        }
        assert!(logs.iter().all(|logged| logged.scope.starts_with("demo")), "{logs:#?}");

        let spans = collector.spans();
        let of_trace = |trace_id: &Value| -> Vec<&str> {
            let logs = logs.iter().filter(|logged| hex(&logged.record.trace_id) == *trace_id);
            logs.inspect(|logged| {
                let is_its_span = |span: &Exported| {
                    span.service == logged.service && span.span.span_id == logged.record.span_id
                };
                assert!(spans.iter().any(is_its_span), "{logged:#?}");
            })
            .map(Logged::body)
            .collect()
        };
        // Of HTTP and of gRPC handlers, and of a thread that one of these has work for it.
        assert_eq!(of_trace(&chain["trace_id"]).len(), 6);
        assert_eq!(of_trace(&error["trace_id"]), ["failing, as /error_test always does"]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_record_has_level_fields_times_and_the_ids_of_a_span_that_is_not_sampled() {
    let collector = Collector::start().await;
    let (name, endpoint) = collector.variable();
    let services = four_services(&[
        (name, endpoint.as_str()),
        ("OTEL_LOGS_EXPORTER", "otlp"),
        ("OTEL_TRACES_SAMPLER", "always_off"),
    ]);
    let (_, chain) = get(services[0].address, "/chain").await;
    assert_eq!(chain["sampled"], false);

    let deadline = Instant::now() + STOP;
    let is_finish = |logged: &Logged| logged.body() == "finished the chain";
    let finished = loop {
        if let Some(logged) = collector.logs().into_iter().find(is_finish) {
            break logged;
        }
        assert!(Instant::now() < deadline, "{:#?}", collector.logs());
        tokio::time::sleep(Duration::from_millis(5)).await;
    };
    let Logged { service, scope, record } = finished;
    assert_eq!((service.as_str(), scope.as_str()), ("app-a", "demo::chain"));
    assert_eq!(record.severity_number(), SeverityNumber::Info);
    assert_eq!(text(&record.attributes, "primes").as_deref(), Some("9592"));
    assert_eq!(record.event_name, "");
    assert!(record.time_unix_nano > 0 && record.observed_time_unix_nano >= record.time_unix_nano);
    assert_eq!(chain["trace_id"], hex(&record.trace_id));
    assert_eq!((record.span_id.len(), record.flags), (8, 0));
    assert!(collector.spans().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn without_an_exporter_spans_arrive_and_logs_do_not() {
    let collector = Collector::start().await;
    let (name, endpoint) = collector.variable();
    let variables = [(name, endpoint.as_str()), ("OTEL_LOGS_EXPORTER", "none")];
    let mut service = Service::start("app-a", nobody(), nobody(), &variables);
    get(service.address, "/").await;
    service.terminate();
    assert!(service.ended_within(STOP).success());
    assert_eq!((collector.spans().len(), collector.logs().len()), (1, 0));
}
