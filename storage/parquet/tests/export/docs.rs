//! What `docs/parquet.md` says is so.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value as Json, json};

use super::readers::read;
use super::spans::Whole;
use super::store::stopped;

const PAGE: &str = include_str!("../../../../docs/parquet.md");

/// The cells of the page's rows that begin with a column's name.
fn columns() -> BTreeMap<&'static str, &'static str> {
    let (_, section) = PAGE.split_once("\n## Columns\n").unwrap();
    let rows = section.lines().filter_map(|line| {
        let (name, rest) = line.strip_prefix("| `")?.split_once("` | `")?;
        Some((name, rest.split_once("` |")?.0))
    });
    rows.collect()
}

/// The page's queries.
fn queries() -> Vec<String> {
    let blocks = PAGE.split("```sql\n").skip(1);
    blocks.map(|block| block.split_once("```").unwrap().0.to_owned()).collect()
}

#[tokio::test]
#[ignore = "needs Python with venv; run by .ci/run"]
async fn the_page_tells_of_the_columns_and_of_no_others() {
    let stopped = stopped().await;
    let read = read(&stopped, &[]);
    assert_eq!(json!(columns()), read["duckdb"]["types"]);
    let with_arrow = &read["pyarrow"]["types"];
    for (column, kind) in [
        ("trace_id", "string"),
        ("flags", "uint32"),
        ("start_time", "timestamp[ns]"),
        ("duration_ns", "int64"),
        ("span_attributes", "map<string, string"),
    ] {
        let found = with_arrow[column].as_str().unwrap();
        assert!(found.starts_with(kind), "{column}: {found}");
    }
}

#[tokio::test]
#[ignore = "needs Python with venv; run by .ci/run"]
async fn the_pages_queries_answer_what_was_written() {
    let stopped = stopped().await;
    let queries = queries();
    let read = read(&stopped, &queries);
    let answers = read["duckdb"]["answers"].as_array().unwrap();
    let [slowest, errors, both, events] = &answers[..] else { panic!("{answers:?}") };
    let spans: Vec<&Whole> = stopped.spans.iter().map(|(_, span)| span).collect();
    assert_eq!(*slowest, slowest_operations(&spans));
    assert_eq!(*errors, error_rates(&spans));
    let both: Vec<_> =
        both.as_array().unwrap().iter().map(|row| json!([row["trace_id"], row["spans"]])).collect();
    assert_eq!(both, traces_of_both(&spans));
    let events = events.as_array().unwrap();
    assert_eq!(events.len(), spans.iter().map(|whole| whole.span.events.len()).sum::<usize>());
    assert!(events.iter().any(|event| event["name"] == "event 1" && event["route"].is_null()));
}

fn slowest_operations(spans: &[&Whole]) -> Json {
    let mut durations = BTreeMap::<_, Vec<u64>>::new();
    for whole in spans.iter().filter(|whole| whole.span.kind == 2) {
        let duration = whole.span.end_time_unix_nano - whole.span.start_time_unix_nano;
        durations.entry((whole.service(), &whole.span.name)).or_default().push(duration);
    }
    let operations = durations.into_iter().map(|((service, name), mut durations)| {
        durations.sort_unstable();
        let p99 = durations[(durations.len() * 99).div_ceil(100) - 1];
        (
            p99,
            json!({
                "service_name": service,
                "name": name,
                "spans": durations.len(),
                "p99_ms": p99 as f64 / 1e6,
            }),
        )
    });
    let mut operations: Vec<_> = operations.collect();
    operations.sort_by_key(|(p99, _)| u64::MAX - p99);
    operations.into_iter().map(|(_, row)| row).take(10).collect()
}

fn error_rates(spans: &[&Whole]) -> Json {
    let mut services = BTreeMap::<_, (u32, u32)>::new();
    for whole in spans {
        let (spans, errors) = services.entry(whole.service()).or_default();
        *spans += 1;
        *errors += u32::from(whole.span.status.as_ref().is_some_and(|status| status.code == 2));
    }
    let rows = services.into_iter().map(|(service, (spans, errors))| {
        let percent = (10_000.0 * f64::from(errors) / f64::from(spans)).round() / 100.0;
        (percent, json!({ "service_name": service, "spans": spans, "error_percent": percent }))
    });
    let mut rows: Vec<_> = rows.collect();
    rows.sort_by(|(a, _), (b, _)| b.total_cmp(a));
    rows.into_iter().map(|(_, row)| row).collect()
}

fn traces_of_both(spans: &[&Whole]) -> Vec<Json> {
    let mut traces = BTreeMap::<_, (u64, u32, BTreeSet<&str>)>::new();
    for whole in spans {
        let trace = traces.entry(&whole.span.trace_id).or_insert((u64::MAX, 0, BTreeSet::new()));
        trace.0 = trace.0.min(whole.span.start_time_unix_nano);
        trace.1 += 1;
        trace.2.insert(whole.service());
    }
    let mut traces: Vec<_> = traces
        .into_iter()
        .filter(|(_, (_, _, services))| services.contains("app-b") && services.contains("app-d"))
        .collect();
    traces.sort_by_key(|(_, (began, ..))| u64::MAX - began);
    let hex = |id: &[u8]| id.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    traces.into_iter().take(20).map(|(id, (_, spans, _))| json!([hex(id), spans])).collect()
}
