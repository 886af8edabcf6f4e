use super::{Attributes, address_of};
use crate::generator::graph::{External, Language};
use crate::generator::random::Random;
use crate::generator::values::Visit;
use crate::generator::world::Pod;

/// A request and its response, as both sides see it.
pub struct Exchange<'a> {
    pub method: &'a str,
    pub route: &'a str,
    pub status: i64,
    pub visit: &'a Visit,
}

/// The server's span. Without a caller the request came from outside, through a load balancer.
pub fn server(
    exchange: &Exchange<'_>,
    pod: &Pod,
    caller: Option<&Pod>,
    random: &mut Random,
) -> Attributes {
    let Exchange { method, route, status, visit } = exchange;
    let service = pod.service();
    let is_probe = *route == "/healthz";
    let mut attributes = Attributes::default();
    attributes
        .text("http.request.method", *method)
        .text("url.scheme", if caller.is_some() || is_probe { "http" } else { "https" })
        .text("url.path", visit.path(route));
    if let Some(query) = visit.query(route) {
        attributes.text("url.query", query);
    }
    attributes.text("http.route", *route);
    match caller {
        Some(caller) => {
            attributes
                .text("server.address", service.name)
                .int("server.port", service.port.into())
                .text("client.address", &caller.address)
                .text("network.peer.address", &caller.address)
                .int("network.peer.port", caller.port_to(service.name, random))
                .text("user_agent.original", library(caller.language()));
        }
        None if is_probe => {
            attributes
                .text("server.address", &pod.address)
                .int("server.port", service.port.into())
                .text("network.peer.address", format!("10.42.{}.1", pod.node))
                .int("network.peer.port", 32_768 + random.below(28_232) as i64)
                .text("user_agent.original", "kube-probe/1.33");
        }
        None => {
            attributes
                .text(
                    "server.address",
                    if service.port == 8443 { "api.shop.example" } else { "shop.example" },
                )
                .int("server.port", 443)
                // The load balancer forwards the visitor's address, and comes from one of three
                // of its own.
                .text("client.address", &visit.address)
                .text("network.peer.address", format!("10.0.{}.20", random.below(3)))
                .int("network.peer.port", 1_024 + random.below(64_512) as i64)
                .text("user_agent.original", &visit.user_agent);
        }
    }
    attributes.text("network.protocol.version", "1.1").int("http.response.status_code", *status);
    if matches!(*method, "POST" | "PUT") {
        attributes.int("http.request.body.size", random.log_normal(420.0, 0.6) as i64);
    }
    // otelhttp and the Node.js instrumentation tell sizes, Tomcat's does not.
    if matches!(pod.language(), Language::Go | Language::Node) && !is_probe {
        attributes.int("http.response.body.size", random.log_normal(9_000.0, 1.1) as i64);
    }
    if caller.is_none() && !is_probe {
        // Headers that a team asked to capture; a header's value is an array.
        attributes.texts("http.request.header.x-request-id", [visit.request_id.as_str()]);
        if pod.language() == Language::Node {
            attributes.texts("http.response.header.content-type", ["text/html; charset=utf-8"]);
        }
    }
    attributes
}

/// The client's span of a request to another service of ours.
pub fn client(exchange: &Exchange<'_>, pod: &Pod, server: &Pod) -> Attributes {
    let Exchange { method, route, status, visit } = exchange;
    let service = server.service();
    let query = visit.query(route).map(|query| format!("?{query}")).unwrap_or_default();
    let mut attributes = Attributes::default();
    attributes
        .text("http.request.method", *method)
        .text(
            "url.full",
            format!("http://{}:{}{}{query}", service.name, service.port, visit.path(route)),
        )
        .text("server.address", service.name)
        .int("server.port", service.port.into())
        .text("network.peer.address", &server.address)
        .int("network.peer.port", service.port.into())
        .text("network.protocol.version", "1.1");
    if *status > 0 {
        attributes.int("http.response.status_code", *status);
    }
    if pod.language() == Language::Node {
        attributes.text("network.transport", "tcp");
    }
    attributes
}

/// The client's span of a request to somebody else's API.
pub fn external(api: &External, status: i64, visit: &Visit, random: &mut Random) -> Attributes {
    let query = match api.method {
        "GET" => format!("?parcel={}", visit.path("/shipments/{id}").replace("/shipments/", "")),
        _ => String::new(),
    };
    let mut attributes = Attributes::default();
    attributes
        .text("http.request.method", api.method)
        .text("url.full", format!("https://{}{}{query}", api.host, api.path))
        .text("server.address", api.host)
        .int("server.port", 443)
        .text("network.peer.address", address_of(api.host))
        .int("network.peer.port", 443)
        .text("network.protocol.version", "2");
    if status > 0 {
        attributes
            .int("http.response.status_code", status)
            .int("http.response.body.size", random.log_normal(1_400.0, 0.7) as i64);
    }
    attributes
}

fn library(language: Language) -> &'static str {
    match language {
        Language::Dotnet => "Dapr/1.15 (.NET 9.0.9)",
        Language::Go => "Go-http-client/1.1",
        Language::Java => "Java-http-client/21.0.8",
        Language::Node => "node",
        Language::Python => "python-requests/2.32.5",
        Language::Rust => "shop-http/1.9",
    }
}
