//! Clients that a gRPC server must bear while it serves others: idle ones, slow ones, and such as
//! mean no good. They speak HTTP/2 by hand, for no library would do what they do.
//!
//! Each keeps one connection, and connects again a second after it was closed. What floods does so
//! in bursts with pauses: it is the server that is to be tested, not the machine.

mod client;
mod frame;

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tokio::net::TcpStream;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::sleep;

pub use frame::message;

/// How long one waits before it connects again.
const PAUSE: Duration = Duration::from_secs(1);
/// How many connect at one time: a listener's backlog is not to be tested.
const CONNECTING: usize = 64;

/// What a client does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Connects and says nothing.
    Silent,
    /// Begins HTTP/2's preface and stops.
    HalfPreface,
    /// Says the preface and no more, not even that it lives.
    Preface,
    /// Is there and asks for nothing, as a good client may.
    Idle,
    /// Opens requests, and streams of storage API v1, and sends nothing on them.
    OpenStreams,
    /// Announces an export of 1 MiB and sends a byte each second.
    SlowWriter,
    /// Asks for a large answer with no room for it, and makes room for a byte each second.
    SlowReader,
    /// Sends pings.
    Pings,
    /// Sends settings.
    Settings,
    /// Opens requests and resets them (CVE-2023-44487).
    Resets,
    /// Sends a request's headers that never end (CVE-2024-27316).
    Continuations,
    /// Sends requests with headers as large as a frame.
    LargeHeaders,
}

impl Kind {
    /// Each of them as often as it is among a hundred. Those that flood are few, and those that
    /// hold requests open are together fewer than a server takes, 4,096, if there are 10,000.
    const SHARES: [(Self, usize); 12] = [
        (Self::Silent, 20),
        (Self::HalfPreface, 10),
        (Self::Preface, 10),
        (Self::Idle, 25),
        (Self::OpenStreams, 10),
        (Self::SlowWriter, 10),
        (Self::SlowReader, 10),
        (Self::Pings, 1),
        (Self::Settings, 1),
        (Self::Resets, 1),
        (Self::Continuations, 1),
        (Self::LargeHeaders, 1),
    ];

    /// All of them by their shares: the first twelve are one of each.
    pub fn mixed() -> impl Iterator<Item = Self> {
        let rounds =
            (0..).map(|round| Self::SHARES.iter().filter(move |(_, share)| round < *share));
        let most = Self::SHARES.iter().map(|(_, share)| *share).max().unwrap_or_default();
        let hundred: Vec<_> = rounds.take(most).flatten().map(|(kind, _)| *kind).collect();
        hundred.into_iter().cycle()
    }
}

/// Many of them, who leave when this is dropped.
#[derive(Debug)]
pub struct Crowd {
    clients: JoinSet<()>,
    counts: Arc<Counts>,
    size: usize,
}

#[derive(Debug)]
struct Counts {
    connecting: Semaphore,
    open: AtomicUsize,
    closed: AtomicUsize,
}

impl Crowd {
    /// Clients of these kinds, who connect from now on. Those who read ask for this message of
    /// `jaeger.storage.v2.TraceReader/GetTraces`.
    pub fn gather(
        address: SocketAddr,
        kinds: impl IntoIterator<Item = Kind>,
        get_traces: &[u8],
    ) -> Self {
        let counts = Arc::new(Counts {
            connecting: Semaphore::new(CONNECTING),
            open: AtomicUsize::new(0),
            closed: AtomicUsize::new(0),
        });
        let asked: Arc<[u8]> = get_traces.into();
        let mut clients = JoinSet::new();
        for kind in kinds {
            let (counts, asked) = (Arc::clone(&counts), Arc::clone(&asked));
            clients.spawn(async move {
                loop {
                    // However it ends: another connection is all that is left to be tried.
                    connect(address, kind, &asked, &counts).await.ok();
                    sleep(PAUSE).await;
                }
            });
        }
        let size = clients.len();
        Self { clients, counts, size }
    }

    /// Waits until each has a connection, or had one.
    pub async fn is_there(&self) {
        while self.open() + self.closed() < self.size {
            sleep(Duration::from_millis(10)).await;
        }
    }

    /// The connections that are open, as far as the clients know.
    pub fn open(&self) -> usize {
        self.counts.open.load(Ordering::Relaxed)
    }

    /// How many the server has closed.
    pub fn closed(&self) -> usize {
        self.counts.closed.load(Ordering::Relaxed)
    }

    /// Closes all connections.
    pub async fn leave(mut self) {
        self.clients.shutdown().await;
    }
}

async fn connect(address: SocketAddr, kind: Kind, asked: &[u8], counts: &Counts) -> io::Result<()> {
    let connecting = counts.connecting.acquire().await;
    let stream = TcpStream::connect(address).await;
    drop(connecting);
    let stream = stream?;
    counts.open.fetch_add(1, Ordering::Relaxed);
    let ended = client::run(stream, kind, asked).await;
    counts.open.fetch_sub(1, Ordering::Relaxed);
    counts.closed.fetch_add(1, Ordering::Relaxed);
    ended
}

/// Raises this process's limit of open files as far as it may; gives what it is then.
pub fn raise_open_files() -> usize {
    let before = getrlimit(Resource::Nofile);
    let raised = Rlimit { current: before.maximum, ..before };
    let limit = match setrlimit(Resource::Nofile, raised) {
        Ok(()) => before.maximum,
        Err(_) => before.current,
    };
    limit.and_then(|limit| usize::try_from(limit).ok()).unwrap_or(usize::MAX)
}
