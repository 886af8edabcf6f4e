//! What a person gets wrong before the service runs.

use std::process::Command;
use std::time::Duration;

use super::collector::Collector;
use super::process::{Service, Variable, demo, get, nobody};

const STOP: Duration = Duration::from_secs(15);

/// The exit code and what the program said on stderr.
fn run(command: &mut Command) -> (i32, String) {
    let output = command.output().unwrap();
    (output.status.code().unwrap(), String::from_utf8(output.stderr).unwrap())
}

/// A service's life with one request, at whose end all of it is exported.
async fn ask_once(variables: &[Variable<'_>]) {
    let mut service = Service::start("app-a", nobody(), nobody(), variables);
    get(service.address, "/").await;
    service.terminate();
    assert!(service.ended_within(STOP).success());
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
        (["--target-one-host", "app-b:8000"], "--target-one-host"),
        (["--target-two-host", "app-c/x"], "--target-two-host"),
        (["--mode", "jaeger"], "otel-collector-http"),
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
        ("TARGET_ONE_HOST", "me@app-b"),
        ("MODE", "jaeger-thrift"),
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
    let of_mode = [("MODE", "jaeger-grpc"), ("JAEGER_GRPC_ENDPOINT", "https://jaeger:4317")];
    let (code, error) = run(demo().envs(of_mode));
    assert_eq!((code, error.lines().count()), (64, 1), "{error}");
    assert!(error.contains(of_mode[1].0) && !error.contains("OTLP"), "{error}");
}

#[test]
fn an_empty_variable_is_unset() {
    let names = ["MODE", "TARGET_ONE", "TARGET_ONE_HOST", "PAYMENT_SEED", "LOG_FORMAT"];
    let service = Service::start_with(&[], &names.map(|name| (name, "")));
    let ready = service.lines().join("\n");
    assert!(ready.contains("target_one=http://127.0.0.1:8001/"), "{ready}");
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

#[tokio::test(flavor = "multi_thread")]
async fn a_mode_tells_where_spans_go_and_how_and_whether_logs_do() {
    for (mode, variable, path, protocol, has_logs) in [
        ("jaeger-grpc", "JAEGER_GRPC_ENDPOINT", "", "grpc", false),
        ("jaeger-http", "JAEGER_HTTP_ENDPOINT", "/v1/traces", "http/protobuf", false),
        ("otel-collector-grpc", "OTEL_GRPC_ENDPOINT", "", "grpc", true),
        ("otel-collector-http", "OTEL_HTTP_ENDPOINT", "/v1/traces", "http/protobuf", true),
    ] {
        let collector = Collector::start().await;
        let url = collector.url();
        // Over gRPC without a scheme, as in the lab that these are known from.
        let endpoint =
            if path.is_empty() { url.replace("http://", "") } else { format!("{url}{path}") };
        let variables = [("MODE", mode), (variable, &*endpoint), ("OTEL_LOGS_EXPORTER", "")];
        ask_once(&variables).await;
        let ways: Vec<_> = collector.spans().iter().map(|span| span.protocol).collect();
        assert_eq!(ways, [protocol], "{mode}");
        assert_eq!(!collector.logs().is_empty(), has_logs, "{mode}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn each_standard_variable_wins_over_the_mode() {
    let (mode, grpc) = (("MODE", "jaeger-http"), "grpc");
    for (name, path) in
        [("OTEL_EXPORTER_OTLP_ENDPOINT", ""), ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "/v1/traces")]
    {
        let (of_mode, standard) = (Collector::start().await, Collector::start().await);
        let (of_mode_url, url) = (of_mode.url(), format!("{}{path}", standard.url()));
        ask_once(&[mode, ("JAEGER_HTTP_ENDPOINT", &of_mode_url), (name, &url)]).await;
        assert_eq!((of_mode.spans().len(), standard.spans().len()), (0, 1), "{name}");
    }
    for name in ["OTEL_EXPORTER_OTLP_PROTOCOL", "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL"] {
        let collector = Collector::start().await;
        ask_once(&[mode, ("JAEGER_HTTP_ENDPOINT", &collector.url()), (name, grpc)]).await;
        assert_eq!(collector.spans()[0].protocol, grpc, "{name}");
    }
}

#[test]
fn a_targets_host_is_short_for_its_url_which_wins() {
    let hosts = [("TARGET_ONE_HOST", "app-b"), ("TARGET_TWO_HOST", "app-c")];
    let url = ("TARGET_ONE", "http://app-x:9000");
    for (variables, one) in
        [(&hosts[..], "http://app-b:8000/"), (&[hosts[0], hosts[1], url], url.1)]
    {
        let service = Service::start_with(&[], variables);
        let ready = service.lines().join("\n");
        assert!(ready.contains(&format!("target_one={one}")), "{ready}");
        assert!(ready.contains("target_two=http://app-c:8000/"), "{ready}");
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
