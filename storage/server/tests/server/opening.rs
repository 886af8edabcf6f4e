//! Where the files are, and directories that can't be opened.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use flate2::Crc;
use rustix::process::geteuid;

use super::support::{Load, Program, all_are_there, eventually, get, metric, refusal, refused};

const ANY_PORTS: [&str; 4] = ["--listen", "127.0.0.1:0", "--admin-listen", "127.0.0.1:0"];
/// Debian's `nobody`. Any user will do who owns nothing here.
const NOBODY: u32 = 65534;

/// Why the store in this directory can't be opened: one line, that is no fault of the
/// configuration.
async fn why_not(directory: &Path) -> String {
    let data_dir = directory.to_str().unwrap();
    let (code, line) = refused(&ANY_PORTS, &[("SPOOR_DATA_DIR", data_dir)]).await;
    assert_eq!(code, 1, "{line}");
    line
}

/// A stopped store of some segments.
async fn stopped(directory: &Path) {
    let data_dir = format!("data_dir={}", directory.display());
    let program = Program::start(&[&data_dir, "log_max_bytes=128KiB"]).await;
    let load = Load::start(program.grpc, 1);
    load.reaches(400).await;
    load.end().await;
    let flushed = || async {
        metric(program.admin, "spoor_store_segments").await.filter(|segments| *segments > 0.0)
    };
    eventually("a head becomes a segment", flushed).await;
    program.stop().await;
}

/// The files of the default tenant whose names begin so.
fn files(directory: &Path, kind: &str) -> Vec<PathBuf> {
    let entries = fs::read_dir(directory.join("tenant-")).unwrap();
    let paths = entries.map(|entry| entry.unwrap().path());
    paths.filter(|path| path.file_name().unwrap().to_str().unwrap().starts_with(kind)).collect()
}

#[tokio::test]
async fn unless_it_is_told_otherwise_it_keeps_spans_in_the_working_directory_and_says_so() {
    let program = Program::start(&[]).await;
    let load = Load::start(program.grpc, 1);
    load.reaches(50).await;
    all_are_there(program.grpc, &load.end().await).await;
    let store = Path::new(&program.store);
    assert!(store.is_absolute() && store.ends_with("spoor-data"), "{store:?}");
    let logged: u64 = files(store, "log-").iter().map(|log| log.metadata().unwrap().len()).sum();
    assert!(logged > 1000, "{logged} bytes");
}

#[tokio::test]
async fn the_memory_engine_keeps_spans_and_writes_no_file() {
    let folder = tempfile::tempdir().unwrap();
    let directory = format!("data_dir={}", folder.path().display());
    let program = Program::start(&["engine=memory", &directory]).await;
    let load = Load::start(program.grpc, 1);
    load.reaches(50).await;
    all_are_there(program.grpc, &load.end().await).await;
    assert_eq!(program.store, "memory");
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
    let limit = metric(program.admin, "spoor_store_limit_bytes").await;
    assert_eq!(limit, Some(256.0 * 1024.0 * 1024.0));
    assert_eq!(metric(program.admin, "spoor_store_segments").await, None);
}

#[tokio::test]
async fn a_second_process_is_told_who_has_the_directory() {
    let folder = tempfile::tempdir().unwrap();
    let data_dir = format!("data_dir={}", folder.path().display());
    let program = Program::start(&[&data_dir]).await;
    let line = why_not(folder.path()).await;
    assert!(line.contains(&format!("process {} has it open", program.pid)), "{line}");
    assert!(line.contains(folder.path().to_str().unwrap()), "{line}");
    assert_eq!(get(program.admin, "/readyz").await, (200, "ready\n".to_owned()));
}

#[tokio::test]
async fn what_may_not_be_written_to_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    let mode = |path: &Path, mode| fs::set_permissions(path, Permissions::from_mode(mode));
    for name in ["parent", "store/tenant-"] {
        fs::create_dir_all(path(name)).unwrap();
    }
    // Whoever may write to everything runs the program as somebody else, who can read its file
    // and take the lock.
    let program = path("spoor");
    fs::copy(env!("CARGO_BIN_EXE_spoor"), &program).unwrap();
    fs::write(path("store/LOCK"), "").unwrap();
    fs::create_dir(path("unlocked")).unwrap();
    for (name, bits) in [
        (".", 0o755),
        ("spoor", 0o755),
        ("parent", 0o555),
        ("unlocked", 0o555),
        ("store", 0o755),
        ("store/LOCK", 0o666),
        ("store/tenant-", 0o555),
    ] {
        mode(&path(name), bits).unwrap();
    }
    for (name, words) in [
        ("parent/store", ["creating the directory", "parent/store"]),
        ("unlocked", ["locking", "unlocked/LOCK"]),
        ("store", ["creating", "tenant-/"]),
    ] {
        let mut command = tokio::process::Command::new(&program);
        command.env_clear().arg("serve").args(ANY_PORTS);
        command.env("SPOOR_DATA_DIR", path(name)).kill_on_drop(true);
        if geteuid().is_root() {
            command.uid(NOBODY).gid(NOBODY);
        }
        let (code, line) = refusal(command).await;
        assert_eq!(code, 1, "{line}");
        for word in words.iter().chain(&["Permission denied"]) {
            assert!(line.contains(word), "{word} in {line}");
        }
    }
}

#[tokio::test]
async fn of_a_directory_that_was_copied_partly_the_missing_file_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let whole = folder.path().join("whole");
    stopped(&whole).await;
    for kind in ["MANIFEST", "segment-"] {
        let copy = folder.path().join(kind);
        fs::create_dir_all(copy.join("tenant-")).unwrap();
        let missing = files(&whole, kind).remove(0);
        for file in files(&whole, "").iter().filter(|file| **file != missing) {
            fs::copy(file, copy.join("tenant-").join(file.file_name().unwrap())).unwrap();
        }
        let line = why_not(&copy).await;
        assert!(line.contains(missing.file_name().unwrap().to_str().unwrap()), "{line}");
    }
}

#[tokio::test]
async fn a_newer_format_asks_for_a_newer_program() {
    let folder = tempfile::tempdir().unwrap();
    stopped(folder.path()).await;
    let manifest = files(folder.path(), "MANIFEST").remove(0);
    let bytes = fs::read(&manifest).unwrap();
    // The version, in a record with the right checksum, twice.
    let mut record = bytes[..bytes.len() / 2 - 4].to_vec();
    record[8..12].copy_from_slice(&99_u32.to_le_bytes());
    let mut crc = Crc::new();
    crc.update(&record);
    record.extend(crc.sum().to_le_bytes());
    fs::write(&manifest, record.repeat(2)).unwrap();
    let line = why_not(folder.path()).await;
    for word in ["MANIFEST", "version 99", "newer"] {
        assert!(line.contains(word), "{word} in {line}");
    }
}

#[tokio::test]
async fn what_is_no_store_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    fs::write(path("file"), "").unwrap();
    fs::create_dir_all(path("damaged/tenant-")).unwrap();
    fs::write(path("damaged/tenant-/MANIFEST"), "nothing of the kind").unwrap();
    for (name, words) in [("file", ["creating", "file"]), ("damaged", ["MANIFEST", "damaged"])] {
        let line = why_not(&path(name)).await;
        for word in words {
            assert!(line.contains(word), "{word} in {line}");
        }
    }
}
