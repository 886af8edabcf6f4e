//! Traces that a person wants, whatever the sampler says.

use opentelemetry::trace::{Link, SpanKind, TraceContextExt, TraceId};
use opentelemetry::{Context, KeyValue};
use opentelemetry_sdk::trace::{SamplingDecision, SamplingResult, ShouldSample};

use crate::propagation::{DebugId, Debugged};

/// The attribute by which such a trace is found; its first span alone has it.
const DEBUG_ID: &str = "jaeger-debug-id";

/// Keeps every span of a trace that is debugged; about others the sampler decides.
#[derive(Clone, Debug)]
pub(super) struct UnlessDebugged(pub Box<dyn ShouldSample>);

impl ShouldSample for UnlessDebugged {
    fn should_sample(
        &self,
        parent_context: Option<&Context>,
        trace_id: TraceId,
        name: &str,
        span_kind: &SpanKind,
        attributes: &[KeyValue],
        links: &[Link],
    ) -> SamplingResult {
        if let Some(context) = parent_context.filter(|it| it.get::<Debugged>().is_some()) {
            let span = context.span();
            let parent = span.span_context();
            let id = context.get::<DebugId>().filter(|_| !parent.is_valid());
            let id = id.map(|DebugId(id)| KeyValue::new(DEBUG_ID, id.clone()));
            return SamplingResult {
                decision: SamplingDecision::RecordAndSample,
                attributes: id.into_iter().collect(),
                trace_state: parent.trace_state().clone(),
            };
        }
        self.0.should_sample(parent_context, trace_id, name, span_kind, attributes, links)
    }
}
