//! Every span of `docs/demo.md`, in spoor, by each way of export. What spoor has is asked of spoor.

use anyhow::ensure;
use e2e::free_addresses;

use crate::backend::Backend;
use crate::demo;
use crate::flows::{OF_THE_LAB, Sent, span};

/// `endpoint` gives the mode's own variable. Nothing else tells the services where spans go.
async fn spoor_has_the_page(
    mode: &str,
    endpoint: impl Fn(&Backend) -> (&'static str, String),
) -> anyhow::Result<()> {
    let backend = Backend::start().await?;
    let (variable, endpoint) = endpoint(&backend);
    let variables = [&[("MODE", mode), (variable, &endpoint)], &OF_THE_LAB[..]].concat();
    let addresses = free_addresses::<4>();
    let mut services = Vec::new();
    for (i, name) in ["app-a", "app-b", "app-c", "app-d"].into_iter().enumerate() {
        let targets = [addresses[(i + 1) % 4], addresses[(i + 2) % 4]];
        services.push(demo::start(name, addresses[i], targets, &variables).await?);
    }
    let sent = Sent::to(addresses).await;
    // In this order, so that each can finish what it does with those after it.
    for service in services {
        service.end().await?;
    }

    let stored = backend.stored("").await?;
    let spans: Vec<_> = stored.iter().map(|stored| span(&stored.service, &stored.span)).collect();
    let problems = sent.problems(&spans);
    ensure!(problems.is_empty(), "{problems:#?}");
    Ok(())
}

#[tokio::test]
#[ignore = "needs Go; run by .ci/run"]
async fn by_grpc_to_jaeger_spoor_has_the_spans_of_the_page_and_no_others() -> anyhow::Result<()> {
    spoor_has_the_page("jaeger-grpc", |backend| {
        ("JAEGER_GRPC_ENDPOINT", backend.jaeger.otlp.to_string())
    })
    .await
}

#[tokio::test]
#[ignore = "needs Go; run by .ci/run"]
async fn by_http_to_jaeger_spoor_has_the_spans_of_the_page_and_no_others() -> anyhow::Result<()> {
    spoor_has_the_page("jaeger-http", |backend| {
        ("JAEGER_HTTP_ENDPOINT", format!("http://{}/v1/traces", backend.jaeger.otlp_http))
    })
    .await
}

#[tokio::test]
#[ignore = "needs Go; run by .ci/run"]
async fn by_grpc_to_the_collector_spoor_has_the_spans_of_the_page_and_no_others()
-> anyhow::Result<()> {
    spoor_has_the_page("otel-collector-grpc", |backend| {
        ("OTEL_GRPC_ENDPOINT", backend.collector.otlp.to_string())
    })
    .await
}

#[tokio::test]
#[ignore = "needs Go; run by .ci/run"]
async fn by_http_to_the_collector_spoor_has_the_spans_of_the_page_and_no_others()
-> anyhow::Result<()> {
    spoor_has_the_page("otel-collector-http", |backend| {
        ("OTEL_HTTP_ENDPOINT", format!("http://{}/v1/traces", backend.collector.otlp_http))
    })
    .await
}
