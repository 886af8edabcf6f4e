//! Metrics by OTLP.

use std::time::{Duration, Instant};

use opentelemetry_proto::tonic::metrics::v1::{AggregationTemporality, metric::Data};

use super::collector::{Collector, Measured};
use super::program::{Variable, end, run, start};

/// The metric of this name, of a program with these variables.
async fn measured(name: &str, variables: &[Variable<'_>]) -> Measured {
    let collector = Collector::start().await;
    let (variable, endpoint) = collector.variable();
    run("work", &[&[(variable, endpoint.as_str())], variables].concat()).await;
    let metrics = collector.metrics();
    metrics.iter().find(|measured| measured.metric.name == name).cloned().unwrap()
}

#[tokio::test]
async fn what_was_measured_since_the_last_export_leaves_before_the_end() {
    for protocol in ["grpc", "http/protobuf"] {
        let items = measured("items", &[("OTEL_EXPORTER_OTLP_PROTOCOL", protocol)]).await;
        assert_eq!((items.service.as_str(), items.sum(None)), ("program", Some(7)));
    }
}

#[tokio::test]
async fn metrics_leave_at_their_interval() {
    let collector = Collector::start().await;
    let (name, endpoint) = collector.variable();
    let program = start("work", &[(name, &endpoint), ("OTEL_METRIC_EXPORT_INTERVAL", "50")]);
    let deadline = Instant::now() + Duration::from_secs(30);
    while collector.metrics().iter().filter(|it| it.metric.name == "items").count() < 3 {
        assert!(Instant::now() < deadline, "{:#?}", collector.metrics());
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    end(program).await;
}

#[tokio::test]
async fn a_sum_has_the_temporality_that_its_variable_prefers() {
    use AggregationTemporality::{Cumulative, Delta};
    for (preference, expected) in [
        (None, Cumulative),
        (Some("cumulative"), Cumulative),
        (Some("Delta"), Delta),
        (Some("lowmemory"), Delta),
    ] {
        let name = "OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE";
        let variables: Vec<_> = preference.map(|value| (name, value)).into_iter().collect();
        let items = measured("items", &variables).await;
        let Some(Data::Sum(sum)) = &items.metric.data else { panic!("{items:?}") };
        assert_eq!(sum.aggregation_temporality(), expected, "{preference:?}");
    }
}

#[tokio::test]
async fn a_histogram_has_fixed_buckets_unless_all_are_to_be_exponential() {
    let name = "OTEL_EXPORTER_OTLP_METRICS_DEFAULT_HISTOGRAM_AGGREGATION";
    let fixed = measured("duration", &[]).await.metric;
    assert!(matches!(fixed.data, Some(Data::Histogram(_))), "{fixed:?}");
    let variables = [(name, "base2_exponential_bucket_histogram")];
    let exponential = measured("duration", &variables).await.metric;
    let Some(Data::ExponentialHistogram(histogram)) = &exponential.data else {
        panic!("{exponential:?}")
    };
    assert_eq!((histogram.data_points[0].count, exponential.unit.as_str()), (1, "s"));
}
