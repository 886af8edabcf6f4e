//! What encloses spans: the resource that an SDK and Kubernetes' detectors give a process, and
//! the scope of the library that made them.

use opentelemetry_proto::tonic::common::v1::InstrumentationScope;
use opentelemetry_proto::tonic::resource::v1::Resource;

use super::attributes::Attributes;
use super::graph::Language;
use super::world::{Pod, node_name, zone};

/// The schema URL that an SDK of the time sends.
pub const SCHEMA_URL: &str = "https://opentelemetry.io/schemas/1.38.0";

/// What a span is about, and hence which library makes it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Instrument {
    HttpServer,
    HttpClient,
    Rpc,
    Database,
    Cache,
    Messaging,
    /// The service's own code.
    App,
}

pub const INSTRUMENTS: [Instrument; 7] = [
    Instrument::HttpServer,
    Instrument::HttpClient,
    Instrument::Rpc,
    Instrument::Database,
    Instrument::Cache,
    Instrument::Messaging,
    Instrument::App,
];

pub fn resource(pod: &Pod) -> Resource {
    let service = pod.service();
    let language = Runtime::of(service.language);
    let mut attributes = Attributes::default();
    attributes
        .text("service.name", service.name)
        .text("service.namespace", "shop")
        .text("service.version", format!("{}.{}.{}", 1 + pod.service % 3, 4 + pod.service, 2))
        .text("service.instance.id", &pod.instance)
        .text("deployment.environment.name", "production")
        .text("telemetry.sdk.name", "opentelemetry")
        .text("telemetry.sdk.language", language.name)
        .text("telemetry.sdk.version", language.sdk)
        .text("process.runtime.name", language.runtime)
        .text("process.runtime.version", language.version)
        .int("process.pid", pod.process)
        .texts("process.command_args", language.command.split(' '))
        .text("host.name", node_name(pod.node))
        .text("host.arch", if pod.node.is_multiple_of(4) { "arm64" } else { "amd64" })
        .text("os.type", "linux")
        .text("container.id", &pod.container)
        .text("k8s.namespace.name", "shop")
        .text("k8s.deployment.name", service.name)
        .text("k8s.pod.name", &pod.name)
        .text("k8s.pod.uid", &pod.uid)
        .text("k8s.container.name", service.name)
        .text("k8s.node.name", node_name(pod.node))
        .text("cloud.region", "eu-central-1")
        .text("cloud.availability_zone", zone(pod.node));
    Resource { attributes: attributes.into_vec(), ..Resource::default() }
}

/// The library's name and version, as the languages' registries had them.
pub fn scope(pod: &Pod, instrument: Instrument) -> InstrumentationScope {
    use Instrument::{App, Cache, Database, HttpClient, HttpServer, Messaging, Rpc};
    use Language::{Dotnet, Go, Java, Node, Python, Rust};
    let own = pod.service().name;
    let (name, version) = match (pod.language(), instrument) {
        (Node, HttpServer | HttpClient) => ("@opentelemetry/instrumentation-http", "0.206.0"),
        (Node, Rpc) => ("@opentelemetry/instrumentation-grpc", "0.206.0"),
        (Go, HttpServer | HttpClient) => {
            ("go.opentelemetry.io/contrib/instrumentation/net/http/otelhttp", "0.63.0")
        }
        (Go, Rpc) => (
            "go.opentelemetry.io/contrib/instrumentation/google.golang.org/grpc/otelgrpc",
            "0.63.0",
        ),
        (Go, Database) => ("github.com/XSAM/otelsql", "0.40.0"),
        (Go, Cache) => ("github.com/redis/go-redis/extra/redisotel", "semver:9.14.0"),
        (Go, Messaging) => ("github.com/dnwe/otelsarama", "0.41.0"),
        (Java, HttpServer) => ("io.opentelemetry.tomcat-10.0", "2.20.1-alpha"),
        (Java, HttpClient) => ("io.opentelemetry.java-http-client", "2.20.1-alpha"),
        (Java, Rpc) => ("io.opentelemetry.grpc-1.6", "2.20.1-alpha"),
        (Java, Database) => ("io.opentelemetry.jdbc", "2.20.1-alpha"),
        (Java, Cache) => ("io.opentelemetry.lettuce-5.1", "2.20.1-alpha"),
        (Java, Messaging) => ("io.opentelemetry.kafka-clients-0.11", "2.20.1-alpha"),
        (Java, App) => {
            ("io.opentelemetry.opentelemetry-instrumentation-annotations-1.16", "2.20.1-alpha")
        }
        (Dotnet, Rpc | HttpServer) => ("Microsoft.AspNetCore", ""),
        (Dotnet, Database) => ("OpenTelemetry.Instrumentation.SqlClient", "1.12.0-beta.2"),
        (Dotnet, Cache) => ("OpenTelemetry.Instrumentation.StackExchangeRedis", "1.12.0-beta.2"),
        (Dotnet, Messaging) => ("OpenTelemetry.Instrumentation.ConfluentKafka", "0.1.0-alpha.3"),
        (Python, Rpc) => ("opentelemetry.instrumentation.grpc", "0.59b0"),
        (Python, Cache) => ("opentelemetry.instrumentation.redis", "0.59b0"),
        (Python, HttpClient) => ("opentelemetry.instrumentation.requests", "0.59b0"),
        (Python, Messaging) => ("opentelemetry.instrumentation.kafka", "0.59b0"),
        // `tracing-opentelemetry` has one tracer for everything, as an application's own has.
        (Rust, _) | (_, App | Database | Cache | HttpClient | Messaging | HttpServer) => (own, ""),
    };
    InstrumentationScope {
        name: name.to_owned(),
        version: version.to_owned(),
        ..InstrumentationScope::default()
    }
}

struct Runtime {
    name: &'static str,
    sdk: &'static str,
    runtime: &'static str,
    version: &'static str,
    command: &'static str,
}

impl Runtime {
    fn of(language: Language) -> Self {
        let [name, sdk, runtime, version, command] = match language {
            Language::Dotnet => ["dotnet", "1.13.0", ".NET", "9.0.9", "dotnet Service.dll"],
            Language::Go => {
                ["go", "1.38.0", "go", "go1.25.1", "/service --config=/etc/service.yaml"]
            }
            Language::Java => [
                "java",
                "1.54.1",
                "OpenJDK Runtime Environment",
                "21.0.8+9-LTS",
                "/opt/java/openjdk/bin/java -javaagent:/opentelemetry-javaagent.jar -jar /app.jar",
            ],
            Language::Node => {
                ["nodejs", "2.1.0", "nodejs", "22.19.0", "node --require ./otel.js server.js"]
            }
            Language::Python => ["python", "1.38.0", "cpython", "3.13.7", "python -m service"],
            Language::Rust => ["rust", "0.31.0", "rustc", "1.90.0", "/usr/local/bin/service"],
        };
        Self { name, sdk, runtime, version, command }
    }
}
