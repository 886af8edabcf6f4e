//! What is in the file, and when there is none; read with the library that writes it.

use std::path::Path;

use parquet::file::reader::{FileReader, SerializedFileReader};
use parquet::record::RowAccessor;
use spoor_embedded::snapshot::snapshot;
use spoor_embedded::{EmbeddedStore, Options};

use super::spans::{EPOCH, Whole, calls};
use super::store::{Stopped, export, options, stopped, write};

/// The tenants and ids of the spans in a file, sorted.
pub(crate) fn ids(file: &Path) -> Vec<(String, String, String)> {
    let reader = SerializedFileReader::new(std::fs::File::open(file).unwrap()).unwrap();
    let rows = reader.get_row_iter(None).unwrap().map(|row| {
        let row = row.unwrap();
        let text = |column| row.get_string(column).unwrap().clone();
        (text(0), text(1), text(2))
    });
    let mut ids: Vec<_> = rows.collect();
    ids.sort();
    ids
}

/// The same of the spans in a store that start so.
fn expected(stopped: &Stopped, is_wanted: impl Fn(u64) -> bool) -> Vec<(String, String, String)> {
    let wanted = stopped.spans.iter().filter(|(_, span)| is_wanted(span.span.start_time_unix_nano));
    let mut ids: Vec<_> = wanted
        .map(|(tenant, whole)| {
            let row = whole.row(tenant);
            let text = |name: &str| row[name].as_str().unwrap().to_owned();
            (text("tenant"), text("trace_id"), text("span_id"))
        })
        .collect();
    ids.sort();
    ids
}

#[tokio::test]
async fn each_span_is_in_the_file_once_wherever_it_is_in_the_store() {
    let stopped = stopped().await;
    let (code, text) = stopped.export(&[]);
    assert_eq!(code, 0, "{text}");
    assert!(text.contains(&format!("spans.parquet: {} spans, ", stopped.spans.len())), "{text}");
    assert_eq!(ids(&stopped.out()), expected(&stopped, |_| true));
    let mut names: Vec<_> =
        stopped.folder.path().read_dir().unwrap().map(|it| it.unwrap().file_name()).collect();
    names.sort();
    assert_eq!(names, ["spans.parquet", "store"]);
}

#[tokio::test]
async fn spans_can_be_chosen_by_the_time_at_which_they_start() {
    let stopped = stopped().await;
    // Between spans, and at one of them.
    let (from, to) = ("2026-09-21T14:13:20.0500005Z", "2026-09-21 14:13:20.100");
    let (min, max) = (EPOCH + 50_000_500, EPOCH + 100_000_000);
    for (arguments, is_wanted) in [
        (
            &["--from", from, "--to", to][..],
            &(|start| min <= start && start < max) as &dyn Fn(_) -> _,
        ),
        (&["--from", to], &|start| max <= start),
        (&["--to", to], &|start| start < max),
        (&["--from", "2263-01-01T00:00:00Z", "--to", "2263-01-02T00:00:00Z"], &|_| false),
    ] {
        let (code, text) = stopped.export(arguments);
        assert_eq!(code, 0, "{text}");
        assert_eq!(ids(&stopped.out()), expected(&stopped, is_wanted), "{arguments:?}");
        std::fs::remove_file(stopped.out()).unwrap();
    }
    for arguments in [["--from", to, "--to", from], ["--from", "today", "--to", to]] {
        let (code, text) = stopped.export(&arguments);
        assert!(code == 64 && text.contains("--from"), "{code} {text}");
    }
}

#[tokio::test]
async fn what_a_crash_left_is_not_exported() {
    let stopped = stopped().await;
    let tenant = stopped.directory().join("tenant-");
    // Before it could be removed: a log that is in a segment, a segment that was merged.
    let logs = stopped.files("log-");
    let largest = logs.iter().max_by_key(|log| log.metadata().unwrap().len()).unwrap();
    std::fs::copy(largest, tenant.join("log-1")).unwrap();
    std::fs::copy(&stopped.files("segment-")[0], tenant.join("segment-1")).unwrap();
    let (code, text) = stopped.export(&[]);
    assert_eq!(code, 0, "{text}");
    assert_eq!(ids(&stopped.out()), expected(&stopped, |_| true));
}

