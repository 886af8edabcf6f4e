//! Each panel of the dashboards against what the lab did.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use anyhow::{Context, bail, ensure};
use e2e::NativeLab;
use e2e::ask::Labels;
use e2e::files::read_file;
use e2e::queries::Query;
use serde_json::Value;

use crate::table::{Range, Row, TABLE, service};
use crate::truth::{MINUTE, Truth};

/// Compares all, and tells of each that differs.
pub async fn are_true(lab: &NativeLab, truth: &Truth) -> anyhow::Result<()> {
    let mut wrong = Vec::new();
    for (dashboard, rows) in TABLE {
        let path = format!("grafana/dashboards/{dashboard}.json");
        let file = read_file(Path::new(&path))?;
        let panels = file["panels"].as_array().context("finding the panels")?;
        let panels: Vec<_> = panels.iter().filter(|panel| panel["type"] != "row").collect();
        let titles = panels.iter().filter_map(|panel| panel["title"].as_str());
        let known: BTreeSet<_> = rows.iter().map(|row| row.panel).collect();
        ensure!(
            titles.collect::<BTreeSet<_>>() == known,
            "the panels of {path} are not those whose truth is known: {known:?}"
        );
        for row in rows {
            let panel = panels.iter().find(|panel| panel["title"] == row.panel);
            let targets = panel.context("finding the panel")?["targets"].as_array();
            let target = targets.into_iter().flatten().find(|target| target["refId"] == row.query);
            let target = target.with_context(|| format!("{path}: {}: {}", row.panel, row.query))?;
            match shown(lab, truth, dashboard, target).await {
                Ok(shown) => wrong.extend(compare(dashboard, row, truth, &shown)),
                Err(error) => wrong.push(format!("{dashboard}: {}: {error:#}", row.panel)),
            }
        }
    }
    ensure!(wrong.is_empty(), "panels do not show the truth:\n{}", wrong.join("\n"));
    Ok(())
}

/// What differs.
fn compare(
    dashboard: &str,
    row: &Row,
    truth: &Truth,
    shown: &BTreeMap<String, f64>,
) -> Vec<String> {
    let expected = (row.truth)(truth);
    let keys: BTreeSet<_> = shown.keys().chain(expected.keys()).collect();
    let mut wrong = Vec::new();
    for key in keys {
        let shown = shown.get(key).copied().unwrap_or_default();
        let range = expected.get(key).copied().unwrap_or(Range::ZERO);
        if !range.has(shown) {
            wrong.push(format!(
                "{dashboard}: {}, {} {key}: {shown:.4}, and truly {range}: {}",
                row.panel, row.query, row.known_by
            ));
        }
    }
    wrong
}

/// The values at the end of the minute, by their legends or, in a table and a graph, by their
/// labels.
async fn shown(
    lab: &NativeLab,
    truth: &Truth,
    dashboard: &str,
    target: &Value,
) -> anyhow::Result<BTreeMap<String, f64>> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let query = Query {
        source: format!("grafana/dashboards/{dashboard}.json").into(),
        title: String::new(),
        datasource: text(&target["datasource"]["uid"]),
        ref_id: text(&target["refId"]),
        expression: text(&target["expr"]),
    };
    let minute = [truth.time - MINUTE, truth.time];
    let expression = query.expand(&[
        ("__rate_interval", "1m"),
        ("__auto", "1m"),
        ("service", service::SERVICE),
    ])?;
    let series = match query.datasource.as_str() {
        "prometheus" => lab.prometheus().query(&expression, truth.time).await?,
        "loki" if expression.starts_with('{') => {
            let lines = lab.loki().lines(&expression, minute).await?.len();
            return Ok(BTreeMap::from([("lines".to_owned(), lines as f64)]));
        }
        "loki" => lab.loki().query(&expression, truth.time).await?,
        "jaeger" => {
            let calls = lab.jaeger().dependencies(minute).await?;
            let named = calls.into_iter().map(|((a, b), count)| (format!("{a}|{b}"), count));
            return Ok(named.collect());
        }
        other => bail!("no data source is called {other}"),
    };
    let mut values = BTreeMap::new();
    for one in series {
        let key = match target["legendFormat"].as_str() {
            Some(legend) => legend_of(legend, &one.labels)
                .with_context(|| format!("naming a series of {expression}"))?,
            None => one.labels.into_values().collect::<Vec<_>>().join("|"),
        };
        let value = one.points[0].1;
        if !value.is_nan() && values.insert(key.clone(), value).is_some() {
            bail!("two series of {expression} are called {key}");
        }
    }
    Ok(values)
}

/// A legend with the values of labels in place of `{{label}}`.
fn legend_of(legend: &str, labels: &Labels) -> anyhow::Result<String> {
    let mut parts = legend.split("{{");
    let mut expanded = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let (label, rest) = part.split_once("}}").unwrap_or((part, ""));
        expanded.push_str(labels.get(label).with_context(|| format!("no label {label}"))?);
        expanded.push_str(rest);
    }
    Ok(expanded)
}
