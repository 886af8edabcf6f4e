//! The committed code in `src/generated` is what the `.proto` file generates.

use std::fs;
use std::path::Path;

#[test]
fn committed_code_is_what_the_proto_file_generates() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let out = tempfile::tempdir().unwrap();
    let descriptors =
        protox::compile(["jaeger/api_v2/sampling.proto"], [root.join("proto")]).unwrap();
    tonic_prost_build::configure()
        .build_server(false)
        .out_dir(out.path())
        .compile_fds(descriptors)
        .unwrap();

    let name = "jaeger.api_v2.rs";
    let expected = fs::read(out.path().join(name)).unwrap();
    let committed = root.join("src/generated").join(name);
    if std::env::var_os("UPDATE_GENERATED").is_some() {
        fs::write(&committed, &expected).unwrap();
    }
    assert!(
        fs::read(&committed).unwrap_or_default() == expected,
        "{name} is stale: run `UPDATE_GENERATED=1 cargo test -p telemetry`"
    );
}
