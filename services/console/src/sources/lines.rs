//! Log lines that the native lab keeps of its parts: text or JSON, as `telemetry` and others write
//! them.

use std::sync::Arc;

use serde::Deserialize;
use serde_json::{Map, Value};

use super::logs::{Line, Logs};
use super::{Sources, Why};

const SEVERITIES: [&str; 5] = ["TRACE", "DEBUG", "INFO", "WARN", "ERROR"];

/// A line as the lab keeps it.
#[derive(Deserialize)]
struct Kept {
    part: String,
    line: String,
}

impl Sources {
    /// The kept lines with this trace id.
    pub(super) async fn lines(&self, id: &str) -> Result<Logs, Why> {
        let query = [("trace_id", id)];
        let kept: Vec<Kept> = self.http.json(self.lines.as_deref(), "/", &query).await?;
        let lines = kept.into_iter().filter_map(|Kept { part, line }| read(part, &line, id));
        Ok(Logs::of(lines.collect()))
    }
}

/// What the line says, unless it is another trace's and only names this one.
pub fn read(part: String, line: &str, id: &str) -> Option<Line> {
    let line = without_colours(line);
    let (read, of) = match serde_json::from_str(&line) {
        Ok(Value::Object(fields)) => json(fields),
        _ => text(&line),
    };
    let service = if read.service.is_empty() { part } else { read.service };
    of.is_none_or(|of| of == id).then_some(Line { service, ..read })
}

/// `TIME LEVEL TARGET: MESSAGE FIELDS trace_id=ID span_id=ID`, or anything. Beside the line, its
/// trace.
fn text(line: &str) -> (Line, Option<String>) {
    let mut read = Line::default();
    let mut rest = line.trim_end();
    if let Some((time, after)) = rest.split_once(' ')
        && let Some(time) = nanoseconds(time)
    {
        read.time = Some(time);
        rest = after.trim_start();
    }
    if let Some((word, after)) = rest.split_once(' ')
        && SEVERITIES.contains(&word)
    {
        read.severity = word.to_owned();
        rest = after.trim_start();
    }
    let mut of = None;
    if let Some((before, ids)) = rest.rsplit_once(" trace_id=")
        && let Some((trace_id, span_id)) = ids.split_once(" span_id=")
        && [trace_id, span_id].iter().all(|id| is_hexadecimal(id))
    {
        of = Some(trace_id.to_owned());
        read.span_id = span_id.to_owned();
        rest = before;
    }
    read.text = rest.to_owned();
    (read, of)
}

/// An object of fields, under the names that `telemetry` and zap give them.
fn json(mut fields: Map<String, Value>) -> (Line, Option<String>) {
    let mut take = |names: &[&str]| {
        let name = names.iter().find(|name| fields.get(**name).is_some_and(Value::is_string))?;
        match fields.remove(*name)? {
            Value::String(text) => Some(text),
            _ => None,
        }
    };
    let time = take(&["timestamp", "ts", "time"]).and_then(|time| nanoseconds(&time));
    let trace_id = take(&["trace_id"]);
    let line = Line {
        time,
        severity: take(&["level", "severity"]).unwrap_or_default(),
        service: take(&["service.name"]).unwrap_or_default(),
        span_id: take(&["span_id"]).unwrap_or_default(),
        text: take(&["message", "msg"]).unwrap_or_default(),
        fields: Arc::default(),
    };
    let fields = fields.into_iter().map(|(name, value)| match value {
        Value::String(text) => (name, text),
        other => (name, other.to_string()),
    });
    (Line { fields: fields.collect(), ..line }, trace_id)
}

