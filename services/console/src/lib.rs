//! The lab's web page: what happened to a request, as its telemetry tells it.
//!
//! It reads the storage server, Prometheus and Loki as any client would, and asks nobody but whom
//! its [`Config`] names. Pages are made here, and can be read without JavaScript; what a part that
//! is not there would have told is named as missing.
//!
//! What telemetry says is text wherever it stands, however it is spelled (`view::text`). A page has
//! neither styles nor scripts of its own, so that a browser can be told to follow none (`guard`).

mod assets;
mod config;
mod guard;
mod page;
mod pages;
mod routes;
mod send;
mod serve;
mod sources;
#[cfg(test)]
mod tests;
mod view;

use std::sync::Arc;

use tokio::net::TcpListener;
use tokio::sync::{Mutex, Semaphore};
use traces::Storage;

pub use config::{Config, Doctor, Links, Service};
use guard::Token;
use incidents::Incidents;
use send::{Sender, Sent};
use serve::{Limits, serve};
use sources::Sources;
pub use sources::{Line, read_line};

/// Pages that are made at one time: each asks several parts, and holds what they told.
const PAGES: usize = 16;

/// What all pages share.
pub(crate) struct Console {
    config: Config,
    sources: Sources,
    token: Token,
    pages: Semaphore,
    /// One trace is read at a time: it may have 50,000 spans.
    trace: Mutex<()>,
    sender: Sender,
    sent: Sent,
    /// None without what they need: the services' token, and the load.
    incidents: Option<Incidents>,
}

impl Console {
    fn new(config: Config) -> Result<Arc<Self>, traces::Error> {
        let sources = Sources::new(&config)?;
        // Marking an answer reads more than a page does, and may take longer.
        let storage = Storage::new(&config.storage)?;
        let switches = sources.faults.clone().zip(sources.load.clone());
        let incidents =
            switches.map(|(faults, load)| Incidents::new(incidents::Lab { storage, faults, load }));
        let (token, sender, sent) = (Token::new(), Sender::new(), Sent::default());
        let (pages, trace) = (Semaphore::new(PAGES), Mutex::default());
        Ok(Arc::new(Self { config, sources, token, pages, trace, sender, sent, incidents }))
    }
}

/// Serves the console until `shutdown` resolves, then answers what is under way.
///
/// # Errors
/// When the address cannot be listened on, or another one of the configuration is none.
pub async fn run(
    config: Config,
    shutdown: impl Future<Output = ()> + Send + 'static,
) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
    let address = config.listen;
    let console = Console::new(config)?;
    let listener = TcpListener::bind(address).await;
    let listener = listener.map_err(|error| format!("listening on {address}: {error}"))?;
    serve(listener, routes::router(&console), Limits::DEFAULT, shutdown).await;
    // Nobody else would end what goes wrong on purpose.
    if let Some(incidents) = &console.incidents {
        incidents.shut_down().await;
    }
    Ok(())
}
