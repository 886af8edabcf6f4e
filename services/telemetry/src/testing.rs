//! Spans in tests: collected in memory, and compared with a tree.
//!
//! ```
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! use axum::{Router, routing::get};
//!
//! let spans = telemetry::testing::record();
//! let app = Router::new()
//!     .route("/items/{id}", get(async || tracing::info!("reading an item")))
//!     .layer(telemetry::http::ServerLayer::default());
//! let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
//! let url = format!("http://{}/items/7", listener.local_addr()?);
//! tokio::spawn(async { axum::serve(listener, app).await });
//! reqwest::get(url).await?;
//!
//! spans
//!     .expect(
//!         "
//!         server GET /items/{id}
//!           http.response.status_code = 200
//!           server.port = *
//!           absent: error.type
//!           event: reading an item
//!         ",
//!     )
//!     .await;
//! # Ok(())
//! # }
//! ```

#[cfg(test)]
mod fixture;
mod tree;

use std::ops::Deref;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use opentelemetry::global;
use opentelemetry::trace::TracerProvider;
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::trace::{SdkTracerProvider, SpanData, SpanExporter};
use tokio::sync::Notify;
use tracing::subscriber::DefaultGuard;
use tracing_subscriber::layer::SubscriberExt;

use crate::propagation::Propagators;
use crate::subscriber;
use tree::Expected;

#[cfg(test)]
pub(crate) use fixture::{Telemetry, attribute, serve};

/// How long spans are waited for: generous, for a machine that is busy.
const DEADLINE: Duration = Duration::from_secs(10);

/// Records every span of this thread, and so of all tasks of a runtime that has no other, as
/// `#[tokio::test]` has none: tests beside each other see each their own.
///
/// The context crosses between processes as it does by default, by W3C's headers.
pub fn record() -> Recording {
    global::set_text_map_propagator(Propagators::default().build());
    let spans = Spans::default();
    let provider = spans.provider();
    let tracer = provider.tracer_with_scope(subscriber::scope());
    let layer = subscriber::traces(tracer, subscriber::spans());
    let subscriber = tracing_subscriber::registry().with(layer);
    let guard = tracing::subscriber::set_default(subscriber);
    Recording { spans, _provider: provider, _guard: guard }
}

/// The spans of a thread, until this is dropped.
#[derive(Debug)]
#[must_use = "recording ends when this is dropped"]
pub struct Recording {
    spans: Spans,
    _provider: SdkTracerProvider,
    _guard: DefaultGuard,
}

impl Deref for Recording {
    type Target = Spans;

    fn deref(&self) -> &Spans {
        &self.spans
    }
}

/// The spans that have ended: an exporter that keeps them. A clone has the same ones.
///
/// A tree is written as [`tree`](Self::tree) writes it, a line for a span, its kind before its name,
/// and what is of it or below it further in:
///
/// ```text
/// client GET
///   http.response.status_code = 500
///   status: error
///   server GET /items/{id}
///     server.port = *
///     absent: client.address
///     status: error no such table
///     event: exception
///       exception.message = no such table
///     link: producer orders
/// ```
///
/// No span may be missing, and none beside these; their order does not count. A span without a
/// status has none. Attributes, events and links are those of interest; there may be others. `*` is
/// any value.
#[derive(Clone, Debug, Default)]
pub struct Spans(Arc<Ended>);

#[derive(Debug, Default)]
struct Ended {
    spans: Mutex<Vec<SpanData>>,
    changed: Notify,
}

impl Spans {
    /// A tracer provider whose spans these become as soon as they end.
    pub fn provider(&self) -> SdkTracerProvider {
        SdkTracerProvider::builder().with_simple_exporter(self.clone()).build()
    }

    /// The spans so far, in the order in which they ended.
    pub fn ended(&self) -> Vec<SpanData> {
        self.lock().clone()
    }

    /// The spans as a tree: below its parent each, those of one parent as they began.
    pub fn tree(&self) -> String {
        tree::render(&self.lock())
    }

    /// Asserts that the spans so far are this tree.
    ///
    /// # Panics
    /// If they are not, with the tree that they are; if the text is no tree.
    #[track_caller]
    pub fn assert(&self, tree: &str) {
        let expected = Expected::read(tree);
        assert!(expected.matches(&self.ended()), "{}", self.difference(tree));
    }

    /// Waits until the spans are this tree: a server's ends a moment after its client has the answer.
    ///
    /// # Panics
    /// If they are not so within 10 s, or there are more, with the tree that they are; if the text
    /// is no tree.
    pub async fn expect(&self, tree: &str) {
        let expected = Expected::read(tree);
        let expected = |spans: &[SpanData]| {
            assert!(spans.len() <= expected.len(), "{}", self.difference(tree));
            expected.matches(spans)
        };
        assert!(self.become_such(expected).await, "{}", self.difference(tree));
    }

    /// Waits until `condition` holds of the spans. Returns false if it does not within 10 s.
    async fn become_such(&self, condition: impl Fn(&[SpanData]) -> bool) -> bool {
        let holds = async {
            loop {
                let changed = self.0.changed.notified();
                // Not while the spans are locked: it may panic.
                if condition(&self.ended()) {
                    return;
                }
                changed.await;
            }
        };
        tokio::time::timeout(DEADLINE, holds).await.is_ok()
    }

    fn difference(&self, expected: &str) -> String {
        format!("expected:\n{expected}\nfound:\n{}", self.tree())
    }

    fn lock(&self) -> MutexGuard<'_, Vec<SpanData>> {
        self.0.spans.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl SpanExporter for Spans {
    async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
        self.lock().extend(batch);
        self.0.changed.notify_waiters();
        Ok(())
    }
}
