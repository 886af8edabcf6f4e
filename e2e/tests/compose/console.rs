//! The console beside the other containers.

use anyhow::{Context, ensure};
use e2e::ask::text;
use e2e::{eventually, http};
use futures::future::try_join_all;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue};
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span, TracesData};
use prost::Message;
use spoor_proto::RawTraces;
use spoor_proto::otlp::trace_service_client::TraceServiceClient;

use crate::lab::Lab;

/// Of the largest trace of which all is read, and of each request that brings it.
const SPANS: u64 = 50_000;
const SPANS_AT_ONCE: u64 = 1_000;
const ATTRIBUTES: u64 = 8;
/// Who look at it at once.
const READERS: usize = 4;

/// Looks at the page of a `/chain`, on which each of `expected` must be. Its links to the parts
/// behind these variables of ports must lead to them from outside.
pub async fn shows(
    lab: &Lab,
    trace_id: &str,
    expected: &[&str],
    linked: &[&str],
) -> anyhow::Result<()> {
    let url = page_of(lab, trace_id);
    let mut lacks = Vec::new();
    let page = eventually("the console shows all of a request", async || {
        let page = text(&url, &[]).await?.replace("&#39;", "'");
        lacks = expected.iter().filter(|text| !page.contains(**text)).collect();
        Ok(lacks.is_empty().then_some(page))
    });
    let page = page.await.with_context(|| format!("{lacks:?} is not on the page"))?;
    for variable in linked {
        let part = lab.url(variable);
        let leads = |link: &&str| link.starts_with(&part);
        let link = page.split("href=\"").filter_map(|rest| rest.split('"').next()).find(leads);
        let link = link.with_context(|| format!("finding a link to {part} in {page}"))?;
        // Any answer will do: a Prometheus that is built from its module has no pages.
        http().get(link.replace("&amp;", "&")).send().await?;
    }
    Ok(())
}

/// Has several look at a large trace at once, which must not end the console.
pub async fn survives_a_large_trace(lab: &Lab) -> anyhow::Result<()> {
    let mut writer = TraceServiceClient::connect(lab.url("STORAGE_PORT")).await?;
    for first in (1..=SPANS).step_by(SPANS_AT_ONCE as usize) {
        writer.export(request(first)).await?;
    }
    let url = page_of(lab, &format!("{SPANS:032x}"));
    let pages = (0..READERS).map(|_| text(&url, &[]));
    for page in try_join_all(pages).await? {
        ensure!(page.contains(&format!("<dt>spans</dt><dd>{SPANS}</dd>")), "{page}");
    }
    let console = lab.container("console")?;
    ensure!(console["RestartCount"] == 0, "the console ended: {:#}", console["State"]);
    Ok(())
}

fn page_of(lab: &Lab, trace_id: &str) -> String {
    format!("{}/trace/{trace_id}", lab.url("CONSOLE_PORT"))
}

/// Some spans of the large trace, from this one on.
fn request(first: u64) -> RawTraces {
    let now = std::time::UNIX_EPOCH.elapsed().expect("a clock of today").as_nanos() as u64;
    let attribute = |span, number| KeyValue {
        key: format!("attribute.{number}"),
        value: Some(AnyValue {
            value: Some(Value::StringValue(format!("{span:020}{number:020}"))),
        }),
        ..KeyValue::default()
    };
    let span = |span: u64| Span {
        trace_id: u128::from(SPANS).to_be_bytes().into(),
        span_id: span.to_be_bytes().into(),
        parent_span_id: (span / 4).to_be_bytes().into(),
        name: format!("operation-{}", span % 50),
        attributes: (0..ATTRIBUTES).map(|number| attribute(span, number)).collect(),
        start_time_unix_nano: now + span,
        end_time_unix_nano: now + span + 1_000_000,
        ..Span::default()
    };
    let spans = (first..first + SPANS_AT_ONCE).map(span).collect();
    let scope_spans = vec![ScopeSpans { spans, ..ScopeSpans::default() }];
    let resource_spans = vec![ResourceSpans { scope_spans, ..ResourceSpans::default() }];
    RawTraces(TracesData { resource_spans }.encode_to_vec().into())
}
