//! What goes on in a store until it is killed: clients that write, a purge now and then, and one
//! who watches.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use spoor_proto::otlp::trace_service_client::TraceServiceClient;
use tokio::task::JoinHandle;
use tonic::transport::Channel;

use super::content::Content;
use super::figures::Figures;
use super::ledger::Ledger;
use super::making::Making;
use super::support::http::ask;
use super::support::{Program, channel, eventually};

const CLIENTS: usize = 6;
/// How often the process is asked what it did.
const WATCHED_EVERY: Duration = Duration::from_millis(10);
/// For how long a process lives on that does not make what it is to be killed at.
const LOOKED_FOR: Duration = Duration::from_millis(500);

/// What the clients of all rounds share.
#[derive(Clone)]
pub struct Exports {
    pub content: Content,
    pub ledger: Arc<Mutex<Ledger>>,
    /// The number of the next export.
    pub next: Arc<AtomicU64>,
    acknowledged: Arc<AtomicU64>,
}

impl Exports {
    pub fn new(content: Content) -> Self {
        let (ledger, acknowledged) = (Arc::default(), Arc::default());
        Self { content, ledger, next: Arc::new(AtomicU64::new(1)), acknowledged }
    }

    fn acknowledged(&self) -> u64 {
        self.acknowledged.load(Ordering::Relaxed)
    }

    async fn reach(&self, count: u64) {
        let enough = || async { (self.acknowledged() >= count).then_some(()) };
        eventually("the exports are acknowledged", enough).await;
    }
}

/// The clients of one process.
pub struct Load {
    exports: Exports,
    /// The exports that were acknowledged before.
    before: u64,
    is_over: Arc<AtomicBool>,
    clients: Vec<JoinHandle<()>>,
    purge: Option<JoinHandle<bool>>,
    watch: JoinHandle<Figures>,
}

impl Load {
    /// Begins to write; and to purge, when so many exports are acknowledged.
    pub fn start(exports: &Exports, program: &Program, purge: Option<u64>) -> Self {
        let is_over = Arc::<AtomicBool>::default();
        let clients = (0..CLIENTS).map(|_| {
            let is_over = Arc::clone(&is_over);
            tokio::spawn(write(exports.clone(), channel(program.grpc), is_over))
        });
        let (clients, before) = (clients.collect(), exports.acknowledged());
        let purge = purge
            .map(|after| tokio::spawn(self::purge(exports.clone(), program.admin, before + after)));
        let watch = tokio::spawn(watch(program.admin, Arc::clone(&is_over)));
        Self { exports: exports.clone(), before, is_over, clients, purge, watch }
    }

    /// Waits until so many exports are acknowledged.
    pub async fn reaches(&self, count: u64) {
        self.exports.reach(self.before + count).await;
    }

    /// Kills the process: now, or when it makes this. Tells what it did until then.
    pub async fn kill(self, program: Program, tenant: PathBuf, at: Option<Making>) -> Figures {
        let (is_over, pid) = (self.is_over, Pid::from_raw(program.pid.cast_signed()).unwrap());
        let kill = move || {
            let end = Instant::now() + LOOKED_FOR;
            while at.is_some() && Making::seen(&tenant) != at && Instant::now() < end {}
            is_over.store(true, Ordering::Relaxed);
            kill_process(pid, Signal::KILL).unwrap();
        };
        tokio::task::spawn_blocking(kill).await.unwrap();
        program.ended().await;
        for client in self.clients {
            client.await.unwrap();
        }
        let mut figures = self.watch.await.unwrap();
        figures.acknowledged = self.exports.acknowledged() - self.before;
        if let Some(purge) = self.purge {
            figures.purges = u64::from(purge.await.unwrap());
        }
        figures
    }
}

/// Writes one export after the other until one fails.
async fn write(exports: Exports, channel: Channel, is_over: Arc<AtomicBool>) {
    let mut writer = TraceServiceClient::new(channel);
    loop {
        let number = exports.next.fetch_add(1, Ordering::Relaxed);
        let (request, spans) = exports.content.request(number);
        exports.ledger.lock().unwrap().begin(number, spans);
        match writer.export(request).await {
            Ok(response) => {
                assert_eq!(response.into_inner().partial_success, None);
                exports.ledger.lock().unwrap().acknowledge(number);
                exports.acknowledged.fetch_add(1, Ordering::Relaxed);
            }
            Err(status) => {
                assert!(is_over.load(Ordering::Relaxed), "export {number} was refused: {status}");
                return;
            }
        }
    }
}

/// Forgets everything, and tells whether that was acknowledged.
async fn purge(exports: Exports, admin: SocketAddr, after: u64) -> bool {
    exports.reach(after).await;
    exports.ledger.lock().unwrap().purge_begins();
    let is_done = ask(admin, "POST", "/purge").await.is_some_and(|(status, _)| status == 200);
    if is_done {
        exports.ledger.lock().unwrap().purge_is_done();
    }
    is_done
}

/// Asks what the process did until it ends.
async fn watch(admin: SocketAddr, is_over: Arc<AtomicBool>) -> Figures {
    let mut figures = Figures::default();
    let mut ticks = tokio::time::interval(WATCHED_EVERY);
    while !is_over.load(Ordering::Relaxed) {
        ticks.tick().await;
        if let Some((200, text)) = ask(admin, "GET", "/metrics").await {
            figures.read(&text);
        }
    }
    figures
}
