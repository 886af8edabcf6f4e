//! A request's span among its extensions, and spans below it.

use std::borrow::Cow;
use std::ops::Deref;

use opentelemetry::trace::{SpanContext as Ids, Status, TraceContextExt};
use opentelemetry::{Context, Key, KeyValue, Value};
use tracing::{Span, info_span};
use tracing_opentelemetry::OpenTelemetrySpanExt;

/// The span of a request, which the server layers put among its extensions: its ids, and the
/// beginning of the spans below it.
///
/// ```
/// use axum::{Extension, Router, routing::get};
/// use telemetry::SpanContext;
///
/// async fn price(Extension(span): Extension<SpanContext>) -> String {
///     let lookup = span.child("look up the price");
///     lookup.set_attribute("app.item", 7);
///     lookup.event("cache miss", []);
///     lookup.ok();
///     drop(lookup); // the span ends
///     format!("1.99, as trace {} tells", span.trace_id())
/// }
///
/// let app: Router = Router::new()
///     .route("/price", get(price))
///     .layer(telemetry::http::ServerLayer::default());
/// ```
#[derive(Clone, Debug)]
pub struct SpanContext {
    ids: Ids,
    context: Context,
}

impl SpanContext {
    pub(crate) fn of(context: &Context) -> Self {
        Self { ids: context.span().span_context().clone(), context: context.clone() }
    }

    /// The span that this thread is in: one of `tracing`, of OpenTelemetry, or of this crate. Its ids
    /// are invalid where there is none.
    pub fn current() -> Self {
        Context::map_current(Self::of)
    }

    /// Begins a span below this one. It records nothing if this one does not, or is none.
    pub fn child(&self, name: &str) -> SpanRecorder {
        if !self.ids.is_sampled() {
            return SpanRecorder { span: Span::none(), context: self.clone() };
        }
        let span = info_span!(parent: None, "child", otel.name = name);
        // Fails only where telemetry is off.
        let _ = span.set_parent(self.context.clone());
        SpanRecorder { context: Self::of(&span.context()), span }
    }
}

/// The ids: those of the trace and of the span, whether it is sampled, the state of the trace.
impl Deref for SpanContext {
    type Target = Ids;

    fn deref(&self) -> &Ids {
        &self.ids
    }
}

/// A span that is recorded by hand. Dropped, it ends; by a panic, as an error.
///
/// Nothing here asks for `tracing`, and all works with it: events and spans of `tracing` are this
/// span's, and calls below it, while its [`span`](Self::span) is entered.
///
/// ```
/// # async fn ask() -> Result<u32, std::io::Error> { Ok(7) }
/// # async fn run() {
/// use tracing::Instrument;
///
/// let recorder = telemetry::SpanContext::current().child("ask the warehouse");
/// match ask().instrument(recorder.span().clone()).await {
///     Ok(stock) => recorder.set_attribute("app.stock", i64::from(stock)),
///     Err(error) => recorder.error(error.to_string()),
/// }
/// # }
/// ```
#[derive(Debug)]
#[must_use = "the span ends when this is dropped"]
pub struct SpanRecorder {
    span: Span,
    context: SpanContext,
}

impl SpanRecorder {
    /// The span's ids, and the beginning of spans below it. If it records nothing, its parent's.
    pub fn context(&self) -> &SpanContext {
        &self.context
    }

    /// Begins a span below this one.
    pub fn child(&self, name: &str) -> Self {
        self.context.child(name)
    }

    /// Sets an attribute.
    pub fn set_attribute(&self, key: impl Into<Key>, value: impl Into<Value>) {
        self.span.set_attribute(key, value);
    }

    /// Adds an event, which happens now.
    pub fn event(
        &self,
        name: impl Into<Cow<'static, str>>,
        attributes: impl IntoIterator<Item = KeyValue>,
    ) {
        self.span.add_event(name, attributes.into_iter().collect());
    }

    /// Points to a span that this one follows from, such as the sender's of a message.
    pub fn link(&self, other: &SpanContext) {
        self.span.add_link(other.ids.clone());
    }

    /// Says that the work succeeded, which no later error changes.
    pub fn ok(&self) {
        self.span.set_status(Status::Ok);
    }

    /// Says that the work failed, and why.
    pub fn error(&self, description: impl Into<Cow<'static, str>>) {
        self.span.set_status(Status::error(description));
    }

    /// The span as one of `tracing`, to be entered; a disabled one if it records nothing.
    pub fn span(&self) -> &Span {
        &self.span
    }
}

impl Drop for SpanRecorder {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.error("the code of the span panicked");
        }
        // Not its parent, whose context it has if it records nothing.
        if !self.span.is_none() {
            self.context.context.span().end();
        }
    }
}

#[cfg(test)]
mod tests {
    use tracing::{Instrument, info, info_span};

    use super::*;
    use crate::testing::Telemetry;

    #[test]
    fn a_span_is_recorded_without_tracing() {
        let telemetry = Telemetry::start();
        let request = info_span!("request");
        let context = SpanContext::of(&request.context());
        let recorder = context.child("look up");
        recorder.set_attribute("item", 7);
        recorder.event("cache miss", [KeyValue::new("cache", "prices")]);
        recorder.link(&context);
        let below = recorder.child("read");
        below.error("no such file");
        drop(below);
        recorder.ok();
        assert_eq!(recorder.context().trace_id(), context.trace_id());
        drop((recorder, request));
        telemetry.assert(
            "
            internal request
              internal look up
                item = 7
                status: ok
                event: cache miss
                  cache = prices
                link: internal request
                internal read
                  status: error no such file
            ",
        );
    }

    #[tokio::test]
    async fn what_tracing_tells_within_it_is_below_it() {
        let telemetry = Telemetry::start();
        let work = async {
            let recorder = SpanContext::current().child("ask");
            let asked = async {
                info!("asking");
                info_span!("call").in_scope(|| drop(SpanContext::current().child("deeper")));
            };
            asked.instrument(recorder.span().clone()).await;
        };
        work.instrument(info_span!("request")).await;
        telemetry.assert(
            "
            internal request
              internal ask
                event: asking
                internal call
                  internal deeper
            ",
        );
    }

    #[test]
    fn below_a_span_that_is_none_or_not_sampled_nothing_is_recorded() {
        let telemetry = Telemetry::start();
        let none = SpanContext::current();
        assert!(!none.is_valid());
        let recorder = none.child("work");
        recorder.set_attribute("item", 7);
        drop(recorder.child("deeper"));
        drop(recorder);
        telemetry.assert("");
    }

    #[test]
    fn a_panic_ends_it_as_an_error() {
        let telemetry = Telemetry::start();
        let request = info_span!("request");
        let context = SpanContext::of(&request.context());
        let work = move || {
            let _recorder = context.child("work");
            panic!("as told");
        };
        std::panic::catch_unwind(std::panic::AssertUnwindSafe(work)).unwrap_err();
        drop(request);
        telemetry.assert(
            "
            internal request
              internal work
                status: error the code of the span panicked
            ",
        );
    }

    #[test]
    fn it_ends_when_it_is_dropped_whoever_was_last_within_it_and_still_holds_it() {
        let telemetry = Telemetry::start();
        let request = info_span!("request");
        let recorder = SpanContext::of(&request.context()).child("work");
        let held = recorder.span().clone();
        held.in_scope(|| {});
        recorder.event("later", []);
        drop(recorder);
        let spans = telemetry.ended();
        let work = spans.iter().find(|span| span.name == "work").unwrap();
        assert!(work.end_time >= work.events.iter().next().unwrap().timestamp);
    }
}