#[tokio::test]
async fn a_large_store_becomes_row_groups() {
    const SPANS: u64 = 20;
    let folder = tempfile::tempdir().unwrap();
    let directory = folder.path().join("store");
    let roomy = Options { head_bytes: 512 << 20, log_bytes: 256 << 20, ..options() };
    let store = EmbeddedStore::open(&directory, roomy).unwrap();
    let long = |id: u64| format!("{id} {}", "x".repeat(7 << 20));
    for id in 1..=SPANS {
        let span = Whole::new("app-a", id.into(), id).with(|span| span.name = long(id));
        write(&store, "", &[span]).await;
    }
    drop(store);
    let out = folder.path().join("spans.parquet");
    let (code, text) = export(&directory, &out, &[]);
    assert_eq!(code, 0, "{text}");
    let file = std::fs::File::open(&out).unwrap();
    let reader = SerializedFileReader::new(file).unwrap();
    // Seven spans pass the 48 MiB of a row group.
    let groups = reader.metadata().row_groups().iter().map(|group| group.num_rows());
    assert_eq!(groups.collect::<Vec<_>>(), [7, 7, 6]);
    for row in reader.get_row_iter(None).unwrap() {
        let row = row.unwrap();
        let id = u64::from_str_radix(row.get_string(2).unwrap(), 16).unwrap();
        assert!(*row.get_string(7).unwrap() == long(id), "the name of span {id}");
    }
}

#[tokio::test]
async fn a_running_store_is_exported_by_a_snapshot() {
    let folder = tempfile::tempdir().unwrap();
    let (directory, target) = (folder.path().join("store"), folder.path().join("snapshot"));
    let store = EmbeddedStore::open(&directory, options()).unwrap();
    let spans = calls(20);
    write(&store, "", &spans).await;
    let out = folder.path().join("spans.parquet");
    let (code, text) = export(&directory, &out, &[]);
    assert_eq!(code, 1, "{text}");
    for word in ["has it open", "spoor snapshot "] {
        assert!(text.contains(word), "{word} in {text}");
    }
    snapshot(&directory, &target, &mut |_| {}, &|| false).unwrap();
    let (code, text) = export(&target, &out, &[]);
    assert_eq!(code, 0, "{text}");
    assert_eq!(ids(&out).len(), spans.len());
    drop(store);
}

#[tokio::test]
async fn a_store_without_spans_becomes_a_file_without_rows() {
    let folder = tempfile::tempdir().unwrap();
    let directory = folder.path().join("store");
    drop(EmbeddedStore::open(&directory, options()).unwrap());
    let out = folder.path().join("spans.parquet");
    let (code, text) = export(&directory, &out, &[]);
    assert_eq!(code, 0, "{text}");
    assert_eq!(ids(&out), []);
}

#[tokio::test]
async fn nothing_is_written_unless_it_can_be_all() {
    let stopped = stopped().await;
    let folder = stopped.folder.path();
    let empty = folder.join("empty");
    std::fs::create_dir(&empty).unwrap();
    std::fs::write(folder.join("mine"), "mine").unwrap();
    // What is written there finds no space.
    std::os::unix::fs::symlink("/dev/full", folder.join("full.partial")).unwrap();
    let store = stopped.directory();
    for (directory, out, reason) in [
        (&*folder.join("none"), "out", "No such file or directory"),
        (&empty, "out", "holds no store"),
        (&store, "mine", "is there already"),
        (&store, "none/out", "creating "),
        (&store, "full", "No space left on device"),
    ] {
        let (code, text) = export(directory, &folder.join(out), &[]);
        assert!(code == 1 && text.contains(reason), "{reason}: {code} {text}");
    }
    let mut names: Vec<_> = folder.read_dir().unwrap().map(|it| it.unwrap().file_name()).collect();
    names.sort();
    assert_eq!(names, ["empty", "mine", "store"]);
    assert_eq!(std::fs::read(folder.join("mine")).unwrap(), b"mine");
}
