//! Log lines by Loki's HTTP API.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::logs::{Line, Logs, MOST};
use super::{Sources, Why};

/// Nanoseconds that a line's time may be outside its trace: it is its service's clock.
const MARGIN: u64 = 60_000_000_000;
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
        Ok(Logs::of(reply.data.result.into_iter().flat_map(lines).collect()))
    }
}

fn lines(Stream { mut stream, values }: Stream) -> Vec<Line> {
    let mut take = |name: &str| stream.remove(name).unwrap_or_default();
    let service = take("service_name");
    let span_id = take("span_id");
    let level = take("detected_level");
    let severity = Some(take("severity_text")).filter(|text| !text.is_empty()).unwrap_or(level);
    stream.retain(|name, _| {
        !SHOWN_OTHERWISE.contains(&&**name) && !OF_RESOURCE.iter().any(|it| name.starts_with(it))
    });
    let fields: Vec<_> = stream.into_iter().collect();
    let line = |(time, text): (String, String)| Line {
        time: time.parse().ok(),
        severity: severity.clone(),
        service: service.clone(),
        span_id: span_id.clone(),
        text,
        fields: fields.clone(),
    };
    values.into_iter().map(line).collect()
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
            fields: vec![("item".to_owned(), "<7>".to_owned())],
        };
        assert_eq!(lines[0], expected);
        let later = expected.time.map(|time| time + 1);
        assert_eq!((lines[1].time, &*lines[1].text), (later, "\u{1b}[1mbye"));
    }
}
