//! What goes wrong, how it is told, and how it spreads to callers.

use opentelemetry_proto::tonic::trace::v1::span::Event;

use super::attributes::Attributes;
use super::graph::Language;
use super::random::{Random, mix};

/// How probable it is that one step fails by itself. A fault shows on the spans above it too, so
/// that one span in four hundred is an error: more than on a calm day, less than in an incident.
pub const PROBABILITY: f64 = 0.002;
/// How probable it is that a caller fails with what it called, instead of going on without it.
pub const SPREADING: f64 = 0.6;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    Timeout,
    Unavailable,
    Conflict,
    Declined,
    Bug,
}

/// How a call ended, for its caller.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    Done,
    /// The client's own mistake: an answer of the 400s, which is no error of the server's span.
    NotFound,
    Unauthorized,
    Failed(Fault),
}

impl Fault {
    pub fn draw(random: &mut Random) -> Self {
        *random.pick(&[
            Self::Timeout,
            Self::Timeout,
            Self::Timeout,
            Self::Unavailable,
            Self::Unavailable,
            Self::Conflict,
            Self::Bug,
        ])
    }

    /// The `error.type` where there is neither an HTTP status nor a class to name.
    pub fn error_type(self) -> &'static str {
        match self {
            Self::Timeout => "timeout",
            Self::Unavailable => "connection_refused",
            Self::Conflict => "conflict",
            Self::Declined => "card_declined",
            Self::Bug => "_OTHER",
        }
    }

    pub fn http_status(self) -> i64 {
        match self {
            Self::Timeout => 504,
            Self::Unavailable => 503,
            Self::Conflict => 409,
            Self::Declined => 402,
            Self::Bug => 500,
        }
    }

    pub fn grpc_status(self) -> i64 {
        match self {
            Self::Timeout => 4,
            Self::Unavailable => 14,
            Self::Conflict => 10,
            Self::Declined => 9,
            Self::Bug => 13,
        }
    }

    /// The message of the span's status.
    pub fn message(self, random: &mut Random) -> String {
        match self {
            Self::Timeout => {
                format!("context deadline exceeded after {}ms", 2_000 + random.below(40))
            }
            Self::Unavailable => {
                format!(
                    "dial tcp 10.42.{}.{}: connect: connection refused",
                    random.below(12),
                    2 + random.below(46)
                )
            }
            Self::Conflict => format!(
                "deadlock detected: process {} waits for ShareLock",
                1_000 + random.below(60_000)
            ),
            Self::Declined => "card declined: insufficient funds".to_owned(),
            Self::Bug => "index out of range".to_owned(),
        }
    }

    /// The `exception` event that a library records on the span that failed first.
    pub fn exception(
        self,
        language: Language,
        place: &str,
        time: u64,
        random: &mut Random,
    ) -> Event {
        let class = self.class(language);
        let message = self.message(random);
        let mut attributes = Attributes::default();
        attributes.text("exception.type", class).text("exception.message", &message);
        if let Some(trace) = stack_trace(language, class, &message, place) {
            attributes.text("exception.stacktrace", trace);
        }
        Event {
            time_unix_nano: time,
            name: "exception".to_owned(),
            attributes: attributes.into_vec(),
            ..Event::default()
        }
    }

    fn class(self, language: Language) -> &'static str {
        use Fault::{Bug, Conflict, Declined, Timeout, Unavailable};
        match (language, self) {
            (Language::Java, Timeout) => "java.net.SocketTimeoutException",
            (Language::Java, Unavailable) => "java.net.ConnectException",
            (Language::Java, Conflict) => "org.postgresql.util.PSQLException",
            (Language::Java, Declined | Bug) => "java.lang.ArrayIndexOutOfBoundsException",
            (Language::Dotnet, Timeout) => "System.TimeoutException",
            (Language::Dotnet, Unavailable) => "StackExchange.Redis.RedisConnectionException",
            (Language::Dotnet, Conflict) => "Microsoft.Data.SqlClient.SqlException",
            (Language::Dotnet, Declined | Bug) => "System.IndexOutOfRangeException",
            (Language::Python, Timeout) => "requests.exceptions.ReadTimeout",
            (Language::Python, Unavailable) => "ConnectionRefusedError",
            (Language::Python, Conflict | Declined | Bug) => "IndexError",
            (Language::Node, Declined) => "PaymentDeclinedError",
            (Language::Node, Timeout) => "TimeoutError",
            (Language::Node, Unavailable | Conflict | Bug) => "TypeError",
            (Language::Go, Conflict) => "*pgconn.PgError",
            (Language::Go, Unavailable) => "*net.OpError",
            (Language::Go, Timeout | Declined | Bug) => "*errors.errorString",
            (Language::Rust, _) => "shop::Error",
        }
    }
}

