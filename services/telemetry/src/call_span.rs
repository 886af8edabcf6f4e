//! The span of a call under way.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::{Duration, Instant};

use http::{HeaderMap, HeaderName};
use opentelemetry::trace::{Status, TraceContextExt};
use opentelemetry::{Context, KeyValue, StringValue};
use opentelemetry_semantic_conventions::attribute::ERROR_TYPE;
use tracing::Span;
use tracing_opentelemetry::OpenTelemetrySpanExt;

use crate::call::Convention;
use crate::capture::{Captured, List};
use crate::duration::Durations;

/// What the calls of one layer share.
#[derive(Clone, Debug)]
pub struct Shared {
    request_headers: Captured,
    response_headers: Captured,
    durations: Option<Durations>,
}

impl Shared {
    pub(crate) fn new<C: Convention>() -> Self {
        Self {
            request_headers: Captured::from_environment(&C::REQUEST_HEADERS),
            response_headers: Captured::from_environment(&C::RESPONSE_HEADERS),
            durations: C::DURATION.map(Durations::new),
        }
    }

    pub(crate) fn capture_requests(
        &mut self,
        list: List,
        names: impl IntoIterator<Item = HeaderName>,
    ) {
        self.request_headers = Captured::new(&list, names);
    }

    pub(crate) fn capture_responses(
        &mut self,
        list: List,
        names: impl IntoIterator<Item = HeaderName>,
    ) {
        self.response_headers = Captured::new(&list, names);
    }
}

/// The span of a call and the measure of its duration, which both end when this is dropped, whoever
/// still holds the span: a task that goes on, or a span within it, would else keep it open.
///
/// Attributes are set once the sampler has decided, so that a call that is not sampled costs none: a
/// sampler sees the span's name, kind and parent.
#[derive(Debug)]
pub struct CallSpan {
    span: Span,
    context: Context,
    /// Whether there is a span; the context is then its own.
    is_span: bool,
    is_recording: bool,
    has_failed: bool,
    /// And stays so after a panic: whoever caught it may drop this long after, and a panic that goes
    /// on while this is dropped may be another's.
    is_running: bool,
    began: Instant,
    timeout: Option<Duration>,
    shared: Arc<Shared>,
    /// The attributes of the metric, if there is one.
    measured: Vec<KeyValue>,
}

impl CallSpan {
    /// Starts the span of a call to another process.
    pub(crate) fn start(span: Span, shared: &Arc<Shared>) -> Self {
        Self::within(Context::current(), span, shared)
    }

    /// Starts the span of a call from another process, below the caller's.
    pub(crate) fn continue_from(caller: Context, span: Span, shared: &Arc<Shared>) -> Self {
        // Fails only where telemetry is off.
        let _ = span.set_parent(caller.clone());
        Self::within(caller, span, shared)
    }

    /// A call that is no span goes on with the context around it.
    fn within(around: Context, span: Span, shared: &Arc<Shared>) -> Self {
        let own = span.context();
        let is_span = own.has_active_span();
        let context = if is_span { own } else { around };
        // As many as a convention has.
        let measured = if shared.durations.is_some() { 6 } else { 0 };
        Self {
            is_span,
            is_recording: is_span && context.span().is_recording(),
            has_failed: false,
            is_running: false,
            began: Instant::now(),
            timeout: None,
            shared: shared.clone(),
            measured: Vec::with_capacity(measured),
            span,
            context,
        }
    }

    pub(crate) fn context(&self) -> &Context {
        &self.context
    }

    /// Runs what is of the call within its span or, where there is none, within the context around
    /// it. If it panics, the call has failed.
    pub(crate) fn run<T>(&mut self, work: impl FnOnce() -> T) -> T {
        let _around = (!self.is_span).then(|| self.context.clone().attach());
        let _entered = self.span.enter();
        self.is_running = true;
        let result = work();
        self.is_running = false;
        result
    }

    /// Whether what ran has panicked.
    pub(crate) fn has_panicked(&self) -> bool {
        self.is_running
    }

    /// Sets at once what is known when the call begins: attributes of the span and of the metric, and
    /// those of the span alone.
    pub(crate) fn begin<const N: usize, A: IntoIterator<Item = Option<KeyValue>>>(
        &mut self,
        noted: [Option<KeyValue>; N],
        attributes: impl FnOnce() -> A,
    ) {
        if self.shared.durations.is_some() {
            self.measured.extend(noted.iter().flatten().cloned());
        }
        self.describe(|| noted.into_iter().chain(attributes()));
    }

    /// Sets attributes of the span.
    pub(crate) fn describe<A: IntoIterator<Item = Option<KeyValue>>>(
        &self,
        attributes: impl FnOnce() -> A,
    ) {
        if self.is_recording {
            self.context.span().set_attributes(attributes().into_iter().flatten());
        }
    }

    /// Sets an attribute of the span and of the metric.
    pub(crate) fn note(&mut self, attribute: KeyValue) {
        if self.shared.durations.is_some() {
            self.measured.push(attribute.clone());
        }
        if self.is_recording {
            self.context.span().set_attribute(attribute);
        }
    }

    /// Records the request's headers that are to be.
    pub(crate) fn capture_request(&self, headers: &HeaderMap) {
        self.capture(&self.shared.request_headers, headers);
    }

    /// Records the response's headers that are to be.
    pub(crate) fn capture_response(&self, headers: &HeaderMap) {
        self.capture(&self.shared.response_headers, headers);
    }

    fn capture(&self, captured: &Captured, headers: &HeaderMap) {
        if !captured.is_empty() {
            self.describe(|| captured.of(headers).map(Some));
        }
    }

    /// Marks the call failed, for a reason of few different values. The first reason counts.
    pub(crate) fn fail(
        &mut self,
        error_type: impl Into<StringValue>,
        description: impl Into<Cow<'static, str>>,
    ) {
        if !self.has_failed && self.is_recording {
            self.context.span().set_status(Status::error(description));
        }
        self.set_error_type(error_type);
    }

    /// Marks the call failed by a panic of its code.
    pub(crate) fn panicked(&mut self) {
        self.fail("panic", "the code of the call panicked");
    }

    /// Tells why the call ended as it did, which is no error of this side.
    pub(crate) fn set_error_type(&mut self, error_type: impl Into<StringValue>) {
        if !self.has_failed {
            self.has_failed = true;
            self.note(KeyValue::new(ERROR_TYPE, error_type.into()));
        }
    }

    /// Sets how long the caller waits.
    pub(crate) fn set_timeout(&mut self, timeout: Option<Duration>) {
        self.timeout = timeout;
    }

    /// Whether the caller waits no longer. Its clock began to run before this one, by the way of the
    /// request: a tenth less is taken for the whole.
    pub(crate) fn is_overdue(&self) -> bool {
        self.timeout.is_some_and(|timeout| self.began.elapsed() >= timeout.mul_f64(0.9))
    }
}

impl Drop for CallSpan {
    fn drop(&mut self) {
        if self.has_panicked() {
            self.panicked();
        }
        if self.is_recording {
            self.context.span().end();
        }
        if let Some(durations) = &self.shared.durations {
            durations.record(self.began.elapsed(), &self.measured);
        }
    }
}
