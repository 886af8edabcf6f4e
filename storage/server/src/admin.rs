//! The admin listener: health, metrics and, where configured, purging.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::IntoResponse;
use axum::routing::{get, post};
use futures::StreamExt;
use futures::stream::BoxStream;
use spoor_store::Tenant;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::connection::{Connection, incoming};
use crate::engine::Engine;
use crate::metrics::Metrics;

const OPENMETRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// The connections open at one time: more than probes and collectors of metrics have. Else clients
/// that do nothing could take every descriptor, of gRPC's connections and of the engine's files.
pub(crate) const MAX_CONNECTIONS: usize = 32;

/// How long to wait after a failed accept: the next one fails too until a descriptor is free.
const ACCEPT_AGAIN: Duration = Duration::from_secs(1);

#[derive(Clone)]
pub(crate) struct Admin {
    pub(crate) engine: Engine,
    pub(crate) metrics: Arc<Metrics>,
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

/// Connections as axum takes them.
pub(crate) struct Listener(BoxStream<'static, io::Result<Connection>>);

impl Listener {
    /// A client has `timeout` to begin.
    pub(crate) fn new(listener: TcpListener, timeout: Duration) -> Self {
        Self(incoming(listener, MAX_CONNECTIONS, timeout, None).boxed())
    }
}

impl axum::serve::Listener for Listener {
    type Io = Connection;
    type Addr = ();

    async fn accept(&mut self) -> (Connection, ()) {
        loop {
            match self.0.next().await.expect("it never ends") {
                Ok(connection) => return (connection, ()),
                Err(error) => {
                    tracing::warn!(%error, "accepting a connection to the admin listener");
                    tokio::time::sleep(ACCEPT_AGAIN).await;
                }
            }
        }
    }

    fn local_addr(&self) -> io::Result<()> {
        Ok(())
    }
}

/// A store that takes no writes is ready: reads go on, and nothing is better at the writes.
async fn ready(State(admin): State<Admin>) -> (StatusCode, String) {
    if admin.draining.is_cancelled() {
        return (StatusCode::SERVICE_UNAVAILABLE, "draining\n".to_owned());
    }
    let reason = admin.engine.read_only().and_then(|reason| reason.borrow().clone());
    let text = reason.map_or("ready\n".to_owned(), |it| format!("ready, but read-only: {it}\n"));
    (StatusCode::OK, text)
}

async fn metrics(State(admin): State<Admin>) -> impl IntoResponse {
    match admin.metrics.encode() {
        Ok(text) => Ok(([(header::CONTENT_TYPE, OPENMETRICS)], text)),
        Err(error) => Err((StatusCode::INTERNAL_SERVER_ERROR, format!("{error}\n"))),
    }
}

async fn purge(State(admin): State<Admin>) -> (StatusCode, String) {
    match admin.engine.store.purge(&Tenant::default()).await {
        Ok(()) => {
            tracing::warn!("everything was purged");
            (StatusCode::OK, "purged\n".to_owned())
        }
        Err(error) => (StatusCode::SERVICE_UNAVAILABLE, format!("{error}\n")),
    }
}
