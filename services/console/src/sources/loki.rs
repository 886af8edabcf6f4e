//! Log lines by Loki's HTTP API.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::Deserialize;

use super::logs::{Line, Logs, MOST};
use super::{Sources, Why};

/// Nanoseconds that a line's time may be outside its trace: it is its service's clock.
const MARGIN: u64 = 60_000_000_000;
/// Characters of a service, a severity or an id.
const MOST_OF_A_NAME: usize = 256;
/// Labels that a line has in columns of its own, and those of its resource and of Loki that say
/// nothing of the line.
const SHOWN_OTHERWISE: [&str; 10] = [
    "service_name",
    "trace_id",
    "span_id",
    "severity_text",
    "severity_number",
    "detected_level",
    "flags",
    "observed_timestamp",
    "scope_name",
    "scope_version",
];
const OF_RESOURCE: [&str; 5] = ["telemetry_", "service_", "host_", "os_", "process_"];

#[derive(Deserialize)]
struct Reply {
    data: Data,
}

#[derive(Deserialize)]
struct Data {
    result: Vec<Stream>,
}

/// Lines with the same labels and structured metadata, which Loki answers as one set.
#[derive(Deserialize)]
struct Stream {
    stream: BTreeMap<String, String>,
    /// Nanoseconds since the epoch, and the line.
    values: Vec<(String, String)>,
}

impl Sources {
    /// The lines of the trace that were written from `start` to `end`, in nanoseconds since the
    /// epoch. The id is one of hexadecimal digits.
    pub(super) async fn loki(&self, id: &str, (start, end): (u64, u64)) -> Result<Logs, Why> {
        let base = self.loki.as_deref();
        let logql = format!(r#"{{service_name=~".+"}} | trace_id="{id}""#);
        let start = start.saturating_sub(MARGIN).to_string();
        let end = end.saturating_add(MARGIN).to_string();
        let limit = (MOST + 1).to_string();
        let query = [
            ("query", &*logql),
            ("start", &start),
            ("end", &end),
            ("limit", &limit),
            ("direction", "forward"),
        ];
        let reply: Reply = self.http.json(base, "/loki/api/v1/query_range", &query).await?;
        // No more than were asked for.
        Ok(Logs::of(reply.data.result.into_iter().flat_map(lines).take(MOST + 1).collect()))
    }
}

fn lines(Stream { mut stream, values }: Stream) -> impl Iterator<Item = Line> {
    // Each line has its own, and there are thousands.
    let mut take = |name: &str| {
        let label = stream.remove(name).unwrap_or_default();
        label.chars().take(MOST_OF_A_NAME).collect::<String>()
    };
    let service = take("service_name");
    let span_id = take("span_id");
    let level = take("detected_level");
    let severity = Some(take("severity_text")).filter(|text| !text.is_empty()).unwrap_or(level);
    stream.retain(|name, _| {
        !SHOWN_OTHERWISE.contains(&&**name) && !OF_RESOURCE.iter().any(|it| name.starts_with(it))
    });
    let fields: Arc<[_]> = stream.into_iter().collect();
    let line = move |(time, text): (String, String)| Line {
        time: time.parse().ok(),
        severity: severity.clone(),
        service: service.clone(),
        span_id: span_id.clone(),
        text,
        fields: fields.clone(),
    };
    values.into_iter().map(line)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_read_with_their_structured_metadata() {
        // The shape of Loki 3.7's answer to a range query of streams.
        let text = r#"{"status":"success","data":{"resultType":"streams","result":[{"stream":{
            "service_name":"app-a","trace_id":"7ef1","span_id":"a1","severity_text":"WARN",
            "severity_number":"13","detected_level":"warn","telemetry_sdk_language":"rust",
            "item":"<7>"},"values":[["1795330880899428578","saying hello"],
            ["1795330880899428579","\u001b[1mbye"]]}],"stats":{}}}"#;
        let reply: Reply = serde_json::from_str(text).unwrap();
        let lines: Vec<_> = reply.data.result.into_iter().flat_map(lines).collect();
        let expected = Line {
            time: Some(1_795_330_880_899_428_578),
            severity: "WARN".to_owned(),
            service: "app-a".to_owned(),
            span_id: "a1".to_owned(),
            text: "saying hello".to_owned(),
            fields: Arc::new([("item".to_owned(), "<7>".to_owned())]),
        };
        assert_eq!(lines[0], expected);
        let later = expected.time.map(|time| time + 1);
        assert_eq!((lines[1].time, &*lines[1].text), (later, "\u{1b}[1mbye"));
    }

    #[test]
    fn labels_of_many_lines_are_held_once_and_names_are_cut() {
        let of = |name: &str| (name.to_owned(), "x".repeat(1 << 20));
        let stream = ["service_name", "item"].map(of).into();
        let values = vec![(String::new(), String::new()); 3];
        let lines: Vec<_> = lines(Stream { stream, values }).collect();
        assert!(lines.iter().all(|line| Arc::ptr_eq(&line.fields, &lines[0].fields)));
        assert_eq!(lines[2].service.len(), MOST_OF_A_NAME);
    }
}
