//! Trace context and baggage between a span and a request's headers.

mod baggage;
mod choice;
mod jaeger;
mod received;
mod w3c;

use http::HeaderMap;
use opentelemetry::propagation::TextMapPropagator;
use opentelemetry::{Context, global};
use opentelemetry_http::HeaderInjector;

pub(crate) use choice::Propagators;
pub(crate) use jaeger::{DebugId, Debugged};
use received::Received;

/// The caller's span, if the headers tell of one, and its baggage.
pub(crate) fn caller(headers: &HeaderMap) -> Context {
    let received = Received::new(headers);
    global::get_text_map_propagator(|propagator| {
        propagator.extract_with_context(&Context::new(), &received)
    })
}

/// Tells the callee of the span in `context`, and of nothing that the headers told before: a proxy
/// may have copied them from its caller's. The specification asks for that where a carrier is [used
/// again](https://opentelemetry.io/docs/specs/otel/context/api-propagators/#fields).
pub(crate) fn inject(context: &Context, headers: &mut HeaderMap) {
    global::get_text_map_propagator(|propagator| inject_by(propagator, context, headers));
}

fn inject_by(propagator: &dyn TextMapPropagator, context: &Context, headers: &mut HeaderMap) {
    propagator.fields().for_each(|field| remove(headers, field));
    propagator.inject_context(context, &mut HeaderInjector(headers));
}

/// Removes a header; by Jaeger's beginning of a name, all that begin so.
fn remove(headers: &mut HeaderMap, field: &str) {
    if field != jaeger::ENTRY {
        headers.remove(field);
        return;
    }
    let entries = headers.keys().filter(|name| name.as_str().starts_with(jaeger::ENTRY));
    for entry in entries.cloned().collect::<Vec<_>>() {
        headers.remove(entry);
    }
}

#[cfg(test)]
mod tests {
    use http::{HeaderName, HeaderValue};
    use tracing::info_span;
    use tracing_opentelemetry::OpenTelemetrySpanExt;

    use super::*;
    use crate::testing::Telemetry;

    const TRACEPARENT: (&str, &str) =
        ("traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01");

    /// The headers that a call sends on within a request that had these.
    fn sent_on(received: &[(&'static str, &'static str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in received {
            headers.append(*name, HeaderValue::from_static(value));
        }
        let span = info_span!("work");
        span.set_parent(caller(&headers)).unwrap();
        let mut sent = HeaderMap::new();
        inject(&span.context(), &mut sent);
        sent
    }

    #[test]
    fn a_list_in_several_headers_is_one_list() {
        let _telemetry = Telemetry::start();
        let sent = sent_on(&[
            TRACEPARENT,
            ("tracestate", "a=1"),
            ("tracestate", "b=2, c=3"),
            ("baggage", "user=alice"),
            ("baggage", "item=7"),
        ]);
        assert_eq!(sent["tracestate"], "a=1,b=2,c=3");
        let mut baggage: Vec<_> = sent["baggage"].to_str().unwrap().split(',').collect();
        baggage.sort();
        assert_eq!(baggage, ["item=7", "user=alice"]);
    }

    #[test]
    fn no_state_is_no_header() {
        let _telemetry = Telemetry::start();
        for received in [&[TRACEPARENT][..], &[TRACEPARENT, ("tracestate", "")]] {
            let sent = sent_on(received);
            assert_eq!(sent.keys().collect::<Vec<_>>(), ["traceparent"]);
        }
    }

    #[test]
    fn headers_that_were_copied_from_a_caller_do_not_go_on() {
        for (propagators, goes_on) in [
            ("tracecontext,baggage", &["accept", "uber-trace-id", "uberctx-tier"][..]),
            ("jaeger", &["accept", "baggage", "tracestate"]),
            ("none", &["accept", "baggage", "tracestate", "uber-trace-id", "uberctx-tier"]),
        ] {
            let lookup = |name: &str| (name == "OTEL_PROPAGATORS").then(|| propagators.to_owned());
            let propagators = Propagators::from_environment(&lookup).unwrap();
            let mut headers = HeaderMap::new();
            for name in
                goes_on.iter().chain(&["baggage", "tracestate", "uber-trace-id", "uberctx-tier"])
            {
                headers.insert(*name, HeaderValue::from_static("copied=1"));
            }
            inject_by(&propagators.build(), &Context::new(), &mut headers);
            let mut left: Vec<_> = headers.keys().map(HeaderName::as_str).collect();
            left.sort_unstable();
            assert_eq!(left, goes_on);
        }
    }

    #[test]
    fn two_parents_are_none() {
        let _telemetry = Telemetry::start();
        let sent = sent_on(&[TRACEPARENT, TRACEPARENT, ("tracestate", "a=1")]);
        assert_ne!(sent["traceparent"].to_str().unwrap()[..36], TRACEPARENT.1[..36]);
        assert!(!sent.contains_key("tracestate"));
    }
}
