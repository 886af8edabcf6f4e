//! A disk that is full.
#![cfg(target_os = "linux")]

use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;

use spoor_proto::otlp::trace_service_client::TraceServiceClient;
use spoor_proto::storage::trace_reader_client::TraceReaderClient;
use tonic::Code;
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_client::HealthClient;

use super::support::{
    Load, Program, all_are_there, channel, eventually, export, get, metric, read, span, span_count,
};

const WRITES: &str = "opentelemetry.proto.collector.trace.v1.TraceService";
const READS: &str = "jaeger.storage.v2.TraceReader";

/// A file system in memory, unmounted when dropped.
struct SmallDisk(PathBuf);

impl SmallDisk {
    /// None, with a line that says so, where mounting is not permitted.
    fn mount(at: &Path) -> Option<Self> {
        let mount = Command::new("mount")
            .args(["-t", "tmpfs", "-o", "size=16m", "spoor-test"])
            .arg(at)
            .output();
        match mount {
            Ok(output) if output.status.success() => Some(Self(at.to_owned())),
            Ok(output) => {
                let reason = String::from_utf8_lossy(&output.stderr).into_owned();
                eprintln!("skipped: mounting a small disk is not permitted: {reason}");
                None
            }
            Err(error) => {
                eprintln!("skipped: there is no mount to be run: {error}");
                None
            }
        }
    }

    /// Takes all of the space but so many bytes.
    fn fill(&self, but: u64) -> PathBuf {
        let path = self.0.join("filler");
        let mut file = File::create(&path).unwrap();
        while file.write_all(&[0; 4096]).is_ok() {}
        file.set_len(file.metadata().unwrap().len() - but).unwrap();
        path
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        Command::new("umount").arg("-l").arg(&self.0).status().ok();
    }
}

async fn health(program: &Program, service: &str) -> ServingStatus {
    let request = HealthCheckRequest { service: service.to_owned() };
    let mut health = HealthClient::new(channel(program.grpc));
    health.check(request).await.unwrap().into_inner().status()
}

async fn is_read_only(program: &Program) -> bool {
    metric(program.admin, "spoor_store_read_only").await == Some(1.0)
}

