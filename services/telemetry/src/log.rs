//! Log lines: one per event, with the ids of the span they were written in.

mod record;

use std::fmt;
use std::str::FromStr;

use opentelemetry::Context;
use opentelemetry::trace::{SpanContext, TraceContextExt};
use serde_json::{Map, Value, json};
use tracing::field::{Field, Visit};
use tracing::{Event, Subscriber};
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::time::{FormatTime, SystemTime};
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields};
use tracing_subscriber::registry::LookupSpan;

pub(crate) use record::LogRecords;

/// The form of a log line.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum LogFormat {
    /// Time, level, target and message, then `key=value` fields, for a person.
    #[default]
    Text,
    /// A JSON object, for a log store.
    Json,
}

impl FromStr for LogFormat {
    type Err = UnknownLogFormat;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        match name {
            "text" => Ok(Self::Text),
            "json" => Ok(Self::Json),
            _ => Err(UnknownLogFormat),
        }
    }
}

/// The name is neither `text` nor `json`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UnknownLogFormat;

impl fmt::Display for UnknownLogFormat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("expected text or json")
    }
}

impl std::error::Error for UnknownLogFormat {}

/// Writes an event as a line of the chosen form.
pub(crate) struct LogLine {
    format: LogFormat,
    service_name: String,
}

impl LogLine {
    pub(crate) fn new(format: LogFormat, service_name: &str) -> Self {
        Self { format, service_name: service_name.to_owned() }
    }

    fn json(&self, event: &Event<'_>, span: &SpanContext) -> Result<Value, fmt::Error> {
        let mut fields = Fields(Map::new());
        event.record(&mut fields);
        let Fields(mut line) = fields;
        // Ours last: a field of the same name gives way.
        let mut timestamp = String::new();
        SystemTime.format_time(&mut Writer::new(&mut timestamp))?;
        line.insert("timestamp".to_owned(), timestamp.into());
        line.insert("level".to_owned(), event.metadata().level().as_str().into());
        line.insert("target".to_owned(), event.metadata().target().into());
        line.insert("service.name".to_owned(), self.service_name.as_str().into());
        if span.is_valid() {
            line.insert("trace_id".to_owned(), span.trace_id().to_string().into());
            line.insert("span_id".to_owned(), span.span_id().to_string().into());
        }
        Ok(Value::Object(line))
    }
}

impl<S, N> FormatEvent<S, N> for LogLine
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(
        &self,
        context: &FmtContext<'_, S, N>,
        mut writer: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        // Not the subscriber's current span: the log filter may hide that one, and a span made with
        // the OpenTelemetry API is none of its.
        let span = Context::map_current(|context| context.span().span_context().clone());
        if self.format == LogFormat::Json {
            return writeln!(writer, "{}", self.json(event, &span)?);
        }
        SystemTime.format_time(&mut writer)?;
        write!(writer, " {:>5} {}: ", event.metadata().level(), event.metadata().target())?;
        let mut fields = String::new();
        context.format_fields(Writer::new(&mut fields), event)?;
        writer.write_str(&fields.replace('\n', "\\n"))?;
        if span.is_valid() {
            write!(writer, " trace_id={} span_id={}", span.trace_id(), span.span_id())?;
        }
        writeln!(writer)
    }
}

/// The fields of an event; its message is the one named `message`.
struct Fields(Map<String, Value>);

impl Fields {
    fn insert(&mut self, field: &Field, value: Value) {
        self.0.insert(field.name().to_owned(), value);
    }
}

impl Visit for Fields {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.insert(field, format!("{value:?}").into());
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.insert(field, value.into());
    }

    fn record_error(&mut self, field: &Field, error: &(dyn std::error::Error + 'static)) {
        self.insert(field, error.to_string().into());
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.insert(field, value.into());
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.insert(field, value.into());
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.insert(field, value.into());
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        self.insert(field, json!(value));
    }
}

#[cfg(test)]
mod tests {
    use std::io;

    use tracing::{debug, error, info, info_span, warn};

    use super::*;
    use crate::testing::Telemetry;

