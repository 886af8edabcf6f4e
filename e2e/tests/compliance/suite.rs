//! A run of one of Jaeger's storage suites: its log against the list of its cases.

use std::collections::BTreeMap;
use std::process::Output;

/// What the suites of storage API v1 run on a gRPC store: those of 1.57.0 and 1.65.0 are the same.
pub const V1: &str = include_str!("v1.txt");
/// What that of storage API v2 runs, by Jaeger 2.13.0.
pub const V2: &str = include_str!("v2.txt");

/// Compares the verdict of each case of `test` with the list, of which a line is `PASS` or `SKIP`
/// and the case's name: what fails, is missing, is new or skips itself unforeseen fails the test.
/// Prints a line of the counts behind `title`: version, protocol and engine.
pub fn check(title: &str, test: &str, cases: &str, output: &Output) {
    let log = String::from_utf8_lossy(&output.stdout);
    let errors = String::from_utf8_lossy(&output.stderr);
    let verdicts = verdicts(&log, test);
    let expected: BTreeMap<&str, &str> =
        cases.lines().filter_map(|line| line.split_once(' ')).map(|(v, case)| (case, v)).collect();
    let differing: Vec<_> = expected
        .keys()
        .chain(verdicts.keys())
        .filter(|case| expected.get(**case) != verdicts.get(**case))
        .map(|case| (case, expected.get(case), verdicts.get(case)))
        .collect();
    assert!(differing.is_empty(), "(case, expected, found): {differing:#?}\n{log}\n{errors}");
    let count = |wanted| verdicts.values().filter(|verdict| **verdict == wanted).count();
    println!(
        "Jaeger's storage suite, {title}: {} passed, {} skipped",
        count("PASS"),
        count("SKIP")
    );
}

/// PASS, FAIL or SKIP by case, from lines like `    --- PASS: TestGRPCStorage/GetTrace (1.01s)`.
fn verdicts<'a>(log: &'a str, test: &str) -> BTreeMap<&'a str, &'a str> {
    let prefix = format!("{test}/");
    log.lines()
        .filter_map(|line| line.trim_start().strip_prefix("--- ")?.split_once(": "))
        .filter_map(|(verdict, rest)| Some((verdict, rest.strip_prefix(&prefix)?)))
        .map(|(verdict, rest)| (rest.split(' ').next().unwrap_or(rest), verdict))
        .collect()
}
