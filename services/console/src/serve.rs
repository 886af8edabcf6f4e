//! Connections: so many at a time, and none for ever.

use std::pin::pin;
use std::time::Duration;

use axum::Router;
use hyper::server::conn::http1::{Builder, Connection};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

/// What clients may take.
#[derive(Clone, Copy)]
pub(crate) struct Limits {
    /// Connections at one time. Whoever comes beyond that waits to be let in.
    connections: usize,
    /// For the head of a request, from the end of the answer before it.
    head: Duration,
    /// Of a connection: who does not read an answer would keep it. A browser makes another one.
    longest: Duration,
    /// For the answer that is under way then.
    last: Duration,
}

impl Limits {
    /// A browser has six connections, and an answer is there within a minute.
    pub const DEFAULT: Self = Self {
        connections: 128,
        head: Duration::from_secs(10),
        longest: Duration::from_secs(120),
        last: Duration::from_secs(60),
    };
}

/// Bytes of the head of a request.
const MAX_HEAD: usize = 64 << 10;
/// How long answers under way may hold up the end.
const DRAIN_DEADLINE: Duration = Duration::from_secs(5);
/// After a failed accept: the next one fails too until a descriptor is free.
const ACCEPT_AGAIN: Duration = Duration::from_secs(1);

/// Until `shutdown` resolves; then what is under way is answered.
pub(crate) async fn serve(
    listener: TcpListener,
    router: Router,
    limits: Limits,
    shutdown: impl Future<Output = ()>,
) {
    let mut http = Builder::new();
    http.timer(TokioTimer::new()).header_read_timeout(limits.head).max_buf_size(MAX_HEAD);
    let (drain, draining) = watch::channel(());
    let mut connections = JoinSet::new();
    let mut shutdown = pin!(shutdown);
    loop {
        tokio::select! {
            () = &mut shutdown => break,
            Some(_) = connections.join_next() => {}
            accepted = listener.accept(), if connections.len() < limits.connections => match accepted {
                Ok((connection, _)) => {
                    drop(connection.set_nodelay(true));
                    let service = TowerToHyperService::new(router.clone());
                    let serving = http.serve_connection(TokioIo::new(connection), service);
                    connections.spawn(one(serving, limits, draining.clone()));
                }
                Err(_) => sleep(ACCEPT_AGAIN).await,
            }
        }
    }
    drop((listener, drain));
    let ended = async { while connections.join_next().await.is_some() {} };
    // Those that are left end with the set.
    drop(timeout(DRAIN_DEADLINE, ended).await);
}

type Serving = Connection<TokioIo<TcpStream>, TowerToHyperService<Router>>;

/// Until it ends, is as old as one may be, or nobody holds the other end of `draining`.
async fn one(serving: Serving, limits: Limits, mut draining: watch::Receiver<()>) {
    let mut serving = pin!(serving);
    tokio::select! {
        // What is wrong with a connection is the client's to know.
        _ = &mut serving => return,
        _ = draining.changed() => {}
        () = sleep(limits.longest) => {}
    }
    serving.as_mut().graceful_shutdown();
    drop(timeout(limits.last, serving).await);
}

#[cfg(test)]
mod tests {
    use std::net::SocketAddr;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use axum::routing::get;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::sync::{Semaphore, oneshot};
    use tokio::task::{JoinHandle, yield_now};
    use tokio::time::Instant;

    use super::*;

    const REQUEST: &[u8] = b"GET / HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n";

    /// A page that is answered when it is let, and how often it was asked for.
    struct Served {
        address: SocketAddr,
        asked: Arc<AtomicUsize>,
        let_go: Arc<Semaphore>,
        stop: oneshot::Sender<()>,
        ended: JoinHandle<()>,
    }

    impl Served {
        async fn start() -> Self {
            Self::with(Limits::DEFAULT).await
        }