    #[test]
    fn a_line_written_in_a_span_ends_in_its_ids_and_one_outside_has_none() {
        let telemetry = Telemetry::with_logs(LogFormat::Text, "");
        info!("outside");
        info_span!("work").in_scope(|| info!(item = 7, "inside"));
        let span = telemetry.ended().remove(0).span_context;
        let lines = telemetry.log_lines();
        assert!(lines[0].ends_with(" INFO telemetry::log::tests: outside"), "{}", lines[0]);
        let ids = format!("trace_id={} span_id={}", span.trace_id(), span.span_id());
        assert!(lines[1].ends_with(&format!("inside item=7 {ids}")), "{}", lines[1]);
    }

    #[test]
    fn a_json_line_has_the_ids_the_service_and_every_field() {
        let telemetry = Telemetry::with_logs(LogFormat::Json, "");
        let cause = io::Error::other("disk on fire");
        info_span!("work").in_scope(|| {
            let error: &dyn std::error::Error = &cause;
            warn!(error, count = 3, ratio = 0.5, level = "mine", ok = true, "careful");
        });
        let span = telemetry.ended().remove(0).span_context;
        let line: Value = serde_json::from_str(&telemetry.log_lines()[0]).unwrap();
        let expected = json!({
            "timestamp": line["timestamp"],
            "level": "WARN",
            "target": "telemetry::log::tests",
            "service.name": "shop",
            "message": "careful",
            "trace_id": span.trace_id().to_string(),
            "span_id": span.span_id().to_string(),
            "error": "disk on fire",
            "count": 3,
            "ratio": 0.5,
            "ok": true,
        });
        assert_eq!(line, expected);
    }

    #[test]
    fn an_event_is_one_line_whatever_it_says() {
        for format in [LogFormat::Text, LogFormat::Json] {
            let telemetry = Telemetry::with_logs(format, "");
            info!(path = %"/a\n/b", "two\nlines");
            assert_eq!(telemetry.log_lines().len(), 1);
        }
    }

    #[test]
    fn the_log_filter_hides_no_span_and_no_id() {
        let telemetry = Telemetry::with_logs(LogFormat::Text, "error");
        info_span!("work").in_scope(|| {
            info!("hidden");
            error!("shown");
        });
        let span = telemetry.ended().remove(0);
        assert_eq!(span.events.len(), 2);
        let [line] = telemetry.log_lines().try_into().unwrap();
        assert!(line.contains(&span.span_context.trace_id().to_string()), "{line}");
    }

    #[test]
    fn what_the_transport_says_is_logged_only_on_request_and_never_a_span() {
        for (directives, expected) in [("debug", 1), ("debug,h2=debug", 2)] {
            let telemetry = Telemetry::with_logs(LogFormat::Text, directives);
            info_span!(target: "h2::client", "frame").in_scope(|| {
                debug!(target: "h2::client", "sent a frame");
                debug!("ours");
            });
            assert_eq!(telemetry.log_lines().len(), expected, "{directives}");
            assert!(telemetry.ended().is_empty());
        }
    }

    #[test]
    fn a_crate_whose_name_begins_like_one_of_the_transport_is_none_of_it() {
        for (directives, expected) in [("", 2), ("warn", 1), ("error", 0)] {
            let telemetry = Telemetry::with_logs(LogFormat::Text, directives);
            info_span!(target: "towers", "build").in_scope(|| {
                info!(target: "towers", "building");
                warn!(target: "towers::crane", "it is windy");
            });
            assert_eq!(telemetry.log_lines().len(), expected, "{directives:?}");
            assert_eq!(telemetry.log_records().len(), expected, "{directives:?}");
            assert_eq!(telemetry.ended().len(), 1);
        }
    }

    #[test]
    fn a_directive_of_a_span_holds_for_the_transport_within_it() {
        let telemetry = Telemetry::with_logs(LogFormat::Text, "[work]=debug");
        debug!(target: "h2::client", "sent a frame");
        info_span!("work").in_scope(|| debug!(target: "h2::client", "sent a frame"));
        assert_eq!(telemetry.log_lines().len(), 1);
    }
}
