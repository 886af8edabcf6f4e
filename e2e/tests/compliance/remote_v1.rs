use std::process::Command;

use e2e::{Spoor, real_program};

use super::suite::{self, check};

#[tokio::test]
#[ignore = "needs Go; run by .ci/run"]
async fn jaeger_1_65s_storage_suite_passes_with_unary_writes() {
    passes("unary writes", false).await;
}

#[tokio::test]
#[ignore = "needs Go; run by .ci/run"]
async fn jaeger_1_65s_storage_suite_passes_with_streamed_writes() {
    passes("streamed writes", true).await;
}

/// The suite purges the server between its cases.
async fn passes(writes: &str, are_streamed: bool) {
    let suite = real_program("remote-suite").unwrap();
    for engine in ["memory", "embedded"] {
        let (engine_key, writer_key) =
            (format!("engine={engine}"), format!("streaming_writer={are_streamed}"));
        let keys = [&*engine_key, &*writer_key, "archive=true"];
        let spoor = Spoor::start_with(&keys).await.unwrap();

        let output = Command::new(&suite)
            .arg("-test.v")
            .env("REMOTE_STORAGE_ENDPOINT", spoor.grpc.to_string())
            .env("PURGER_ENDPOINT", format!("http://{}/purge", spoor.admin))
            .output()
            .unwrap();

        let title = format!("1.65.0, remote v1, {writes}, {engine} engine");
        check(&title, "TestRemoteStorage", suite::V1, &output);
        assert!(output.status.success(), "{title}: {}", output.status);
    }
}
