//! Whether the service graph has a request's edges.

use std::collections::BTreeMap;

use super::api::{Failure, prometheus};
use super::finding::{Finding, Verdict};
use super::lab::Lab;
use super::span_metrics::FRESH;

const REQUESTS: &str = "traces_service_graph_request_total";
/// Who calls whom in a `/chain` on the first service.
const EDGES: [(&str, &str); 4] =
    [("app-a", "app-a"), ("app-a", "app-b"), ("app-a", "app-c"), ("app-c", "app-d")];
/// How much of the whole time the numbers may take, once those of spans are there.
const SHARE: f64 = 0.15;

/// Requests by client and server.
pub type Requests = BTreeMap<(String, String), f64>;

/// How many requests each edge has so far.
pub async fn requests(lab: &Lab<'_>) -> Result<Requests, Failure> {
    let promql = format!("sum by (client, server) (last_over_time({REQUESTS}[{FRESH}]))");
    let series = prometheus::query(lab, &promql).await?.into_iter();
    let edge = |series: prometheus::Series| {
        let [client, server] = ["client", "server"].map(|name| series.label(name).to_owned());
        ((client, server), series.value())
    };
    Ok(series.map(edge).collect())
}

/// Waits until each edge of the probe has more requests than before it.
pub async fn examine(lab: &Lab<'_>, before: &Requests) -> Verdict {
    let complete = async || {
        let now = requests(lab).await.map_err(Lack::Answer)?;
        let missing = missing(before, &now);
        if missing.is_empty() { Ok(()) } else { Err(Lack::Edges(missing)) }
    };
    match lab.poll("the service graph of the probe", lab.within(SHARE), complete).await {
        Ok(()) => Ok(format!("all {} edges of the probe were counted", EDGES.len())),
        Err(Lack::Answer(failure)) => Err(failure.into()),
        Err(Lack::Edges(missing)) => {
            let unpaired =
                prometheus::query(lab, "sum(traces_service_graph_unpaired_spans_total)").await?;
            Err(explain(&missing, unpaired.first().map(prometheus::Series::value)))
        }
    }
}

enum Lack {
    Answer(Failure),
    Edges(Vec<String>),
}

fn missing(before: &Requests, now: &Requests) -> Vec<String> {
    let missing = EDGES.iter().filter(|(client, server)| {
        let edge = ((*client).to_owned(), (*server).to_owned());
        let [before, now] = [before, now].map(|requests| requests.get(&edge).copied());
        // A count that is smaller now has started anew.
        now.is_none() || now == before
    });
    missing.map(|(client, server)| format!("{client} -> {server}")).collect()
}

/// `unpaired`: how many spans found no other side; none when Prometheus has nothing of this graph.
fn explain(missing: &[String], unpaired: Option<f64>) -> Finding {
    let seen = format!("no request counted of {}", missing.join(", "));
    match unpaired {
        None if missing.len() == EDGES.len() => Finding::new(
            seen + "; prometheus has no traces_service_graph metric",
            "otel-collector makes no service graph",
            "servicegraph must export from the pipeline of traces and receive in that of metrics",
        ),
        _ => Finding::new(
            format!("{seen}; {} spans without the other side", unpaired.unwrap_or_default()),
            "the two spans of a call do not pass through the same servicegraph, or not in time",
            "all services must send to one Collector, or what passes it by must be copied to it",
        ),
    }
}

#[cfg(test)]
pub mod tests {
    use super::*;

    pub fn findings() -> Vec<Finding> {
        let all = missing(&Requests::new(), &Requests::new());
        vec![explain(&all, None), explain(&all, Some(1.0))]
    }

    fn requests(value: f64, edges: &[(&str, &str)]) -> Requests {
        let edge = |(client, server): &(&str, &str)| (((*client).into(), (*server).into()), value);
        edges.iter().map(edge).collect()
    }

    #[test]
    fn an_edge_that_does_not_grow_is_missing() {
        assert_eq!(missing(&Requests::new(), &requests(1.0, &EDGES)), [] as [&str; 0]);
        assert_eq!(missing(&requests(1.0, &EDGES), &requests(2.0, &EDGES)), [] as [&str; 0]);
        let same = missing(&requests(2.0, &EDGES[3..]), &requests(2.0, &EDGES));
        assert_eq!(same, ["app-c -> app-d"]);
    }

    #[test]
    fn no_graph_at_all_is_told_from_an_incomplete_one() {
        let all = missing(&Requests::new(), &Requests::new());
        assert!(explain(&all, None).cause.contains("makes no service graph"));
        assert!(explain(&all[3..], Some(7.0)).evidence.contains("7 spans"));
    }
}
