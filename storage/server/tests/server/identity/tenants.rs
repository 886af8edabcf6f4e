//! Tenants beside each other, who have the same ids, times and shapes of traces: each is told of
//! its own names and counts, whatever the others do, and whatever becomes of the files.

use std::collections::BTreeSet;
use std::time::UNIX_EPOCH;

use futures::future::join_all;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use spoor_proto::storage::FindTraceSummariesRequest;
use tokio::time::timeout;
use tonic::Code;

use super::doors::{Doors, page, spans, traces};
use super::model::{Model, exported};
use super::{Caller, sha256};
use crate::support::{DEADLINE, Program, from_env, metric, post};

const TENANTS: [&str; 3] = ["acme", "007", "A.b-c_d"];
const TRACES: u8 = 12;
const OPERATIONS: usize = 100;

fn caller(tenant: &str, token: (&'static str, &str)) -> Caller {
    Caller(vec![("x-tenant", tenant.to_owned()), (token.0, token.1.to_owned())])
}

/// A tenant's ways into the store and its archive, with the readers' and the writers' token.
fn doors(program: &Program, tenant: &str) -> (Doors, Doors) {
    let reads = caller(tenant, ("bearer.token", "to read"));
    let writes = caller(tenant, ("authorization", "Bearer to-write"));
    let to = |address| Doors::new(address, reads.clone(), writes.clone());
    (to(program.grpc), to(program.archive.unwrap()))
}

/// Does one thing, whatever it is, and compares what it is told with what there should be.
async fn act(program: &Program, model: &mut Model, others: &str, rng: &mut StdRng) {
    let (doors, archive) = doors(program, &model.tenant);
    let trace = rng.random_range(1..=TRACES);
    if rng.random_bool(0.02) {
        let path = format!("/purge?tenant={}", model.tenant);
        assert_eq!(post(program.admin, &path).await.0, 200);
        model.purge();
    }
    match rng.random_range(0..20) {
        0..4 => doors.export(exported(model.call(trace))).await,
        4 => doors.write_each(model.call(trace)).await,
        5 => doors.write_stream(model.call(trace)).await,
        6 => {
            // Of the archive alone.
            let mut other = Model { tenant: model.tenant.clone(), ..Model::default() };
            other.calls = 1000 + rng.random_range(0..5);
            let [span, _] = other.call(trace);
            let id = 2 * other.calls;
            let told = other.spans.into_iter().find(|(_, it, ..)| *it == id).unwrap();
            if model.archived.insert(told) {
                match rng.random() {
                    true => doors.archive(span).await,
                    false => archive.export(exported([span])).await,
                }
            }
        }
        7 => {
            let expected = model.archived.iter().filter(|(of, ..)| *of == trace).cloned();
            let expected: BTreeSet<_> = expected.collect();
            assert_eq!(doors.archived(trace).await, expected);
            assert_eq!(archive.trace(trace).await, expected);
            assert_eq!(archive.find("").await, model.archived);
            assert_eq!(archive.spans().await, model.archived);
        }
        8 => assert_eq!(doors.trace(trace).await, model.of_trace(trace)),
        9 => assert_eq!(doors.trace_v1(trace).await, model.of_trace(trace)),
        10 => assert_eq!(doors.find("").await, model.spans),
        11 => assert_eq!(doors.find_v1("").await, model.spans),
        12 => {
            let service = format!("caller-of-{others}");
            assert_eq!(doors.find(&service).await, BTreeSet::new());
            assert_eq!(doors.find_v1(&service).await, BTreeSet::new());
            assert_eq!(doors.operations(&service).await, BTreeSet::new());
        }
        13 => assert_eq!(doors.ids().await, model.traces().into_keys().collect()),
        14 => assert_eq!(doors.ids_v1().await, model.traces().into_keys().collect()),
        15 => assert_eq!(doors.summaries(&model.services()).await, model.traces()),
        16 => assert_eq!(doors.spans().await, model.spans),
        17 => assert_eq!(doors.services().await, model.services()),
        18 => {
            let service = model.service("callee");
            assert_eq!(doors.operations(&service).await, model.operations(&service));
        }
        _ => {
            let calls = model.calls - model.purged;
            let told = (model.service("caller"), model.service("callee"), calls);
            let expected = if calls == 0 { vec![] } else { vec![told] };
            assert_eq!(doors.dependencies().await, expected);
        }
    }
}

/// Each tenant's tokens go on where they ended, and are of no use to another.
async fn tokens_are_of_their_tenant(program: &Program, tokens: &[(String, String)]) {
    for (owner, (ids, found)) in TENANTS.iter().zip(tokens) {
        for tenant in TENANTS {
            let mut reader = doors(program, tenant).0.reader();
            let by_ids = reader.find_trace_i_ds(traces(page(1, ids))).await.map(drop);
            let query = traces(page(1, ids)).query;
            let summaries = FindTraceSummariesRequest { query };
            let by_summaries = reader.find_trace_summaries(summaries).await.map(drop);
            let by_spans = reader.find_spans(spans(page(1, found))).await.map(drop);
            for answer in [by_ids, by_summaries, by_spans] {
                let code = answer.err().map(|status| status.code());
                let expected = (tenant != *owner).then_some(Code::InvalidArgument);
                assert_eq!(code, expected, "{owner}'s token, by {tenant}");
            }
        }
    }
}

/// The tokens of each tenant's second pages.
async fn tokens(program: &Program) -> Vec<(String, String)> {
    let tokens = TENANTS.map(|tenant| async move {
        let mut reader = doors(program, tenant).0.reader();
        let ids = reader.find_trace_i_ds(traces(page(1, ""))).await.unwrap().into_inner();
        let mut found = reader.find_spans(spans(page(1, ""))).await.unwrap().into_inner();
        let message = found.message().await.unwrap().unwrap();
        assert!(!ids.next_page_token.is_empty() && !message.next_page_token.is_empty());
        (ids.next_page_token, message.next_page_token)
    });
    join_all(tokens).await
}

async fn tenants_are_apart(engine: &str, restarts: u64, seed: u64) {
    let folder = tempfile::tempdir().unwrap();
    let settings = [
        format!("engine={engine}"),
        format!("data_dir={}", folder.path().display()),
        "archive=true".to_owned(),
        "archive_listen=127.0.0.1:0".to_owned(),
        "purge=true".to_owned(),
        "head_max_age=50ms".to_owned(),
        "tenant_header=x-tenant".to_owned(),
        format!("tenants={}", TENANTS.join(", ")),
        format!("read_tokens={},{}", sha256("to read"), sha256("unused")),
        format!("write_tokens={}", sha256("to-write").to_uppercase()),
    ];
    let settings = settings.each_ref().map(String::as_str);
    let mut models = TENANTS.map(|tenant| Model { tenant: tenant.to_owned(), ..Model::default() });
    let mut kept = Vec::new();
    for round in 0..=restarts {
        let program = Program::start(&settings).await;
        if !kept.is_empty() {
            tokens_are_of_their_tenant(&program, &kept).await;
        }
        let acting = (0_u64..).zip(&mut models).map(|(number, model)| {
            let others = TENANTS[(number as usize + 1) % TENANTS.len()];
            let mut rng = StdRng::seed_from_u64(seed + 10 * round + number);
            let program = &program;
            async move {
                for _ in 0..OPERATIONS {
                    act(program, model, others, &mut rng).await;
                }
                // There are two pages, whatever was purged.
                for trace in 1..=2 {
                    doors(program, &model.tenant).0.export(exported(model.call(trace))).await;
                }
            }
        });
        join_all(acting).await;
        kept = tokens(&program).await;
        tokens_are_of_their_tenant(&program, &kept).await;
        if engine == "embedded" {
            let series = r#"spoor_store_task_duration_seconds_count{task="compaction"}"#;
            let merge = async {
                while metric(program.admin, series).await.is_none_or(|count| count == 0.0) {
                    for model in &mut models {
                        let call = model.call(1 + (model.calls % u64::from(TRACES)) as u8);
                        doors(&program, &model.tenant).0.export(exported(call)).await;
                    }
                }
            };
            timeout(DEADLINE, merge).await.expect("segments are merged");
        }
        for (model, tenant) in models.iter().zip(TENANTS) {
            assert_eq!(doors(&program, tenant).0.find("").await, model.spans);
        }
        // Both are restarts that nobody is to notice.
        match round % 2 {
            0 => program.kill().await,
            _ => program.stop().await,
        }
    }
    let names = std::fs::read_dir(folder.path()).unwrap().map(|it| it.unwrap().file_name());
    let names: BTreeSet<_> = names.map(|it| it.into_string().unwrap()).collect();
    let expected = ["LOCK", "archive", "tenant-007", "tenant-A%2eb-c_d", "tenant-acme"];
    let expected = if engine == "memory" { vec![] } else { expected.to_vec() };
    assert_eq!(names, expected.into_iter().map(str::to_owned).collect());
}

#[tokio::test]
async fn tenants_of_the_memory_engine_are_apart() {
    tenants_are_apart("memory", 0, seed()).await;
}

#[tokio::test]
async fn tenants_of_the_embedded_engine_are_apart_beyond_restarts_and_merging() {
    let restarts = from_env("SPOOR_ROUNDS").unwrap_or(2);
    tenants_are_apart("embedded", restarts, seed()).await;
}

/// Says what each tenant does, though not in which order they come.
fn seed() -> u64 {
    let now = || UNIX_EPOCH.elapsed().unwrap().as_nanos() as u64;
    let seed = from_env("SPOOR_SEED").unwrap_or_else(now);
    println!("SPOOR_SEED={seed}");
    seed
}
