use anyhow::{Context, ensure};
use e2e::ask::now;
use e2e::files::read_folder;
use e2e::queries::Query;
use e2e::{NativeLab, eventually};

use super::{settings, span, text};
use crate::table::buckets::Buckets;

/// Of each query with exemplars, as many are followed.
const FOLLOWED: usize = 5;
/// Seconds.
const RANGE: f64 = 900.0;

/// Takes the newest exemplars of each panel that shows some. By the label that the data source
/// names, each leads to a trace with the span that was measured.
pub async fn lead_to_their_span(lab: &NativeLab) -> anyhow::Result<()> {
    let settings = settings("prometheus")?;
    let destination = &settings["exemplarTraceIdDestinations"][0];
    ensure!(destination["datasourceUid"] == "jaeger", "it leads to {destination}");
    let buckets = Buckets::read()?;
    for query in queries()? {
        let promql = query.expand(&[("__rate_interval", "1m"), ("service", "app-a")])?;
        let condition = format!("there are {FOLLOWED} exemplars of {promql}");
        let exemplars = eventually(&condition, async || {
            let exemplars = lab.prometheus().exemplars(&promql, [now() - RANGE, now()]).await?;
            Ok((exemplars.len() >= FOLLOWED).then_some(exemplars))
        })
        .await?;
        for exemplar in exemplars.into_iter().rev().take(FOLLOWED) {
            let label = |name| exemplar.labels.get(name).with_context(|| format!("no {name}"));
            let id = label("span_id")?;
            let span = span(lab, label(text(destination, "name")?)?, id).await?;
            let [service, name, bound] = ["service_name", "span_name", "le"]
                .map(|label| exemplar.series.get(label).map_or("", String::as_str));
            ensure!((&*span.service, &*span.name) == (service, name), "{exemplar:?}: {span:?}");
            let as_measured = (span.duration() - exemplar.value).abs() < 1e-6;
            let bound: f64 = bound.parse().context("reading the bound of a bucket")?;
            let in_bucket = buckets.around(exemplar.value).1 == bound;
            ensure!(as_measured && in_bucket && span.is_server(), "{exemplar:?}: {span:?}");
        }
    }
    Ok(())
}

/// Those of panels that ask for exemplars.
fn queries() -> anyhow::Result<Vec<Query>> {
    let mut queries = Vec::new();
    for (source, dashboard) in read_folder("grafana/dashboards", "json")? {
        for panel in dashboard["panels"].as_array().into_iter().flatten() {
            for target in panel["targets"].as_array().into_iter().flatten() {
                if target["exemplar"] == true {
                    queries.push(Query {
                        source: source.clone(),
                        title: text(panel, "title")?.to_owned(),
                        datasource: "prometheus".to_owned(),
                        ref_id: text(target, "refId")?.to_owned(),
                        expression: text(target, "expr")?.to_owned(),
                    });
                }
            }
        }
    }
    ensure!(!queries.is_empty(), "no panel shows exemplars");
    Ok(queries)
}
