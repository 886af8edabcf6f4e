use super::Attributes;
use crate::generator::graph::Language;
use crate::generator::random::Random;
use crate::generator::world::Pod;

/// The client's span of a gRPC call; `code` is gRPC's status.
pub fn client(name: &str, code: i64, pod: &Pod, server: &Pod) -> Attributes {
    let mut attributes = call(name, code);
    attributes
        .text("server.address", server.service().name)
        .int("server.port", server.service().port.into())
        .text("network.peer.address", &server.address)
        .int("network.peer.port", server.service().port.into());
    add_network(&mut attributes, pod);
    attributes
}

/// The server's span of a gRPC call.
pub fn server(name: &str, code: i64, pod: &Pod, caller: &Pod, random: &mut Random) -> Attributes {
    let port = caller.port_to(pod.service().name, random);
    let mut attributes = call(name, code);
    attributes
        .text("server.address", pod.service().name)
        .int("server.port", pod.service().port.into())
        .text("client.address", &caller.address)
        .int("client.port", port)
        .text("network.peer.address", &caller.address)
        .int("network.peer.port", port);
    add_network(&mut attributes, pod);
    attributes
}

fn call(name: &str, code: i64) -> Attributes {
    let (service, method) = name.split_once('/').unwrap_or((name, ""));
    let mut attributes = Attributes::default();
    attributes
        .text("rpc.system", "grpc")
        .text("rpc.service", service)
        .text("rpc.method", method)
        .int("rpc.grpc.status_code", code);
    attributes
}

fn add_network(attributes: &mut Attributes, pod: &Pod) {
    match pod.language() {
        Language::Java | Language::Go => {
            attributes.text("network.type", "ipv4").text("network.transport", "tcp");
        }
        Language::Dotnet => {
            attributes.text("network.protocol.version", "2");
        }
        Language::Node | Language::Python | Language::Rust => {}
    }
}
