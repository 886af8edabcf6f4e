//! Rate, errors and durations by Prometheus, which has them from the Collector's span metrics.

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde::Deserialize;
use traces::Operation;

use super::red::{Durations, Requests};
use super::{Recent, Reds, Sources, Why};

/// The counter of calls, and the histogram of their durations in milliseconds.
const CALLS: &str = "traces_span_metrics_calls_total";
const BUCKETS: &str = "traces_span_metrics_duration_milliseconds_bucket";
/// Requests are counted where they are answered: a client's span is the same call again.
const KINDS: &str = r#"span_kind=~"SPAN_KIND_(SERVER|CONSUMER)""#;
const NANOSECONDS: f64 = 1e6;

#[derive(Deserialize)]
struct Reply {
    data: Data,
}

#[derive(Deserialize)]
struct Data {
    result: Vec<Series>,
}

#[derive(Deserialize)]
struct Series {
    metric: BTreeMap<String, String>,
    /// Seconds since the epoch, and the value.
    value: (f64, String),
}

impl Series {
    fn operation(&self) -> Operation {
        let label = |name: &str| self.metric.get(name).cloned().unwrap_or_default();
        Operation { service: label("service_name"), name: label("span_name") }
    }

    /// None for what is no count, such as `NaN`.
    fn count(&self) -> Option<f64> {
        self.value.1.parse().ok().filter(|count: &f64| count.is_finite() && *count >= 0.0)
    }

    /// The bound of a bucket, in nanoseconds; the last one's is infinite.
    fn bound(&self) -> Option<f64> {
        let bound: f64 = self.metric.get("le")?.parse().ok()?;
        (bound >= 0.0).then_some(bound * NANOSECONDS)
    }
}

impl Sources {
    /// Of these services, or without any of all.
    pub(super) async fn red_of_metrics(
        &self,
        services: &[&str],
        until: SystemTime,
        over: Duration,
    ) -> Result<Reds, Why> {
        let seconds = over.as_secs();
        let kinds = [KINDS.to_owned()].into_iter().chain(selector(services));
        let kinds = kinds.collect::<Vec<_>>().join(",");
        let by = "service_name, span_name";
        let calls = format!("sum by ({by}) (increase({CALLS}{{{kinds}}}[{seconds}s]))");
        let errors = format!(
            r#"sum by ({by}) (increase({CALLS}{{{kinds},status_code="STATUS_CODE_ERROR"}}[{seconds}s]))"#
        );
        let buckets = format!("sum by ({by}, le) (increase({BUCKETS}{{{kinds}}}[{seconds}s]))");
        let (calls, errors, buckets) = futures::try_join!(
            self.query(&calls, until),
            self.query(&errors, until),
            self.query(&buckets, until),
        )?;
        let value = assemble(&calls, &errors, &buckets);
        if value.is_empty() { Err(Why::Empty) } else { Ok(Recent { value, over, cut: None }) }
    }

    async fn query(&self, promql: &str, at: SystemTime) -> Result<Vec<Series>, Why> {
        let base = self.prometheus.as_deref();
        let at = at.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs_f64().to_string();
        let query = [("query", promql), ("time", &at)];
        let reply: Reply = self.http.json(base, "/api/v1/query", &query).await?;
        Ok(reply.data.result)
    }
}

fn assemble(
    calls: &[Series],
    errors: &[Series],
    buckets: &[Series],
) -> BTreeMap<Operation, Requests> {
    let mut all: BTreeMap<Operation, Requests> = BTreeMap::new();
    for series in calls {
        if let Some(count) = series.count().filter(|count| *count > 0.0) {
            let durations = Durations::Buckets(Vec::new());
            all.insert(series.operation(), Requests { count, errors: 0.0, durations });
        }
    }
    for series in errors {
        if let (Some(requests), Some(count)) = (all.get_mut(&series.operation()), series.count()) {
            requests.errors = count;
        }
    }
    for series in buckets {
        let requests = all.get_mut(&series.operation());
        let bucket = series.bound().zip(series.count());
        if let (Some(Requests { durations: Durations::Buckets(buckets), .. }), Some(bucket)) =
            (requests, bucket)
        {
            buckets.push(bucket);
        }
    }
    for Requests { durations, .. } in all.values_mut() {
        if let Durations::Buckets(buckets) = durations {
            buckets.sort_by(|(one, _), (other, _)| one.total_cmp(other));
        }
    }
    all
}

