//! The program: a few lines of a service.

use std::io::{self, Read};
use std::panic::{catch_unwind, panic_any};
use std::process::Stdio;
use std::thread;
use std::time::Duration;

use opentelemetry::trace::{
    Link, Span, SpanContext, SpanId, TraceContextExt, TraceFlags, TraceId, Tracer,
};
use opentelemetry::{Array, Context, KeyValue, Value, global};
use telemetry::InitError;
use tokio::process::{Child, Command};
use tracing::{Instrument, info, info_span};

/// Tells the program which of its parts it is to run.
const PART: &str = "PROGRAM_PART";

/// A name and a value of its environment.
pub type Variable<'a> = (&'a str, &'a str);

/// What the program has said.
pub struct Output {
    pub stdout: Vec<String>,
    pub stderr: String,
}

impl Output {
    /// The lines with this text.
    pub fn lines(&self, text: &str) -> Vec<&str> {
        self.stdout.iter().map(String::as_str).filter(|line| line.contains(text)).collect()
    }
}

/// Runs a part to its end.
pub async fn run(part: &str, variables: &[Variable<'_>]) -> Output {
    end(start(part, variables)).await
}

/// Starts a part, which ends when its input does.
pub fn start(part: &str, variables: &[Variable<'_>]) -> Child {
    let mut command = Command::new(std::env::current_exe().unwrap());
    for (name, _) in std::env::vars_os() {
        let name = name.to_string_lossy();
        if name.starts_with("OTEL_") || name.starts_with("RUST_") {
            command.env_remove(&*name);
        }
    }
    command
        .args(["program_of_the_tests", "--exact", "--nocapture", "--test-threads=1"])
        .env(PART, part)
        .envs(variables.iter().copied())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .unwrap()
}

/// Ends a part's input, and so the part.
pub async fn end(mut program: Child) -> Output {
    drop(program.stdin.take());
    let output = program.wait_with_output().await.unwrap();
    let [stdout, stderr] = [output.stdout, output.stderr].map(|it| String::from_utf8(it).unwrap());
    assert!(output.status.success(), "{stdout}{stderr}");
    Output { stdout: stdout.lines().map(str::to_owned).collect(), stderr }
}

/// Runs the part that the environment names, if it names one.
pub fn main() {
    let Ok(part) = std::env::var(PART) else { return };
    let format = std::env::var("LOG_FORMAT").unwrap_or_else(|_| "text".to_owned());
    // The test harness has begun a line.
    println!();
    let format = format.parse().unwrap();
    // As a program may have one until it has read its configuration.
    drop(tracing::subscriber::set_default(tracing_subscriber::registry()));
    let telemetry = telemetry::init("program", format).unwrap();
    let again = telemetry::init("program", format).unwrap_err();
    assert!(matches!(again, InitError::AlreadyInitialized), "{again}");
    match part.as_str() {
        "work" | "work dropped" | "work however long" => work(),
        "burst" => burst(),
        "panics" => panics(),
        _ => panic!("no such part: {part}"),
    }
    io::stdin().read_to_end(&mut Vec::new()).unwrap();
    match part.as_str() {
        "work dropped" => drop(telemetry),
        "work however long" => telemetry.shutdown(Duration::MAX),
        _ => telemetry.shutdown(Duration::from_secs(10)),
    }
}

/// How many spans there are of the work, and of each how many attributes, events and links, of
/// which each has as many attributes.
pub const SPANS: usize = 4;
pub const EACH: usize = 3;

fn work() {
    let meter = global::meter("program");
    meter.u64_counter("items").build().add(7, &[]);
    meter.f64_histogram("duration").with_unit("s").build().record(0.25, &[]);

    let attributes = || {
        let words = ["alpha", "beta", "gamma"].map(Into::into).to_vec();
        vec![
            KeyValue::new("text", "alphabet"),
            KeyValue::new("texts", Value::Array(Array::String(words))),
            KeyValue::new("number", 123_456),
        ]
    };
    let linked = SpanContext::new(
        TraceId::from(1),
        SpanId::from(2),
        TraceFlags::SAMPLED,
        true,
        Default::default(),
    );
    let tracer = global::tracer("program");
    for _ in 0..SPANS {
        let links = vec![Link::new(linked.clone(), attributes(), 0); EACH];
        let mut span = tracer.span_builder("work").with_links(links).start(&tracer);
        span.set_attributes(attributes());
        for _ in 0..EACH {
            span.add_event("event", attributes());
        }
        span.end();
    }
    info!(text = "alphabet", letters = "alpha", number = 123_456, "worked");
}

/// More spans and log records than the SDK's own queues hold.
pub const BURST: usize = 3_000;

fn burst() {
    let tracer = global::tracer("program");
    for _ in 0..BURST {
        tracer.start("burst").end();
        info!("burst");
    }
}

fn panics() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let task = async { panic!("in a task") }.instrument(info_span!("task"));
    runtime.block_on(async { tokio::spawn(task).await }).unwrap_err();

    let span = info_span!("thread");
    let thread = thread::Builder::new().name("worker".to_owned());
    let thread = thread.spawn(move || span.in_scope(|| panic!("on thread {}", 7)));
    thread.unwrap().join().unwrap_err();

    let span = global::tracer("program").start("plain");
    let in_span = Context::current_with_span(span).attach();
    catch_unwind(|| panic!("in a span that tracing knows nothing of")).unwrap_err();
    drop(in_span);

    catch_unwind(|| panic_any(7)).unwrap_err();
}
