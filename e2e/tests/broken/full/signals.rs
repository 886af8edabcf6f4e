//! Traces and logs, on the way to where they are kept.

use crate::sabotage::Sabotage;
use crate::{breakages, loses_context};

breakages! {
    "needs jaeger, collector, prometheus and loki; run by .ci/full";

    no_service_reaches_the_collector:
        Sabotage::each_service("OTEL_EXPORTER_OTLP_ENDPOINT=http://127.0.0.1:1")
        => "spans", "services -> otel-collector is broken";

    the_first_service_does_not_reach_the_collector:
        Sabotage::variable("app-a:OTEL_EXPORTER_OTLP_ENDPOINT=http://127.0.0.1:1")
        => "spans", "app-a -> otel-collector is broken";

    a_service_does_not_reach_the_collector_over_grpc:
        Sabotage::variable("app-b:OTEL_EXPORTER_OTLP_ENDPOINT=http://127.0.0.1:1")
        => "spans", "app-b -> otel-collector is broken";

    a_service_does_not_reach_the_collector_over_http:
        Sabotage::variable("app-c:OTEL_EXPORTER_OTLP_ENDPOINT=http://127.0.0.1:1")
        => "spans", "app-c -> otel-collector is broken";

    jaeger_does_not_reach_its_storage:
        Sabotage::variable("jaeger:STORAGE_ENDPOINT=127.0.0.1:1")
        => "spans", "jaeger -> spoor is broken";

    a_service_does_not_reach_the_next:
        Sabotage::variable("app-a:TARGET_ONE=http://127.0.0.1:1")
        => "spans", "a service does not reach the next one";

    the_first_service_samples_nothing:
        Sabotage::each_service("OTEL_TRACES_SAMPLER=always_off")
        => "spans", "app-a's sampler drops its traces";

    a_later_service_samples_nothing:
        Sabotage::variable("app-c:OTEL_TRACES_SAMPLER=always_off")
        => "spans", "app-c's sampler drops its traces";

    the_collector_sends_logs_elsewhere:
        Sabotage::variable("otel-collector:LOKI_ENDPOINT=http://127.0.0.1:1/otlp")
        => "logs", "otel-collector -> loki is broken";

    no_service_sends_logs:
        Sabotage::each_service("OTEL_LOGS_EXPORTER=none")
        => "logs", "no service sends logs";

    the_trace_id_of_logs_is_dropped:
        Sabotage::collector(&[
            "processors::transform/drop::log_statements: \
             [\"set(log.trace_id, TraceID(0x00000000000000000000000000000000))\"]",
            "service::pipelines::logs::processors: [memory_limiter, transform/drop]",
        ])
        => "logs", "the trace id is dropped behind the services";
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs jaeger, collector, prometheus and loki; run by .ci/full"]
async fn the_context_is_lost_between_two_services_over_grpc() -> anyhow::Result<()> {
    loses_context("app-a:TARGET_TWO", "APP_C_PORT", "lost between app-a and app-c").await
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs jaeger, collector, prometheus and loki; run by .ci/full"]
async fn the_context_is_lost_further_on() -> anyhow::Result<()> {
    loses_context("app-c:TARGET_ONE", "APP_D_PORT", "lost between app-c and app-d").await
}
