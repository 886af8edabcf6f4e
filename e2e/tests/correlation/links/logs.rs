use anyhow::{Context, ensure};
use e2e::ask::now;
use e2e::{NativeLab, eventually};

use super::{settings, span, text};

/// Of each service, as many lines are followed.
const FOLLOWED: usize = 5;
/// Seconds.
const RANGE: f64 = 900.0;

/// Takes the newest lines of each service. By the label that the data source derives a field from,
/// each leads to a trace with the span that it was written in.
pub async fn lead_to_their_span(lab: &NativeLab) -> anyhow::Result<()> {
    let settings = settings("loki")?;
    let field = &settings["derivedFields"][0];
    let by_label = field["matcherType"] == "label" && field["url"] == "$${__value.raw}";
    ensure!(by_label && field["datasourceUid"] == "jaeger", "it leads by {field}");
    let label = text(field, "matcherRegex")?;
    for (service, _) in e2e::SERVICES {
        let logql = format!("{{service_name=\"{service}\"}}");
        let condition = format!("{FOLLOWED} lines of {service} have a {label}");
        let entries = eventually(&condition, async || {
            let mut entries = lab.loki().lines(&logql, [now() - RANGE, now()]).await?;
            entries.retain(|entry| entry.labels.contains_key(label));
            Ok((entries.len() >= FOLLOWED).then_some(entries))
        })
        .await?;
        for entry in entries.into_iter().take(FOLLOWED) {
            let id = entry.labels.get("span_id").with_context(|| format!("in {entry:?}"))?;
            let span = span(lab, &entry.labels[label], id).await?;
            ensure!(span.service == service, "{entry:?}: {span:?}");
        }
    }
    Ok(())
}
