//! Where a blind incident's name could be read: pages, APIs, logs, spans, metrics, processes.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::{Context, ensure};
use e2e::ask;
use incidents::control::Kind;
use traces::Window;

use super::Lab;

/// The pages of the console, and what other parts answer. What has a label has it in its series.
const LOOKED_AT: [(&str, &str); 18] = [
    ("CONSOLE_PORT", "/"),
    ("CONSOLE_PORT", "/incidents"),
    ("CONSOLE_PORT", "/api/incident"),
    ("CONSOLE_PORT", "/faults"),
    ("CONSOLE_PORT", "/load"),
    ("CONSOLE_PORT", "/search"),
    ("CONSOLE_PORT", "/services"),
    ("CONSOLE_PORT", "/doctor"),
    ("LOAD_PORT", "/"),
    ("APP_A_PORT", "/"),
    ("APP_B_PORT", "/"),
    ("APP_C_PORT", "/"),
    ("APP_D_PORT", "/"),
    ("STORAGE_ADMIN_PORT", "/metrics"),
    ("SPAN_METRICS_PORT", "/metrics"),
    ("COLLECTOR_METRICS_PORT", "/metrics"),
    ("PROMETHEUS_PORT", "/api/v1/series?match[]={__name__=~\".+\"}"),
    ("LOKI_PORT", "/loki/api/v1/series"),
];

/// More than the spans of an incident.
const MOST: usize = 400_000;

/// The names of scenarios and faults, and how often each is told where there is no incident: the page
/// of faults has those that can be begun.
#[derive(Default)]
pub struct Names {
    names: Vec<String>,
    usual: BTreeMap<(&'static str, &'static str), Vec<usize>>,
}

impl Names {
    pub async fn of(lab: &Lab) -> anyhow::Result<Self> {
        let mut names = lab.scenarios().await?;
        // An error and a latency are spoken of anyhow.
        let faults = Kind::ALL.iter().map(|it| it.name()).filter(|name| name.contains('_'));
        names.extend(faults.map(str::to_owned));
        let mut all = Self { names, usual: BTreeMap::new() };
        for place in LOOKED_AT {
            let usual = match place.1 {
                // The form of the answer has each word of one, with what it means.
                "/incidents" => all.count(&causes(lab).await?.repeat(2)),
                _ => all.count(&read(lab, place).await?),
            };
            all.usual.insert(place, usual);
        }
        Ok(all)
    }

    fn count(&self, text: &str) -> Vec<usize> {
        self.names.iter().map(|name| text.matches(name.as_str()).count()).collect()
    }

    pub async fn are_told_as_before(&self, lab: &Lab) -> anyhow::Result<()> {
        let nowhere = vec![0; self.names.len()];
        for place in LOOKED_AT {
            let text = read(lab, place).await?;
            ensure!(self.count(&text) == self.usual[&place], "a name is told by {place:?}: {text}");
        }
        let window = Window::last(Duration::from_secs(60));
        let spans = lab.storage()?.spans(window, None, MOST).await?;
        ensure!(spans.len() > 1_000, "only {} spans", spans.len());
        let logs = lab.native.output();
        let processes = processes(lab.native.id());
        ensure!(processes.contains("part\0console"), "its console is not among the processes");
        for (what, text) in [
            ("a span", format!("{spans:?}")),
            ("a part's log", logs.clone()),
            ("a process", processes),
        ] {
            ensure!(self.count(&text) == nowhere, "a name is told by {what}");
        }
        let mut lines = logs.lines().filter(|line| line.contains(" | "));
        let told = lines.find(|line| line.contains("fault begins") || line.contains("faults end"));
        ensure!(told.is_none(), "a log tells of a fault: {told:?}");
        Ok(())
    }
}

async fn causes(lab: &Lab) -> anyhow::Result<String> {
    let list = lab.get("/scenarios").await?;
    let causes = list["causes"].as_array().context("finding the causes")?.iter();
    Ok(causes.filter_map(|it| Some(format!("{} ", it["name"].as_str()?))).collect())
}

async fn read(lab: &Lab, (port, path): (&str, &str)) -> anyhow::Result<String> {
    let url = lab.native.url(port);
    let (path, query) = path.split_once('?').unwrap_or((path, ""));
    let query: Vec<_> = query.split_once('=').into_iter().collect();
    ask::text(&format!("{url}{path}"), &query).await
}

/// The command and the environment of this process and of the lab's, and of all that it has started.
fn processes(lab: u32) -> String {
    let all: Vec<(u32, u32)> = std::fs::read_dir("/proc")
        .into_iter()
        .flatten()
        .filter_map(|it| it.ok()?.file_name().to_str()?.parse().ok())
        .filter_map(|id| Some((id, parent(id)?)))
        .collect();
    let mut own = vec![std::process::id(), lab];
    let mut next = 1;
    while let Some(above) = own.get(next).copied() {
        own.extend(all.iter().filter(|(_, parent)| *parent == above).map(|(id, _)| *id));
        next += 1;
    }
    let files =
        own.iter().flat_map(|id| ["cmdline", "environ"].map(|it| format!("/proc/{id}/{it}")));
    let texts = files.map(|file| std::fs::read(file).unwrap_or_default());
    texts.map(|text| String::from_utf8_lossy(&text).into_owned()).collect()
}

fn parent(id: u32) -> Option<u32> {
    let status = std::fs::read_to_string(format!("/proc/{id}/status")).ok()?;
    status.lines().find_map(|line| line.strip_prefix("PPid:"))?.trim().parse().ok()
}
