//! Whether a request's log lines are found by its trace's id.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, SystemTime};

use super::api::{Failure, Reason, loki, otlp};
use super::finding::{Finding, Verdict};
use super::lab::Lab;
use super::probe::Chain;

/// How much of the whole time the lines may take.
const SHARE: f64 = 0.3;
/// The same for one line that is looked for on its own.
const OWN_SHARE: f64 = 0.12;
/// Of how many services there must be lines.
const SERVICES: usize = 2;

/// Looks for lines with the trace's id, of at least two services.
pub async fn examine(lab: &Lab<'_>, chain: Result<Chain, Finding>) -> Verdict {
    let chain = chain?;
    let id = &chain.trace_id;
    let outcome = lab.poll("the log lines of the probe", lab.within(SHARE), async || {
        let lines = of_trace(lab, id, chain.sent).await.map_err(Lack::Answer)?;
        if lines.len() < SERVICES { Err(Lack::Services(lines)) } else { Ok(lines) }
    });
    match outcome.await {
        Ok(lines) => Ok(format!("{} with the probe's trace id", told(&lines))),
        Err(Lack::Answer(failure)) => Err(failure.into()),
        Err(Lack::Services(lines)) => Err(narrow(lab, chain.sent, lines).await),
    }
}

enum Lack {
    Answer(Failure),
    /// Services: these have lines, and how many.
    Services(BTreeMap<String, usize>),
}

/// How many lines each service has with the trace's id.
async fn of_trace(
    lab: &Lab<'_>,
    id: &str,
    since: SystemTime,
) -> Result<BTreeMap<String, usize>, Failure> {
    let logql = format!(r#"{{service_name=~".+"}} | trace_id="{id}""#);
    Ok(by_service(&loki::lines(lab, &logql, since - MARGIN).await?))
}

/// A line's time is its service's, which may be a little off.
const MARGIN: Duration = Duration::from_secs(60);

fn by_service(streams: &[loki::Stream]) -> BTreeMap<String, usize> {
    let mut lines = BTreeMap::new();
    for stream in streams {
        *lines.entry(stream.label("service_name").to_owned()).or_default() += stream.lines();
    }
    lines
}

fn told(lines: &BTreeMap<String, usize>) -> String {
    let total: usize = lines.values().sum();
    let services = lines.keys().map(String::as_str).collect::<Vec<_>>().join(", ");
    match total {
        0 => "no line".to_owned(),
        _ => format!("{total} lines of {services}"),
    }
}

/// What the doctor's own line became.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Own {
    /// It is found by its trace's id.
    Found,
    /// It is there, without the id.
    WithoutId,
    Lost,
    /// The Collector has no place for logs.
    Refused,
}

/// Asks for what is there instead, and sends a line of the doctor's own.
async fn narrow(lab: &Lab<'_>, since: SystemTime, with_id: BTreeMap<String, usize>) -> Finding {
    let any = match loki::lines(lab, r#"{service_name=~"app-.+"}"#, since).await {
        Ok(streams) => streams,
        Err(failure) => return failure.into(),
    };
    let with_some_id: BTreeSet<_> = any
        .iter()
        .filter(|stream| !stream.label("trace_id").is_empty())
        .map(|stream| stream.label("service_name").to_owned())
        .collect();
    let own = match own_line(lab).await {
        Ok(own) => own,
        Err(failure) => return failure.into(),
    };
    explain(&with_id, &by_service(&any), &with_some_id, own)
}