/// A stack as the language prints it. Go and Rust record none by default.
fn stack_trace(language: Language, class: &str, message: &str, place: &str) -> Option<String> {
    let frames: &[&str] = match language {
        Language::Java => &JAVA,
        Language::Dotnet => &DOTNET,
        Language::Node => &NODE,
        Language::Python => &PYTHON,
        Language::Go | Language::Rust => return None,
    };
    // Which code was running follows from the place; a deeper one has a longer stack.
    let bits = mix(place, 2);
    let first = bits as usize % frames.len();
    let depth = 6 + (bits >> 32) as usize % 9;
    let mut trace = format!("{class}: {message}\n");
    for frame in frames.iter().cycle().skip(first).take(depth) {
        trace += frame;
        trace.push('\n');
    }
    Some(trace)
}

const JAVA: [&str; 14] = [
    "\tat java.base/sun.nio.ch.NioSocketImpl.timedRead(NioSocketImpl.java:278)",
    "\tat java.base/java.net.Socket$SocketInputStream.read(Socket.java:1099)",
    "\tat org.postgresql.core.v3.QueryExecutorImpl.processResults(QueryExecutorImpl.java:2174)",
    "\tat org.postgresql.jdbc.PgPreparedStatement.executeQuery(PgPreparedStatement.java:139)",
    "\tat com.zaxxer.hikari.pool.ProxyPreparedStatement.executeQuery(ProxyPreparedStatement.java:52)",
    "\tat org.hibernate.sql.results.jdbc.internal.DeferredResultSetAccess.executeQuery(DeferredResultSetAccess.java:246)",
    "\tat example.shop.repository.JdbcRepository.load(JdbcRepository.java:118)",
    "\tat example.shop.service.DefaultService.handle(DefaultService.java:74)",
    "\tat example.shop.api.Endpoint.invoke(Endpoint.java:51)",
    "\tat io.grpc.stub.ServerCalls$UnaryServerCallHandler$UnaryServerCallListener.onHalfClose(ServerCalls.java:182)",
    "\tat io.grpc.internal.ServerImpl$JumpToApplicationThreadServerStreamListener$1HalfClosed.runInContext(ServerImpl.java:856)",
    "\tat io.grpc.internal.SerializingExecutor.run(SerializingExecutor.java:133)",
    "\tat java.base/java.util.concurrent.ThreadPoolExecutor.runWorker(ThreadPoolExecutor.java:1144)",
    "\tat java.base/java.lang.Thread.run(Thread.java:1583)",
];
const DOTNET: [&str; 8] = [
    "   at StackExchange.Redis.ConnectionMultiplexer.ExecuteSyncImpl[T](Message message, ResultProcessor`1 processor)",
    "   at Shop.Stores.CartStore.GetAsync(String userId) in /src/Stores/CartStore.cs:line 141",
    "   at Shop.Services.CartService.GetCart(GetCartRequest request, ServerCallContext context) in /src/Services/CartService.cs:line 62",
    "   at Microsoft.Data.SqlClient.SqlCommand.ExecuteReaderAsync(CommandBehavior behavior)",
    "   at Microsoft.EntityFrameworkCore.Update.ReaderModificationCommandBatch.ExecuteAsync(IRelationalConnection connection)",
    "   at Grpc.Shared.Server.UnaryServerMethodInvoker`3.ResolvedInterceptorInvoker(TRequest request, ServerCallContext context)",
    "   at Grpc.AspNetCore.Server.Internal.CallHandlers.UnaryServerCallHandler`3.HandleCallAsyncCore(HttpContext context)",
    "   at System.Runtime.CompilerServices.TaskAwaiter.HandleNonSuccessAndDebuggerNotification(Task task)",
];
const NODE: [&str; 7] = [
    "    at TLSSocket.socketOnTimeout (node:internal/net:612:9)",
    "    at listOnTimeout (node:internal/timers:594:17)",
    "    at process.processTimers (node:internal/timers:529:7)",
    "    at renderPage (/app/dist/pages/render.js:88:21)",
    "    at async handler (/app/dist/server.js:141:18)",
    "    at async Http2ServerCallStream.call (/app/node_modules/@grpc/grpc-js/build/src/server-call.js:412:9)",
    "    at AsyncLocalStorage.run (node:internal/async_local_storage/async_context_frame:63:14)",
];
const PYTHON: [&str; 6] = [
    "  File \"/app/service/server.py\", line 87, in ListRecommendations\n    candidates = self.rank(request)",
    "  File \"/app/service/ranking.py\", line 41, in rank\n    features = self.store.load(ids)",
    "  File \"/usr/local/lib/python3.13/site-packages/redis/client.py\", line 621, in execute_command\n    return self._execute_command(*args, **options)",
    "  File \"/usr/local/lib/python3.13/site-packages/urllib3/connectionpool.py\", line 519, in _make_request\n    raise ReadTimeoutError(self, url, message) from err",
    "  File \"/usr/local/lib/python3.13/site-packages/requests/adapters.py\", line 713, in send\n    raise ReadTimeout(e, request=request)",
    "  File \"/usr/local/lib/python3.13/site-packages/grpc/_server.py\", line 610, in _call_behavior\n    response_or_iterator = behavior(argument, context)",
];
