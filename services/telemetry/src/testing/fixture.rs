//! What the tests share: telemetry of one test with its logs, and servers on real sockets.

use std::net::SocketAddr;
use std::ops::Deref;
use std::sync::{Arc, Mutex};

use axum::Router;
use opentelemetry::logs::LoggerProvider;
use opentelemetry::trace::TracerProvider;
use opentelemetry::{Value, global};
use opentelemetry_sdk::logs::{InMemoryLogExporter, SdkLogRecord, SdkLoggerProvider};
use opentelemetry_sdk::trace::{SdkTracerProvider, SpanData};
use tokio::net::TcpListener;
use tracing::subscriber::DefaultGuard;
use tracing_subscriber::Registry;
use tracing_subscriber::layer::{Filter, SubscriberExt};

use super::Spans;
use crate::log::{LogFormat, LogLine};
use crate::propagation::Propagators;
use crate::subscriber::{self, log_filter, scope};

/// Spans and logs of the current thread, and so of all tasks of a test's runtime.
pub struct Telemetry {
    spans: Spans,
    logs: Arc<Mutex<Vec<u8>>>,
    records: InMemoryLogExporter,
    _provider: SdkTracerProvider,
    _subscriber: DefaultGuard,
}

impl Deref for Telemetry {
    type Target = Spans;

    fn deref(&self) -> &Spans {
        &self.spans
    }
}

impl Telemetry {
    pub fn start() -> Self {
        Self::with_logs(LogFormat::Text, "")
    }

    pub fn with_logs(format: LogFormat, directives: &str) -> Self {
        Self::with(format, directives, subscriber::spans())
    }

    /// Of a program that begins no trace.
    pub fn continuing() -> Self {
        Self::with(LogFormat::Text, "", subscriber::spans_below())
    }

    fn with(
        format: LogFormat,
        directives: &str,
        wanted: impl Filter<Registry> + Send + Sync + 'static,
    ) -> Self {
        global::set_text_map_propagator(Propagators::default().build());
        let spans = Spans::default();
        let provider = spans.provider();
        let tracer = provider.tracer_with_scope(scope());
        let logs = Arc::new(Mutex::new(Vec::new()));
        let writer = {
            let logs = logs.clone();
            move || Writer(logs.clone())
        };
        let filter = log_filter(directives).unwrap();
        let line = LogLine::new(format, "shop");
        let records = InMemoryLogExporter::default();
        let provider_of_logs =
            SdkLoggerProvider::builder().with_simple_exporter(records.clone()).build();
        let logger = provider_of_logs.logger_with_scope(scope());
        let subscriber = tracing_subscriber::registry()
            .with(subscriber::traces(tracer, wanted))
            .with(subscriber::logs(filter, line, writer, Some(logger)));
        Self {
            spans,
            logs,
            records,
            _provider: provider,
            _subscriber: tracing::subscriber::set_default(subscriber),
        }
    }

    /// The ended spans, once there are `count`.
    pub async fn spans(&self, count: usize) -> Vec<SpanData> {
        let are_there = self.become_such(|spans| spans.len() >= count).await;
        let spans = self.ended();
        assert!(are_there && spans.len() == count, "expected {count} spans:\n{}", self.tree());
        spans
    }

    pub fn log_lines(&self) -> Vec<String> {
        let logs = self.logs.lock().unwrap().clone();
        String::from_utf8(logs).unwrap().lines().map(str::to_owned).collect()
    }

    pub fn log_records(&self) -> Vec<SdkLogRecord> {
        let records = self.records.get_emitted_logs().unwrap();
        records.into_iter().map(|record| record.record).collect()
    }
}

struct Writer(Arc<Mutex<Vec<u8>>>);

impl std::io::Write for Writer {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// Serves the router on a free port.
pub async fn serve(router: Router) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let service = router.into_make_service_with_connect_info::<SocketAddr>();
    tokio::spawn(async move { axum::serve(listener, service).await.unwrap() });
    address
}

/// The value of a span's attribute.
pub fn attribute(span: &SpanData, key: &str) -> Option<Value> {
    let attribute = span.attributes.iter().find(|attribute| attribute.key.as_str() == key);
    attribute.map(|attribute| attribute.value.clone())
}