async fn own_line(lab: &Lab<'_>) -> Result<Own, Failure> {
    let sent = SystemTime::now();
    let id = match otlp::log(lab).await {
        Ok(id) => id,
        Err(Failure { reason: Reason::Refusal(..), .. }) => return Ok(Own::Refused),
        Err(failure) => return Err(failure),
    };
    let found = lab.poll("a log line of the doctor's own", lab.within(OWN_SHARE), async || {
        let streams = loki::lines(lab, r#"{service_name="lab-doctor"}"#, sent).await;
        let streams = streams.map_err(Some)?;
        match streams.iter().any(|stream| stream.label("trace_id") == id) {
            true => Ok(Own::Found),
            false if streams.is_empty() => Err(None),
            false => Ok(Own::WithoutId),
        }
    });
    match found.await {
        Ok(own) => Ok(own),
        Err(None) => Ok(Own::Lost),
        Err(Some(failure)) => Err(failure),
    }
}

/// `with_id`: services with lines of the trace; `any`: with lines at all since the request;
/// `with_some_id`: with lines of whatever trace.
fn explain(
    with_id: &BTreeMap<String, usize>,
    any: &BTreeMap<String, usize>,
    with_some_id: &BTreeSet<String>,
    own: Own,
) -> Finding {
    let seen =
        format!("{} with the probe's trace id, {} without regard to it", told(with_id), told(any));
    match own {
        Own::Refused => Finding::new(
            seen + "; otel-collector refuses logs",
            "otel-collector has no pipeline for logs: services -> otel-collector is broken for logs",
            "run otel-collector with its logs.yaml too",
        ),
        Own::Lost => Finding::new(
            seen + "; a line sent to otel-collector does not arrive either",
            "otel-collector takes logs, but they do not reach loki: otel-collector -> loki is broken",
            "LOKI_ENDPOINT of otel-collector must be loki's URL with the path /otlp; \
             `docker compose logs otel-collector` tells what fails",
        ),
        Own::WithoutId => Finding::new(
            seen + "; a line sent with a trace id arrives without it",
            "the trace id is dropped behind the services, in otel-collector's pipeline for logs or in loki",
            "no processor of otel-collector may change a log's trace id, and loki must allow \
             structured metadata",
        ),
        Own::Found if any.is_empty() => Finding::new(
            seen + "; a line sent to otel-collector arrives",
            "no service sends logs: services -> otel-collector is broken for logs",
            "OTEL_LOGS_EXPORTER of the services must be otlp, and OTEL_EXPORTER_OTLP_ENDPOINT name \
             otel-collector",
        ),
        Own::Found if with_some_id.is_empty() => Finding::new(
            seen + "; a line sent with a trace id keeps it",
            "the services send logs without the trace id",
            "log within a request's span, by the layer that telemetry sets up",
        ),
        Own::Found => Finding::new(
            seen + "; a line sent to otel-collector arrives",
            "not every service sends its logs",
            "OTEL_LOGS_EXPORTER and OTEL_EXPORTER_OTLP_ENDPOINT of those without lines must be as \
             those of the others",
        ),
    }
}

#[cfg(test)]
pub mod tests {
    use super::*;

    pub fn findings() -> Vec<Finding> {
        let explain = |any: &[&str], with_some_id: &[&str], own| {
            let with_some_id = with_some_id.iter().map(|service| (*service).to_owned()).collect();
            explain(&BTreeMap::new(), &lines(any), &with_some_id, own)
        };
        vec![
            explain(&[], &[], Own::Refused),
            explain(&[], &[], Own::Lost),
            explain(&[], &[], Own::WithoutId),
            explain(&[], &[], Own::Found),
            explain(&["app-a"], &[], Own::Found),
            explain(&["app-a"], &["app-a"], Own::Found),
        ]
    }

    fn lines(services: &[&str]) -> BTreeMap<String, usize> {
        services.iter().map(|service| ((*service).to_owned(), 2)).collect()
    }

    fn cause(with_id: &[&str], any: &[&str], with_some_id: &[&str], own: Own) -> String {
        let with_some_id = with_some_id.iter().map(|service| (*service).to_owned()).collect();
        explain(&lines(with_id), &lines(any), &with_some_id, own).cause
    }

    #[test]
    fn a_line_of_the_doctors_own_tells_the_services_from_what_is_behind_them() {
        let lost = cause(&[], &[], &[], Own::Lost);
        assert!(lost.contains("otel-collector -> loki is broken"), "{lost}");
        let none = cause(&[], &[], &[], Own::Found);
        assert!(none.contains("services -> otel-collector is broken"), "{none}");
        let refused = cause(&[], &[], &[], Own::Refused);
        assert!(refused.contains("no pipeline for logs"), "{refused}");
    }

    #[test]
    fn it_also_tells_who_drops_the_trace_id() {
        let both = ["app-a", "app-b"];
        let behind = cause(&[], &both, &[], Own::WithoutId);
        assert!(behind.contains("dropped behind the services"), "{behind}");
        let services = cause(&[], &both, &[], Own::Found);
        assert!(services.contains("the services send logs without"), "{services}");
        let one = cause(&["app-a"], &["app-a"], &["app-a"], Own::Found);
        assert!(one.contains("not every service"), "{one}");
    }
}
