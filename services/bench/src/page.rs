//! How long the console takes to make the page of a large trace.
//!
//! The storage server is in this process, too, and reads the trace for each page anew; the client
//! asks for one page after the other, over HTTP.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::{Duration, Instant, UNIX_EPOCH};

use anyhow::{Context, Result, anyhow, ensure};
use console::Config;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::trace_service_client::TraceServiceClient;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue};
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace::v1::span::SpanKind;
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span};
use tokio::net::TcpListener;

use crate::table::{Table, percentile, sorted};

/// What is measured.
#[derive(Clone, Copy)]
pub struct Plan {
    /// Spans of each trace.
    pub spans: u64,
    /// How often each page is asked for.
    pub rounds: usize,
}

impl Plan {
    pub const FULL: Self = Self { spans: 10_000, rounds: 21 };
}

/// The parent of a span by its number, from 1 on; 0 for none.
type Parent = fn(u64) -> u64;

const SHAPES: [(&str, Parent); 3] = [
    ("all below one", |number| u64::from(number > 1)),
    ("each below the one before", |number| number - 1),
    ("eight below each", |number| (number + 6) / 8),
];
/// Lines of a page.
const LINES: u64 = 500;
/// Spans of an export.
const EXPORT: usize = 1_000;
/// Until both answer.
const DEADLINE: Duration = Duration::from_secs(10);

/// Measures, and tells the figures.
#[tokio::main]
pub async fn run(plan: Plan) -> Result<()> {
    let any = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    let folder = tempfile::tempdir().context("making a folder for the storage server")?;
    let storage = spoor::config::Config {
        listen: any,
        admin_listen: any,
        data_dir: Some(folder.path().to_owned()),
        ..Default::default()
    };
    let storage = spoor::Server::bind(storage).await.map_err(|error| anyhow!("{error}"))?;
    let address = format!("http://{}", storage.grpc_addr());
    tokio::spawn(storage.serve(std::future::pending()));
    let console = console(&address).await?;

    let name = format!("page of a trace of {} spans", plan.spans);
    let mut table = Table::new(&[&name, "shape", "median ms", "least to most", "KiB", "aim"]);
    for (trace, (shape, parent)) in (1..).zip(SHAPES) {
        write(&address, trace, plan.spans, parent).await?;
        let (page, last) = (format!("{console}/trace/{trace:032x}"), plan.spans);
        for (name, url, lines) in [
            ("the first lines", page.clone(), plan.spans.min(LINES)),
            ("the page of the last span, open", format!("{page}?span={last:016x}"), 1),
            ("a span alone", format!("{page}/span/{last:016x}"), 0),
        ] {
            let (mut times, mut size) = (Vec::new(), 0);
            for _ in 0..plan.rounds {
                let begun = Instant::now();
                let answer = reqwest::get(&url).await?.error_for_status()?.text().await?;
                times.push(begun.elapsed().as_secs_f64() * 1e3);
                size = answer.len();
                let shown = answer.matches("<a class=\"line\"").count() as u64;
                ensure!(shown >= lines, "{url} has {shown} lines, not {lines}");
                ensure!(
                    answer.contains(&format!("{last:016x}")) || lines > 1,
                    "{url} has no {last:x}"
                );
            }
            let times = sorted(times);
            let [least, middle, most] = [0, 50, 100].map(|percent| percentile(&times, percent));
            table.row([
                name.to_owned(),
                shape.to_owned(),
                format!("{middle:.0}"),
                format!("{least:.0} to {most:.0}"),
                format!("{}", size >> 10),
                "at most 500".to_owned(),
            ]);
        }
    }
    println!("{table}");
    Ok(())
}

/// A console of that storage server alone. Returns its URL.
async fn console(storage: &str) -> Result<String> {
    // Free a moment ago.
    let listen = TcpListener::bind("127.0.0.1:0").await?.local_addr()?;
    let config = Config::new(listen, storage);
    tokio::spawn(console::run(config, std::future::pending()));
    let url = format!("http://{listen}");
    let begun = Instant::now();
    while reqwest::get(format!("{url}/healthz")).await.is_err() {
        ensure!(begun.elapsed() < DEADLINE, "the console does not answer at {url}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    Ok(url)
}

async fn write(address: &str, trace: u128, spans: u64, parent: Parent) -> Result<()> {
    let now = u64::try_from(UNIX_EPOCH.elapsed()?.as_nanos())?;
    let begin = now - 60_000_000_000;
    let all: Vec<_> =
        (1..=spans).map(|number| span(trace, number, parent(number), begin, spans)).collect();
    let mut client = TraceServiceClient::connect(address.to_owned()).await?;
    for (place, some) in all.chunks(EXPORT).enumerate() {
        let attributes = vec![attribute("service.name", &format!("app-{}", place % 7))];
        let resource_spans = vec![ResourceSpans {
            resource: Some(Resource { attributes, ..Resource::default() }),
            scope_spans: vec![ScopeSpans { spans: some.to_vec(), ..ScopeSpans::default() }],
            ..ResourceSpans::default()
        }];
        let answer = client.export(ExportTraceServiceRequest { resource_spans }).await?;
        ensure!(answer.get_ref().partial_success.is_none(), "spans were refused");
    }
    Ok(())
}

fn span(trace: u128, number: u64, parent: u64, begin: u64, spans: u64) -> Span {
    let kind = if number.is_multiple_of(2) { SpanKind::Client } else { SpanKind::Server };
    Span {
        trace_id: trace.to_be_bytes().into(),
        span_id: number.to_be_bytes().into(),
        parent_span_id: if parent == 0 { Vec::new() } else { parent.to_be_bytes().into() },
        name: format!("GET /{}", number % 50),
        kind: kind.into(),
        start_time_unix_nano: begin + number * 1_000,
        end_time_unix_nano: begin + (2 * spans - number) * 1_000,
        attributes: vec![
            attribute("http.request.method", "GET"),
            attribute("http.route", "/{id}"),
            attribute("url.path", &format!("/{number}")),
        ],
        ..Span::default()
    }
}

fn attribute(key: &str, value: &str) -> KeyValue {
    let value = Some(AnyValue { value: Some(Value::StringValue(value.to_owned())) });
    KeyValue { key: key.to_owned(), value, ..KeyValue::default() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_page_has_its_spans_whatever_the_shape() {
        run(Plan { spans: 1_200, rounds: 1 }).unwrap();
    }
}
