//! From what a trace lacks to why.

use traces::Trace;

use crate::doctor::api::otlp::receiver;
use crate::doctor::finding::Finding;
use crate::doctor::lab::Lab;
use crate::ports::Port;
use crate::ports::known::APPS;
use crate::with::With;

/// What is missing, as far as it was narrowed down.
#[derive(Debug)]
pub enum Missing {
    /// Every trace that starts in this service.
    Unsampled(&'static str),
    /// The answer to the question for a trace.
    Answer(String),
    /// The spans of every service, though another program's arrive.
    AllServices { asked: usize },
    /// Everything that is sent to the receiver; with what it counted.
    BehindReceiver(Option<String>),
    /// Every span of one service.
    Service { part: &'static str, seen: String },
    /// The trace's id in the service that got it.
    ContextNotRead { part: &'static str, seen: String },
    /// The trace's id in the request that the service got.
    ContextNotSent { part: &'static str, caller: &'static str, seen: String },
    /// Some spans.
    Some(String),
}

/// The first service without any span in the trace, and who calls it in a `/chain`.
pub fn suspect(trace: &Trace) -> Option<(Port, Option<&'static str>)> {
    const CALLERS: [Option<&str>; 4] = [None, Some("app-a"), Some("app-a"), Some("app-c")];
    let mut services = APPS.into_iter().zip(CALLERS);
    services.find(|(service, _)| trace.spans().iter().all(|span| span.service != service.part))
}

/// Names the broken place.
pub fn explain(lab: &Lab<'_>, missing: &Missing) -> Finding {
    let (receiver, from) = match lab.has(With::Jaeger) {
        true => (receiver(lab).part, "jaeger"),
        false => ("spoor", "spoor"),
    };
    describe(missing, receiver, from)
}

/// `receiver` takes the services' spans, `from` tells traces.
fn describe(missing: &Missing, receiver: &str, from: &str) -> Finding {
    match missing {
        Missing::Unsampled(part) => Finding::new(
            format!("{part} answers /chain with sampled: false"),
            format!("{part}'s sampler drops its traces"),
            format!("unset OTEL_TRACES_SAMPLER and OTEL_TRACES_SAMPLER_ARG of {part}"),
        ),
        Missing::Answer(message) if from == "jaeger" => Finding::new(
            message,
            "jaeger answers, but does not reach its storage: jaeger -> spoor is broken",
            "STORAGE_ENDPOINT of jaeger must be spoor's host and gRPC port",
        ),
        Missing::Answer(message) => Finding::new(
            message,
            "spoor is ready but does not answer on its gRPC port",
            "compare STORAGE_PORT here and in .env",
        ),
        Missing::AllServices { asked } => Finding::new(
            format!("{from} has no span of {asked} requests, though services sampled them"),
            format!("no service reaches {receiver}: services -> {receiver} is broken"),
            format!(
                "OTEL_EXPORTER_OTLP_ENDPOINT of the services must name {receiver}, \
                 OTEL_TRACES_EXPORTER be unset or otlp; their logs tell what fails"
            ),
        ),
        Missing::BehindReceiver(counted) => {
            let counted = counted.as_ref().map(|counted| format!("; {counted}"));
            let (next, variable) = match receiver {
                "otel-collector" => ("jaeger", "JAEGER_ENDPOINT"),
                _ => ("spoor", "STORAGE_ENDPOINT"),
            };
            Finding::new(
                format!(
                    "{receiver} took a span from the doctor, which {from} does not have{}",
                    counted.unwrap_or_default()
                ),
                format!(
                    "spans do not get from {receiver} to {next}: {receiver} -> {next} is broken"
                ),
                format!("{variable} of {receiver} must be {next}'s host and gRPC port"),
            )
        }
        Missing::Service { part, seen } => Finding::new(
            seen,
            format!("no span of {part} arrives, whoever calls it: {part} -> {receiver} is broken"),
            format!(
                "OTEL_EXPORTER_OTLP_ENDPOINT of {part} must name {receiver}, OTEL_TRACES_EXPORTER \
                 be unset or otlp; its log tells what fails"
            ),
        ),
        Missing::ContextNotRead { part, seen } => Finding::new(
            seen,
            format!(
                "{part} starts a trace of its own though a traceparent comes with the request: \
                 the context is lost in {part}"
            ),
            format!("the requests of {part} must pass its layer that reads traceparent"),
        ),
        Missing::ContextNotSent { part, caller, seen } => Finding::new(
            seen,
            format!(
                "{part} goes on with a trace that it is sent, but gets none from {caller}: the \
                 context is lost between {caller} and {part}"
            ),
            format!(
                "{caller} must send traceparent with its calls, straight to {part} (TARGET_ONE, \
                 TARGET_TWO) or through what passes that header on"
            ),
        ),
        Missing::Some(seen) => Finding::new(
            seen,
            "each service's spans arrive, but not all: some are dropped on the way",
            format!("look for refused or dropped spans in the logs of {receiver} and the services"),
        ),
    }
}

#[cfg(test)]
pub mod tests {
    use super::*;
    use crate::edges::tests::changed;

    /// Of the whole lab, where spans pass the Collector and traces come from Jaeger, but for two.
    pub fn findings() -> Vec<Finding> {
        let (part, caller, seen) = ("PART", "CALLER", String::new);
        let whole = [
            Missing::Unsampled(part),
            Missing::Answer(seen()),
            Missing::AllServices { asked: 0 },
            Missing::BehindReceiver(None),
            Missing::Service { part, seen: seen() },
            Missing::ContextNotRead { part, seen: seen() },
            Missing::ContextNotSent { part, caller, seen: seen() },
            Missing::Some(seen()),
        ];
        let mut findings = whole.map(|it| describe(&it, "otel-collector", "jaeger")).to_vec();
        findings.push(describe(&Missing::Answer(seen()), "spoor", "spoor"));
        findings.push(describe(&Missing::BehindReceiver(None), "jaeger", "jaeger"));
        findings
    }

    fn without(services: &[&str]) -> Option<(&'static str, Option<&'static str>)> {
        let trace =
            changed(|spans| spans.retain(|span| !services.contains(&span.service.as_str())));
        suspect(&trace).map(|(service, caller)| (service.part, caller))
    }

    #[test]
    fn the_first_service_on_the_way_that_has_no_span_is_suspected() {
        assert_eq!(without(&["app-b"]), Some(("app-b", Some("app-a"))));
        assert_eq!(without(&["app-d", "app-c"]), Some(("app-c", Some("app-a"))));
        assert_eq!(without(&["app-d"]), Some(("app-d", Some("app-c"))));
        assert_eq!(without(&["app-a"]), Some(("app-a", None)));
        assert_eq!(without(&[]), None);
    }

    #[test]
    fn the_broken_hop_is_named() {
        let behind = describe(&Missing::BehindReceiver(None), "otel-collector", "jaeger");
        assert!(behind.cause.contains("otel-collector -> jaeger is broken"), "{behind:?}");
        let behind = describe(&Missing::BehindReceiver(None), "jaeger", "jaeger");
        assert!(behind.cause.contains("jaeger -> spoor is broken"), "{behind:?}");
        let all = describe(&Missing::AllServices { asked: 61 }, "spoor", "spoor");
        assert!(all.cause.contains("services -> spoor is broken"), "{all:?}");
    }
}
