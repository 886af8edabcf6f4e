//! What pyarrow and DuckDB read.

use std::collections::BTreeMap;
use std::process::{Command, Stdio};

use serde_json::{Value as Json, json};

use super::spans::EPOCH;
use super::store::{Stopped, stopped};

/// A file of this test's folder.
macro_rules! here {
    ($name:literal) => {
        concat!(env!("CARGO_MANIFEST_DIR"), "/tests/export/", $name)
    };
}

/// Has both read the exported spans, and DuckDB answer queries.
pub(crate) fn read(stopped: &Stopped, queries: &[String]) -> Json {
    let (code, text) = stopped.export(&[]);
    assert_eq!(code, 0, "{text}");
    let packages = concat!(env!("CARGO_MANIFEST_DIR"), "/../../e2e/python-packages");
    let mut packages = Command::new(packages);
    packages.arg(here!("requirements.txt")).stderr(Stdio::inherit());
    let python = packages.output().unwrap();
    assert!(python.status.success());
    let python = String::from_utf8(python.stdout).unwrap();
    let questions = stopped.folder.path().join("queries");
    std::fs::write(&questions, serde_json::to_vec(queries).unwrap()).unwrap();
    let read = Command::new(python.trim_end())
        .arg(here!("read.py"))
        .current_dir(stopped.folder.path())
        .stdin(std::fs::File::open(questions).unwrap())
        .stderr(Stdio::inherit())
        .output()
        .unwrap();
    assert!(read.status.success());
    serde_json::from_slice(&read.stdout).unwrap()
}

/// Rows, or columns of them, in an order of their own.
fn sorted(mut rows: Vec<Json>) -> Vec<Json> {
    let key = |row: &Json| ["tenant", "trace_id", "span_id"].map(|name| row[name].to_string());
    rows.sort_by_key(key);
    rows
}

#[tokio::test]
#[ignore = "needs Python with venv; run by .ci/run"]
async fn pyarrow_and_duckdb_read_what_was_written_column_by_column() {
    let stopped = stopped().await;
    let read = read(&stopped, &[]);
    let expected = sorted(stopped.spans.iter().map(|(tenant, span)| span.row(tenant)).collect());
    for reader in ["pyarrow", "duckdb"] {
        let rows = sorted(read[reader]["rows"].as_array().unwrap().clone());
        assert_eq!(rows.len(), expected.len(), "{reader}");
        for (row, expected) in rows.iter().zip(&expected) {
            let names = |row: &Json| row.as_object().unwrap().keys().cloned().collect::<Vec<_>>();
            assert_eq!(names(row), names(expected), "{reader}");
            for (name, value) in expected.as_object().unwrap() {
                let span = &expected["span_id"];
                assert_eq!(&row[name], value, "{name} of span {span} as {reader} reads it");
            }
        }
    }
}

#[tokio::test]
#[ignore = "needs Python with venv; run by .ci/run"]
async fn sql_counts_what_was_written() {
    let stopped = stopped().await;
    let query = "SELECT service_name, count(*) AS spans,
          count(*) FILTER (status_code = 'error') AS errors,
          quantile_disc(duration_ns, 0.99) AS p99_ns
        FROM 'spans.parquet' WHERE service_name <> 'odd' AND tenant = ''
          AND start_time >= '2026-09-21 14:13:20.05' GROUP BY ALL ORDER BY ALL";
    let read = read(&stopped, &[query.to_owned()]);
    let mut services = BTreeMap::<&str, (Vec<u64>, u64)>::new();
    for (tenant, whole) in &stopped.spans {
        let span = &whole.span;
        let start = span.start_time_unix_nano;
        if !tenant.is_empty() || whole.service() == "odd" || start < EPOCH + 50_000_000 {
            continue;
        }
        let (durations, errors) = services.entry(whole.service()).or_default();
        durations.push(span.end_time_unix_nano - start);
        *errors += u64::from(span.status.as_ref().is_some_and(|status| status.code == 2));
    }
    let expected = services.into_iter().map(|(service, (mut durations, errors))| {
        durations.sort_unstable();
        // The least that so many are not above.
        let rank = (durations.len() * 99).div_ceil(100);
        let p99 = durations[rank - 1];
        json!({ "service_name": service, "spans": durations.len(), "errors": errors, "p99_ns": p99 })
    });
    assert_eq!(read["duckdb"]["answers"][0], Json::Array(expected.collect()));
}