fn is_hexadecimal(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// Since the epoch, of a time such as `2030-01-31T12:00:00.123456Z`.
fn nanoseconds(text: &str) -> Option<u64> {
    let time = humantime::parse_rfc3339(text).ok()?;
    u64::try_from(time.duration_since(std::time::UNIX_EPOCH).ok()?.as_nanos()).ok()
}

/// The text without a terminal's control sequences.
fn without_colours(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut rest = text.chars();
    while let Some(it) = rest.next() {
        if it != '\u{1b}' {
            plain.push(it);
            continue;
        }
        match rest.next() {
            // ECMA-48: parameters, up to a final byte.
            Some('[') => drop(rest.find(|it| ('@'..='~').contains(it))),
            // A string, up to BEL or ESC \.
            Some(']' | 'P' | 'X' | '^' | '_') => {
                let end = rest.find(|it| matches!(it, '\u{7}' | '\u{1b}'));
                end.filter(|end| *end == '\u{1b}').and_then(|_| rest.next());
            }
            _ => {}
        }
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "4bf92f3577b34da6a3ce929d0e0e4736";

    fn of_app_a(line: &str) -> Option<Line> {
        read("app-a".to_owned(), line, ID)
    }

    #[test]
    fn a_text_line_of_telemetry_is_taken_apart() {
        let line = format!(
            "2026-11-22T12:00:00.250000Z  WARN demo::orders: trying again wait_ms=50 \
             trace_id={ID} span_id=00f067aa0ba902b7"
        );
        let expected = Line {
            time: Some(1_795_348_800_250_000_000),
            severity: "WARN".to_owned(),
            service: "app-a".to_owned(),
            span_id: "00f067aa0ba902b7".to_owned(),
            text: "demo::orders: trying again wait_ms=50".to_owned(),
            fields: Arc::default(),
        };
        assert_eq!(of_app_a(&line), Some(expected.clone()));
        let coloured = line.replace(" WARN", " \u{1b}[33mWARN\u{1b}[0m").replacen(
            "demo",
            "\u{1b}]8;;http://x\u{7}demo",
            1,
        );
        assert_eq!(of_app_a(&coloured), Some(expected));
    }

    #[test]
    fn a_json_line_of_telemetry_has_its_fields_beside_the_message() {
        let line = format!(
            r#"{{"timestamp":"2026-11-22T12:00:00.25Z","level":"INFO","target":"demo::routes",
            "service.name":"renamed","trace_id":"{ID}","span_id":"00f067aa0ba902b7",
            "message":"saying hello","count":3}}"#
        );
        let line = of_app_a(&line).unwrap();
        assert_eq!(line.time, Some(1_795_348_800_250_000_000));
        assert_eq!((&*line.severity, &*line.service), ("INFO", "renamed"));
        assert_eq!((&*line.text, &*line.span_id), ("saying hello", "00f067aa0ba902b7"));
        let fields = [("count", "3"), ("target", "demo::routes")];
        let fields = fields.map(|(name, value)| (name.to_owned(), value.to_owned()));
        assert_eq!(line.fields[..], fields);
    }

    #[test]
    fn any_other_line_is_itself() {
        for line in [
            format!("<script>alert('{ID}')</script>"),
            format!("[\"{ID}\"]"),
            format!("INFO{ID}"),
            format!("2026-13-99T00:00:00Z INFO trace_id={ID} span_id=zz"),
        ] {
            let read = of_app_a(&line).unwrap();
            assert_eq!((&read.text, read.time), (&line, None));
        }
    }

    #[test]
    fn a_line_of_another_trace_that_names_this_one_is_left_out() {
        let other = ID.replace('4', "5");
        let text = format!("said {ID} trace_id={other} span_id=00f067aa0ba902b7");
        assert_eq!(of_app_a(&text), None);
        let json = format!(r#"{{"message":"said {ID}","trace_id":"{other}"}}"#);
        assert_eq!(of_app_a(&json), None);
        // What a message claims is none of the line's own ids, which come last.
        let claimed = format!("trace_id={other} span_id=1 trace_id={ID} span_id=2");
        assert_eq!(of_app_a(&format!("x {claimed}")).unwrap().span_id, "2");
    }
}
