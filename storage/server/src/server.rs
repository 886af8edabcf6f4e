use std::fmt;
use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use spoor_embedded::OpenError;
use spoor_proto::otlp::trace_service_server;
use spoor_proto::storage::{capabilities_server, dependency_reader_server, trace_reader_server};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tonic_health::ServingStatus;
use tonic_health::server::HealthReporter;

use crate::admin::{self, Admin};
use crate::admission::Budget;
use crate::config::Config;
use crate::connection;
use crate::engine::Engine;
use crate::metrics::Metrics;
use crate::routes;

/// Every service's name, and the empty one that stands for the whole server.
const SERVICES: [&str; 5] = [
    "",
    trace_service_server::SERVICE_NAME,
    trace_reader_server::SERVICE_NAME,
    dependency_reader_server::SERVICE_NAME,
    capabilities_server::SERVICE_NAME,
];

/// HTTP/2's windows: what a client may send before it is admitted.
const STREAM_WINDOW: u32 = 256 << 10;
const CONNECTION_WINDOW: u32 = 1 << 20;
const MAX_STREAMS: u32 = 128;
const MAX_HEADER_BYTES: u32 = 16 << 10;
/// A connection whose peer doesn't answer a ping for this long is closed.
const KEEPALIVE: Duration = Duration::from_secs(20);

/// A server that listens, but doesn't answer yet.
pub struct Server {
    config: Config,
    grpc: TcpListener,
    grpc_addr: SocketAddr,
    admin: TcpListener,
    admin_addr: SocketAddr,
    engine: Engine,
}

impl Server {
    /// Opens the ports and the engine.
    ///
    /// # Errors
    /// When a port or the engine can't be opened.
    pub async fn bind(config: Config) -> Result<Self, StartError> {
        let (grpc, grpc_addr) = listen("listen", config.listen).await?;
        let (admin, admin_addr) = listen("admin_listen", config.admin_listen).await?;
        let opened = config.clone();
        let opened = tokio::task::spawn_blocking(move || Engine::open(&opened)).await;
        let engine = opened.expect("opening an engine does not panic").map_err(StartError::Open)?;
        Ok(Self { config, grpc, grpc_addr, admin, admin_addr, engine })
    }

    /// Where gRPC is served.
    pub fn grpc_addr(&self) -> SocketAddr {
        self.grpc_addr
    }

    /// Where health and metrics are served.
    pub fn admin_addr(&self) -> SocketAddr {
        self.admin_addr
    }

    /// Serves until `shutdown` is done, then takes no more connections and ends when the
    /// requests in flight have, or after the configured time.
    ///
    /// # Errors
    /// When no more connections can be taken.
    pub async fn serve(
        self,
        shutdown: impl Future<Output = ()> + Send,
    ) -> Result<(), tonic::transport::Error> {
        let Self { config, grpc, grpc_addr, admin, admin_addr, engine } = self;
        let writes = Budget::new(config.max_inflight_bytes);
        let metrics = Arc::new(Metrics::new(&engine, writes.clone(), &config));
        let draining = CancellationToken::new();

        let admin_state = Admin {
            engine: engine.clone(),
            metrics: Arc::clone(&metrics),
            draining: draining.clone(),
        };
        let router = admin::router(admin_state, config.purge);
        let admin = admin::Listener::new(admin, config.client_timeout);
        let admin = tokio::spawn(axum::serve(admin, router).into_future());

        let (mut health, health_server) = tonic_health::server::health_reporter();
        report(&health, ServingStatus::Serving).await;
        let watching = tokio::spawn(watch_writes(engine.clone(), health.clone(), draining.clone()));
        let serving = tonic::transport::Server::builder()
            .initial_stream_window_size(STREAM_WINDOW)
            .initial_connection_window_size(CONNECTION_WINDOW)
            .max_concurrent_streams(MAX_STREAMS)
            .http2_max_header_list_size(MAX_HEADER_BYTES)
            .http2_keepalive_interval(Some(KEEPALIVE))
            .http2_keepalive_timeout(Some(KEEPALIVE))
            .serve_with_incoming_shutdown(
                routes::storage(&config, writes, &engine, &metrics)
                    .add_service(health_server)
                    .add_service(routes::reflection())
                    .add_service(routes::reflection_v1alpha())
                    .prepare(),
                connection::incoming(
                    grpc,
                    config.max_connections,
                    config.client_timeout,
                    Some(Arc::clone(&metrics)),
                ),
                draining.clone().cancelled_owned(),
            );
        let store = &engine.place;
        tracing::info!(grpc = %grpc_addr, admin = %admin_addr, store, "serving");

        let drain = async {
            shutdown.await;
            tracing::info!("draining");
            draining.cancel();
            watching.await.ok();
            report(&health, ServingStatus::NotServing).await;
            // Ends the streams of those who watch.
            for service in SERVICES {
                health.clear_service_status(service).await;
            }
            tokio::time::sleep(config.drain_timeout).await;
        };
        let ended = tokio::select! {
            ended = serving => ended.inspect(|()| tracing::info!("stopped")),
            () = drain => {
                tracing::warn!(after = ?config.drain_timeout, "stopped with requests in flight");
                Ok(())
            }
        };
        admin.abort();
        ended
    }
}

async fn report(health: &HealthReporter, status: ServingStatus) {
    for service in SERVICES {
        health.set_service_status(service, status).await;
    }
}

/// Tells of the service that writes whether it can. The others, and the server as a whole, go on
/// while it cannot: who is told that they don't serve would not ask for what is there.
async fn watch_writes(engine: Engine, health: HealthReporter, draining: CancellationToken) {
    let Some(mut read_only) = engine.read_only() else { return };
    let watch = async {
        loop {
            let status = match *read_only.borrow_and_update() {
                Some(_) => ServingStatus::NotServing,
                None => ServingStatus::Serving,
            };
            health.set_service_status(trace_service_server::SERVICE_NAME, status).await;
            if read_only.changed().await.is_err() {
                break;
            }
        }
    };
    draining.run_until_cancelled(watch).await;
}

async fn listen(
    key: &'static str,
    address: SocketAddr,
) -> Result<(TcpListener, SocketAddr), StartError> {
    let bind = async {
        let listener = TcpListener::bind(address).await?;
        let address = listener.local_addr()?;
        Ok((listener, address))
    };
    bind.await.map_err(|source| StartError::Listen { key, address, source })
}

/// Why a server can't begin.
#[derive(Debug)]
#[non_exhaustive]
pub enum StartError {
    /// A port can't be opened.
    Listen {
        /// The key of the configuration that tells the address.
        key: &'static str,
        /// The address.
        address: SocketAddr,
        /// Why not.
        source: io::Error,
    },
    /// The engine's files can't be opened.
    Open(OpenError),
}

impl fmt::Display for StartError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Listen { key, address, source } => {
                write!(f, "listening on {address} (key {key}): {source}")
            }
            Self::Open(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for StartError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Listen { source, .. } => Some(source),
            Self::Open(error) => error.source(),
        }
    }
}
