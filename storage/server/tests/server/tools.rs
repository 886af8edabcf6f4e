//! The tools for the embedded engine's files.

use std::path::{Path, PathBuf};

use super::support::{Load, Program, all_are_there, eventually, metric, spoor};

/// Runs a tool. Gives its exit code and what it printed.
async fn run(arguments: &[&str]) -> (i32, String) {
    let output = spoor().args(arguments).output().await.unwrap();
    let text = [output.stdout, output.stderr].concat();
    (output.status.code().unwrap(), String::from_utf8(text).unwrap())
}

async fn start(directory: &Path) -> Program {
    let directory = format!("data_dir={}", directory.display());
    Program::start(&[&directory, "log_max_bytes=128KiB", "head_max_bytes=1MiB"]).await
}

/// A store, stopped, with segments; and the ids of its traces.
async fn stopped(directory: &Path) -> Vec<u64> {
    let program = start(directory).await;
    let load = Load::start(program.grpc, 1);
    load.reaches(400).await;
    let ids = load.end().await;
    let flushed = || async {
        metric(program.admin, "spoor_store_segments").await.filter(|segments| *segments > 1.0)
    };
    eventually("heads become segments", flushed).await;
    program.stop().await;
    ids
}

/// A file of the default tenant whose name begins so.
fn file(directory: &Path, kind: &str) -> PathBuf {
    let mut entries = std::fs::read_dir(directory.join("tenant-")).unwrap();
    let is_one = |path: &PathBuf| path.file_name().unwrap().to_str().unwrap().starts_with(kind);
    entries.find_map(|entry| Some(entry.unwrap().path()).filter(is_one)).unwrap()
}

#[tokio::test]
async fn damage_is_told_set_aside_and_costs_only_what_was_damaged() {
    let folder = tempfile::tempdir().unwrap();
    let directory = folder.path().join("store");
    let dir = directory.to_str().unwrap();
    let ids = stopped(&directory).await;
    let (code, text) = run(&["check", dir]).await;
    assert!(code == 0 && text.contains("sound"), "{code} {text}");

    let segment = file(&directory, "segment-");
    let mut bytes = std::fs::read(&segment).unwrap();
    bytes[200] ^= 1;
    std::fs::write(&segment, &bytes).unwrap();
    let name = segment.file_name().unwrap().to_str().unwrap();
    let (code, text) = run(&["check", dir]).await;
    assert_eq!(code, 2, "{text}");
    for word in [name, "block 0", "lost: ", "--repair"] {
        assert!(text.contains(word), "{word} in {text}");
    }
    let lost: usize =
        text.split("lost: ").nth(1).unwrap().split(' ').next().unwrap().parse().unwrap();

    let (code, text) = run(&["check", dir, "--repair"]).await;
    assert!(code == 0 && text.contains("repaired"), "{code} {text}");
    assert_eq!(std::fs::read(directory.join("tenant-/damaged").join(name)).unwrap(), bytes);
    assert_eq!(run(&["check", dir]).await.0, 0);
    let program = start(&directory).await;
    let spans = metric(program.admin, "spoor_store_spans").await.unwrap() as usize;
    assert_eq!(spans, 8 * ids.len() - lost);
    let (code, text) = run(&["check", dir]).await;
    assert!(code == 1 && text.contains("has it open"), "{code} {text}");
}

#[tokio::test]
async fn statistics_tell_of_columns_files_and_services() {
    let folder = tempfile::tempdir().unwrap();
    let directory = folder.path().join("store");
    let ids = stopped(&directory).await;
    let (code, text) = run(&["stats", directory.to_str().unwrap()]).await;
    assert_eq!(code, 0, "{text}");
    for word in [
        &*format!("{} spans: ", 8 * ids.len()),
        "SpanIds",
        "Names",
        "(filters, catalogue, directories)",
        "segment ",
        "log ",
        "app-6 ",
    ] {
        assert!(text.contains(word), "{word} in {text}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_snapshot_taken_under_load_is_a_store_with_all_that_was_acknowledged_before() {
    let folder = tempfile::tempdir().unwrap();
    let directory = folder.path().join("store");
    let program = start(&directory).await;
    let load = Load::start(program.grpc, 1);
    load.reaches(200).await;
    let mut snapshots = Vec::new();
    for number in 0..3 {
        let before = load.acknowledged();
        load.reaches(before.len() + 100).await;
        let target = folder.path().join(format!("snapshot-{number}"));
        let arguments = ["snapshot", directory.to_str().unwrap(), target.to_str().unwrap()];
        let (code, text) = run(&arguments).await;
        assert_eq!(code, 0, "{text}");
        let (code, text) = run(&arguments).await;
        assert!(code == 1 && text.contains("is there already"), "{code} {text}");
        snapshots.push((target, before));
    }
    let all = load.end().await;
    all_are_there(program.grpc, &all).await;
    program.stop().await;
    // What becomes of the store is nothing to its copies.
    std::fs::remove_dir_all(&directory).unwrap();
    for (target, before) in snapshots {
        let (code, text) = run(&["check", target.to_str().unwrap()]).await;
        assert!(code == 0 && text.contains("sound"), "{code} {text}");
        let program = start(&target).await;
        all_are_there(program.grpc, &before).await;
        program.stop().await;
    }
}

#[tokio::test]
async fn a_directory_without_a_store_is_told_so() {
    let folder = tempfile::tempdir().unwrap();
    let empty = folder.path().to_str().unwrap();
    let target = folder.path().join("target");
    let target = target.to_str().unwrap();
    for arguments in [&["check", empty][..], &["stats", empty], &["snapshot", empty, target]] {
        let (code, text) = run(arguments).await;
        assert!(code == 1 && text.contains("holds no store"), "{code} {text}");
    }
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
}
