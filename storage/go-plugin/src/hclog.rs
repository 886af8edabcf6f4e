//! Log lines on standard error that a host takes into its own log with their level and key-values.
//!
//! They are JSON as [hclog] writes it: `@level`, `@message`, `@module` (an event's target),
//! `@timestamp`, and an event's fields beside them. Fields of spans are left out. A host takes a
//! line of more than 64 KiB for text, and logs it for debugging.
//!
//! [hclog]: https://github.com/hashicorp/go-hclog

use std::backtrace::{Backtrace, BacktraceStatus};
use std::fmt;
use std::io::{self, Write};
use std::panic;
use std::time::SystemTime;

use serde_json::{Map, Value};
use tracing::field::{Field, Visit};
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::layer::Context;

/// A layer that writes each event so. It filters nothing.
#[must_use]
pub fn layer() -> HclogLayer {
    HclogLayer(())
}

/// What [`layer`] gives.
#[derive(Debug)]
pub struct HclogLayer(());

impl<S: Subscriber> Layer<S> for HclogLayer {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        let mut line = Line::default();
        event.record(&mut line);
        let metadata = event.metadata();
        let level = match *metadata.level() {
            Level::ERROR => "error",
            Level::WARN => "warn",
            Level::INFO => "info",
            Level::DEBUG => "debug",
            Level::TRACE => "trace",
        };
        line.write(level, metadata.target());
    }
}

/// Makes each panic an error in the host's log, with its place, its thread and, where
/// `RUST_BACKTRACE` asks for it, its backtrace. Without this a host takes Rust's own words for debug
/// output: it only knows Go's.
pub fn log_panics() {
    panic::set_hook(Box::new(|panic| {
        let message = format!("panic: {}", panic.payload_as_str().unwrap_or("no message"));
        let mut line = Line { message, ..Line::default() };
        if let Some(place) = panic.location() {
            line.add("location", place.to_string());
        }
        line.add("thread", std::thread::current().name().unwrap_or("unnamed"));
        let backtrace = Backtrace::capture();
        if backtrace.status() == BacktraceStatus::Captured {
            line.add("backtrace", backtrace.to_string());
        }
        line.write("error", "panic");
    }));
}

#[derive(Default)]
struct Line {
    message: String,
    fields: Map<String, Value>,
}

impl Line {
    fn add(&mut self, key: &str, value: impl Into<Value>) {
        self.fields.insert(key.to_owned(), value.into());
    }

    fn write(mut self, level: &str, module: &str) {
        // After the fields, one of which may have such a name: a host fails on a value of another
        // type, and on a timestamp in another format.
        let time = humantime::format_rfc3339_micros(SystemTime::now()).to_string();
        let message = std::mem::take(&mut self.message);
        self.add("@level", level);
        self.add("@message", message);
        self.add("@module", module);
        self.add("@timestamp", time);
        let line = format!("{}\n", Value::Object(self.fields));
        // In one piece, between what others write; and there is nobody to tell that it failed.
        let _ = io::stderr().lock().write_all(line.as_bytes());
    }
}

impl Visit for Line {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.record_str(field, &format!("{value:?}"));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        if field.name() == "message" {
            value.clone_into(&mut self.message);
        } else {
            self.add(field.name(), value);
        }
    }

    fn record_error(&mut self, field: &Field, value: &(dyn std::error::Error + 'static)) {
        self.add(field.name(), value.to_string());
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.add(field.name(), value);
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.add(field.name(), value);
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.add(field.name(), value);
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        self.add(field.name(), value);
    }
}
