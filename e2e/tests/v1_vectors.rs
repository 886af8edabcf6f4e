//! The vectors by which the storage server's tests know Jaeger's mapping between the spans of
//! storage API v1 and OTLP are what Jaeger's translator makes. After a change to `go/v1-vectors`,
//! `UPDATE_VECTORS=1` writes them anew.

use std::fs;
use std::path::Path;
use std::process::Command;

#[test]
#[ignore = "needs Go; run by .ci/run"]
fn committed_vectors_are_what_jaegers_translator_makes() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let folder = root.join("../storage/server/tests/server/v1/vectors");
    for direction in ["to-otlp", "from-otlp"] {
        let output = Command::new("go")
            .args(["run", ".", direction])
            .env("GOFLAGS", "-mod=readonly")
            .env("GOWORK", "off")
            .current_dir(root.join("go/v1-vectors"))
            .output()
            .expect("go is on the PATH");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let path = folder.join(direction).with_extension("json");
        if std::env::var_os("UPDATE_VECTORS").is_some() {
            fs::write(&path, &output.stdout).unwrap();
        }
        assert!(
            fs::read(&path).unwrap_or_default() == output.stdout,
            "{} is stale: set UPDATE_VECTORS=1",
            path.display()
        );
    }
}
