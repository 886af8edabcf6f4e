//! Our copy of Jaeger's storage contract is the one that jaeger-idl publishes.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::process::Command;

use prost_types::DescriptorProto;
use protox::Compiler;
use protox::file::{
    ChainFileResolver, DescriptorSetFileResolver, File, FileResolver, GoogleFileResolver,
    IncludeFileResolver,
};
use protox::prost_reflect::{DescriptorPool, Kind};

const THEIR_FILES: [&str; 4] = [
    "expression/v1/expression.proto",
    "storage/v2/capabilities.proto",
    "storage/v2/dependency_storage.proto",
    "storage/v2/trace_storage.proto",
];

#[test]
#[ignore = "needs Go; run by .ci/run"]
fn our_contract_is_jaegers_field_for_field() {
    let mut resolver = ChainFileResolver::new();
    resolver.add(WithoutOptions(IncludeFileResolver::new(published_protos())));
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

/// The `proto` folder of the jaeger-idl module, whose version and checksum `go/idl` pins.
fn published_protos() -> PathBuf {
    let output = Command::new("go")
        .args(["mod", "download", "-json", "github.com/jaegertracing/jaeger-idl"])
        .current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/go/idl"))
        .output()
        .expect("go is on the PATH");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
    let module: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    PathBuf::from(module["Dir"].as_str().unwrap()).join("proto")
}

/// Reads files without their options, which say nothing about the wire, and without the imports
/// that only declare options.
struct WithoutOptions(IncludeFileResolver);

impl FileResolver for WithoutOptions {
    fn open_file(&self, name: &str) -> Result<File, protox::Error> {
        let mut file = self.0.open_file(name)?.file_descriptor_proto().clone();
        file.dependency.retain(|import| {
            !import.starts_with("gnostic/") && import != "expression/v1/vocabulary.proto"
        });
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
