//! Log records: what an event becomes where logs are exported.

use std::time::SystemTime;

use opentelemetry::logs::{AnyValue, LogRecord, Logger, Severity};
use opentelemetry_sdk::logs::SdkLogger;
use serde_json::{Map, Value};
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::layer::{Context, Layer};

use super::Fields;
use crate::environment::AttributeLimits;
use crate::export;
use crate::subscriber::is_of_export;

/// Hands each event to a logger, which adds the ids of the span it was written in.
///
/// Not `opentelemetry-appender-tracing`: that one gives every record the name of its source line,
/// as if it were an event of the semantic conventions, neither time nor, for an error without
/// further words, body.
pub(crate) struct LogRecords {
    pub logger: SdkLogger,
    pub limits: AttributeLimits,
}

impl From<SdkLogger> for LogRecords {
    fn from(logger: SdkLogger) -> Self {
        Self { logger, limits: AttributeLimits::default() }
    }
}

impl<S: Subscriber> Layer<S> for LogRecords {
    fn on_event(&self, event: &Event<'_>, _context: Context<'_, S>) {
        let metadata = event.metadata();
        // Whatever an export has said about it would be a further export, and so on.
        if is_of_export(metadata.target()) || metadata.target().starts_with(export::TARGET) {
            return;
        }
        let mut fields = Fields(Map::new());
        event.record(&mut fields);
        let Fields(mut fields) = fields;

        let mut record = self.logger.create_log_record();
        record.set_timestamp(SystemTime::now());
        // Becomes the scope's name.
        record.set_target(metadata.target());
        record.set_severity_number(severity(*metadata.level()));
        record.set_severity_text(metadata.level().as_str());
        let message = fields.remove("message").or_else(|| fields.get("error").cloned());
        if let Some(message) = message {
            record.set_body(any_value(message));
        }
        let count = self.limits.count.map_or(usize::MAX, |count| count as usize);
        for (key, value) in fields.into_iter().take(count) {
            record.add_attribute(key, any_value(shorten(value, self.limits)));
        }
        self.logger.emit(record);
    }
}

fn severity(level: Level) -> Severity {
    match level {
        Level::TRACE => Severity::Trace,
        Level::DEBUG => Severity::Debug,
        Level::INFO => Severity::Info,
        Level::WARN => Severity::Warn,
        Level::ERROR => Severity::Error,
    }
}

fn shorten(value: Value, limits: AttributeLimits) -> Value {
    match value.as_str().and_then(|text| limits.shorten(text)) {
        Some(shortened) => shortened.into(),
        None => value,
    }
}

/// A field's value: as `Fields` makes them, none is an array or an object.
fn any_value(value: Value) -> AnyValue {
    match value {
        Value::String(text) => text.into(),
        Value::Bool(truth) => truth.into(),
        Value::Number(number) => match number.as_i64() {
            Some(integer) => integer.into(),
            // OTLP's integers are signed.
            None if number.is_u64() => number.to_string().into(),
            None => number.as_f64().map_or(AnyValue::Double(f64::NAN), AnyValue::Double),
        },
        other => other.to_string().into(),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::io;

    use opentelemetry_sdk::logs::SdkLogRecord;
    use tracing::{debug, error, info, info_span, warn};

    use super::*;
    use crate::log::LogFormat;
    use crate::testing::Telemetry;

    fn body(record: &SdkLogRecord) -> Option<&str> {
        match record.body()? {
            AnyValue::String(text) => Some(text.as_str()),
            other => panic!("{other:?}"),
        }
    }

    fn attributes(record: &SdkLogRecord) -> BTreeMap<&str, AnyValue> {
        record.attributes_iter().map(|(key, value)| (key.as_str(), value.clone())).collect()
    }

    #[test]
    fn a_record_has_what_its_line_has() {
        let telemetry = Telemetry::start();
        let cause = io::Error::other("disk on fire");
        info_span!("work").in_scope(|| {
            let error: &dyn std::error::Error = &cause;
            warn!(error, count = 3, ratio = 0.5, ok = true, huge = u64::MAX, "careful");
        });
        info!("outside");
        let span = telemetry.ended().remove(0).span_context;
        let [inside, outside] = telemetry.log_records().try_into().unwrap();

        assert_eq!(body(&inside), Some("careful"));
        assert_eq!(inside.severity_number(), Some(Severity::Warn));
        assert_eq!(inside.severity_text(), Some("WARN"));
        assert_eq!(inside.target().unwrap(), "telemetry::log::record::tests");
        assert_eq!(inside.event_name(), None);
        assert!(inside.timestamp().unwrap().elapsed().unwrap().as_secs() < 60);
        let expected: BTreeMap<&str, AnyValue> = BTreeMap::from([
            ("error", "disk on fire".into()),
            ("count", 3.into()),
            ("ratio", 0.5.into()),
            ("ok", true.into()),
            ("huge", "18446744073709551615".into()),
        ]);
        assert_eq!(attributes(&inside), expected);
        let ids = inside.trace_context().unwrap();
        assert_eq!((ids.trace_id, ids.span_id), (span.trace_id(), span.span_id()));
        assert_eq!(ids.trace_flags, Some(span.trace_flags()));
        assert!(outside.trace_context().is_none());
    }

    #[test]
    fn an_error_without_a_message_is_its_own() {
        let telemetry = Telemetry::start();
        error!(error = %"disk on fire");
        let [record] = telemetry.log_records().try_into().unwrap();
        assert_eq!(body(&record), Some("disk on fire"));
        assert_eq!(attributes(&record), BTreeMap::from([("error", "disk on fire".into())]));
    }

    #[test]
    fn what_is_logged_is_exported_but_for_the_exporter_and_what_is_below_it() {
        let telemetry = Telemetry::with_logs(LogFormat::Text, "warn,telemetry=info,h2=debug");
        debug!("hidden");
        info!("ours");
        debug!(target: "h2::client", "a frame");
        warn!(target: "hyper_util", "a connection");
        warn!(target: "opentelemetry-otlp", "a batch");
        warn!(target: "opentelemetry_sdk", "a queue");
        warn!(target: "telemetry::export::outage", "an outage");
        warn!(target: "towers", "a service of somebody else");
        assert_eq!(telemetry.log_lines().len(), 7);
        let bodies = telemetry.log_records();
        let bodies: Vec<_> = bodies.iter().filter_map(body).collect();
        assert_eq!(bodies, ["ours", "a service of somebody else"]);
    }
}
