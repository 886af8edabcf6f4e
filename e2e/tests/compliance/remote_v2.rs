use std::process::Command;

use e2e::{Spoor, real_program};

use super::suite::{self, check};

/// The suite starts a Jaeger on Jaeger's own ports, which must be free: so one engine after the
/// other. It purges the server between its cases.
#[tokio::test]
#[ignore = "needs Go; run by .ci/run"]
async fn jaeger_2_13s_storage_suite_passes() {
    let suite = real_program("jaeger-suite").unwrap();
    for engine in ["memory", "embedded"] {
        let spoor = Spoor::start_with(&[&format!("engine={engine}")]).await.unwrap();

        let output = Command::new(&suite)
            .args(["-test.run", "^TestGRPCStorage$", "-test.v"])
            .current_dir(suite.parent().unwrap())
            .env("STORAGE", "grpc")
            .env("CUSTOM_STORAGE", "true")
            .env("REMOTE_STORAGE_ENDPOINT", spoor.grpc.to_string())
            .env("REMOTE_STORAGE_WRITER_ENDPOINT", spoor.grpc.to_string())
            .env("PURGER_ENDPOINT", format!("http://{}/purge", spoor.admin))
            .output()
            .unwrap();

        let title = format!("2.13.0, remote v2, {engine} engine");
        check(&title, "TestGRPCStorage", suite::V2, &output);
        // When all cases have passed, the suite still looks for goroutines that they left behind, and
        // finds its idle connection to `/purge`: unlike a store it starts itself, ours lives on.
        let errors = String::from_utf8_lossy(&output.stderr);
        let passed =
            output.status.success() || errors.contains("goleak: Errors on successful test");
        assert!(passed, "{title}: {}\n{errors}", output.status);
    }
}