/// Selects these services, whatever they call themselves.
fn selector(services: &[&str]) -> Option<String> {
    let names = services.iter().map(|name| literal(name)).collect::<Vec<_>>().join("|");
    // JSON's escapes are among those of PromQL's strings.
    (!services.is_empty()).then(|| format!("service_name=~{}", serde_json::Value::from(names)))
}

/// A regular expression of this text alone.
fn literal(text: &str) -> String {
    let mut literal = String::with_capacity(text.len());
    for it in text.chars() {
        if it.is_ascii_punctuation() {
            literal.push('\\');
        }
        literal.push(it);
    }
    literal
}

#[cfg(test)]
mod tests {
    use super::*;

    fn series(text: &str) -> Vec<Series> {
        let reply =
            format!(r#"{{"status":"success","data":{{"resultType":"vector","result":[{text}]}}}}"#);
        serde_json::from_str::<Reply>(&reply).unwrap().data.result
    }

    /// Of Prometheus' shape, with a count of one operation that has no requests, and no series of
    /// errors for the other.
    fn answers() -> [Vec<Series>; 3] {
        let of = |labels: &str, value: &str| {
            format!(
                r#"{{"metric":{{"service_name":"app-a",{labels}}},"value":[1795330988.474,"{value}"]}}"#
            )
        };
        let chain = r#""span_name":"GET /chain""#;
        let calls = [of(chain, "20"), of(r#""span_name":"GET /""#, "0")].join(",");
        let buckets = [("+Inf", "20"), ("5", "10"), ("10", "19")]
            .map(|(bound, count)| of(&format!(r#"{chain},"le":"{bound}""#), count))
            .join(",");
        [calls, String::new(), buckets].map(|text| series(&text))
    }

    #[test]
    fn operations_with_requests_have_their_counts_and_sorted_buckets() {
        let [calls, errors, buckets] = answers();
        let all = assemble(&calls, &errors, &buckets);
        let [(operation, requests)] = &all.into_iter().collect::<Vec<_>>()[..] else { panic!() };
        assert_eq!((&*operation.service, &*operation.name), ("app-a", "GET /chain"));
        assert_eq!((requests.count, requests.errors), (20.0, 0.0));
        let Durations::Buckets(buckets) = &requests.durations else { panic!() };
        assert_eq!(buckets[..], [(5e6, 10.0), (10e6, 19.0), (f64::INFINITY, 20.0)]);
    }

    #[test]
    fn what_is_no_count_is_left_out() {
        let of = |labels: &str, value: &str| {
            format!(r#"{{"metric":{{"service_name":"app-a"{labels}}},"value":[1,"{value}"]}}"#)
        };
        let calls = series(&of("", "20"));
        for none in ["NaN", "-Inf", "+Inf", "-1", "many"] {
            let le = r#","le":"5""#;
            let [errors, buckets] = ["", le].map(|labels| series(&of(labels, none)));
            let all = assemble(&calls, &errors, &buckets);
            let [requests] = &all.values().collect::<Vec<_>>()[..] else { panic!() };
            assert_eq!(requests.errors, 0.0, "{none}");
            assert!(!requests.durations.is_known(), "{none}");
            assert!(assemble(&errors, &[], &[]).is_empty(), "{none}");
        }
        // A bucket has a bound.
        for bound in ["", r#","le":"NaN""#, r#","le":"-1""#] {
            let all = assemble(&calls, &[], &series(&of(bound, "20")));
            assert!(all.values().all(|it| !it.durations.is_known()), "{bound}");
        }
    }

    #[test]
    fn errors_are_those_of_their_operation() {
        let [calls, _, buckets] = answers();
        let all = assemble(&calls, &calls[..1], &buckets);
        assert_eq!(all.values().map(|it| it.errors).collect::<Vec<_>>(), [20.0]);
    }

    #[test]
    fn a_services_name_cannot_leave_its_selector() {
        assert_eq!(selector(&[]), None);
        let selected = selector(&["app-a", "x\"} or vector(1) #\n"]).unwrap();
        let expected = r#"service_name=~"app\\-a|x\\\"\\} or vector\\(1\\) \\#\n""#;
        assert_eq!(selected, expected);
    }
}
