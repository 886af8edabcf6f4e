//! The routes of both protocols, and the HTTP side of teaching.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::rejection::{PathRejection, QueryRejection};
use axum::extract::{DefaultBodyLimit, MatchedPath, Path, Query, Request, State};
use axum::http::StatusCode;
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::{delete, get, post};
use axum::{Json, Router};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tokio::sync::watch;
use tower::Layer;
use tracing::{Span, error, info};
use tracing_opentelemetry::OpenTelemetrySpanExt;

use crate::cache::Cache;
use crate::chain::chain;
use crate::database::Database;
use crate::error::Error;
use crate::faults::{Faults, Scope, lose_context};
use crate::grpc::{CPU_TASK, QUOTE};
use crate::peers::Peers;
use crate::queue::Queue;
use crate::tasks::pricing_server::PricingServer;
use crate::tasks::tasks_server::TasksServer;
use crate::tier::Tier;
use crate::work::{Cpu, MAX_LIMIT, io_task};
use crate::{orders, payments, pricing, stock};

/// Items are numbered from 1 to this.
pub(crate) const ITEMS: u32 = 1_000;

/// The one that knows the customer's tier only when it has read the order.
pub(crate) const PLACE: &str = "POST /orders";

/// The names of all spans of servers.
pub(crate) const OPERATIONS: [&str; 16] = [
    "GET /",
    "GET /items/{id}",
    "GET /io_task",
    "GET /cpu_task",
    "GET /random_status",
    "GET /random_sleep",
    "GET /error_test",
    "GET /chain",
    PLACE,
    "GET /prices/{sku}",
    "POST /reservations",
    "DELETE /reservations/{order}",
    "POST /shipments",
    "POST /payments",
    CPU_TASK,
    QUOTE,
];
/// More than any order takes.
const MAX_BODY: usize = 16 << 10;

/// What the handlers of both protocols share.
pub(crate) struct App {
    pub name: String,
    pub peers: Arc<Peers>,
    pub cpu: Cpu,
    pub database: Database,
    /// What the price list of the first target has told.
    pub prices: Cache,
    /// Tells which payments are refused at first.
    pub payment_seed: u64,
    pub queue: Queue,
    pub faults: Arc<Faults>,
    /// Each chain under way is a receiver: they call this service itself, which must not stop
    /// listening before them.
    pub chains: watch::Sender<()>,
}

/// HTTP and gRPC on one router, each under its own layer, so that a request has one span.
pub(crate) fn router(app: &Arc<App>) -> Router {
    let tasks =
        telemetry::grpc::ServerLayer::new(&[CPU_TASK]).layer(TasksServer::from_arc(app.clone()));
    let pricing =
        telemetry::grpc::ServerLayer::new(&[QUOTE]).layer(PricingServer::from_arc(app.clone()));
    Router::new()
        .route("/", get(home))
        .route("/items/{id}", get(item))
        .route("/io_task", get(io))
        .route("/cpu_task", get(cpu))
        .route("/random_status", get(random_status))
        .route("/random_sleep", get(random_sleep))
        .route("/error_test", get(error_test))
        .route("/chain", get(chain))
        .route("/prices/{sku}", get(pricing::price))
        .route("/reservations", post(stock::reserve))
        .route("/reservations/{order}", delete(stock::release))
        .route("/shipments", post(stock::ship))
        .route("/payments", post(payments::take))
        .fallback(async || Error::NotFound("no such page".to_owned()))
        .layer(middleware::from_fn_with_state(app.faults.clone(), befall))
        .route("/orders", post(orders::place))
        .layer(DefaultBodyLimit::max(MAX_BODY))
        .layer(middleware::from_fn(record_tier))
        .layer(telemetry::http::ServerLayer::default())
        .with_state(app.clone())
        .route_service("/demo.v1.Tasks/{method}", tasks)
        .route_service("/demo.v1.Pricing/{method}", pricing)
        .layer(middleware::from_fn_with_state(app.faults.clone(), lose_context))
        // A fault neither has the service started anew, nor counts who asks how it is.
        .route("/healthz", get(async || Json(json!({ "status": "ok" }))))
}

