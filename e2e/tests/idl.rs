//! Our copy of Jaeger's storage contract is the one that jaeger-idl publishes, and of its first
//! version the one of Jaeger v1.76.0.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;

use prost_types::DescriptorProto;
use protox::Compiler;
use protox::file::{
    ChainFileResolver, DescriptorSetFileResolver, File, FileResolver, GoogleFileResolver,
};
use protox::prost_reflect::{DescriptorPool, Kind};

/// Storage API v1's file, in the module of Jaeger itself.
const V1: &str = "storage/v1/storage.proto";

const THEIR_FILES: [&str; 6] = [
    "api_v2/model.proto",
    "expression/v1/expression.proto",
    V1,
    "storage/v2/capabilities.proto",
    "storage/v2/dependency_storage.proto",
    "storage/v2/trace_storage.proto",
];

#[test]
#[ignore = "needs Go; run by .ci/run"]
fn our_contract_is_jaegers_field_for_field() {
    let mut resolver = ChainFileResolver::new();
    resolver.add(Published::find());
    resolver.add(GoogleFileResolver::new());
    // OTLP's files, which are not Jaeger's: any copy does.
    resolver.add(DescriptorSetFileResolver::decode(spoor_proto::FILE_DESCRIPTOR_SET).unwrap());
    let mut compiler = Compiler::with_file_resolver(resolver);
    compiler.include_imports(true).open_files(THEIR_FILES).unwrap();
    let theirs = wire_contract(&compiler.descriptor_pool());

    let ours = wire_contract(&DescriptorPool::decode(spoor_proto::FILE_DESCRIPTOR_SET).unwrap());

    let missing: Vec<_> = theirs.difference(&ours).collect();
    let added: Vec<_> = ours.difference(&theirs).collect();
    assert!(missing.is_empty() && added.is_empty(), "missing: {missing:#?}\nadded: {added:#?}");
    assert!(theirs.len() > 100, "too little was compared: {theirs:#?}");
}

/// The folder of a Go module whose version and checksum a folder below `go` pins.
fn module(pinned_by: &str, name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("go").join(pinned_by);
    let output = Command::new("go")
        .args(["mod", "download", "-json", name])
        .current_dir(folder)
        .output()
        .expect("go is on the PATH");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
    let module: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    PathBuf::from(module["Dir"].as_str().unwrap())
}

/// Reads files without their options, which say nothing about the wire, and without the imports
/// that only declare options.
struct Published {
    idl: PathBuf,
    jaeger: PathBuf,
}

impl Published {
    fn find() -> Self {
        let idl = module("idl", "github.com/jaegertracing/jaeger-idl").join("proto");
        let jaeger = module("jaeger", "github.com/jaegertracing/jaeger");
        Self { idl, jaeger: jaeger.join("internal/storage/v1/grpc/proto/storage.proto") }
    }
}

impl FileResolver for Published {
    fn open_file(&self, name: &str) -> Result<File, protox::Error> {
        let path = if name == V1 { self.jaeger.clone() } else { self.idl.join(name) };
        if !path.exists() {
            return Err(protox::Error::file_not_found(name));
        }
        let mut file = File::open(name, &path)?.file_descriptor_proto().clone();
        file.dependency.retain(|import| {
            !["gnostic/", "gogoproto/", "expression/v1/vocabulary.proto"]
                .iter()
                .any(|declares_options| import.starts_with(declares_options))
        });
        for import in file.dependency.iter_mut().filter(|import| *import == "model.proto") {
            *import = "api_v2/model.proto".to_owned();
        }
        file.options = None;
        file.message_type.iter_mut().for_each(strip_options);
        for service in &mut file.service {
            service.options = None;
            service.method.iter_mut().for_each(|method| method.options = None);
        }
        Ok(File::from_file_descriptor_proto(file))
    }
}

fn strip_options(message: &mut DescriptorProto) {
    message.options = None;
    message.field.iter_mut().for_each(|field| field.options = None);
    message.oneof_decl.iter_mut().for_each(|oneof| oneof.options = None);
    message.nested_type.iter_mut().for_each(strip_options);
}

/// A line for everything in Jaeger's packages that both ends of a call must agree on.
fn wire_contract(pool: &DescriptorPool) -> BTreeSet<String> {
    let mut lines = BTreeSet::new();
    for message in pool.all_messages().filter(|m| m.package_name().starts_with("jaeger.")) {
        let name = message.full_name();
        lines.insert(format!("message {name}"));
        for field in message.fields() {
            let kind = match field.kind() {
                Kind::Message(message) => message.full_name().to_owned(),
                Kind::Enum(values) => values.full_name().to_owned(),
                scalar => format!("{scalar:?}"),
            };
            lines.insert(format!(
                "message {name} field {} {} {:?} {kind} json={} oneof={:?} presence={}",
                field.number(),
                field.name(),
                field.cardinality(),
                field.json_name(),
                field.containing_oneof().map(|oneof| oneof.name().to_owned()),
                field.supports_presence(),
            ));
        }
    }
    for values in pool.all_enums().filter(|e| e.package_name().starts_with("jaeger.")) {
        for value in values.values() {
            lines.insert(format!(
                "enum {} {} {}",
                values.full_name(),
                value.number(),
                value.name()
            ));
        }
    }
    for service in pool.services().filter(|s| s.package_name().starts_with("jaeger.")) {
        for method in service.methods() {
            lines.insert(format!(
                "service {} {} {} stream={} -> {} stream={}",
                service.full_name(),
                method.name(),
                method.input().full_name(),
                method.is_client_streaming(),
                method.output().full_name(),
                method.is_server_streaming(),
            ));
        }
    }
    lines
}
