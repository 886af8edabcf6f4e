//! The admin listener: health, metrics and, where configured, purging.

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::{Query, State};
use axum::http::{StatusCode, header};
use axum::response::IntoResponse;
use axum::routing::{get, post};
use futures::StreamExt;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use serde::Deserialize;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::connection::incoming;
use crate::engine::Engine;
use crate::identity::Tenants;
use crate::metrics::Metrics;

const OPENMETRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// The connections open at one time: more than probes and collectors of metrics have. Else clients
/// that do nothing could take every descriptor, of gRPC's connections and of the engine's files.
pub(crate) const MAX_CONNECTIONS: usize = 32;

/// How long to wait after a failed accept: the next one fails too until a descriptor is free.
const ACCEPT_AGAIN: Duration = Duration::from_secs(1);

#[derive(Clone)]
pub(crate) struct Admin {
    /// The store, and its archive if there is one.
    pub(crate) engines: Vec<Engine>,
    pub(crate) metrics: Vec<Arc<Metrics>>,
    pub(crate) tenants: Tenants,
    /// Cancelled when the server begins to drain.
    pub(crate) draining: CancellationToken,
}

pub(crate) fn router(admin: Admin, purge: bool) -> Router {
    let mut router = Router::new()
        .route("/healthz", get(|| async { "alive\n" }))
        .route("/readyz", get(ready))
        .route("/metrics", get(metrics));
    if purge {
        router = router.route("/purge", post(self::purge));
    }
    router.with_state(admin)
}

/// Serves for ever. A client has `timeout` to begin, and to send its request's head.
pub(crate) async fn serve(listener: TcpListener, router: Router, timeout: Duration) {
    let mut http = http1::Builder::new();
    // One request a connection: those that are kept open would leave none to others.
    http.timer(TokioTimer::new()).header_read_timeout(timeout).keep_alive(false);
    let mut connections = pin!(incoming(listener, MAX_CONNECTIONS, timeout, None, None));
    while let Some(accepted) = connections.next().await {
        match accepted {
            Ok(connection) => {
                let service = TowerToHyperService::new(router.clone());
                let serving = http.serve_connection(TokioIo::new(connection), service);
                tokio::spawn(async {
                    if let Err(error) = serving.await {
                        tracing::debug!(%error, "serving a connection to the admin listener");
                    }
                });
            }
            Err(error) => {
                tracing::warn!(%error, "accepting a connection to the admin listener");
                tokio::time::sleep(ACCEPT_AGAIN).await;
            }
        }
    }
}

/// A store that takes no writes is ready: reads go on, and nothing is better at the writes.
async fn ready(State(admin): State<Admin>) -> (StatusCode, String) {
    if admin.draining.is_cancelled() {
        return (StatusCode::SERVICE_UNAVAILABLE, "draining\n".to_owned());
    }
    let mut reasons = admin.engines.iter().filter_map(Engine::read_only);
    let reason = reasons.find_map(|reason| reason.borrow().clone());
    let text = reason.map_or("ready\n".to_owned(), |it| format!("ready, but read-only: {it}\n"));
    (StatusCode::OK, text)
}

async fn metrics(State(admin): State<Admin>) -> impl IntoResponse {
    match Metrics::encode(&admin.metrics) {
        Ok(text) => Ok(([(header::CONTENT_TYPE, OPENMETRICS)], text)),
        Err(error) => Err((StatusCode::INTERNAL_SERVER_ERROR, format!("{error}\n"))),
    }
}

#[derive(Deserialize)]
struct Purge {
    /// Whose spans, where there is more than one tenant.
    tenant: Option<String>,
}

async fn purge(
    State(admin): State<Admin>,
    Query(Purge { tenant }): Query<Purge>,
) -> (StatusCode, String) {
    let Some(tenant) = admin.tenants.named(tenant.as_deref()) else {
        let reason = "with tenant_header /purge needs ?tenant=NAME of a tenant, else none\n";
        return (StatusCode::BAD_REQUEST, reason.to_owned());
    };
    for engine in &admin.engines {
        if let Err(error) = engine.store.purge(&tenant).await {
            return (StatusCode::SERVICE_UNAVAILABLE, format!("{error}\n"));
        }
    }
    tracing::warn!(tenant = tenant.name(), "everything was purged");
    (StatusCode::OK, "purged\n".to_owned())
}
