//! Every query that the repository's files hold, asked of the real programs as Grafana and
//! Prometheus do.

use anyhow::Context;
use e2e::ask::{Series, ask, now};
use e2e::queries::Query;
use e2e::{NativeLab, eventually, http};
use serde_json::{Value, json};

/// Of which there is every kind of answer.
const SERVICE: &str = "app-a";
/// It fails, so that links to what failed lead somewhere.
const OPERATION: &str = "GET /error_test";
/// Seconds: what the dashboards show.
const RANGE: f64 = 900.0;

/// Runs each until it has data: alerts excepted, which have none at rest, none may stay empty.
pub async fn have_data(lab: &NativeLab) -> anyhow::Result<()> {
    let url = lab.url("APP_A_PORT") + "/chain";
    let answer: Value = http().get(url).send().await?.error_for_status()?.json().await?;
    let trace = answer["trace_id"].as_str().context("finding the id of a trace")?;
    for query in e2e::queries::all()? {
        let tags = match query.datasource.as_str() {
            "loki" => format!("service_name=\"{SERVICE}\""),
            _ => format!("service_name=\"{SERVICE}\", span_name=\"{OPERATION}\""),
        };
        let expanded = query.expand(&[
            ("__rate_interval", "1m"),
            ("__auto", "1m"),
            ("service", SERVICE),
            ("__field.labels.service_name", SERVICE),
            ("__field.labels.span_name", OPERATION),
            ("__data.fields.Operation", OPERATION),
            ("__tags", &tags),
            ("__trace.traceId", trace),
        ])?;
        let place = format!("{} {} in {}", query.title, query.ref_id, query.source.display());
        let condition = format!("{place} has data: {expanded}");
        eventually(&condition, async || {
            let data = has_data(lab, &query, &expanded).await.with_context(|| place.clone())?;
            let at_rest = is_rule(&query) && !is_recorded(&query);
            Ok((data || at_rest).then_some(()))
        })
        .await?;
    }
    Ok(())
}

fn is_rule(query: &Query) -> bool {
    query.source.starts_with("prometheus/rules")
}

/// By Prometheus's convention, the name of a recorded series has colons, and an alert's has none.
fn is_recorded(query: &Query) -> bool {
    is_rule(query) && query.title.contains(':')
}

async fn has_data(lab: &NativeLab, query: &Query, expanded: &str) -> anyhow::Result<bool> {
    let now = now();
    let a_number = |series: &Series| series.points.iter().any(|(_, value)| !value.is_nan());
    Ok(match query.datasource.as_str() {
        "prometheus" => {
            let series = lab.prometheus().query(expanded, now).await?;
            let there = match is_recorded(query) {
                true => !lab.prometheus().query(&query.title, now).await?.is_empty(),
                false => true,
            };
            there && series.iter().any(a_number)
        }
        "loki" if expanded.starts_with('{') => {
            !lab.loki().lines(expanded, [now - RANGE, now]).await?.is_empty()
        }
        "loki" => lab.loki().query(expanded, now).await?.iter().any(a_number),
        _ => jaeger_has_data(lab, &serde_json::from_str(expanded)?, now).await?,
    })
}

/// Asks what Grafana's Jaeger data source asks for a query: for a search, the older API.
async fn jaeger_has_data(lab: &NativeLab, query: &Value, now: f64) -> anyhow::Result<bool> {
    if query["queryType"] == "dependencyGraph" {
        return Ok(!lab.jaeger().dependencies([now - RANGE, now]).await?.is_empty());
    }
    let mut parameters = vec![
        ("start", format!("{:.0}", (now - RANGE) * 1e6)),
        ("end", format!("{:.0}", now * 1e6)),
        ("lookback", "custom".to_owned()),
        ("limit", query["limit"].to_string()),
    ];
    for key in ["service", "operation", "minDuration"] {
        parameters.extend(query[key].as_str().map(|value| (key, value.to_owned())));
    }
    if let Some(tags) = query["tags"].as_str() {
        let (key, value) = tags.split_once('=').context("reading the tags")?;
        parameters.push(("tags", json!({ key: value }).to_string()));
    }
    let parameters: Vec<_> = parameters.iter().map(|(key, value)| (*key, value.as_str())).collect();
    let answer = ask(&format!("{}/api/traces", lab.jaeger().0), &parameters).await?;
    Ok(answer["data"].as_array().is_some_and(|traces| !traces.is_empty()))
}
