//! Numbers: from spans to Prometheus, and from there to Jaeger.

use crate::breakages;
use crate::sabotage::Sabotage;

breakages! {
    "needs jaeger, collector, prometheus and loki; run by .ci/full";

    prometheus_scrapes_elsewhere:
        Sabotage::prometheus(r#"sed -i "s/127.0.0.1:$SPAN_METRICS_PORT/127.0.0.1:1/" "$targets""#)
        => "span-metrics", "prometheus -> otel-collector is broken";

    prometheus_does_not_scrape_span_metrics:
        Sabotage::prometheus(r#"sed -i "/:$SPAN_METRICS_PORT/,+3d" "$targets""#)
        => "span-metrics", "prometheus -> otel-collector is broken";

    the_collector_makes_no_span_metrics:
        Sabotage::collector(&[
            "service::pipelines::traces::exporters: [servicegraph, otlp_grpc/jaeger]",
            "service::pipelines::metrics::receivers: [servicegraph]",
        ])
        => "span-metrics", "makes no span metrics";

    the_collector_makes_no_service_graph:
        Sabotage::collector(&[
            "service::pipelines::traces::exporters: [spanmetrics, otlp_grpc/jaeger]",
            "service::pipelines::metrics::receivers: [spanmetrics]",
        ])
        => "service-graph", "makes no service graph";

    the_collector_counts_each_span_twice:
        Sabotage::collector(&[
            "service::pipelines::traces/twice: {receivers: [otlp], exporters: [spanmetrics]}",
        ])
        => "span-metrics", "on two ways";

    the_collector_has_another_namespace:
        Sabotage::collector(&["connectors::spanmetrics::namespace: red"])
        => "span-metrics", "another namespace than traces.span.metrics";

    the_collector_measures_seconds:
        Sabotage::collector(&["connectors::spanmetrics::histogram::unit: s"])
        => "span-metrics", "another unit than ms";

    the_connector_makes_no_exemplars:
        Sabotage::collector(&["connectors::spanmetrics::exemplars::enabled: false"])
        => "exemplars", "spanmetrics makes no exemplars";

    the_exporter_speaks_no_openmetrics:
        Sabotage::collector(&["exporters::prometheus::enable_open_metrics: false"])
        => "exemplars", "does not speak OpenMetrics";

    jaeger_asks_no_prometheus:
        Sabotage::variable("jaeger:PROMETHEUS_ENDPOINT=http://127.0.0.1:1")
        => "spm", "jaeger -> prometheus is broken";

    jaeger_asks_for_calls_that_are_not_normalised:
        Sabotage::jaeger_metrics("normalize_calls: false")
        => "spm", "normalize_calls of jaeger's metric backend is off";

    jaeger_asks_for_durations_that_are_not_normalised:
        Sabotage::jaeger_metrics("normalize_duration: false")
        => "spm", "normalize_duration of jaeger's metric backend is off";

    jaeger_asks_for_seconds:
        Sabotage::jaeger_metrics("latency_unit: s")
        => "spm", "latency_unit of jaeger's metric backend is s";

    jaeger_asks_for_another_namespace:
        Sabotage::jaeger_metrics("metric_namespace: red")
        => "spm", "metric_namespace of jaeger's metric backend";
}
