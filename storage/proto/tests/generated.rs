//! The committed code in `src/generated` is what the `.proto` files generate.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use prost::Message;

const SERVICES: [&str; 5] = [
    "jaeger/storage/v1/storage.proto",
    "jaeger/storage/v2/trace_storage.proto",
    "jaeger/storage/v2/dependency_storage.proto",
    "jaeger/storage/v2/capabilities.proto",
    "opentelemetry/proto/collector/trace/v1/trace_service.proto",
];

const GENERATED: [&str; 6] = [
    "descriptors.bin",
    "jaeger.api_v2.rs",
    "jaeger.expression.v1.rs",
    "jaeger.storage.v1.rs",
    "jaeger.storage.v2.rs",
    "opentelemetry.proto.collector.trace.v1.rs",
];

#[test]
fn committed_code_is_what_the_proto_files_generate() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let committed = root.join("src/generated");
    let fresh = tempfile::tempdir().unwrap();
    generate(root, fresh.path());

    for name in GENERATED {
        let expected = fs::read(fresh.path().join(name)).unwrap();
        let path = committed.join(name);
        if std::env::var_os("UPDATE_GENERATED").is_some() {
            fs::write(&path, &expected).unwrap();
        }
        assert!(
            fs::read(&path).unwrap_or_default() == expected,
            "{name} is stale: run `UPDATE_GENERATED=1 cargo test -p spoor-proto`"
        );
    }
}

fn generate(root: &Path, out: &Path) {
    let descriptors = protox::compile(SERVICES, [root.join("proto"), otlp_proto_dir()]).unwrap();
    fs::write(out.join("descriptors.bin"), descriptors.encode_to_vec()).unwrap();
    tonic_prost_build::configure()
        .out_dir(out)
        .codec_path("crate::codec::ProstCodec")
        // Cloning an undecoded request must not copy it.
        .bytes(".")
        .extern_path(".opentelemetry.proto.trace.v1.TracesData", "crate::RawTraces")
        .extern_path(
            ".opentelemetry.proto.collector.trace.v1.ExportTraceServiceRequest",
            "crate::RawTraces",
        )
        .extern_path(".opentelemetry.proto.trace.v1", "::opentelemetry_proto::tonic::trace::v1")
        .extern_path(".opentelemetry.proto.common.v1", "::opentelemetry_proto::tonic::common::v1")
        .extern_path(
            ".opentelemetry.proto.resource.v1",
            "::opentelemetry_proto::tonic::resource::v1",
        )
        .compile_fds(descriptors)
        .unwrap();
}

/// The OTLP crate carries the `.proto` files that its own code was generated from.
fn otlp_proto_dir() -> PathBuf {
    let rustc = run(Command::new("rustc").arg("-vV"));
    let host = rustc.lines().find_map(|line| line.strip_prefix("host: ")).unwrap();
    // Without the platform, cargo asks for crates that no build here has fetched.
    let metadata = run(Command::new(env!("CARGO"))
        .args(["metadata", "--format-version", "1", "--offline", "--filter-platform", host])
        .args(["--manifest-path", concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml")]));
    let metadata: serde_json::Value = serde_json::from_str(&metadata).unwrap();
    let manifest = metadata["packages"]
        .as_array()
        .unwrap()
        .iter()
        .find(|package| package["name"] == "opentelemetry-proto")
        .and_then(|package| package["manifest_path"].as_str())
        .expect("the workspace depends on opentelemetry-proto");
    Path::new(manifest).with_file_name("src/proto/opentelemetry-proto")
}

fn run(command: &mut Command) -> String {
    let output = command.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}
