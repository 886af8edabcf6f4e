//! Traces that a person wants, whatever the sampler says.

use opentelemetry::trace::{Link, SpanKind, TraceContextExt, TraceId};
use opentelemetry::{Context, KeyValue};
use opentelemetry_sdk::trace::{SamplingDecision, SamplingResult, ShouldSample};

use crate::propagation::DebugId;

/// The attribute by which such a trace is found; its first span has it.
const DEBUG_ID: &str = "jaeger-debug-id";

/// Keeps a trace that begins with a `jaeger-debug-id`; about others the sampler decides.
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
        let root = parent_context.filter(|parent| !parent.span().span_context().is_valid());
        if let Some(DebugId(id)) = root.and_then(Context::get::<DebugId>) {
            return SamplingResult {
                decision: SamplingDecision::RecordAndSample,
                attributes: vec![KeyValue::new(DEBUG_ID, id.clone())],
                trace_state: Default::default(),
            };
        }
        self.0.should_sample(parent_context, trace_id, name, span_kind, attributes, links)
    }
}
