use std::io;
use std::os::unix::process::parent_id;
use std::pin::pin;
use std::time::Duration;

use futures::Stream;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::signal::unix::{SignalKind, signal};
use tokio::time::timeout;
use tokio_stream::wrappers::UnixListenerStream;
use tokio_util::sync::CancellationToken;
use tonic::service::Routes;
use tonic::transport::Server;
use tonic::transport::server::{Connected, TcpIncoming};

use crate::environment::Environment;
use crate::host::Host;
use crate::{Error, Handshake, handshake, listener, services, stdout};

/// How long calls may go on after the end was asked for. A host waits two seconds, then kills.
const GRACE: Duration = Duration::from_secs(1);

/// None, as in Go. tonic's own default would let a host wait for ever that keeps streams open.
const MAX_STREAMS: u32 = u32::MAX;

/// A plugin that a host has started.
#[derive(Debug)]
pub struct Plugin {
    version: u32,
    over_tcp: bool,
    windows: Option<(u32, u32)>,
    environment: Environment,
    parent: u32,
    stopping: CancellationToken,
}

impl Plugin {
    /// Agrees with the host, if it is one that started this process. Comes first in `main`: what it
    /// refuses should not open a store, nor print to standard output.
    ///
    /// # Errors
    /// Without the cookie, without a common version, which the host is told in its own way too, and
    /// when the host wants AutoMTLS.
    pub fn start(handshake: &Handshake) -> Result<Self, Error> {
        let parent = parent_id();
        if !handshake.is_offered() {
            return Err(Error::NoCookie);
        }
        let environment = Environment::read();
        if environment.client_certificate.is_some() {
            return Err(Error::AutoMtls);
        }
        let multiplex = environment.multiplex.is_some();
        match handshake.negotiate(environment.versions.as_deref()) {
            Ok(version) => {
                let stopping = CancellationToken::new();
                let (over_tcp, windows) = (false, None);
                Ok(Self { version, over_tcp, windows, environment, parent, stopping })
            }
            Err(error) => {
                // The host compares the versions before it looks at the address, and reports both;
                // without the line it would guess at a broken program.
                let oldest = handshake.versions.iter().min().copied().unwrap_or_default();
                stdout::print(&handshake::line(oldest, "unix", "", multiplex))
                    .map_err(Error::Announce)?;
                Err(error)
            }
        }
    }

    /// The version of the plugin's protocol that both speak.
    #[must_use]
    pub fn version(&self) -> u32 {
        self.version
    }

    /// Makes it listen on TCP, on loopback and one of the host's ports, instead of a unix socket.
    /// Hosts take either.
    #[must_use]
    pub fn over_tcp(mut self) -> Self {
        self.over_tcp = true;
        self
    }

    /// Sets what a host may send on one stream, and on all of them, before it is taken. h2 closes a
    /// connection when many small messages wait, sooner where the latter is small.
    #[must_use]
    pub fn windows(mut self, stream: u32, connection: u32) -> Self {
        self.windows = Some((stream, connection));
        self
    }

    /// Is cancelled once the plugin is to end: for calls that would go on for ever.
    #[must_use]
    pub fn stopping(&self) -> CancellationToken {
        // Who cancels it ends nothing.
        self.stopping.child_token()
    }

    /// Serves `routes` to the host until one of the two has enough: the host asks for the end or is
    /// gone, SIGTERM comes, or `shutdown` is ready. Calls then have a second to finish. It has
    /// removed its socket when it returns; the process must end soon after.
    ///
    /// `routes` must not have `grpc.health.v1` or services of go-plugin, which are added.
    ///
    /// # Errors
    /// When it cannot listen, cannot tell the host where, or the server fails.
    ///
    /// # Panics
    /// When `routes` has a service that is added.
    pub async fn serve(
        self,
        routes: Routes,
        shutdown: impl Future<Output = ()>,
    ) -> Result<(), Error> {
        // From here on SIGINT does nothing: there is a handler, whom nobody listens to.
        let _interrupts = signal(SignalKind::interrupt()).map_err(Error::Signals)?;
        let mut terminations = signal(SignalKind::terminate()).map_err(Error::Signals)?;
        let stopping = self.stopping.clone();
        let (stream, connection) = self.windows.unzip();
        let server = Server::builder()
            .initial_stream_window_size(stream)
            .initial_connection_window_size(connection)
            .max_concurrent_streams(MAX_STREAMS);

        if self.over_tcp {
            let listener = listener::tcp(&self.environment).await?;
            let address = listener
                .local_addr()
                .map_err(|source| Error::Listen { at: "127.0.0.1".to_owned(), source })?;
            let (host, routes) =
                self.announce("tcp", &address.to_string(), routes, &stopping).await?;
            let incoming = TcpIncoming::from(listener).with_nodelay(Some(true));
            let ended = ended(&stopping, &host, terminations.recv(), shutdown);
            run(server, routes, incoming, &stopping, ended).await
        } else {
            let (listener, file) = listener::unix(&self.environment)?;
            let address = file.path().display().to_string();
            let (host, routes) = self.announce("unix", &address, routes, &stopping).await?;
            let incoming = UnixListenerStream::new(listener);
            let ended = ended(&stopping, &host, terminations.recv(), shutdown);
            run(server, routes, incoming, &stopping, ended).await
        }
    }

    /// Tells the host where to call.
    async fn announce(
        &self,
        network: &str,
        address: &str,
        routes: Routes,
        stopping: &CancellationToken,
    ) -> Result<(Host, Routes), Error> {
        let multiplex = self.environment.multiplex.is_some();
        let line = handshake::line(self.version, network, address, multiplex);
        let (host, output) = stdout::announce(&line).map_err(Error::Announce)?;
        tracing::debug!(network, address, version = self.version, "serving the host");
        let routes = services::with_services(routes, output, stopping).await;
        Ok((Host::new(self.parent, host), routes))
    }
}

/// Waits for the end, and tells whose wish it is.
async fn ended(
    stopping: &CancellationToken,
    host: &Host,
    termination: impl Future<Output = Option<()>>,
    shutdown: impl Future<Output = ()>,
) -> &'static str {
    tokio::select! {
        () = stopping.cancelled() => "the host asked for it",
        () = host.gone() => "the host is gone",
        _ = termination => "SIGTERM",
        () = shutdown => "the plugin is done",
    }
}

async fn run<S: AsyncRead + AsyncWrite + Connected + Unpin + Send + 'static>(
    mut server: Server,
    routes: Routes,
    incoming: impl Stream<Item = io::Result<S>>,
    stopping: &CancellationToken,
    ended: impl Future<Output = &'static str>,
) -> Result<(), Error> {
    let server = server
        .add_routes(routes)
        .serve_with_incoming_shutdown(incoming, stopping.clone().cancelled_owned());
    let mut server = pin!(server);
    let reason = tokio::select! {
        result = &mut server => return result.map_err(Error::Serve),
        reason = ended => reason,
    };
    tracing::info!(reason, "ending");
    stopping.cancel();
    // A call that is not done by then ends with the process.
    timeout(GRACE, server).await.unwrap_or(Ok(())).map_err(Error::Serve)
}
