//! One store under several lists of tenants: who is served, and what becomes of the others' files.

use std::path::Path;

use tonic::Code;

use crate::support::{Answer, Call, Program, TestServer, export, frame, metric, refused, span};

/// As many as the embedded engine serves.
fn many(prefix: &str) -> Vec<String> {
    (1..=16).map(|number| format!("{prefix}-{number}")).collect()
}

/// The settings for such tenants; none without a header, any if there is no list.
fn settings(folder: &Path, header: bool, tenants: &[String]) -> Vec<String> {
    let mut settings = vec![format!("data_dir={}", folder.display())];
    settings.extend(header.then(|| "tenant_header=x-tenant".to_owned()));
    settings.extend((!tenants.is_empty()).then(|| format!("tenants={}", tenants.join(","))));
    settings
}

async fn start(folder: &Path, header: bool, tenants: &[String]) -> Program {
    let settings = settings(folder, header, tenants);
    Program::start(&settings.iter().map(String::as_str).collect::<Vec<_>>()).await
}

/// Writes a span of this trace.
async fn write(program: &Program, trace: u128, headers: &[(&'static str, &str)]) -> Answer {
    let mut call = Call::export(program.grpc, headers).await;
    call.send(frame(0, &export("app", vec![span(trace, 1)]).0));
    call.end().await
}

async fn all_write(program: &Program, tenants: &[String]) {
    for tenant in tenants {
        let answer = write(program, 1, &[("x-tenant", tenant)]).await;
        assert_eq!(answer.code, Code::Ok, "{tenant}: {answer:?}");
    }
}

async fn spans(program: &Program) -> Option<f64> {
    metric(program.admin, "spoor_store_spans").await
}

#[tokio::test]
async fn whoever_is_configured_is_served_whatever_was_there_before() {
    let folder = tempfile::tempdir().unwrap();
    let (one, first, second) = (Vec::new(), many("first"), many("second"));
    let program = start(folder.path(), false, &one).await;
    assert_eq!(write(&program, 1, &[]).await.code, Code::Ok);
    program.stop().await;
    for tenants in [&first, &second] {
        let program = start(folder.path(), true, tenants).await;
        all_write(&program, tenants).await;
        assert_eq!(spans(&program).await, Some(16.0));
        program.stop().await;
    }

    // More than it serves, and nobody says which.
    let any = settings(folder.path(), true, &[]);
    let any: Vec<_> = any.iter().flat_map(|setting| ["--set", setting]).collect();
    let (code, line) = refused(&any, &[]).await;
    assert_eq!(code, 1, "{line}");
    assert!(line.contains("32 tenants") && line.contains("16"), "{line}");

    // What was left alone is still there.
    let program = start(folder.path(), false, &one).await;
    assert_eq!(write(&program, 2, &[]).await.code, Code::Ok);
    assert_eq!(spans(&program).await, Some(2.0));
    program.stop().await;
    let program = start(folder.path(), true, &first).await;
    assert_eq!(spans(&program).await, Some(16.0));
}

#[tokio::test]
async fn where_any_tenant_may_be_there_are_16_beside_the_spans_of_none() {
    let folder = tempfile::tempdir().unwrap();
    let program = start(folder.path(), false, &[]).await;
    assert_eq!(write(&program, 1, &[]).await.code, Code::Ok);
    program.stop().await;
    let program = start(folder.path(), true, &[]).await;
    all_write(&program, &many("any")).await;
    let answer = write(&program, 1, &[("x-tenant", "one-more")]).await;
    assert_eq!((answer.code, spans(&program).await), (Code::InvalidArgument, Some(16.0)));
    assert!(answer.message.contains("no further tenant"), "{answer:?}");
}

#[tokio::test]
async fn the_limit_of_the_store_is_as_its_size_of_all_tenants() {
    for (header, listed, expected) in [(false, 0, 4), (true, 2, 8), (true, 0, 64)] {
        let server = TestServer::start(|config| {
            config.tenant_header = header.then(|| "x-tenant".parse().unwrap());
            config.tenants = many("tenant").into_iter().take(listed).collect();
        })
        .await;
        let told = metric(server.admin, "spoor_store_limit_bytes").await;
        assert_eq!(told, Some((expected * (1_u64 << 30)) as f64), "{listed} tenants");
    }
}
