//! The verdicts of all links, for a person and for a program.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use serde::Serialize;

use super::finding::{Finding, Verdict};
use super::link::Link;

/// All links in order. As JSON: `ok`, and `links` of `{link, status, evidence, seconds, cause,
/// fix}`.
#[derive(Debug, Serialize)]
pub struct Report {
    /// Whether no link is broken.
    pub ok: bool,
    links: Vec<Row>,
}

/// One link.
#[derive(Debug, Serialize)]
pub struct Row {
    pub link: Link,
    pub status: Status,
    evidence: String,
    seconds: f64,
    /// Only of a broken link, as is the fix.
    cause: Option<String>,
    fix: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    Ok,
    Broken,
    /// Not judged, since a link that it needs is broken.
    Skipped,
}

impl Row {
    /// A link that was examined.
    pub fn new(link: Link, verdict: Verdict, took: Duration) -> Self {
        let seconds = took.as_secs_f64();
        match verdict {
            Ok(evidence) => {
                Self { link, status: Status::Ok, evidence, seconds, cause: None, fix: None }
            }
            Err(Finding { evidence, cause, fix, .. }) => Self {
                link,
                status: Status::Broken,
                evidence,
                seconds,
                cause: Some(cause),
                fix: Some(fix),
            },
        }
    }

    /// A link that was not.
    pub fn skipped(link: Link) -> Self {
        let evidence = String::new();
        Self { link, status: Status::Skipped, evidence, seconds: 0.0, cause: None, fix: None }
    }
}

impl Report {
    /// Puts the links into order, and skips each broken one that needs another such.
    pub fn new(mut links: Vec<Row>) -> Self {
        links.sort_by_key(|row| row.link);
        let mut failed: BTreeMap<Link, Link> = BTreeMap::new();
        for row in &mut links {
            if row.status == Status::Ok {
                continue;
            }
            let root = row.link.needs().iter().find_map(|needed| failed.get(needed)).copied();
            if let Some(root) = root {
                *row = Row {
                    evidence: format!("because of {}", root.name()),
                    seconds: row.seconds,
                    ..Row::skipped(row.link)
                };
            }
            failed.insert(row.link, root.unwrap_or(row.link));
        }
        Self { ok: failed.is_empty(), links }
    }

    /// As JSON, with a line break at the end.
    pub fn json(&self) -> String {
        let text = serde_json::to_string_pretty(self).expect("text and numbers are JSON");
        text + "\n"
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let link = self.links.iter().map(|row| row.link.name().len()).max().unwrap_or_default();
        writeln!(f, "{:link$}  {:7}  {:>6}  evidence", "link", "", "time")?;
        for row in &self.links {
            let status = match row.status {
                Status::Ok => "ok",
                Status::Broken => "BROKEN",
                Status::Skipped => "skipped",
            };
            let Row { seconds, evidence, .. } = row;
            writeln!(f, "{:link$}  {status:7}  {seconds:4.1} s  {evidence}", row.link.name())?;
        }
        match self.links.iter().find(|row| row.status == Status::Broken) {
            None => writeln!(f, "\nevery link works"),
            Some(Row { link, evidence, cause, fix, .. }) => {
                let [cause, fix] = [cause, fix].map(|text| text.as_deref().unwrap_or_default());
                writeln!(f, "\nthe first broken link: {}", link.name())?;
                writeln!(f, "  seen   {evidence}\n  cause  {cause}\n  fix    {fix}")
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn row(link: Link, verdict: Verdict) -> Row {
        Row::new(link, verdict, Duration::from_millis(1_250))
    }

    fn broken() -> Verdict {
        Err(Finding::new("no answer", "it is not running", "start it"))
    }

    fn statuses(report: &Report) -> Vec<(Link, Status, &str)> {
        report.links.iter().map(|row| (row.link, row.status, row.evidence.as_str())).collect()
    }

    #[test]
    fn what_fails_for_an_earlier_break_is_skipped_and_names_the_first() {
        let ok = || Ok("as it must be".to_owned());
        let rows = [
            row(Link::Spm, broken()),
            Row::skipped(Link::SpanMetrics),
            row(Link::Spans, ok()),
            row(Link::Prometheus, broken()),
            row(Link::Loki, broken()),
            row(Link::Logs, ok()),
        ];
        let report = Report::new(rows.into());
        assert!(!report.ok);
        let expected = [
            (Link::Prometheus, Status::Broken, "no answer"),
            (Link::Loki, Status::Broken, "no answer"),
            (Link::Spans, Status::Ok, "as it must be"),
            (Link::Logs, Status::Ok, "as it must be"),
            (Link::SpanMetrics, Status::Skipped, "because of prometheus"),
            (Link::Spm, Status::Skipped, "because of prometheus"),
        ];
        assert_eq!(statuses(&report), expected);
    }

    #[test]
    fn a_full_disk_is_told_beside_what_it_may_have_broken() {
        let report = Report::new(vec![row(Link::Spans, broken()), row(Link::Disk, broken())]);
        let statuses: Vec<_> = report.links.iter().map(|row| row.status).collect();
        assert_eq!(statuses, [Status::Broken, Status::Broken]);
    }

    #[test]
    fn a_table_ends_with_the_first_broken_link_and_what_to_do() {
        let rows = [row(Link::Loki, broken()), row(Link::AppA, Ok("version 1".to_owned()))];
        let expected = "\
link            time  evidence
app-a  ok        1.2 s  version 1
loki   BROKEN    1.2 s  no answer

the first broken link: loki
  seen   no answer
  cause  it is not running
  fix    start it
";
        let expected = expected.replacen("link            time", "link              time", 1);
        assert_eq!(Report::new(rows.into()).to_string(), expected);
    }

    #[test]
    fn the_table_of_a_healthy_lab_says_so() {
        let report = Report::new(vec![row(Link::AppA, Ok(String::new()))]);
        assert!(report.ok);
        assert!(report.to_string().ends_with("\nevery link works\n"), "{report}");
    }

    #[test]
    fn json_has_every_field_of_every_link() {
        let report =
            Report::new(vec![row(Link::AppA, Ok("here".to_owned())), row(Link::Loki, broken())]);
        let expected = json!({
            "ok": false,
            "links": [
                {
                    "link": "app-a", "status": "ok", "evidence": "here", "seconds": 1.25,
                    "cause": null, "fix": null,
                },
                {
                    "link": "loki", "status": "broken", "evidence": "no answer", "seconds": 1.25,
                    "cause": "it is not running", "fix": "start it",
                },
            ],
        });
        assert_eq!(serde_json::from_str::<serde_json::Value>(&report.json()).unwrap(), expected);
    }
}
