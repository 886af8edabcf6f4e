//! What takes the server's spans.

use std::collections::{BTreeMap, BTreeSet};
use std::net::Ipv4Addr;
use std::sync::{Arc, Mutex};

use opentelemetry_proto::tonic::collector::trace::v1::trace_service_server::{
    TraceService, TraceServiceServer,
};
use opentelemetry_proto::tonic::collector::trace::v1::{
    ExportTraceServiceRequest, ExportTraceServiceResponse,
};
use opentelemetry_proto::tonic::common::v1::{KeyValue, any_value::Value};
use opentelemetry_proto::tonic::trace::v1::Span;
use opentelemetry_proto::tonic::trace::v1::span::SpanKind;
use tokio::net::TcpListener;
use tokio_stream::wrappers::TcpListenerStream;
use tonic::{Request, Response, Status};

use super::super::support::{eventually, trace_id};
use super::calls::PARENT;

/// Spans with their service.
type Spans = Arc<Mutex<Vec<(String, Span)>>>;

/// A receiver of OTLP.
pub struct Backend {
    url: String,
    spans: Spans,
}

struct Receiver(Spans);

#[tonic::async_trait]
impl TraceService for Receiver {
    async fn export(
        &self,
        request: Request<ExportTraceServiceRequest>,
    ) -> Result<Response<ExportTraceServiceResponse>, Status> {
        let mut spans = self.0.lock().unwrap();
        for resource in request.into_inner().resource_spans {
            let attributes = &resource.resource.as_ref().unwrap().attributes;
            let name = attributes.iter().find(|attribute| attribute.key == "service.name").unwrap();
            let own = resource.scope_spans.into_iter().flat_map(|scope| scope.spans);
            spans.extend(own.map(|span| (value(name), span)));
        }
        Ok(Response::new(ExportTraceServiceResponse::default()))
    }
}

impl Backend {
    pub async fn start() -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let spans = Spans::default();
        let server = tonic::transport::Server::builder()
            .add_service(TraceServiceServer::new(Receiver(spans.clone())))
            .serve_with_incoming(TcpListenerStream::new(listener));
        tokio::spawn(server);
        Self { url, spans }
    }

    pub fn url(&self) -> &str {
        &self.url
    }

    /// How many traces have come.
    pub fn traces(&self) -> usize {
        let spans = self.spans.lock().unwrap();
        spans.iter().map(|(_, span)| &span.trace_id).collect::<BTreeSet<_>>().len()
    }

    /// A trace as lines, each span followed by its attributes, its status, its events and the
    /// spans below it, once the span below the caller's is there: it ends last.
    pub async fn trace(&self, trace: u128) -> Vec<String> {
        eventually("the trace is exported", async || {
            let spans = self.spans.lock().unwrap();
            let own = spans.iter().filter(|(_, span)| span.trace_id == trace_id(trace));
            let mut by_parent = BTreeMap::<_, Vec<_>>::new();
            for (service, span) in own {
                by_parent.entry(span.parent_span_id.clone()).or_default().push((service, span));
            }
            let calls = by_parent.remove(PARENT.to_be_bytes().as_slice())?;
            let mut lines = Vec::new();
            for (service, call) in calls {
                let kind = SpanKind::try_from(call.kind).unwrap().as_str_name();
                let kind = kind.trim_start_matches("SPAN_KIND_");
                lines.push(format!("{service} {kind} {}", call.name));
                put_inside(call, "  ", &mut by_parent, &mut lines);
            }
            assert!(by_parent.is_empty(), "spans without their parents: {by_parent:#?}");
            Some(lines)
        })
        .await
    }
}

fn put_inside(
    span: &Span,
    indent: &str,
    by_parent: &mut BTreeMap<Vec<u8>, Vec<(&String, &Span)>>,
    lines: &mut Vec<String>,
) {
    let attribute = |it: &KeyValue| format!("{indent}{}={}", it.key, value(it));
    let mut attributes: Vec<_> = span.attributes.iter().map(attribute).collect();
    attributes.sort();
    lines.extend(attributes);
    let status = span.status.iter().filter(|status| !status.message.is_empty());
    lines.extend(status.map(|status| format!("{indent}status {}", status.message)));
    lines.extend(span.events.iter().map(|event| format!("{indent}event {}", event.name)));
    let mut children = by_parent.remove(&span.span_id).unwrap_or_default();
    children.sort_by_key(|(_, child)| child.start_time_unix_nano);
    for (_, child) in children {
        lines.push(format!("{indent}{}", child.name));
        put_inside(child, &format!("{indent}  "), by_parent, lines);
    }
}

fn value(attribute: &KeyValue) -> String {
    match attribute.value.as_ref().and_then(|value| value.value.as_ref()) {
        Some(Value::StringValue(text)) => text.clone(),
        Some(Value::IntValue(number)) => number.to_string(),
        other => panic!("{}: {other:?}", attribute.key),
    }
}
