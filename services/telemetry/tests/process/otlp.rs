//! The variables of the OTLP exporter, the batch processors and the resource, on the wire.

use super::collector::{Collector, Conduct, Export, text};
use super::program::{BURST, SPANS, Variable, run};

const PROTOCOLS: [&str; 2] = ["grpc", "http/protobuf"];

/// The exports of a program with these variables, by signal.
async fn exports(variables: &[Variable<'_>]) -> Vec<Export> {
    let collector = Collector::start().await;
    let (name, endpoint) = collector.variable();
    run("work", &[&[(name, endpoint.as_str())], variables].concat()).await;
    let mut exports = collector.exports();
    exports.sort_by_key(|export| export.signal);
    exports
}

/// The signal and this header of each.
fn headers<'a>(exports: &'a [Export], name: &str) -> Vec<(&'static str, Option<&'a str>)> {
    let header = |export: &'a Export| export.headers.get(name).map(|it| it.to_str().unwrap());
    exports.iter().map(|export| (export.signal, header(export))).collect()
}

#[tokio::test]
async fn every_signal_arrives_by_the_protocol_that_is_its_own_or_of_all() {
    let (grpc, http) = (Some("application/grpc"), Some("application/x-protobuf"));
    let of_all = ("OTEL_EXPORTER_OTLP_PROTOCOL", "http/protobuf");
    for (variables, [logs, metrics, traces]) in [
        (&[][..], [grpc; 3]),
        (&[of_all], [http; 3]),
        (&[of_all, ("OTEL_EXPORTER_OTLP_METRICS_PROTOCOL", "grpc")], [http, grpc, http]),
    ] {
        let exports = exports(variables).await;
        let expected = vec![("logs", logs), ("metrics", metrics), ("traces", traces)];
        assert_eq!(headers(&exports, "content-type"), expected);
    }
}

#[tokio::test]
async fn headers_and_compression_are_those_of_the_signal_or_of_all() {
    for (protocol, encoding) in PROTOCOLS.into_iter().zip(["grpc-encoding", "content-encoding"]) {
        let exports = exports(&[
            ("OTEL_EXPORTER_OTLP_PROTOCOL", protocol),
            ("OTEL_EXPORTER_OTLP_HEADERS", "x-tenant=night%20shift,x-other=1"),
            ("OTEL_EXPORTER_OTLP_LOGS_HEADERS", "x-tenant=logs"),
            ("OTEL_EXPORTER_OTLP_TRACES_HEADERS", ""),
            ("OTEL_EXPORTER_OTLP_COMPRESSION", "gzip"),
            ("OTEL_EXPORTER_OTLP_METRICS_COMPRESSION", "none"),
        ])
        .await;
        let (tenant, gzip) = (Some("night shift"), Some("gzip"));
        let expected = vec![("logs", Some("logs")), ("metrics", tenant), ("traces", tenant)];
        assert_eq!(headers(&exports, "x-tenant"), expected, "{protocol}");
        let expected = vec![("logs", gzip), ("metrics", None), ("traces", gzip)];
        assert_eq!(headers(&exports, encoding), expected, "{protocol}");
    }
}

#[tokio::test]
async fn an_endpoint_of_one_signal_goes_before_that_of_all() {
    for (protocol, path) in PROTOCOLS.into_iter().zip(["", "/v1/traces"]) {
        let [of_all, of_traces] = [Collector::start().await, Collector::start().await];
        let url = of_traces.url() + path;
        let (name, endpoint) = of_all.variable();
        let variables = [
            (name, endpoint.as_str()),
            ("OTEL_EXPORTER_OTLP_PROTOCOL", protocol),
            ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", &url),
        ];
        run("work", &variables).await;
        assert_eq!(of_traces.wait_for(SPANS).await.len(), SPANS);
        let mut others: Vec<_> = of_all.exports().iter().map(|export| export.signal).collect();
        others.sort();
        assert_eq!(others, ["logs", "metrics"]);
    }
}

#[tokio::test]
async fn an_endpoint_without_a_scheme_is_one_where_insecure_says_so() {
    let collector = Collector::start().await;
    let url = collector.url();
    let variables = [
        ("OTEL_EXPORTER_OTLP_ENDPOINT", url.trim_start_matches("http://")),
        ("OTEL_EXPORTER_OTLP_INSECURE", "true"),
        ("OTEL_EXPORTER_OTLP_TRACES_INSECURE", ""),
    ];
    run("work", &variables).await;
    assert_eq!(collector.spans().len(), SPANS);
}

