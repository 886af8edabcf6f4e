//! The committed code is what the `.proto` files generate.

use std::fs;
use std::path::Path;

/// A folder of `.proto` files, those it has, and where the code of their package is committed.
const PACKAGES: [(&str, &[&str], &str); 2] = [
    (
        "proto",
        &["plugin/grpc_broker.proto", "plugin/grpc_controller.proto", "plugin/grpc_stdio.proto"],
        "src/generated/plugin.rs",
    ),
    ("examples/greeter", &["greeter.proto"], "examples/greeter/greeter.rs"),
];

#[test]
fn committed_code_is_what_the_proto_files_generate() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    for (folder, files, committed) in PACKAGES {
        let out = tempfile::tempdir().unwrap();
        let descriptors = protox::compile(files, [root.join(folder)]).unwrap();
        tonic_prost_build::configure()
            .build_client(false)
            .out_dir(out.path())
            .compile_fds(descriptors)
            .unwrap();

        let committed = root.join(committed);
        let generated = fs::read(out.path().join(committed.file_name().unwrap())).unwrap();
        if std::env::var_os("UPDATE_GENERATED").is_some() {
            fs::write(&committed, &generated).unwrap();
        }
        assert!(
            fs::read(&committed).unwrap_or_default() == generated,
            "{committed:?} is stale: run `UPDATE_GENERATED=1 cargo test -p go-plugin`"
        );
    }
}