        async fn with(limits: Limits) -> Self {
            let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
            let address = listener.local_addr().unwrap();
            let (asked, let_go) = (Arc::new(AtomicUsize::new(0)), Arc::new(Semaphore::new(0)));
            let answer = {
                let (asked, let_go) = (asked.clone(), let_go.clone());
                async move || {
                    asked.fetch_add(1, Ordering::Relaxed);
                    let_go.acquire().await.unwrap().forget();
                    "answer"
                }
            };
            let router = Router::new().route("/", get(answer));
            let (stop, stopped) = oneshot::channel::<()>();
            let ended = tokio::spawn(serve(listener, router, limits, async {
                drop(stopped.await);
            }));
            Self { address, asked, let_go, stop, ended }
        }

        async fn connect(&self, sends: &[u8]) -> TcpStream {
            let mut connection = TcpStream::connect(self.address).await.unwrap();
            connection.write_all(sends).await.unwrap();
            connection
        }

        async fn was_asked(&self, times: usize) {
            while self.asked.load(Ordering::Relaxed) < times {
                yield_now().await;
            }
        }
    }

    /// What comes until the connection is closed.
    async fn told(mut connection: TcpStream) -> String {
        let mut told = String::new();
        // One that is broken off has told what it has.
        let read = timeout(Duration::from_secs(30), connection.read_to_string(&mut told));
        drop(read.await.expect("nobody lets go of the connection"));
        told
    }

    #[tokio::test]
    async fn more_than_so_many_wait_and_each_is_answered() {
        let served = Served::with(Limits { connections: 20, ..Limits::DEFAULT }).await;
        let mut connections = Vec::new();
        for _ in 0..29 {
            connections.push(served.connect(REQUEST).await);
        }
        served.was_asked(20).await;
        for _ in 0..1_000 {
            yield_now().await;
        }
        assert_eq!(served.asked.load(Ordering::Relaxed), 20);
        served.let_go.add_permits(29);
        for connection in connections {
            assert!(told(connection).await.ends_with("answer"));
        }
    }

    #[tokio::test]
    async fn who_sends_no_whole_head_is_let_go() {
        let head = Duration::from_millis(100);
        let served = Served::with(Limits { head, ..Limits::DEFAULT }).await;
        let begun = Instant::now();
        for sent in [&b""[..], &REQUEST[..20]] {
            assert_eq!(told(served.connect(sent).await).await, "");
        }
        assert!(begun.elapsed() >= 2 * head, "{:?}", begun.elapsed());
        let mut connection = TcpStream::connect(served.address).await.unwrap();
        let long = [b"GET / HTTP/1.1\r\nhost: ", &[b'x'; 2 * MAX_HEAD][..]].concat();
        // It is told before all is sent.
        drop(connection.write_all(&long).await);
        let answer = told(connection).await;
        assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 431"), "{answer}");
        assert_eq!(served.asked.load(Ordering::Relaxed), 0);
    }

    #[tokio::test]
    async fn a_connection_ends_after_some_time_whatever_it_waits_for() {
        let [longest, last] = [100, 50].map(Duration::from_millis);
        let served = Served::with(Limits { longest, last, ..Limits::DEFAULT }).await;
        let begun = Instant::now();
        assert_eq!(told(served.connect(REQUEST).await).await, "");
        assert!(begun.elapsed() >= longest + last, "{:?}", begun.elapsed());
        assert_eq!(served.asked.load(Ordering::Relaxed), 1);
    }

    #[tokio::test]
    async fn an_end_waits_for_what_is_under_way_and_for_nobody_else() {
        let served = Served::start().await;
        let _idle = served.connect(b"").await;
        let waits = served.connect(REQUEST).await;
        served.was_asked(1).await;
        served.stop.send(()).unwrap();
        for _ in 0..100 {
            yield_now().await;
        }
        assert!(!served.ended.is_finished());
        served.let_go.add_permits(1);
        assert!(told(waits).await.ends_with("answer"));
        served.ended.await.unwrap();
        assert!(TcpStream::connect(served.address).await.is_err());
    }
}
