//! A service's life: listen, answer, drain.

use std::error::Error as StdError;
use std::future::Future;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use axum::serve::ListenerExt;
use reqwest::Url;
use tokio::net::TcpListener;
use tokio::sync::{oneshot, watch};
use tokio::task::JoinSet;
use tracing::{info, warn};

use crate::admin::{Admin, Token};
use crate::args::Args;
use crate::cache::Cache;
use crate::database::Database;
use crate::faults::Faults;
use crate::peers::Peers;
use crate::queue::queue;
use crate::routes::{App, router};
use crate::work::Cpu;

/// How long requests under way may hold up the end.
const DRAIN_DEADLINE: Duration = Duration::from_secs(5);

/// Serves until `shutdown`, then finishes the requests under way.
pub(crate) async fn serve(
    name: String,
    args: Args,
    faults: Arc<Faults>,
    token: Option<Token>,
    shutdown: impl Future<Output = ()> + Send + 'static,
) -> Result<(), Box<dyn StdError>> {
    let listener = TcpListener::bind(args.listen)
        .await
        .map_err(|error| format!("listening on {}: {error}", args.listen))?;
    let address = listener.local_addr()?;
    let peers = Arc::new(Peers::new(own_url(address)?, args.target_one(), args.target_two())?);
    tokio::spawn(faults.clone().end_in_time());
    // Its tasks end when it is dropped.
    let mut admin = JoinSet::new();
    if let Some(token) = token {
        let bound = Admin::bind(args.admin_listen, token, &name, faults.clone()).await;
        let bound =
            bound.map_err(|error| format!("listening on {}: {error}", args.admin_listen))?;
        info!(address = %bound.address()?, "faults are switched at /faults");
        admin.spawn(bound.serve());
    }
    info!(
        %address, target_one = %peers.target_one, target_two = %peers.target_two, "{name} is ready"
    );
    let (queue, orders) = queue();
    let shipping = tokio::spawn(orders.ship(peers.clone()));
    let app = Arc::new(App {
        name,
        peers,
        cpu: Cpu::new(),
        database: Database::open(include_str!("schema.sql"))?,
        prices: Cache::default(),
        payment_seed: args.payment_seed,
        queue,
        faults,
        chains: watch::Sender::new(()),
    });

    // Without this the end of a gRPC answer waits for the client's delayed acknowledgement.
    let listener = listener.tap_io(|connection| drop(connection.set_nodelay(true)));
    let service = router(&app).into_make_service_with_connect_info::<SocketAddr>();
    let (draining, drain_begins) = oneshot::channel();
    let server = axum::serve(listener, service).with_graceful_shutdown(async move {
        shutdown.await;
        info!("finishing the requests under way");
        // Fails only if the server has ended.
        let _ = draining.send(());
        app.chains.closed().await;
    });
    let deadline = async {
        let _ = drain_begins.await;
        tokio::time::sleep(DRAIN_DEADLINE).await;
    };
    let served = async {
        server.await?;
        // Nobody puts a further order in.
        Ok::<(), Box<dyn StdError>>(shipping.await?)
    };
    tokio::select! {
        result = served => result?,
        () = deadline => warn!("stopped before every request was finished"),
    }
    Ok(())
}

/// Where the service reaches itself.
fn own_url(mut address: SocketAddr) -> Result<Url, Box<dyn StdError>> {
    if address.ip().is_unspecified() {
        address.set_ip(Ipv4Addr::LOCALHOST.into());
    }
    Ok(format!("http://{address}").parse()?)
}
