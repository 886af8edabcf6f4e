//! [W3C Trace Context](https://www.w3.org/TR/trace-context/), as strictly as it is written.

use opentelemetry::Context;
use opentelemetry::propagation::text_map_propagator::FieldIter;
use opentelemetry::propagation::{Extractor, Injector, TextMapPropagator};
use opentelemetry_sdk::propagation::TraceContextPropagator;

const TRACEPARENT: &str = "traceparent";
const TRACESTATE: &str = "tracestate";

/// The SDK's propagator, which is given only what the specification calls valid: by itself it takes
/// ids that are too short, or signed. It sends no empty state.
#[derive(Debug, Default)]
pub(super) struct TraceContext(TraceContextPropagator);

impl TextMapPropagator for TraceContext {
    fn inject_context(&self, context: &Context, injector: &mut dyn Injector) {
        self.0.inject_context(context, &mut WithoutEmptyState(injector));
    }

    fn extract_with_context(&self, context: &Context, extractor: &dyn Extractor) -> Context {
        match extractor.get(TRACEPARENT) {
            Some(value) if is_valid(value) => {
                self.0.extract_with_context(context, &Looked { value, extractor })
            }
            _ => context.clone(),
        }
    }

    fn fields(&self) -> FieldIter<'_> {
        self.0.fields()
    }
}

/// Whether the value is of the form of version 00, which a later version may continue after a dash.
/// Ids of zeros are left to the SDK, which refuses them.
fn is_valid(value: &str) -> bool {
    let Some((known, rest)) = value.split_at_checked(55) else { return false };
    let known = known.as_bytes();
    // Without an early end, which would be a branch for each byte.
    let is_hex = |part: &[u8]| {
        part.iter().fold(true, |all, byte| all & matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
    };
    let is_end = match &known[..2] {
        b"00" => rest.is_empty(),
        b"ff" => false,
        _ => rest.is_empty() || rest.starts_with('-'),
    };
    [2, 35, 52].into_iter().all(|at| known[at] == b'-')
        && is_hex(&known[..2])
        && is_hex(&known[3..35])
        && is_hex(&known[36..52])
        && is_hex(&known[53..])
        && is_end
}

/// A request's headers, of which one was looked at already.
struct Looked<'a> {
    /// Of `traceparent`.
    value: &'a str,
    extractor: &'a dyn Extractor,
}

impl Extractor for Looked<'_> {
    fn get(&self, name: &str) -> Option<&str> {
        if name == TRACEPARENT { Some(self.value) } else { self.extractor.get(name) }
    }

    fn keys(&self) -> Vec<&str> {
        self.extractor.keys()
    }
}

struct WithoutEmptyState<'a>(&'a mut dyn Injector);

impl Injector for WithoutEmptyState<'_> {
    fn set(&mut self, name: &str, value: String) {
        if name != TRACESTATE || !value.is_empty() {
            self.0.set(name, value);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use opentelemetry::trace::TraceContextExt;

    use super::*;

    const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";
    const SPAN: &str = "b7ad6b7169203331";

    fn extract(traceparent: &str) -> Context {
        let headers = HashMap::from([(TRACEPARENT.to_owned(), traceparent.to_owned())]);
        TraceContext::default().extract(&headers)
    }

    #[test]
    fn what_the_specification_calls_valid_is_the_parent() {
        for (traceparent, is_sampled) in [
            (format!("00-{TRACE}-{SPAN}-01"), true),
            (format!("00-{TRACE}-{SPAN}-00"), false),
            (format!("00-{TRACE}-{SPAN}-ff"), true),
            (format!("01-{TRACE}-{SPAN}-01"), true),
            (format!("fe-{TRACE}-{SPAN}-01-what-comes-later"), true),
        ] {
            let context = extract(&traceparent);
            let span = context.span().span_context().clone();
            assert_eq!(
                (&*span.trace_id().to_string(), &*span.span_id().to_string()),
                (TRACE, SPAN)
            );
            assert_eq!(span.is_sampled(), is_sampled, "{traceparent}");
        }
    }

    #[test]
    fn what_it_calls_invalid_is_none() {
        let signed = format!("+{}", &TRACE[1..]);
        let zeros = "0".repeat(32);
        for traceparent in [
            String::new(),
            "00".to_owned(),
            "00-1-1-01".to_owned(),
            "-".repeat(55),
            format!("00-{signed}-{SPAN}-01"),
            format!("00-{TRACE}-+{}-01", &SPAN[1..]),
            format!("00-{TRACE}-{SPAN}-+1"),
            format!("00-{TRACE}-{SPAN}-1"),
            format!("00-{TRACE}-{SPAN}-01-"),
            format!("00-{TRACE}-{SPAN}-01-x"),
            format!("01-{TRACE}-{SPAN}-01.x"),
            format!("ff-{TRACE}-{SPAN}-01"),
            format!("0-{TRACE}-{SPAN}-01"),
            format!("00-{zeros}-{SPAN}-01"),
            format!("00-{TRACE}-{}-01", "0".repeat(16)),
            format!("00-{}-{SPAN}-01", TRACE.to_uppercase()),
            format!("00-{TRACE}-{SPAN}-0A"),
            format!("00-{TRACE}-{SPAN}-0é"),
            format!("00_{TRACE}_{SPAN}_01"),
            format!(" 00-{TRACE}-{SPAN}-01"),
            format!("00-{TRACE}{TRACE}-{SPAN}-01"),
            "0".repeat(100_000),
        ] {
            assert!(!extract(&traceparent).span().span_context().is_valid(), "{traceparent:?}");
        }
    }
}
