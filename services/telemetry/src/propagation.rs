//! Trace context and baggage between a span and a request's headers.

use http::HeaderMap;
use opentelemetry::trace::{SpanContext, TraceContextExt};
use opentelemetry::{Context, global};
use opentelemetry_http::{HeaderExtractor, HeaderInjector};
use tracing::Span;
use tracing_opentelemetry::OpenTelemetrySpanExt;

/// Makes the caller's span, if the headers tell of one, the parent of `span`.
pub(crate) fn extract(span: &Span, headers: &HeaderMap) {
    let caller = global::get_text_map_propagator(|propagator| {
        propagator.extract_with_context(&Context::new(), &HeaderExtractor(headers))
    });
    // Fails only where telemetry is off.
    let _ = span.set_parent(caller);
}

/// Tells the callee of `span`. This starts it: what a sampler is to see must be set before.
pub(crate) fn inject(span: &Span, headers: &mut HeaderMap) {
    let context = span.context();
    global::get_text_map_propagator(|propagator| {
        propagator.inject_context(&context, &mut HeaderInjector(headers));
    });
}

/// The ids of `span`. This starts it, as above.
pub(crate) fn span_context(span: &Span) -> SpanContext {
    span.context().span().span_context().clone()
}
