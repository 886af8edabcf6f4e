//! The committed code in `src/generated` is what the `.proto` files generate.

use std::fs;
use std::path::Path;

#[test]
fn committed_code_is_what_the_proto_files_generate() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let out = tempfile::tempdir().unwrap();
    let descriptors =
        protox::compile(["demo/v1/pricing.proto", "demo/v1/tasks.proto"], [root.join("proto")])
            .unwrap();
    tonic_prost_build::configure().out_dir(out.path()).compile_fds(descriptors).unwrap();

    let name = "demo.v1.rs";
    let expected = fs::read(out.path().join(name)).unwrap();
    let committed = root.join("src/generated").join(name);
    if std::env::var_os("UPDATE_GENERATED").is_some() {
        fs::write(&committed, &expected).unwrap();
    }
    assert!(
        fs::read(&committed).unwrap_or_default() == expected,
        "{name} is stale: run `UPDATE_GENERATED=1 cargo test -p demo`"
    );
}