/// The name of the request's span: one of [`OPERATIONS`], unless there is no such route.
pub(crate) fn operation(request: &Request) -> String {
    let path = request.uri().path();
    match request.extensions().get::<MatchedPath>().map(MatchedPath::as_str) {
        Some(route) if route.starts_with("/demo.v1.") => path.trim_start_matches('/').to_owned(),
        route => format!("{} {}", request.method(), route.unwrap_or_default()),
    }
}

/// Has faults befall an operation whose customer's tier is in the baggage.
async fn befall(State(faults): State<Arc<Faults>>, request: Request, next: Next) -> Response {
    let tier = Tier::in_baggage(&Span::current().context());
    let scope = Scope { operation: operation(&request), tier };
    let answered = faults.during(scope, async { Ok(next.run(request).await) }).await;
    answered.unwrap_or_else(Error::into_response)
}

/// What the caller tells of the customer becomes an attribute of this service's span, too.
async fn record_tier(request: Request, next: Next) -> Response {
    let span = Span::current();
    Tier::in_baggage(&span.context()).inspect(|tier| tier.record(&span));
    next.run(request).await
}

async fn home(State(app): State<Arc<App>>) -> Json<Value> {
    info!("saying hello");
    Json(json!({ "service": app.name, "message": "hello" }))
}

async fn item(
    State(app): State<Arc<App>>,
    id: Result<Path<u32>, PathRejection>,
) -> Result<Json<Value>, Error> {
    let Path(id) = id.map_err(|rejection| Error::BadRequest(rejection.body_text()))?;
    if !(1..=ITEMS).contains(&id) {
        return Err(Error::NotFound(format!("no item {id}: there are 1 to {ITEMS}")));
    }
    info!(id = i64::from(id), "item read");
    Ok(Json(json!({ "service": app.name, "id": id })))
}

/// What `/io_task` answers.
#[derive(Serialize, Deserialize)]
pub(crate) struct IoAnswer {
    pub service: String,
    pub milliseconds: u32,
}

async fn io(State(app): State<Arc<App>>) -> Json<IoAnswer> {
    let milliseconds = io_task().await;
    Json(IoAnswer { service: app.name.clone(), milliseconds })
}

#[derive(Deserialize)]
struct CpuQuery {
    #[serde(default = "CpuQuery::default_limit")]
    limit: u32,
}

impl CpuQuery {
    fn default_limit() -> u32 {
        MAX_LIMIT
    }
}

async fn cpu(
    State(app): State<Arc<App>>,
    query: Result<Query<CpuQuery>, QueryRejection>,
) -> Result<Json<Value>, Error> {
    let Query(CpuQuery { limit }) =
        query.map_err(|rejection| Error::BadRequest(rejection.body_text()))?;
    if limit > MAX_LIMIT {
        return Err(Error::BadRequest(format!("limit {limit} is above {MAX_LIMIT}")));
    }
    let primes = app.cpu.count_primes(limit).await;
    Ok(Json(json!({ "service": app.name, "limit": limit, "primes": primes })))
}

/// Half of the answers are good.
const STATUSES: [StatusCode; 6] = [
    StatusCode::OK,
    StatusCode::OK,
    StatusCode::OK,
    StatusCode::BAD_REQUEST,
    StatusCode::NOT_FOUND,
    StatusCode::INTERNAL_SERVER_ERROR,
];

async fn random_status(State(app): State<Arc<App>>) -> impl IntoResponse {
    let status = STATUSES[rand::random_range(0..STATUSES.len())];
    let code = i64::from(status.as_u16());
    if status.is_server_error() {
        error!(status = code, "picked a failure");
    } else {
        info!(status = code, "picked a status");
    }
    (status, Json(json!({ "service": app.name, "status": status.as_u16() })))
}

async fn error_test() -> Error {
    Error::Deliberate
}

async fn random_sleep(State(app): State<Arc<App>>) -> Json<Value> {
    let milliseconds: u32 = rand::random_range(0..1_000);
    info!(milliseconds = i64::from(milliseconds), "going to sleep");
    tokio::time::sleep(Duration::from_millis(milliseconds.into())).await;
    Json(json!({ "service": app.name, "milliseconds": milliseconds }))
}