#[tokio::test]
async fn an_export_ends_with_the_timeout_of_its_exporter_or_of_its_processor() {
    let long = ("OTEL_EXPORTER_OTLP_TIMEOUT", "600000");
    for protocol in PROTOCOLS {
        for timeouts in [
            [("OTEL_EXPORTER_OTLP_TIMEOUT", "100"); 3],
            [
                ("OTEL_EXPORTER_OTLP_TRACES_TIMEOUT", "100"),
                ("OTEL_EXPORTER_OTLP_METRICS_TIMEOUT", "100"),
                ("OTEL_EXPORTER_OTLP_LOGS_TIMEOUT", "100"),
            ],
            [
                ("OTEL_BSP_EXPORT_TIMEOUT", "100"),
                ("OTEL_METRIC_EXPORT_TIMEOUT", "100"),
                ("OTEL_BLRP_EXPORT_TIMEOUT", "100"),
            ],
        ] {
            let collector = Collector::start().await;
            collector.treat(Conduct::Hang);
            let (name, endpoint) = collector.variable();
            let others = [(name, endpoint.as_str()), ("OTEL_EXPORTER_OTLP_PROTOCOL", protocol)];
            let output = run("work", &[&[long], &others[..], &timeouts].concat()).await;
            for lost in ["spans are lost", "metrics are lost", "log records are lost"] {
                assert_eq!(output.lines(lost).len(), 1, "{:#?}", output.stdout);
            }
            // They failed and were not cut off by the end of the program.
            for (what, count) in [("spans", SPANS), ("log records", 1)] {
                let told = output.lines(&format!("{what} "));
                let failed = format!("dropped=0 failed={count}");
                assert!(told.last().is_some_and(|line| line.ends_with(&failed)), "{told:#?}");
            }
            let told = output.lines("metrics ");
            assert!(!told.iter().any(|line| line.contains("unsent=")), "{told:#?}");
        }
    }
}

#[tokio::test]
async fn a_batch_is_no_larger_than_its_variable_says() {
    let exports = exports(&[("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", "3")]).await;
    let batches = exports.iter().filter(|export| export.signal == "traces");
    assert!(batches.clone().all(|export| export.items <= 3), "{exports:#?}");
    assert_eq!(batches.map(|export| export.items).sum::<usize>(), SPANS);
}

#[tokio::test]
async fn a_batch_may_be_larger_than_a_queue_of_the_sdks_own() {
    let collector = Collector::start().await;
    let (name, endpoint) = collector.variable();
    let size = BURST.to_string();
    let variables = [
        (name, endpoint.as_str()),
        ("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", &size),
        ("OTEL_BSP_SCHEDULE_DELAY", "3600000"),
        ("OTEL_BLRP_MAX_EXPORT_BATCH_SIZE", &size),
        ("OTEL_BLRP_SCHEDULE_DELAY", "3600000"),
    ];
    run("burst", &variables).await;
    for signal in ["traces", "logs"] {
        let exports = collector.exports();
        let sizes = exports.iter().filter(|it| it.signal == signal).map(|export| export.items);
        assert_eq!(sizes.collect::<Vec<_>>(), [BURST], "{signal}");
    }
}

#[tokio::test]
async fn the_resource_is_as_the_variables_have_it_decoded() {
    let collector = Collector::start().await;
    let (name, endpoint) = collector.variable();
    let list = "team=night%20shift,deployment.environment.name=staging,service.name=other";
    run("work", &[(name, &endpoint), ("OTEL_RESOURCE_ATTRIBUTES", list)]).await;
    let exported = collector.wait_for(SPANS).await.remove(0);
    let attribute = |key| text(&exported.resource, key);
    assert_eq!(attribute("team").as_deref(), Some("night shift"));
    assert_eq!(attribute("deployment.environment.name").as_deref(), Some("staging"));
    assert_eq!(exported.service, "program", "the program's word is the last");
    assert_eq!(attribute("telemetry.sdk.language").as_deref(), Some("rust"));
}

#[tokio::test]
async fn a_disabled_sdk_exports_nothing_and_logs_all_the_same() {
    let collector = Collector::start().await;
    let (name, endpoint) = collector.variable();
    let output = run("work", &[(name, &endpoint), ("OTEL_SDK_DISABLED", "true")]).await;
    assert_eq!(output.lines("worked").len(), 1);
    assert!(collector.exports().is_empty());
}

#[tokio::test]
async fn what_is_lost_is_told_from_the_level_that_is_asked_for() {
    let collector = Collector::start().await;
    collector.treat(Conduct::Refuse);
    let (name, endpoint) = collector.variable();
    let endpoint = (name, endpoint.as_str());
    let (quiet, at_warn) = (("OTEL_LOG_LEVEL", "error"), ("OTEL_LOG_LEVEL", "warn"));
    for (variables, is_told) in [
        (&[endpoint][..], true),
        (&[endpoint, quiet], false),
        (&[endpoint, ("RUST_LOG", "error")], false),
        (&[endpoint, at_warn, ("RUST_LOG", "error")], true),
        (&[endpoint, quiet, ("RUST_LOG", "telemetry::export=warn")], true),
    ] {
        let output = run("work", variables).await;
        assert_eq!(output.lines("spans are lost").len(), usize::from(is_told), "{variables:?}");
    }
}

#[tokio::test]
async fn what_is_lost_and_was_not_told_is_told_at_the_end_however_it_comes() {
    let collector = Collector::start().await;
    collector.treat(Conduct::Hang);
    let (name, endpoint) = collector.variable();
    let (queue, timeout) = ("OTEL_BSP_MAX_QUEUE_SIZE", "OTEL_EXPORTER_OTLP_TIMEOUT");
    for part in ["work", "work dropped"] {
        let output = run(part, &[(name, &endpoint), (queue, "1"), (timeout, "200")]).await;
        assert_eq!(output.lines("spans were lost").len(), 1, "{part}: {:#?}", output.stdout);
    }
}

#[tokio::test]
async fn the_end_may_take_however_long_it_does() {
    let collector = Collector::start().await;
    let (name, endpoint) = collector.variable();
    run("work however long", &[(name, &endpoint)]).await;
    assert_eq!((collector.spans().len(), collector.logs().len()), (SPANS, 1));
}
