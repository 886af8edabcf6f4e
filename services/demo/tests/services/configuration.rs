//! What a person gets wrong before the service runs.

use std::process::Command;

use super::collector::Collector;
use super::process::{Service, demo, get, nobody};

/// The exit code and what the program said on stderr.
fn run(command: &mut Command) -> (i32, String) {
    let output = command.output().unwrap();
    (output.status.code().unwrap(), String::from_utf8(output.stderr).unwrap())
}

#[test]
fn bad_configuration_is_one_line_that_names_it_and_exit_code_64() {
    for (arguments, named) in [
        (["--listen", "8000"], "--listen"),
        (["--target-one", "app-b:8000"], "--target-one"),
        (["--target-two", "https://app-c:8000"], "--target-two"),
        (["--target-one", "http://me@app-b:8000"], "--target-one"),
        (["--target-two", "http://:pass@app-c:8000"], "--target-two"),
        (["--target-two", "http://app-c:8000/?sig=abc"], "--target-two"),
        (["--log-format", "xml"], "--log-format"),
        (["--colour", "red"], "--colour"),
    ] {
        let (code, error) = run(demo().args(arguments));
        assert_eq!((code, error.lines().count()), (64, 1), "{error}");
        assert!(error.contains(named), "{error}");
    }
    for (name, value) in [
        ("LISTEN", "localhost"),
        ("TARGET_ONE", "nonsense"),
        ("LOG_FORMAT", "xml"),
        ("RUST_LOG", "demo=loud"),
        ("OTEL_TRACES_EXPORTER", "zipkin"),
        ("OTEL_METRICS_EXPORTER", "prometheus"),
        ("OTEL_LOGS_EXPORTER", "syslog"),
        ("OTEL_EXPORTER_OTLP_PROTOCOL", "http/json"),
        ("OTEL_EXPORTER_OTLP_ENDPOINT", "not a url"),
        ("OTEL_TRACES_SAMPLER", "sometimes"),
        ("OTEL_PROPAGATORS", "b3"),
    ] {
        let (code, error) = run(demo().env(name, value));
        assert_eq!((code, error.lines().count()), (64, 1), "{name}: {error}");
        assert!(error.contains(value), "{name}: {error}");
    }
}

#[test]
fn help_that_nobody_reads_is_no_failure() {
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    assert_eq!(run(demo().arg("--help").stdout(writer)), (0, String::new()));
}

#[test]
fn an_address_that_is_taken_is_one_line_that_names_it() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let (code, error) = run(demo().args(["--listen", &address]));
    assert_eq!((code, error.lines().count()), (1, 1), "{error}");
    assert!(error.contains(&format!("listening on {address}")), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_name_comes_from_the_flag_else_a_variable_else_the_default() {
    let collector = Collector::start().await;
    let (endpoint_name, endpoint) = collector.variable();
    let endpoint = (endpoint_name, endpoint.as_str());
    let general = ("OTEL_RESOURCE_ATTRIBUTES", "service.name=general");
    let special = ("OTEL_SERVICE_NAME", "special");
    let cases = [
        (&["--name", "flag"][..], &[endpoint, special, general][..], "flag"),
        (&[], &[endpoint, special, general], "special"),
        (&[], &[endpoint, general], "general"),
        (&[], &[endpoint], "app-a"),
    ];
    for (count, (arguments, variables, expected)) in cases.into_iter().enumerate() {
        let service = Service::start_with(arguments, variables);
        get(service.address, "/").await;
        assert_eq!(collector.wait_for(count + 1).await[count].service, expected);
    }
}

#[test]
fn a_health_check_tells_by_its_exit_code() {
    let service = Service::start("app-a", nobody(), nobody(), &[("OTEL_TRACES_EXPORTER", "none")]);
    let url = format!("http://{}/healthz", service.address);
    assert_eq!(run(demo().args(["healthcheck", &url])), (0, String::new()));
    for url in [format!("http://{}/error_test", service.address), format!("http://{}", nobody())] {
        let (code, error) = run(demo().args(["healthcheck", &url]));
        assert_eq!((code, error.lines().count()), (1, 1), "{error}");
    }
}
