//! Whether a request's spans are all found as one trace, with every edge.

pub mod cause;

use traces::{Storage, Trace};

use super::api;
use super::finding::{Finding, Verdict};
use super::lab::Lab;
use super::probe::{self, Chain, Continued};
use crate::edges;
use crate::ports::known::STORAGE;
use crate::with::With;
use cause::{Missing, explain};

/// How much of the whole time the first span may take, and then all others.
const SHARE: f64 = 0.15;
/// The same for one of many traces: a sampler may wait for the end of each.
const MORE_SHARE: f64 = 0.3;
/// The same for one span of one service.
const OWN_SHARE: f64 = 0.12;
/// So many that one in ten kept is at least one, but for once in 40,000 times.
const MORE: usize = 100;

/// A request whose whole trace was found.
pub type Whole = (Chain, Trace);

/// Looks for the trace, and for others like it where a sampler may have dropped it later.
pub async fn examine(
    lab: &Lab<'_>,
    chain: Result<Chain, Finding>,
    found: &mut Option<Whole>,
) -> Verdict {
    let chain = chain?;
    if !chain.sampled {
        return Err(explain(lab, &Missing::Unsampled("app-a")));
    }
    let awaited = "the spans of the probe";
    let attempt = async || whole(lab, &chain.trace_id).await;
    let mut outcome = lab.poll(awaited, lab.within(SHARE), attempt).await;
    if let Err(Lack::Edges(trace, _)) = &outcome
        && !trace.is_empty()
    {
        outcome = lab.poll(awaited, lab.within(SHARE), attempt).await;
    }
    match outcome {
        Ok(trace) => {
            let evidence = format!("{} spans in one trace, every edge", trace.spans().len());
            *found = Some((chain, trace));
            Ok(evidence)
        }
        Err(Lack::Answer(message)) => Err(explain(lab, &Missing::Answer(message))),
        Err(Lack::Edges(trace, problems)) if !trace.is_empty() => {
            Err(partial(lab, &trace, &problems).await)
        }
        Err(Lack::Edges(..)) => absent(lab, chain, found).await,
    }
}

/// What an attempt lacks.
enum Lack {
    /// The trace: nobody told it, for this reason.
    Answer(String),
    /// Spans: it is told so far, with each thing that it lacks.
    Edges(Trace, Vec<String>),
}

async fn whole(lab: &Lab<'_>, id: &str) -> Result<Trace, Lack> {
    let trace = read(lab, id).await.map_err(Lack::Answer)?;
    let problems = edges::problems(&trace);
    if problems.is_empty() { Ok(trace) } else { Err(Lack::Edges(trace, problems)) }
}

/// The trace, from Jaeger or, in a lab without, from the storage server.
async fn read(lab: &Lab<'_>, id: &str) -> Result<Trace, String> {
    if lab.has(With::Jaeger) {
        return api::jaeger::trace(lab, id).await.map_err(|failure| failure.to_string());
    }
    let kept = async { Storage::new(&lab.url(STORAGE))?.trace(id).await };
    kept.await.map_err(|error: traces::Error| error.to_string())
}

/// No span came. Either none does, or a sampler behind the services dropped the trace; then one of
/// many others is there.
async fn absent(lab: &Lab<'_>, chain: Chain, found: &mut Option<Whole>) -> Verdict {
    lab.tell("one trace of many, since the first is not there");
    let own = match lab.has(With::Jaeger) {
        true => Some(api::otlp::span(lab).await?),
        false => None,
    };
    let mut chains = vec![chain];
    chains.extend(probe::chains(lab, MORE).await);
    let asked = chains.len();
    let mut own_arrived = false;
    let kept = lab.poll("one of many traces", lab.within(MORE_SHARE), async || {
        if let Some(id) = &own {
            own_arrived |= read(lab, id).await.is_ok_and(|trace| !trace.is_empty());
        }
        let mut partial = None;
        for chain in &chains {
            match whole(lab, &chain.trace_id).await {
                Ok(trace) => return Ok((chain.clone(), trace)),
                Err(Lack::Edges(trace, problems)) if !trace.is_empty() => {
                    partial = Some((trace, problems));
                }
                Err(_) => {}
            }
        }
        Err(partial)
    });
    match kept.await {
        Ok(whole) => {
            let spans = whole.1.spans().len();
            *found = Some(whole);
            Ok(format!("{spans} spans in one trace, every edge; one of {asked} traces was kept"))
        }
        Err(Some((trace, problems))) => Err(partial(lab, &trace, &problems).await),
        Err(None) if own_arrived || own.is_none() => {
            Err(explain(lab, &Missing::AllServices { asked }))
        }
        Err(None) => Err(explain(lab, &Missing::BehindReceiver(counters(lab).await))),
    }
}

/// Spans are missing. The first service of which there is none is asked on its own.
async fn partial(lab: &Lab<'_>, trace: &Trace, problems: &[String]) -> Finding {
    let seen = match problems {
        [first, others @ ..] if !others.is_empty() => format!("{first}, and {} more", others.len()),
        _ => problems.concat(),
    };
    let Some((service, caller)) = cause::suspect(trace) else {
        return explain(lab, &Missing::Some(seen));
    };
    let part = service.part;
    let continued = match probe::continued(lab, service).await {
        Ok(continued) => continued,
        Err(failure) => return failure.into(),
    };
    let missing = if continued.iter().any(|one| !one.same_trace) {
        Missing::ContextNotRead { part, seen }
    } else if continued.iter().any(|one| !one.sampled) {
        Missing::Unsampled(part)
    } else {
        let arrived = lab.poll("a span of one service", lab.within(OWN_SHARE), async || {
            for Continued { trace_id, .. } in &continued {
                let trace = read(lab, trace_id).await.unwrap_or_default();
                if trace.spans().iter().any(|span| span.service == part) {
                    return Ok(());
                }
            }
            Err(())
        });
        match (arrived.await, caller) {
            (Ok(()), Some(caller)) => Missing::ContextNotSent { part, caller, seen },
            (Ok(()), None) => Missing::Some(seen),
            (Err(()), _) => Missing::Service { part, seen },
        }
    };
    explain(lab, &missing)
}

/// What the Collector counted, where Prometheus knows.
async fn counters(lab: &Lab<'_>) -> Option<String> {
    if !lab.has(With::Prometheus) {
        return None;
    }
    let sum = async |metric: &str| -> Option<f64> {
        let promql = format!(r#"sum({metric}{{job="otel-collector"}})"#);
        Some(api::prometheus::query(lab, &promql).await.ok()?.first()?.value())
    };
    let accepted = sum("otelcol_receiver_accepted_spans_total").await?;
    let sent = sum("otelcol_exporter_sent_spans_total").await.unwrap_or_default();
    Some(format!("it accepted {accepted} spans and sent {sent} on"))
}
