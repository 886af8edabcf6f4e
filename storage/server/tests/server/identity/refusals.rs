//! Callers that are not let in, by every method there is.

use std::collections::{BTreeSet, HashMap};
use std::time::Duration;

use prost::Message;
use prost_types::FileDescriptorSet;
use spoor::config::{Config, TokenHash};
use spoor_proto::storage_v1::CapabilitiesRequest;
use spoor_proto::storage_v1::plugin_capabilities_client::PluginCapabilitiesClient;
use tonic::Code;
use tonic::Code::{PermissionDenied, Unauthenticated};

use super::sha256;
use crate::support::{Answer, Call, Program, TestServer, frame, get, metric, post};

const READ: &str = "a-readers-token";
const WRITE: &str = "a-writers-token";
/// What no refusal may show a part of.
const SECRETS: [&str; 5] = ["acme", "globex", "initech", "-token", "x-org"];

fn closed(config: &mut Config) {
    config.archive = true;
    config.tenant_header = Some("x-org".parse().unwrap());
    config.tenants = BTreeSet::from(["acme".to_owned(), "globex".to_owned()]);
    config.read_tokens = vec![TokenHash::of(b"another"), TokenHash::of(READ.as_bytes())];
    config.write_tokens = vec![TokenHash::of(WRITE.as_bytes())];
}

struct Method {
    path: String,
    writes: bool,
}

/// Every method of the storage services but those that anyone may call.
fn methods() -> Vec<Method> {
    let set = FileDescriptorSet::decode(spoor_proto::FILE_DESCRIPTOR_SET).unwrap();
    let mut methods = Vec::new();
    for file in &set.file {
        for service in file.service.iter().filter(|it| !it.name().ends_with("Capabilities")) {
            let name = service.name();
            let writes = name == "TraceService" || name.ends_with("WriterPlugin");
            methods.extend(service.method.iter().map(|method| Method {
                path: format!("/{}.{name}/{}", file.package(), method.name()),
                writes,
            }));
        }
    }
    assert_eq!(methods.len(), 9 + 11, "every method of both APIs, and OTLP's");
    methods
}

