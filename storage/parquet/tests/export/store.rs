//! Stores, and the program.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use prost::Message;
use spoor_embedded::{EmbeddedStore, Options};
use spoor_store::{Store, Tenant};
use tempfile::TempDir;

use super::spans::{Whole, calls, odd_spans, request};

/// The name of the second tenant.
pub(crate) const OTHER: &str = "other/tenant";

/// A store that no process has open.
pub(crate) struct Stopped {
    pub(crate) folder: TempDir,
    /// Its spans, with the names of their tenants.
    pub(crate) spans: Vec<(&'static str, Whole)>,
}

impl Stopped {
    pub(crate) fn directory(&self) -> PathBuf {
        self.folder.path().join("store")
    }

    /// The default tenant's files whose names begin so, sorted.
    pub(crate) fn files(&self, kind: &str) -> Vec<PathBuf> {
        let entries = std::fs::read_dir(self.directory().join("tenant-")).unwrap();
        let is_one = |path: &PathBuf| path.file_name().unwrap().to_str().unwrap().starts_with(kind);
        let mut files: Vec<_> = entries.map(|entry| entry.unwrap().path()).filter(is_one).collect();
        files.sort();
        files
    }

    pub(crate) fn out(&self) -> PathBuf {
        self.folder.path().join("spans.parquet")
    }

    /// Exports it, with further arguments.
    pub(crate) fn export(&self, arguments: &[&str]) -> (i32, String) {
        export(&self.directory(), &self.out(), arguments)
    }
}

pub(crate) fn options() -> Options {
    Options { block_spans: 100, ..Options::default() }
}

/// A store whose spans lie in several segments, and in a log. Traces lie in up to all of them, and
/// a request was written twice, which keeps its spans twice.
pub(crate) async fn stopped() -> Stopped {
    const PARTS: usize = 4;
    let folder = tempfile::tempdir().unwrap();
    let store = EmbeddedStore::open(&folder.path().join("store"), options()).unwrap();
    let all: Vec<_> = calls(300).into_iter().chain(odd_spans()).collect();
    let mut spans = Vec::new();
    for part in 0..PARTS {
        let some: Vec<_> = all.iter().skip(part).step_by(PARTS).cloned().collect();
        for some in some.chunks(50) {
            write(&store, "", some).await;
            spans.extend(some.iter().map(|span| ("", span.clone())));
        }
        if part == 1 {
            write(&store, "", &some[..10]).await;
            spans.extend(some[..10].iter().map(|span| ("", span.clone())));
        }
        if part < PARTS - 1 {
            store.settle().await.unwrap();
        }
    }
    let others = [Whole::new("other", 1, 1), Whole::new("app-a", 1, 2)];
    write(&store, OTHER, &others).await;
    spans.extend(others.map(|span| (OTHER, span)));
    drop(store);
    let stopped = Stopped { folder, spans };
    assert_eq!(stopped.files("segment-").len(), PARTS - 1);
    let logs: Vec<_> =
        stopped.files("log-").iter().map(|log| log.metadata().unwrap().len()).collect();
    assert!(logs.iter().sum::<u64>() > 10_000, "the last part is in a log: {logs:?}");
    stopped
}

pub(crate) async fn write(store: &EmbeddedStore, tenant: &str, spans: &[Whole]) {
    let written = store.write(&Tenant::new(tenant), request(spans).encode_to_vec().into()).await;
    assert_eq!(written.unwrap().total().accepted, spans.len() as u64);
}

/// Runs the program. Gives its exit code and what it printed.
pub(crate) fn export(directory: &Path, out: &Path, arguments: &[&str]) -> (i32, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_spoor-parquet"));
    command.arg(directory).arg("--out").arg(out).args(arguments);
    let Output { status, stdout, stderr } = command.output().unwrap();
    (status.code().unwrap(), String::from_utf8([stdout, stderr].concat()).unwrap())
}
