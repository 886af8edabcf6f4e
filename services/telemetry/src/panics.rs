//! A panic in the logs and on its span: on stderr alone nobody finds what it broke.

use std::backtrace::{Backtrace, BacktraceStatus};
use std::panic::{self, PanicHookInfo};

use opentelemetry::trace::{Status, TraceContextExt};
use opentelemetry::{Context, KeyValue};
use opentelemetry_semantic_conventions::attribute::{
    EXCEPTION_MESSAGE, EXCEPTION_STACKTRACE, EXCEPTION_TYPE,
};
use tracing::error;

/// What `exception.type` is of all panics: Rust has no types of them.
const TYPE: &str = "panic";

/// Tells of each panic, of whatever thread, before the present hook does what it does.
pub(crate) fn tell() {
    let previous = panic::take_hook();
    panic::set_hook(Box::new(move |panic| {
        log(panic);
        previous(panic);
    }));
}

fn log(panic: &PanicHookInfo<'_>) {
    let message = panic.payload_as_str().unwrap_or("a value that is no text");
    // RUST_BACKTRACE says whether there is one.
    let backtrace = Backtrace::capture();
    let stacktrace =
        (backtrace.status() == BacktraceStatus::Captured).then(|| backtrace.to_string());

    let mut attributes = vec![
        KeyValue::new(EXCEPTION_TYPE, TYPE),
        KeyValue::new(EXCEPTION_MESSAGE, message.to_owned()),
    ];
    attributes.extend(stacktrace.clone().map(|it| KeyValue::new(EXCEPTION_STACKTRACE, it)));
    Context::map_current(|context| {
        let span = context.span();
        span.add_event("exception", attributes);
        // Without a description, so that whoever notices what the panic broke can give one.
        span.set_status(Status::error(""));
    });

    let location = panic.location();
    let thread = std::thread::current();
    // Without a parent, since the span has its event; the log's ids are not from there.
    error!(
        parent: None,
        exception.type = TYPE,
        exception.message = message,
        exception.stacktrace = stacktrace,
        code.file.path = location.map(|it| it.file()),
        code.line.number = location.map(|it| it.line()),
        thread.name = thread.name(),
        "panicked: {message}"
    );
}