async fn call(server: &TestServer, path: &str, headers: &[(&'static str, &str)]) -> Answer {
    let mut call = Call::open(server.grpc, path, headers).await;
    call.send(frame(0, b""));
    call.end().await
}

#[tokio::test]
async fn each_method_refuses_whom_it_does_not_know_and_tells_nothing() {
    let server = TestServer::start(closed).await;
    let long = "x".repeat(65);
    let (mut texts, mut refused) = (BTreeSet::new(), HashMap::new());
    for Method { path, writes } in methods() {
        let (token, others) = if writes { (WRITE, READ) } else { (READ, WRITE) };
        let [bearer, lower] = ["Bearer", "bearer"].map(|scheme| format!("{scheme} {token}"));
        let basic = format!("Basic {token}");
        let (shorter, longer) = (&token[..token.len() - 1], format!("{token}s"));
        let digest = format!("Digest {token}");
        let (org, raw) = (("x-org", "acme"), ("bearer.token", token));
        let cases: Vec<(&str, Vec<(&'static str, &str)>)> = vec![
            ("missing_token", vec![]),
            ("missing_token", vec![org]),
            ("missing_token", vec![("x-org", "initech")]),
            ("unknown_token", vec![org, ("bearer.token", others)]),
            ("unknown_token", vec![org, ("bearer.token", "")]),
            ("unknown_token", vec![("x-org", "initech"), ("bearer.token", "no-token")]),
            ("unknown_token", vec![org, ("bearer.token", shorter)]),
            ("unknown_token", vec![org, ("bearer.token", &longer)]),
            ("unknown_token", vec![org, ("authorization", &digest)]),
            // A raw token has no scheme, and the other has one.
            ("unknown_token", vec![org, ("bearer.token", &bearer)]),
            ("unknown_token", vec![org, ("authorization", token)]),
            ("unknown_token", vec![org, ("authorization", &basic)]),
            ("repeated_token", vec![org, raw, raw]),
            ("repeated_token", vec![org, raw, ("authorization", &bearer)]),
            ("missing_tenant", vec![raw]),
            ("missing_tenant", vec![raw, ("x-tenant", "acme")]),
            ("unknown_tenant", vec![raw, ("x-org", "initech")]),
            ("unknown_tenant", vec![raw, ("x-org", "")]),
            ("unknown_tenant", vec![raw, ("x-org", "ACME")]),
            ("unknown_tenant", vec![raw, ("x-org", "acme,globex")]),
            ("unknown_tenant", vec![raw, ("x-org", "acme/../globex")]),
            ("unknown_tenant", vec![raw, ("x-org", &long)]),
            ("repeated_tenant", vec![raw, org, org]),
            ("repeated_tenant", vec![raw, org, ("x-org", "globex")]),
        ];
        for (reason, headers) in cases {
            let answer = call(&server, &path, &headers).await;
            let code = match reason {
                "unknown_tenant" | "repeated_tenant" => PermissionDenied,
                _ => Unauthenticated,
            };
            assert_eq!(answer.code, code, "{path} {headers:?}: {answer:?}");
            assert_eq!(answer.headers["content-type"], "application/grpc");
            let shown = format!("{answer:?}").to_lowercase();
            for secret in SECRETS {
                assert!(!shown.contains(secret), "{secret} in {shown}");
            }
            texts.insert((code as i32, answer.message));
            *refused.entry(reason).or_insert(0.0) += 1.0;
        }
        for token in
            [("bearer.token", token), ("authorization", &bearer), ("authorization", &lower)]
        {
            let answer = call(&server, &path, &[token, org]).await;
            assert!(
                ![PermissionDenied, Unauthenticated, Code::Unimplemented, Code::Internal]
                    .contains(&answer.code),
                "{path}: {answer:?}"
            );
        }
    }
    // One for all tokens, one for all tenants, and one for no tenant.
    assert_eq!(texts.len(), 3, "{texts:?}");
    for (reason, count) in refused {
        let series = format!(r#"spoor_refused_callers_total{{reason="{reason}"}}"#);
        assert_eq!(metric(server.admin, &series).await, Some(count), "{reason}");
    }
    let series = r#"spoor_requests_total{rpc="jaeger.storage.v2.TraceReader/GetServices",code="Unauthenticated"}"#;
    assert_eq!(metric(server.admin, series).await, Some(16.0));
}

#[tokio::test]
async fn an_empty_token_is_none_even_if_its_hash_is_configured() {
    let server = TestServer::start(|config| config.read_tokens = vec![TokenHash::of(b"")]).await;
    let path = "/jaeger.storage.v2.TraceReader/GetServices";
    for empty in [("bearer.token", ""), ("authorization", "Bearer ")] {
        assert_eq!(call(&server, path, &[empty]).await.code, Unauthenticated, "{empty:?}");
    }
}

#[tokio::test]
async fn a_token_is_in_no_log_and_no_metric() {
    let settings = [
        "log=debug".to_owned(),
        "tracing=true".to_owned(),
        format!("read_tokens={}", sha256(READ)),
        format!("write_tokens={}", sha256(WRITE)),
    ];
    let mut program = Program::start(&settings.each_ref().map(String::as_str)).await;
    let paths = [
        "/jaeger.storage.v2.TraceReader/GetServices",
        "/opentelemetry.proto.collector.trace.v1.TraceService/Export",
    ];
    for (path, token) in paths.into_iter().zip([READ, WRITE]) {
        for (given, code) in [(token, Code::Ok), ("no-token", Unauthenticated)] {
            let bearer = format!("Bearer {given}");
            for header in [("bearer.token", given), ("authorization", &bearer)] {
                let mut call = Call::open(program.grpc, path, &[header]).await;
                call.send(frame(0, b""));
                assert_eq!(call.end().await.code, code);
            }
        }
    }
    let (_, metrics) = get(program.admin, "/metrics").await;
    program.terminate();
    let mut told = vec![metrics];
    while !told.last().unwrap().contains("stopped") {
        told.push(program.logs("").await);
    }
    for text in told {
        for secret in ["-token", &sha256(READ), &sha256(WRITE)] {
            assert!(!text.contains(secret), "{text}");
        }
    }
}

#[tokio::test]
async fn capabilities_health_and_reflection_are_for_anyone() {
    let server = TestServer::start(closed).await;
    for path in [
        "/jaeger.storage.v1.PluginCapabilities/Capabilities",
        "/jaeger.storage.v2.Capabilities/GetCapabilities",
        "/grpc.health.v1.Health/Check",
        "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo",
        "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo",
    ] {
        let mut call = Call::open(server.grpc, path, &[]).await;
        call.send(frame(0, b""));
        let answer = call.end().await;
        let is_reflection = path.contains("reflection");
        // Its empty message asks for nothing.
        let expected = if is_reflection { Code::InvalidArgument } else { Code::Ok };
        assert_eq!(answer.code, expected, "{path}: {answer:?}");
    }
}

#[tokio::test]
async fn what_anyone_may_ask_is_short() {
    let server = TestServer::start(|_| {}).await;
    for path in [
        "/jaeger.storage.v1.PluginCapabilities/Capabilities",
        "/jaeger.storage.v2.Capabilities/GetCapabilities",
        "/grpc.health.v1.Health/Check",
        "/grpc.health.v1.Health/Watch",
        "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo",
        "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo",
    ] {
        let mut call = Call::open(server.grpc, path, &[]).await;
        // Whoever sends a message's header alone is not waited for.
        call.send(frame(0, &[0; 1025]).slice(..5));
        // Reflection ends its answer as if the request had ended.
        let is_reflection = path.contains("reflection");
        let expected = if is_reflection { Code::Ok } else { Code::InvalidArgument };
        assert_eq!(call.answer().await.code, expected, "{path}");
    }
}

#[tokio::test]
async fn who_asks_what_anyone_may_must_ask_in_time() {
    let server =
        TestServer::start(|config| config.client_timeout = Duration::from_millis(300)).await;
    for path in [
        "/jaeger.storage.v2.Capabilities/GetCapabilities",
        "/grpc.health.v1.Health/Check",
        "/grpc.health.v1.Health/Watch",
        "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo",
    ] {
        let mut call = Call::open(server.grpc, path, &[]).await;
        call.send(frame(0, &[0; 100]).slice(..50));
        let code = if path.contains("reflection") { Code::Ok } else { Code::DeadlineExceeded };
        assert_eq!(call.answer().await.code, code, "{path}");
    }
}

/// Jaeger 1.76 writes spans of every tenant to whichever of its streams is free.
#[tokio::test]
async fn jaeger_is_not_told_to_write_by_streams_where_there_are_tenants() {
    for (tenants, expected) in [(true, false), (false, true)] {
        let server = TestServer::start(|config| {
            config.tenant_header = tenants.then(|| "x-tenant".parse().unwrap());
        })
        .await;
        let mut client = PluginCapabilitiesClient::new(server.channel());
        let told = client.capabilities(CapabilitiesRequest {}).await.unwrap().into_inner();
        assert_eq!(told.streaming_span_writer, expected);
    }
}

#[tokio::test]
async fn an_unknown_caller_takes_no_memory() {
    let server = TestServer::start(|config| {
        closed(config);
        config.max_request_bytes = 1 << 20;
        config.max_inflight_bytes = 2 << 20;
    })
    .await;
    let known = [("bearer.token", WRITE), ("x-org", "acme")];
    let begin = |headers: &'static [(&'static str, &str)]| async {
        let mut call = Call::export(server.grpc, headers).await;
        // The begin of a message of 1 MiB, less its last byte.
        call.send(frame(0, &vec![0; 1 << 20]).slice(..32 << 10));
        call
    };
    let mut unknown = Vec::new();
    for _ in 0..100 {
        unknown.push(begin(&[("bearer.token", "no-token"), ("x-org", "acme")]).await);
    }
    for call in unknown {
        assert_eq!(call.answer().await.code, Unauthenticated);
    }
    assert_eq!(metric(server.admin, "spoor_export_inflight_bytes").await, Some(0.0));
    let mut good = Call::export(server.grpc, &known).await;
    good.send(frame(0, b""));
    assert_eq!(good.end().await.code, Code::Ok);
}

#[tokio::test]
async fn an_open_list_takes_any_valid_name() {
    let server = TestServer::start(|config| {
        config.tenant_header = Some("x-tenant".parse().unwrap());
    })
    .await;
    let path = "/jaeger.storage.v2.TraceReader/GetServices";
    let longest = "x".repeat(64);
    for name in ["a", "007", "A.b-c_d", "..", &longest] {
        let answer = call(&server, path, &[("x-tenant", name)]).await;
        assert_eq!(answer.code, Code::Ok, "{name}: {answer:?}");
    }
    for name in ["", " ", "a b", "a,b", "a/b"] {
        let answer = call(&server, path, &[("x-tenant", name)]).await;
        assert_eq!(answer.code, PermissionDenied, "{name}: {answer:?}");
    }
}

#[tokio::test]
async fn purging_needs_the_name_of_a_tenant_where_there_are_some() {
    let one = TestServer::start(|config| config.purge = true).await;
    assert_eq!(post(one.admin, "/purge?tenant=acme").await.0, 400);
    assert_eq!(post(one.admin, "/purge").await.0, 200);
    let many = TestServer::start(|config| {
        closed(config);
        config.purge = true;
    })
    .await;
    let write = ["acme", "globex"].map(|org| {
        let span = crate::support::span(1, 1);
        (org, crate::support::export(org, vec![span]).0)
    });
    for (org, export) in write {
        let headers = [("bearer.token", WRITE), ("x-org", org)];
        let mut call = Call::export(many.grpc, &headers).await;
        call.send(frame(0, &export));
        assert_eq!(call.end().await.code, Code::Ok);
    }
    for wrong in ["/purge", "/purge?tenant=", "/purge?tenant=initech"] {
        assert_eq!(post(many.admin, wrong).await.0, 400, "{wrong}");
    }
    assert_eq!(metric(many.admin, "spoor_store_spans").await, Some(2.0));
    assert_eq!(post(many.admin, "/purge?tenant=acme").await, (200, "purged\n".to_owned()));
    assert_eq!(metric(many.admin, "spoor_store_spans").await, Some(1.0));
    assert_eq!(get(many.admin, "/purge?tenant=globex").await.0, 405);
}
