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

use super::support::{Program, channel, eventually, export, get, metric, read, span, span_count};

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

    /// Takes all of the space.
    fn fill(&self) -> PathBuf {
        let path = self.0.join("filler");
        let mut file = File::create(&path).unwrap();
        while file.write_all(&[0; 4096]).is_ok() {}
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

#[tokio::test]
async fn a_full_disk_ends_writes_but_not_reads_until_there_is_space() {
    let folder = tempfile::tempdir().unwrap();
    let Some(disk) = SmallDisk::mount(folder.path()) else { return };
    let directory = format!("data_dir={}", folder.path().join("store").display());
    let program = Program::start(&[
        "engine=embedded",
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

    let filler = disk.fill();
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
    assert_eq!(metric(program.admin, "spoor_store_read_only").await, Some(1.0));
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
