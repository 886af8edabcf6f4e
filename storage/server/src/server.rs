use std::fmt;
use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use spoor_embedded::OpenError;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::admin::{self, Admin};
use crate::admission::Budget;
use crate::config::Config;
use crate::engine::Engine;
use crate::grpc;
use crate::identity::Tenants;
use crate::metrics::Metrics;
use crate::routes::Served;
use crate::tls::{self, TlsError};

/// A server that listens, but doesn't answer yet.
pub struct Server {
    config: Config,
    grpc: TcpListener,
    grpc_addr: SocketAddr,
    admin: TcpListener,
    admin_addr: SocketAddr,
    archive_grpc: Option<(TcpListener, SocketAddr)>,
    engine: Engine,
    archive: Option<Engine>,
    tls: Option<tls::Current>,
}

impl Server {
    /// Opens the ports, the files of TLS, the engine and its archive.
    ///
    /// # Errors
    /// When one of them can't be opened.
    pub async fn bind(config: Config) -> Result<Self, StartError> {
        let (grpc, grpc_addr) = listen("listen", config.listen).await?;
        let (admin, admin_addr) = listen("admin_listen", config.admin_listen).await?;
        let archive_grpc = match config.archive_listen {
            Some(address) => Some(listen("archive_listen", address).await?),
            None => None,
        };
        let tls = tls::open(&config).await.map_err(StartError::Tls)?;
        let (engine, archive) = Engine::open_all(&config).await.map_err(StartError::Open)?;
        Ok(Self { config, grpc, grpc_addr, admin, admin_addr, archive_grpc, engine, archive, tls })
    }

    /// Where gRPC is served.
    pub fn grpc_addr(&self) -> SocketAddr {
        self.grpc_addr
    }

    /// Where health and metrics are served.
    pub fn admin_addr(&self) -> SocketAddr {
        self.admin_addr
    }

    /// Where the archive is served over gRPC, if it is.
    pub fn archive_addr(&self) -> Option<SocketAddr> {
        self.archive_grpc.as_ref().map(|(_, address)| *address)
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
        let Self { config, grpc, grpc_addr, admin, admin_addr, archive_grpc, engine, archive, tls } =
            self;
        let budget = Budget::new(config.max_inflight_bytes);
        let metrics = Arc::new(Metrics::new(&engine, budget.clone(), &config));
        let archive_metrics = archive.as_ref().map(|it| Arc::new(Metrics::of_archive(it, &config)));
        let draining = CancellationToken::new();

        let admin_state = Admin {
            engines: [&engine].into_iter().chain(&archive).cloned().collect(),
            metrics: [&metrics].into_iter().chain(&archive_metrics).cloned().collect(),
            tenants: Tenants::new(&config),
            draining: draining.clone(),
        };
        let router = admin::router(admin_state, config.purge);
        let admin = tokio::spawn(admin::serve(admin, router, config.client_timeout));

        let archive = archive.as_ref().zip(archive_metrics.as_ref());
        let (config, budget, draining) = (&config, &budget, &draining);
        let served =
            Served { config, budget, engine: &engine, metrics: &metrics, archive, draining };
        let archive_addr =
            archive_grpc.as_ref().map(|(_, address)| tracing::field::display(*address));
        let serving_archive = async {
            let (Some((listener, _)), Some((engine, metrics))) = (archive_grpc, archive) else {
                return Ok(());
            };
            let served = Served { config, budget, engine, metrics, archive: None, draining };
            grpc::serve(&served, listener, tls.clone()).await
        };
        let serving = async {
            let serving = grpc::serve(&served, grpc, tls.clone());
            tokio::try_join!(serving, serving_archive).map(|_| ())
        };
        let store = &engine.place;
        tracing::info!(
            grpc = %grpc_addr, archive = archive_addr, admin = %admin_addr, store, "serving"
        );

        let drain = async {
            shutdown.await;
            tracing::info!("draining");
            draining.cancel();
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
    /// A file of TLS can't be used.
    Tls(TlsError),
    /// The engine's files can't be opened.
    Open(OpenError),
}

impl fmt::Display for StartError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Listen { key, address, source } => {
                write!(f, "listening on {address} (key {key}): {source}")
            }
            Self::Tls(error) => error.fmt(f),
            Self::Open(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for StartError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Listen { source, .. } => Some(source),
            Self::Tls(error) => error.source(),
            Self::Open(error) => error.source(),
        }
    }
}
