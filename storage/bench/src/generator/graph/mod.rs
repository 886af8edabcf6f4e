//! The call graph that traces are walks through: services, what each serves, and what that calls.
//!
//! It is a shop of sixteen services in six languages, because that is what public demonstrations
//! of tracing (OpenTelemetry's Astronomy Shop, HotROD) and reports from companies describe: a few
//! services at the edge that fan out, shared ones that nearly every request needs, stores and
//! queues behind them, and consumers that run on their own.

mod shop;
mod stores;

pub use shop::{ENTRIES, SERVICES};

/// What a service is written in decides which instrumentation library makes its spans.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Language {
    Dotnet,
    Go,
    Java,
    Node,
    Python,
    Rust,
}

#[derive(Debug)]
pub struct Service {
    pub name: &'static str,
    pub language: Language,
    /// The number of pods, each an SDK that exports by itself.
    pub replicas: usize,
    pub port: u16,
    pub endpoints: &'static [Endpoint],
}

/// What a service does when it is called, or by itself.
#[derive(Debug)]
pub struct Endpoint {
    pub protocol: Protocol,
    /// A method and a route (`GET /products/{id}`), a gRPC service and method, a topic, or a
    /// job's name.
    pub name: &'static str,
    /// The median of its own work, microseconds.
    pub work: f64,
    pub steps: &'static [Step],
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protocol {
    Http,
    Grpc,
    Kafka,
    /// Not called by anyone.
    Job,
}

#[derive(Clone, Copy, Debug)]
pub struct Step {
    pub action: Action,
    /// How probable it is that the step is taken at all.
    pub probability: f64,
    pub times: Times,
    /// Starts together with the step before, not after it.
    pub along: bool,
}

#[derive(Clone, Copy, Debug)]
pub enum Action {
    /// A service and its endpoint.
    Call(&'static str, &'static str),
    Query(&'static Statement),
    /// A command of Redis, with the kind of its key.
    Cache(&'static str, &'static str),
    External(&'static External),
    /// To every service that consumes the topic.
    Publish(&'static str),
    /// A function with a span of its own.
    Work(&'static str),
}

#[derive(Clone, Copy, Debug)]
pub enum Times {
    Once,
    /// One to eight, fewer more probable: a loop over what a person sees on a page.
    Few,
    /// Tens to hundreds: a job over a table.
    Many,
}

/// A prepared statement of an SQL database, or a search in Elasticsearch.
#[derive(Debug)]
pub struct Statement {
    pub database: &'static Database,
    pub operation: &'static str,
    pub collection: &'static str,
    /// With placeholders, as instrumentation libraries sanitize it.
    pub text: &'static str,
    /// The median, microseconds.
    pub latency: f64,
    /// The median of the rows it returns.
    pub rows: f64,
}

#[derive(Debug)]
pub struct Database {
    /// As in `db.system.name`.
    pub system: &'static str,
    pub namespace: &'static str,
    pub host: &'static str,
    pub port: u16,
}

/// Somebody else's HTTP API, which exports no spans to us.
#[derive(Debug)]
pub struct External {
    pub method: &'static str,
    pub host: &'static str,
    pub path: &'static str,
    /// The median, microseconds.
    pub latency: f64,
}

/// The number of a service and one of its endpoints.
pub fn endpoint(service: &str, name: &str) -> (usize, &'static Endpoint) {
    let number = SERVICES.iter().position(|known| known.name == service);
    let number = number.unwrap_or_else(|| panic!("the graph has no service {service}"));
    let found = SERVICES[number].endpoints.iter().find(|endpoint| endpoint.name == name);
    (number, found.unwrap_or_else(|| panic!("{service} has no endpoint {name}")))
}

/// The services that consume a topic, each with its endpoint.
pub fn consumers(topic: &str) -> impl Iterator<Item = (usize, &'static Endpoint)> {
    SERVICES.iter().enumerate().filter_map(move |(number, service)| {
        let mut consumers = service.endpoints.iter();
        let found = consumers
            .find(|endpoint| endpoint.protocol == Protocol::Kafka && endpoint.name == topic);
        found.map(|endpoint| (number, endpoint))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_call_and_every_topic_leads_somewhere() {
        for (service, entry) in ENTRIES {
            endpoint(service, entry);
        }
        for step in SERVICES.iter().flat_map(|service| service.endpoints).flat_map(|e| e.steps) {
            match step.action {
                Action::Call(service, name) => {
                    endpoint(service, name);
                }
                Action::Publish(topic) => assert!(consumers(topic).count() > 0, "{topic}"),
                _ => {}
            }
        }
    }

    #[test]
    fn every_endpoint_is_called() {
        for service in SERVICES {
            for endpoint in service.endpoints {
                let entered = ENTRIES.contains(&(service.name, endpoint.name));
                let called = SERVICES.iter().flat_map(|service| service.endpoints).any(|other| {
                    other.steps.iter().any(|step| match step.action {
                        Action::Call(name, called) => {
                            (name, called) == (service.name, endpoint.name)
                        }
                        Action::Publish(topic) => {
                            endpoint.protocol == Protocol::Kafka && topic == endpoint.name
                        }
                        _ => false,
                    })
                });
                assert!(entered || called, "{} of {}", endpoint.name, service.name);
            }
        }
    }
}
