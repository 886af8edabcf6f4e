//! The log lines of a trace: Loki's or, where it has none, those that the native lab keeps of its
//! parts.

use std::time::SystemTime;

use ::console::{Line, read_line};
use serde::Deserialize;

use crate::doctor::api::{ask_json, loki};
use crate::doctor::lab::Lab;
use crate::ports::known::LINES;
use crate::with::With;

/// A line as the native lab keeps it.
#[derive(Deserialize)]
struct Kept {
    part: String,
    line: String,
}

/// By their time. Loki is only asked for those since then.
///
/// # Errors
/// Why nobody could be asked.
pub async fn of_trace(lab: &Lab<'_>, id: &str, since: SystemTime) -> Result<Vec<Line>, String> {
    let of_loki = match lab.has(With::Loki) {
        true => loki(lab, id, since).await,
        false => Err("loki: not in this lab".to_owned()),
    };
    let mut lines = match of_loki {
        Ok(lines) if !lines.is_empty() => lines,
        of_loki => match (kept(lab, id).await, of_loki) {
            (Ok(lines), _) | (Err(_), Ok(lines)) => lines,
            (Err(kept), Err(of_loki)) => return Err(format!("{of_loki}; {kept}")),
        },
    };
    lines.sort_by_key(|line| line.time);
    Ok(lines)
}

async fn loki(lab: &Lab<'_>, id: &str, since: SystemTime) -> Result<Vec<Line>, String> {
    let logql = format!(r#"{{service_name=~".+"}} | trace_id="{id}""#);
    let streams = loki::lines(lab, &logql, since).await.map_err(|failure| failure.to_string())?;
    let lines = streams.iter().flat_map(|stream| {
        stream.values().map(|(time, text)| Line {
            time,
            severity: stream.label("severity_text").to_owned(),
            service: stream.label("service_name").to_owned(),
            span_id: stream.label("span_id").to_owned(),
            text: text.to_owned(),
            fields: [].into(),
        })
    });
    Ok(lines.collect())
}

/// Those that the native lab keeps.
async fn kept(lab: &Lab<'_>, id: &str) -> Result<Vec<Line>, String> {
    let request = lab.client.get(&lab.url(LINES)).query(&[("trace_id", id)]);
    let kept: Vec<Kept> = ask_json("the native lab for its lines", request)
        .await
        .map_err(|failure| failure.to_string())?;
    Ok(kept.into_iter().filter_map(|it| read_line(it.part, &it.line, id)).collect())
}

/// Whether a native lab keeps lines there.
pub async fn are_kept(lab: &Lab<'_>) -> bool {
    kept(lab, &"0".repeat(32)).await.is_ok()
}
