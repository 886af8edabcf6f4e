//! Jaeger's own storage test suite, run by the real Jaeger against spoor.

use std::collections::BTreeMap;
use std::process::Command;

use e2e::{Spoor, real_program};

/// What Jaeger 2.13 runs against a gRPC store: six tests and one subtest, besides the cases of
/// FindTraces.
const TESTS: [&str; 7] = [
    "GetServices",
    "GetOperations",
    "GetTrace",
    "GetTrace/NotFound_error",
    "GetLargeTrace",
    "GetTraceWithDuplicateSpans",
    "FindTraces",
];
const FIND_TRACES_CASES: usize = 22;

#[tokio::test]
#[ignore = "needs Go; run by .ci/run"]
async fn jaegers_own_storage_suite_passes_and_skips_no_case() {
    passes_on("embedded").await;
}

#[tokio::test]
#[ignore = "needs Go; run by .ci/run"]
async fn it_passes_on_the_memory_engine_too() {
    passes_on("memory").await;
}

/// The suite's Jaeger listens on Jaeger's default ports, which must be free.
async fn passes_on(engine: &str) {
    let spoor = Spoor::start_with(&[&format!("engine={engine}")]).await.unwrap();
    let suite = real_program("jaeger-suite").unwrap();

    let output = Command::new(&suite)
        .args(["-test.run", "^TestGRPCStorage$", "-test.v"])
        .current_dir(suite.parent().unwrap())
        .env("STORAGE", "grpc")
        .env("CUSTOM_STORAGE", "true")
        .env("REMOTE_STORAGE_ENDPOINT", spoor.grpc.to_string())
        .env("REMOTE_STORAGE_WRITER_ENDPOINT", spoor.grpc.to_string())
        .env("PURGER_ENDPOINT", format!("http://{}/purge", spoor.admin))
        .output()
        .unwrap();

    let log = String::from_utf8_lossy(&output.stdout);
    let errors = String::from_utf8_lossy(&output.stderr);
    // When all tests have passed, the suite still looks for goroutines that they left behind, and
    // finds its idle connection to `/purge`: unlike a store it starts itself, ours lives on.
    let passed = output.status.success() || errors.contains("goleak: Errors on successful test");
    assert!(passed, "{log}\n{errors}");
    let verdicts = verdicts(&log);
    let failed: Vec<_> = verdicts.iter().filter(|(_, verdict)| **verdict != "PASS").collect();
    assert!(failed.is_empty(), "not passed: {failed:#?}\n{log}");
    for test in TESTS {
        assert!(verdicts.contains_key(test), "{test} did not run\n{log}");
    }
    let cases = verdicts.keys().filter(|test| test.starts_with("FindTraces/")).count();
    assert_eq!(cases, FIND_TRACES_CASES, "{log}");
}

/// PASS, FAIL or SKIP by subtest, from lines like `    --- PASS: TestGRPCStorage/GetTrace (1.01s)`.
fn verdicts(log: &str) -> BTreeMap<&str, &str> {
    log.lines()
        .filter_map(|line| line.trim_start().strip_prefix("--- "))
        .filter_map(|line| line.split_once(": TestGRPCStorage/"))
        .map(|(verdict, rest)| (rest.split(' ').next().unwrap_or(rest), verdict))
        .collect()
}
