//! `/chain`: one request through four services and two protocols.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use serde_json::{Value, json};
use tracing::info;

use crate::answer::in_trace;
use crate::error::Error;
use crate::routes::App;
use crate::tasks::IoTask;

/// Primes below this are counted for one `/chain`.
const CPU_TASK_LIMIT: u32 = 100_000;

/// Calls this service, its first target over HTTP, then its second over gRPC, which calls on. The
/// answer has each hop's.
pub(crate) async fn chain(State(app): State<Arc<App>>) -> Result<Json<Value>, Error> {
    let _under_way = app.chains.subscribe();
    let peers = &app.peers;
    info!("starting the chain");
    let home: Value = peers.get(&peers.this, "/").await?;
    let io_task: Value = peers.get(&peers.target_one, "/io_task").await?;
    let cpu_task = peers.cpu_task(CPU_TASK_LIMIT).await?;
    info!(primes = i64::from(cpu_task.primes), "finished the chain");
    let IoTask { service, milliseconds } = cpu_task.io_task.unwrap_or_default();
    Ok(in_trace(json!({
        "service": app.name,
        "hops": [
            { "call": "GET /", "protocol": "http", "answer": home },
            { "call": "GET /io_task", "protocol": "http", "answer": io_task },
            {
                "call": "demo.v1.Tasks/CpuTask",
                "protocol": "grpc",
                "answer": {
                    "service": cpu_task.service,
                    "primes": cpu_task.primes,
                    "hops": [{
                        "call": "GET /io_task",
                        "protocol": "http",
                        "answer": { "service": service, "milliseconds": milliseconds },
                    }],
                },
            },
        ],
    })))
}
