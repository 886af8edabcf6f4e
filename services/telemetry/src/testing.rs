//! What the tests share: telemetry of one test, and servers on real sockets.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use axum::Router;
use opentelemetry::logs::LoggerProvider;
use opentelemetry::trace::{SpanKind, TracerProvider};
use opentelemetry::{Value, global};
use opentelemetry_sdk::logs::{InMemoryLogExporter, SdkLogRecord, SdkLoggerProvider};
use opentelemetry_sdk::trace::{InMemorySpanExporter, SdkTracerProvider, SpanData};
use tokio::net::TcpListener;
use tracing::subscriber::DefaultGuard;
use tracing_subscriber::Registry;
use tracing_subscriber::layer::{Filter, SubscriberExt};

use crate::log::{LogFormat, LogLine};
use crate::propagation::Propagators;
use crate::subscriber::{self, log_filter, scope};

/// Spans and logs of the current thread, and so of all tasks of a test's runtime.
pub struct Telemetry {
    spans: InMemorySpanExporter,
    logs: Arc<Mutex<Vec<u8>>>,
    records: InMemoryLogExporter,
    _provider: SdkTracerProvider,
    _subscriber: DefaultGuard,
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
        let spans = InMemorySpanExporter::default();
        let provider = SdkTracerProvider::builder().with_simple_exporter(spans.clone()).build();
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
        let deadline = Instant::now() + Duration::from_secs(10);
        loop {
            let spans = self.ended();
            if spans.len() >= count {
                assert_eq!(spans.len(), count, "{spans:#?}");
                return spans;
            }
            assert!(Instant::now() < deadline, "expected {count} spans: {spans:#?}");
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    }

    pub fn ended(&self) -> Vec<SpanData> {
        self.spans.get_finished_spans().unwrap()
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

/// The CLIENT and the SERVER span of one call.
pub fn both_sides(spans: &[SpanData]) -> (&SpanData, &SpanData) {
    let of_kind = |kind| spans.iter().find(|span| span.span_kind == kind).unwrap();
    (of_kind(SpanKind::Client), of_kind(SpanKind::Server))
}

/// The value of a span's attribute.
pub fn attribute(span: &SpanData, key: &str) -> Option<Value> {
    let attribute = span.attributes.iter().find(|attribute| attribute.key.as_str() == key);
    attribute.map(|attribute| attribute.value.clone())
}

/// The span's attributes as text, without those of which the values vary from run to run.
pub fn attributes(span: &SpanData, varying: &[&str]) -> Vec<String> {
    let mut attributes: Vec<String> = span
        .attributes
        .iter()
        .filter(|attribute| !varying.contains(&attribute.key.as_str()))
        .map(|attribute| format!("{}={}", attribute.key, attribute.value))
        .collect();
    attributes.sort();
    attributes
}
