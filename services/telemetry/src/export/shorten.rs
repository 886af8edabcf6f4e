//! Spans whose attributes' texts are no longer than a limit. The SDK counts attributes; their length
//! it leaves alone.

use std::time::Duration;

use opentelemetry::{Array, KeyValue, StringValue, Value};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::trace::{SpanData, SpanExporter};

use crate::environment::AttributeLimits;

/// An exporter that gets shortened texts. It is behind the queue, and so costs no request.
#[derive(Debug)]
pub(super) struct Shortened<E> {
    pub exporter: E,
    pub limits: AttributeLimits,
}

impl<E: SpanExporter> SpanExporter for Shortened<E> {
    async fn export(&self, mut batch: Vec<SpanData>) -> OTelSdkResult {
        if self.limits.length.is_some() {
            batch.iter_mut().for_each(|span| shorten_span(span, self.limits));
        }
        self.exporter.export(batch).await
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        self.exporter.shutdown_with_timeout(timeout)
    }

    fn force_flush(&self) -> OTelSdkResult {
        self.exporter.force_flush()
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.exporter.set_resource(resource);
    }
}

fn shorten_span(span: &mut SpanData, limits: AttributeLimits) {
    let of_events = span.events.events.iter_mut().flat_map(|event| &mut event.attributes);
    let of_links = span.links.links.iter_mut().flat_map(|link| &mut link.attributes);
    for KeyValue { value, .. } in span.attributes.iter_mut().chain(of_events).chain(of_links) {
        match value {
            Value::String(text) => shorten(text, limits),
            Value::Array(Array::String(texts)) => {
                texts.iter_mut().for_each(|text| shorten(text, limits));
            }
            _ => {}
        }
    }
}

fn shorten(text: &mut StringValue, limits: AttributeLimits) {
    if let Some(shortened) = limits.shorten(text.as_str()).map(str::to_owned) {
        *text = shortened.into();
    }
}
