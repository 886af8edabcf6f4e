//! One trace through programs that others instrumented: a FastAPI service by OpenTelemetry's packages
//! for Python, a gRPC service by otelgrpc and otelhttp for Go.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::process::{Command, Stdio};

use anyhow::{Context, ensure};
use e2e::files::repository;
use e2e::{Process, free_addresses, http, real_program};
use opentelemetry_proto::tonic::common::v1::any_value::Value;

use crate::backend::{Backend, Stored};
use crate::demo;

const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";
const CALLER: &str = "b7ad6b7169203331";
const TRACE_STATE: &str = "vendor=known-to-nobody-here";
const TIER: &str = "app.customer.tier";

/// The whole trace, a span below its parent, beside others of the same parent by their beginning.
/// A server's has the customer's tier if it found one in its baggage; app-b does not look for it in
/// the call of a task, and passes it on.
const EXPECTED: &str = "
app-a SERVER GET /chain, gold
  app-a CLIENT GET
    app-a SERVER GET /, gold
  app-a CLIENT GET
    app-py SERVER GET /io_task, gold
      app-py CLIENT GET
        app-b SERVER GET /chain, gold
          app-b CLIENT GET
            app-b SERVER GET /, gold
          app-b CLIENT GET
            app-a SERVER GET /io_task, gold
          app-b CLIENT demo.v1.Tasks/CpuTask
            app-go SERVER demo.v1.Tasks/CpuTask, gold
              app-go CLIENT HTTP GET
                app-a SERVER GET /io_task, gold
      app-py INTERNAL GET /io_task http send
      app-py INTERNAL GET /io_task http send
  app-a CLIENT demo.v1.Tasks/CpuTask
    app-b SERVER demo.v1.Tasks/CpuTask
      app-b CLIENT GET
        app-a SERVER GET /io_task, gold
      app-b INTERNAL count_primes
";

/// Who made the spans of the others' services.
const SCOPES: [&str; 4] = [
    "app-go go.opentelemetry.io/contrib/instrumentation/google.golang.org/grpc/otelgrpc",
    "app-go go.opentelemetry.io/contrib/instrumentation/net/http/otelhttp",
    "app-py opentelemetry.instrumentation.fastapi",
    "app-py opentelemetry.instrumentation.httpx",
];

/// A python that has what the FastAPI service is made of.
fn python() -> anyhow::Result<PathBuf> {
    let output = Command::new(repository().join("e2e/python-packages"))
        .arg(repository().join("e2e/fastapi/requirements.txt"))
        .stderr(Stdio::inherit())
        .output()
        .context("starting e2e/python-packages")?;
    ensure!(output.status.success(), "installing Python packages: {}", output.status);
    let path = String::from_utf8(output.stdout).context("reading the path of a python")?;
    Ok(PathBuf::from(path.trim_end()))
}

#[tokio::test]
#[ignore = "needs Go and Python with venv; run by .ci/run"]
async fn a_trace_and_its_baggage_go_through_rust_fastapi_rust_go_and_back() -> anyhow::Result<()> {
    let backend = Backend::start().await?;
    let [a, b, py, go, go_health] = free_addresses();
    let endpoint = backend.jaeger.otlp.to_string();
    let variables = [("MODE", "jaeger-grpc"), ("JAEGER_GRPC_ENDPOINT", &endpoint)];
    let app_a = demo::start("app-a", a, [py, b], &variables).await?;
    let app_b = demo::start("app-b", b, [a, go], &variables).await?;

    let mut command = Command::new(python()?);
    command.arg(repository().join("e2e/fastapi/service.py"));
    command.args([py.port().to_string(), format!("http://{b}")]);
    command.env("OTEL_SERVICE_NAME", "app-py");
    let endpoint = format!("http://{}", backend.jaeger.otlp_http);
    command.env("OTEL_EXPORTER_OTLP_ENDPOINT", endpoint);
    let app_py = Process::start("fastapi", &mut command, &format!("http://{py}/healthz")).await?;

    let mut command = Command::new(real_program("tasks-service")?);
    command.arg(repository().join("services/demo/proto"));
    command.args([go.to_string(), go_health.to_string(), format!("http://{a}")]);
    command.env("OTEL_SERVICE_NAME", "app-go");
    let endpoint = format!("http://{}", backend.collector.otlp);
    command.env("OTEL_EXPORTER_OTLP_ENDPOINT", endpoint);
    let app_go =
        Process::start("tasks-service", &mut command, &format!("http://{go_health}")).await?;

    let request = http()
        .get(format!("http://{a}/chain"))
        .header("traceparent", format!("00-{TRACE}-{CALLER}-01"))
        .header("tracestate", TRACE_STATE)
        .header("baggage", format!("{TIER}=gold"));
    let answer = request.send().await?;
    let status = answer.status();
    let body = answer.text().await?;
    ensure!(status.is_success(), "{status}: {body}");
    for service in [app_a, app_py, app_b, app_go] {
        service.end().await?;
    }

    let stored = backend.stored("app-a").await?;
    let strangers: BTreeSet<_> = stored
        .iter()
        .filter(|it| hex(&it.span.trace_id) != TRACE || it.span.trace_state != TRACE_STATE)
        .map(|it| format!("{}, {:?}", label(it), it.span.trace_state))
        .collect();
    ensure!(strangers.is_empty(), "of another trace, or without its state: {strangers:#?}");
    let tree = tree(&stored);
    ensure!(tree == EXPECTED, "{tree}");
    let of_others = stored.iter().filter(|it| ["app-py", "app-go"].contains(&&*it.service));
    let scopes: BTreeSet<_> = of_others.map(|it| format!("{} {}", it.service, it.scope)).collect();
    ensure!(scopes.iter().eq(SCOPES.iter()), "{scopes:#?}");
    Ok(())
}

/// The spans as [`EXPECTED`] has them, below that of the caller.
fn tree(stored: &[Stored]) -> String {
    let mut children = BTreeMap::<String, Vec<&Stored>>::new();
    for span in stored {
        children.entry(hex(&span.span.parent_span_id)).or_default().push(span);
    }
    for siblings in children.values_mut() {
        siblings.sort_by_key(|it| it.span.start_time_unix_nano);
    }
    let mut text = "\n".to_owned();
    write(&mut text, 0, &children.remove(CALLER).unwrap_or_default(), &mut children);
    // What is below nobody.
    for lost in children.into_values().flatten() {
        text += &format!("without its parent: {}\n", label(lost));
    }
    text
}

/// Takes out of `children` what it writes.
fn write(
    text: &mut String,
    depth: usize,
    spans: &[&Stored],
    children: &mut BTreeMap<String, Vec<&Stored>>,
) {
    for span in spans {
        *text += &format!("{}{}\n", "  ".repeat(depth), label(span));
        let below = children.remove(&hex(&span.span.span_id)).unwrap_or_default();
        write(text, depth + 1, &below, children);
    }
}

/// Service, kind, name and the customer's tier.
fn label(Stored { service, span, .. }: &Stored) -> String {
    let kind = span.kind().as_str_name().trim_start_matches("SPAN_KIND_");
    let tier = span.attributes.iter().find(|attribute| attribute.key == TIER);
    let tier = match tier.and_then(|tier| tier.value.clone()?.value) {
        Some(Value::StringValue(tier)) => format!(", {tier}"),
        Some(other) => format!(", {other:?}"),
        None => String::new(),
    };
    format!("{service} {kind} {}{tier}", span.name)
}

fn hex(id: &[u8]) -> String {
    id.iter().map(|byte| format!("{byte:02x}")).collect()
}