#[tokio::test]
async fn a_full_disk_ends_writes_but_not_reads_until_there_is_space() {
    let folder = tempfile::tempdir().unwrap();
    let Some(disk) = SmallDisk::mount(folder.path()) else { return };
    let directory = format!("data_dir={}", folder.path().join("store").display());
    let program = Program::start(&[
        &directory,
        "log_max_bytes=1MiB",
        "disk_max_bytes=12MiB",
        "write_wait=10ms",
    ])
    .await;
    let mut writer = TraceServiceClient::new(channel(program.grpc));
    let mut reader = TraceReaderClient::new(channel(program.grpc));
    writer.export(export("app", vec![span(1, 1)])).await.unwrap();
    assert_eq!(health(&program, WRITES).await, ServingStatus::Serving);

    let filler = disk.fill(0);
    let mut large = span(2, 2);
    large.name = "x".repeat(100_000);
    for _ in 0..2 {
        let refused = writer.export(export("app", vec![large.clone()])).await.unwrap_err();
        assert_eq!(refused.code(), Code::Unavailable, "{refused}");
        assert!(refused.message().contains("read-only"), "{refused}");
    }
    for (service, status) in [
        (WRITES, ServingStatus::NotServing),
        (READS, ServingStatus::Serving),
        ("", ServingStatus::Serving),
    ] {
        let told = || async { (health(&program, service).await == status).then_some(()) };
        eventually(&format!("the health of {service}"), told).await;
    }
    let (code, text) = get(program.admin, "/readyz").await;
    assert!(code == 200 && text.contains("read-only"), "{code} {text}");
    assert!(is_read_only(&program).await);
    let rejected = "spoor_store_rejected_writes_total{reason=\"unavailable\"}";
    assert_eq!(metric(program.admin, rejected).await, Some(2.0));
    let spans: usize = read(&mut reader, 1).await.iter().map(span_count).sum();
    assert_eq!(spans, 1);

    std::fs::remove_file(filler).unwrap();
    let healed =
        || async { (health(&program, WRITES).await == ServingStatus::Serving).then_some(()) };
    eventually("writes are taken again", healed).await;
    assert_eq!(get(program.admin, "/readyz").await.1, "ready\n");
    writer.export(export("app", vec![large])).await.unwrap();
    for trace in [1, 2] {
        let spans: usize = read(&mut reader, trace).await.iter().map(span_count).sum();
        assert_eq!(spans, 1, "of trace {trace}");
    }
    program.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_acknowledged_until_a_disk_was_full_is_there_then_and_after_kills() {
    let folder = tempfile::tempdir().unwrap();
    let Some(disk) = SmallDisk::mount(folder.path()) else { return };
    let directory = format!("data_dir={}", folder.path().join("store").display());
    let settings = [&*directory, "log_max_bytes=128KiB", "disk_max_bytes=12MiB"];
    let mut acknowledged = Vec::new();
    // It gets full when a log is written, or when a segment is.
    for (round, left) in [64 << 10, 200 << 10, 272 << 10, 300 << 10].into_iter().enumerate() {
        let program = Program::start(&settings).await;
        all_are_there(program.grpc, &acknowledged).await;
        let filler = disk.fill(left);
        let load = Load::start(program.grpc, 1 + round as u64 * 1_000_000);
        let is_full = || async { is_read_only(&program).await.then_some(()) };
        eventually("the disk is full", is_full).await;
        acknowledged.extend(load.end().await);
        all_are_there(program.grpc, &acknowledged).await;
        program.kill().await;

        let program = Program::start(&settings).await;
        all_are_there(program.grpc, &acknowledged).await;
        std::fs::remove_file(filler).unwrap();
        let is_healed = || async { (!is_read_only(&program).await).then_some(()) };
        eventually("it takes writes", is_healed).await;
        all_are_there(program.grpc, &acknowledged).await;
        program.kill().await;
    }
    let program = Program::start(&settings).await;
    all_are_there(program.grpc, &acknowledged).await;
    program.stop().await;
}

#[tokio::test]
async fn a_store_on_a_full_disk_is_opened_for_reading_and_takes_writes_once_there_is_space() {
    let folder = tempfile::tempdir().unwrap();
    let Some(disk) = SmallDisk::mount(folder.path()) else { return };
    let directory = format!("data_dir={}", folder.path().join("store").display());
    let settings = [&*directory, "log_max_bytes=1MiB", "disk_max_bytes=12MiB"];
    let program = Program::start(&settings).await;
    let mut writer = TraceServiceClient::new(channel(program.grpc));
    writer.export(export("app", vec![span(1, 1)])).await.unwrap();
    program.kill().await;
    let filler = disk.fill(0);

    let program = Program::start(&settings).await;
    let mut writer = TraceServiceClient::new(channel(program.grpc));
    let mut reader = TraceReaderClient::new(channel(program.grpc));
    assert!(is_read_only(&program).await);
    let not_serving =
        || async { (health(&program, WRITES).await == ServingStatus::NotServing).then_some(()) };
    eventually("writes are not taken", not_serving).await;
    let refused = writer.export(export("app", vec![span(2, 2)])).await.unwrap_err();
    assert_eq!(refused.code(), Code::Unavailable, "{refused}");
    let spans: usize = read(&mut reader, 1).await.iter().map(span_count).sum();
    assert_eq!(spans, 1);

    std::fs::remove_file(filler).unwrap();
    let is_healed = || async { (!is_read_only(&program).await).then_some(()) };
    eventually("it takes writes", is_healed).await;
    writer.export(export("app", vec![span(2, 2)])).await.unwrap();
    program.stop().await;
}
