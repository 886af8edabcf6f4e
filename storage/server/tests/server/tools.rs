//! The tools for the embedded engine's files.

use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use rustix::fs::{CWD, Mode, mkfifoat};
use rustix::process::{Pid, Signal, kill_process};
use tokio::time::timeout;

use rustix::process::geteuid;

use super::support::{DEADLINE, Load, Program, all_are_there, eventually, metric, spoor};

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

/// Of storage that cannot be written to a copy is read all the same, with or without a lock.
#[tokio::test]
async fn a_copy_that_may_not_be_written_to_is_checked() {
    let folder = tempfile::tempdir().unwrap();
    let directory = folder.path().join("store");
    let ids = stopped(&directory).await;
    let program = folder.path().join("spoor");
    std::fs::copy(env!("CARGO_BIN_EXE_spoor"), &program).unwrap();
    let set = |path: &Path, mode| {
        std::fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
    };
    let tenant = directory.join("tenant-");
    set(folder.path(), 0o755);
    set(&program, 0o755);
    for entry in std::fs::read_dir(&tenant).unwrap() {
        set(&entry.unwrap().path(), 0o444);
    }
    for has_lock in [true, false] {
        let lock = directory.join("LOCK");
        if has_lock {
            set(&lock, 0o444);
        } else {
            set(&directory, 0o755);
            std::fs::remove_file(&lock).unwrap();
        }
        set(&tenant, 0o555);
        set(&directory, 0o555);
        let mut codes = Vec::new();
        for arguments in [&["check"][..], &["stats"], &["check", "--repair"]] {
            let mut command = tokio::process::Command::new(&program);
            command.env_clear().args(arguments).arg(&directory);
            // Whoever may write to everything runs it as somebody else: Debian's `nobody`.
            if geteuid().is_root() {
                command.uid(65534).gid(65534);
            }
            let output = command.output().await.unwrap();
            let text = String::from_utf8([output.stdout, output.stderr].concat()).unwrap();
            if arguments != ["check", "--repair"] {
                assert!(text.contains(&format!("{} spans", 8 * ids.len())), "{text}");
            }
            codes.push(output.status.code());
        }
        assert_eq!(codes, [Some(0), Some(0), Some(1)], "with a lock: {has_lock}");
        assert_eq!(lock.exists(), has_lock);
    }
    set(&directory, 0o755);
    set(&tenant, 0o755);
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

#[tokio::test]
async fn a_lost_manifest_is_named_until_it_is_repaired() {
    let folder = tempfile::tempdir().unwrap();
    let directory = folder.path().join("store");
    let ids = stopped(&directory).await;
    std::fs::remove_file(file(&directory, "MANIFEST")).unwrap();
    let (dir, target) = (directory.to_str().unwrap(), folder.path().join("target"));
    for arguments in [&["stats", dir][..], &["snapshot", dir, target.to_str().unwrap()]] {
        let (code, text) = run(arguments).await;
        assert_eq!(code, 1, "{text}");
        for word in ["tenant-/MANIFEST", "spoor check --repair"] {
            assert!(text.contains(word), "{word} in {text}");
        }
    }
    assert!(!target.exists());
    let (code, text) = run(&["check", dir, "--repair"]).await;
    assert!(code == 0 && text.contains("repaired"), "{code} {text}");
    let (code, text) = run(&["stats", dir]).await;
    let spans: usize = text.split(" spans: ").next().unwrap().parse().unwrap();
    // Those of a log that was a segment already may be there twice.
    assert!(code == 0 && spans >= 8 * ids.len(), "{code} {text}");
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
        let told = format!("spoor: copying the store to {}: it is there already", target.display());
        assert_eq!((code, text.trim_end()), (1, &*told));
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

/// Starts a tool, sends it the signal once the file is there, and gives its exit code, if it has one.
async fn signalled(arguments: &[&str], file: &Path, signal: Signal) -> Option<i32> {
    let mut child = spoor().args(arguments).stdout(Stdio::null()).spawn().unwrap();
    let is_there = || async { file.exists().then_some(()) };
    eventually("the tool is at work", is_there).await;
    let pid = Pid::from_raw(child.id().unwrap().cast_signed()).unwrap();
    // One that comes before it is listened to ends it too, with no code.
    let listens = || async {
        let status = std::fs::read_to_string(format!("/proc/{}/status", pid.as_raw_nonzero()));
        let caught = status
            .unwrap()
            .lines()
            .find_map(|line| u64::from_str_radix(line.strip_prefix("SigCgt:")?.trim(), 16).ok());
        let is_caught = caught.unwrap() >> (signal.as_raw() - 1) & 1 == 1;
        (is_caught || signal == Signal::KILL).then_some(())
    };
    eventually("the tool listens", listens).await;
    kill_process(pid, signal).unwrap();
    timeout(DEADLINE, child.wait()).await.expect("the tool ends").unwrap().code()
}

#[tokio::test]
async fn a_signal_ends_a_tool_and_a_snapshot_leaves_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let directory = folder.path().join("store");
    stopped(&directory).await;
    let dir = directory.to_str().unwrap();
    // Larger than can be copied or read in time, and nearly nothing on the disk.
    let log = directory.join(format!("tenant-/log-{}", u32::MAX));
    std::fs::File::create(&log).unwrap().set_len(1 << 40).unwrap();
    let target = folder.path().join("target");
    let partial = folder.path().join("target.partial");
    // A shell completes the name of a directory with a slash.
    let slashed = format!("{}/", target.display());
    let snapshot = ["snapshot", dir, &slashed];
    let copy = partial.join("tenant-").join(log.file_name().unwrap());
    for signal in [Signal::INT, Signal::TERM] {
        assert_eq!(signalled(&snapshot, &copy, signal).await, Some(1));
        assert!(!partial.exists() && !target.exists());
    }
    assert_eq!(signalled(&snapshot, &copy, Signal::KILL).await, None);
    assert!(partial.exists());

    std::fs::remove_file(&log).unwrap();
    // Whoever opens it waits for a writer.
    mkfifoat(CWD, &log, Mode::RWXU).unwrap();
    for tool in ["check", "stats"] {
        for signal in [Signal::INT, Signal::TERM] {
            assert_eq!(signalled(&[tool, dir], &log, signal).await, Some(1), "{tool}");
        }
    }
    std::fs::remove_file(&log).unwrap();

    let foreign = partial.join("a file of someone else's");
    std::fs::write(&foreign, "").unwrap();
    let (code, text) = run(&snapshot).await;
    assert!(code == 1 && text.contains("remove it"), "{code} {text}");
    std::fs::remove_file(foreign).unwrap();
    let (code, text) = run(&snapshot).await;
    assert_eq!(code, 0, "{text}");
    assert!(!partial.exists());
    assert_eq!(run(&["check", target.to_str().unwrap()]).await.0, 0);
}
