use std::fs;
use std::process::Command;

use e2e::{cargo_program, real_program};

use super::suite::{self, check};

#[test]
#[ignore = "needs Go; run by .ci/run"]
fn jaeger_1_57s_storage_suite_passes_with_unary_writes() {
    passes("TestGRPCStorage", "unary writes");
}

#[test]
#[ignore = "needs Go; run by .ci/run"]
fn jaeger_1_57s_storage_suite_passes_with_streamed_writes() {
    passes("TestGRPCStreamingWriter", "streamed writes");
}

/// The suite begins each case by another sidecar, with an empty store.
fn passes(test: &str, writes: &str) {
    let (suite, spoor) = (real_program("sidecar-suite").unwrap(), cargo_program("spoor").unwrap());
    for engine in ["memory", "embedded"] {
        let folder = tempfile::tempdir().unwrap();
        // Where the streaming writer's test looks for it, which has no variable for that.
        let config = folder.path().join("fixtures/grpc_plugin_conf.yaml");
        let is_streaming = test == "TestGRPCStreamingWriter";
        let keys = format!(
            "engine = \"{engine}\"\nephemeral = true\narchive = true\n\
             streaming_writer = {is_streaming}\n"
        );
        fs::create_dir(folder.path().join("fixtures")).unwrap();
        fs::write(&config, keys).unwrap();

        let output = Command::new(&suite)
            .args(["-test.run", &format!("^{test}$"), "-test.v"])
            .current_dir(&folder)
            .env("STORAGE", "grpc")
            .env("PLUGIN_BINARY_PATH", &spoor)
            .env("PLUGIN_CONFIG_PATH", &config)
            .env("TMPDIR", folder.path())
            .output()
            .unwrap();

        let title = format!("1.57.0, sidecar (v1), {writes}, {engine} engine");
        check(&title, test, suite::V1, &output);
        assert!(output.status.success(), "{title}: {}", output.status);
        let mut left = fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().file_name());
        assert!(left.all(|name| name == "fixtures"), "sockets and stores are removed");
    }
}
