//! What the embedded engine keeps over the end of the process.

use super::support::{
    Load, Program, TestServer, all_are_there, eventually, export, metric, read, span,
};

/// Settings of a store in this directory that soon has several logs and segments.
fn small(directory: &std::path::Path) -> Vec<String> {
    let directory = format!("data_dir={}", directory.display());
    [&directory, "log_max_bytes=128KiB", "head_max_bytes=1MiB"].map(str::to_owned).to_vec()
}

async fn start(settings: &[String]) -> Program {
    Program::start(&settings.iter().map(String::as_str).collect::<Vec<_>>()).await
}

#[tokio::test]
async fn a_restart_keeps_everything_also_without_syncs() {
    let folder = tempfile::tempdir().unwrap();
    let mut settings = small(folder.path());
    settings.extend(["durability=async", "async_interval=1h"].map(str::to_owned));
    let program = start(&settings).await;
    let load = Load::start(program.grpc, 1);
    load.reaches(100).await;
    let acknowledged = load.end().await;
    program.stop().await;
    let program = start(&settings).await;
    all_are_there(program.grpc, &acknowledged).await;
}

#[tokio::test]
async fn an_ephemeral_store_leaves_nothing() {
    for is_set in [true, false] {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().to_str().unwrap();
        let (directory, temporary) = (format!("data_dir={path}"), [("TMPDIR", path)]);
        let start = async || match is_set {
            true => Program::start(&["ephemeral=true", &directory]).await,
            false => Program::start_in(&temporary, &["ephemeral=true"]).await,
        };
        let entries = || std::fs::read_dir(path).unwrap().count();
        let program = start().await;
        assert_eq!(program.store, path);
        let load = Load::start(program.grpc, 1);
        load.reaches(50).await;
        assert_eq!(entries(), 1);
        all_are_there(program.grpc, &load.end().await).await;
        program.kill().await;
        let program = start().await;
        assert_eq!(metric(program.admin, "spoor_store_spans").await, Some(0.0));
        assert_eq!(entries(), 1, "what was left is gone");
        program.stop().await;
        assert_eq!(entries(), 0);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_engines_metrics_tell_of_its_files() {
    let age = std::time::Duration::from_millis(1);
    let server = TestServer::start(|config| config.head_max_age = age).await;
    for series in [
        "spoor_store_rejected_writes_total{reason=\"malformed\"}",
        "spoor_store_refused_reads_total{reason=\"too_large\"}",
        "spoor_store_deleted_segments_total{reason=\"age\"}",
        "spoor_store_deleted_segments_total{reason=\"size\"}",
        "spoor_store_task_output_bytes_total{task=\"compaction\"}",
    ] {
        assert_eq!(metric(server.admin, series).await, Some(0.0), "{series} from the start on");
    }
    server.write(export("app", vec![span(1, 1), span(1, 2)])).await;
    let value = async |series: &str| metric(server.admin, series).await.unwrap_or_default();
    let flushed = || async { (value("spoor_store_segments").await == 1.0).then_some(()) };
    eventually("the head becomes a segment", flushed).await;
    for (series, least, most) in [
        ("spoor_store_spans", 2.0, 2.0),
        ("spoor_store_read_only", 0.0, 0.0),
        ("spoor_store_limit_bytes", 4096.0 * 1048576.0, 4096.0 * 1048576.0),
        ("spoor_store_files_bytes{file=\"segment\"}", 100.0, 1e5),
        ("spoor_store_files_bytes{file=\"log\"}", 1.0, 1e5),
        ("spoor_store_written_bytes_total{file=\"segment\"}", 100.0, 1e5),
        ("spoor_store_sync_duration_seconds_count{file=\"log\"}", 2.0, 100.0),
        ("spoor_store_task_duration_seconds_count{task=\"flush\"}", 1.0, 1.0),
        ("spoor_store_task_output_bytes_total{task=\"flush\"}", 100.0, 1e5),
    ] {
        let value = value(series).await;
        assert!((least..=most).contains(&value), "{series} is {value}");
    }
    assert_eq!(read(&mut server.reader(), 1).await.len(), 1);
}
