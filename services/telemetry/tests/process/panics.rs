//! What a panic leaves behind.

use opentelemetry_proto::tonic::trace::v1::status::StatusCode;
use serde_json::Value;

use super::collector::{Collector, Exported, Logged, text};
use super::program::run;

/// Each panic's message, and the span in which it was.
const PANICS: [(&str, Option<&str>); 4] = [
    ("in a task", Some("task")),
    ("on thread 7", Some("thread")),
    ("in a span that tracing knows nothing of", Some("plain")),
    ("a value that is no text", None),
];

fn span<'a>(spans: &'a [Exported], name: &str) -> &'a Exported {
    spans.iter().find(|exported| exported.span.name == name).unwrap()
}

fn log<'a>(logs: &'a [Logged], message: &str) -> &'a Logged {
    let body = format!("panicked: {message}");
    logs.iter().find(|logged| logged.body() == body).unwrap()
}

#[tokio::test]
async fn a_panic_is_an_error_log_with_ids_and_an_exception_of_its_span_wherever_it_is() {
    let collector = Collector::start().await;
    let (name, endpoint) = collector.variable();
    let output = run("panics", &[(name, &endpoint)]).await;

    let (spans, logs) = (collector.spans(), collector.logs());
    assert_eq!((spans.len(), logs.len()), (3, PANICS.len()), "{logs:#?}");
    for (message, name) in PANICS {
        let Logged { scope, record, .. } = log(&logs, message);
        assert_eq!((scope.as_str(), record.severity_text.as_str()), ("telemetry::panics", "ERROR"));
        let attribute = |key| text(&record.attributes, key);
        assert_eq!(attribute("exception.type").as_deref(), Some("panic"));
        assert_eq!(attribute("exception.message").as_deref(), Some(message));
        assert_eq!(attribute("exception.stacktrace"), None);
        assert!(attribute("code.file.path").unwrap().ends_with("program.rs"));
        assert!(attribute("code.line.number").unwrap().parse::<u32>().unwrap() > 100);

        let Some(name) = name else {
            assert!(record.trace_id.is_empty() && record.span_id.is_empty());
            continue;
        };
        let Exported { span, .. } = span(&spans, name);
        assert_eq!((&record.trace_id, &record.span_id), (&span.trace_id, &span.span_id));
        let [event] = &span.events[..] else { panic!("{:#?}", span.events) };
        assert_eq!(event.name, "exception");
        let attribute = |key| text(&event.attributes, key);
        assert_eq!(attribute("exception.type").as_deref(), Some("panic"));
        assert_eq!(attribute("exception.message").as_deref(), Some(message));
        assert_eq!(attribute("exception.stacktrace"), None);
        assert_eq!(span.status.as_ref().unwrap().code(), StatusCode::Error);
    }
    let thread = log(&logs, "on thread 7");
    assert_eq!(text(&thread.record.attributes, "thread.name").as_deref(), Some("worker"));
    // What the process had for a hook comes after ours.
    assert_eq!(output.stderr.matches("panicked at").count(), PANICS.len(), "{}", output.stderr);
}

#[tokio::test]
async fn a_panic_is_one_line_with_ids_in_text_and_in_json() {
    for format in ["text", "json"] {
        let variables = [
            ("LOG_FORMAT", format),
            ("RUST_BACKTRACE", "1"),
            ("OTEL_TRACES_EXPORTER", "none"),
            ("OTEL_METRICS_EXPORTER", "none"),
            ("OTEL_LOGS_EXPORTER", "none"),
        ];
        let output = run("panics", &variables).await;
        for (message, name) in PANICS {
            let [line] = output.lines(&format!("panicked: {message}")).try_into().unwrap();
            assert_eq!(line.contains("span_id"), name.is_some(), "{line}");
            if format == "text" {
                assert!(line.contains(" ERROR telemetry::panics: panicked: "), "{line}");
                continue;
            }
            let line: Value = serde_json::from_str(line).unwrap();
            assert_eq!(
                (&line["level"], &line["exception.message"]),
                (&"ERROR".into(), &message.into())
            );
            assert_eq!(line["trace_id"].is_string(), name.is_some());
        }
    }
}

#[tokio::test]
async fn a_panic_has_its_stack_where_that_is_asked_for() {
    let collector = Collector::start().await;
    let (name, endpoint) = collector.variable();
    run("panics", &[(name, &endpoint), ("RUST_BACKTRACE", "1")]).await;

    let (spans, logs) = (collector.spans(), collector.logs());
    let of_log = text(&log(&logs, "on thread 7").record.attributes, "exception.stacktrace");
    let of_span = text(&span(&spans, "thread").span.events[0].attributes, "exception.stacktrace");
    assert_eq!(of_log, of_span);
    assert!(of_log.unwrap().contains("program::panics"));
}
