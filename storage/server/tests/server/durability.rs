//! What the embedded engine keeps over the end of the process.

use super::support::{
    DEADLINE, Load, Program, TestServer, all_are_there, eventually, export, get, metric, read,
    span, spoor,
};

/// Settings of a store in this directory that soon has several logs and segments.
fn small(directory: &std::path::Path) -> Vec<String> {
    let directory = format!("data_dir={}", directory.display());
    ["engine=embedded", &directory, "log_max_bytes=128KiB", "head_max_bytes=1MiB"]
        .map(str::to_owned)
        .to_vec()
}

async fn start(settings: &[String]) -> Program {
    Program::start(&settings.iter().map(String::as_str).collect::<Vec<_>>()).await
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_acknowledged_is_there_after_kills_under_load() {
    let folder = tempfile::tempdir().unwrap();
    let settings = small(folder.path());
    let mut acknowledged = Vec::new();
    for round in 0..3 {
        let program = start(&settings).await;
        all_are_there(program.grpc, &acknowledged).await;
        let load = Load::start(program.grpc, 1 + round * 1_000_000);
        load.reaches(400).await;
        program.kill().await;
        acknowledged.extend(load.end().await);
    }
    let program = start(&settings).await;
    all_are_there(program.grpc, &acknowledged).await;
    assert!(metric(program.admin, "spoor_store_segments").await.unwrap() > 0.0);
    program.stop().await;
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
async fn a_second_process_is_told_who_has_the_directory() {
    let folder = tempfile::tempdir().unwrap();
    let settings = small(folder.path());
    let program = start(&settings).await;
    let mut second = spoor();
    second.args(["serve", "--listen", "127.0.0.1:0", "--admin-listen", "127.0.0.1:0"]);
    for setting in &settings {
        second.args(["--set", setting]);
    }
    let second = tokio::time::timeout(DEADLINE, second.output()).await.unwrap().unwrap();
    assert_eq!(second.status.code(), Some(1));
    let line = String::from_utf8(second.stderr).unwrap();
    assert_eq!(line.lines().count(), 1, "{line}");
    assert!(line.contains(&format!("process {} has it open", program.pid)), "{line}");
    assert_eq!(get(program.admin, "/readyz").await, (200, "ready\n".to_owned()));
}

#[tokio::test]
async fn an_ephemeral_store_leaves_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let mut settings = small(folder.path());
    settings.push("ephemeral=true".to_owned());
    let program = start(&settings).await;
    let load = Load::start(program.grpc, 1);
    load.reaches(50).await;
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
    all_are_there(program.grpc, &load.end().await).await;
    program.kill().await;
    let program = start(&settings).await;
    assert_eq!(metric(program.admin, "spoor_store_spans").await, Some(0.0));
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1, "what was left is gone");
    program.stop().await;
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_engines_metrics_tell_of_its_files() {
    let folder = tempfile::tempdir().unwrap();
    let server = TestServer::start(|config| {
        config.engine = spoor::config::Engine::Embedded;
        config.data_dir = folder.path().to_owned();
        config.head_max_age = std::time::Duration::from_millis(1);
    })
    .await;
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
