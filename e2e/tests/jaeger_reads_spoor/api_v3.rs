//! The part of Jaeger's query API `jaeger.api_v3` that these tests ask, over gRPC and over HTTP.

use std::collections::{BTreeSet, HashMap};

use e2e::{Jaeger, http};
use opentelemetry_proto::tonic::trace::v1::TracesData;
use prost::Message;
use prost_types::{Duration, Timestamp};
use reqwest::StatusCode;
use tonic::codegen::http::uri::PathAndQuery;
use tonic::transport::{Channel, Endpoint};
use tonic_prost::ProstCodec;

#[derive(Clone, PartialEq, Message)]
pub struct Query {
    #[prost(string, tag = "1")]
    pub service_name: String,
    #[prost(string, tag = "2")]
    pub operation_name: String,
    /// Always text: Jaeger's API knows no other kind here.
    #[prost(map = "string, string", tag = "3")]
    pub attributes: HashMap<String, String>,
    #[prost(message, optional, tag = "4")]
    pub start_time_min: Option<Timestamp>,
    #[prost(message, optional, tag = "5")]
    pub start_time_max: Option<Timestamp>,
    #[prost(message, optional, tag = "6")]
    pub duration_min: Option<Duration>,
    #[prost(message, optional, tag = "7")]
    pub duration_max: Option<Duration>,
    #[prost(int32, tag = "8")]
    pub search_depth: i32,
}

#[derive(Clone, PartialEq, Message)]
struct FindTracesRequest {
    #[prost(message, optional, tag = "1")]
    query: Option<Query>,
}

#[derive(Clone, PartialEq, Message)]
struct GetTraceRequest {
    #[prost(string, tag = "1")]
    trace_id: String,
    /// Without Jaeger's adjustments.
    #[prost(bool, tag = "4")]
    raw_traces: bool,
}

#[derive(Clone, PartialEq, Message)]
struct GetServicesResponse {
    #[prost(string, repeated, tag = "1")]
    services: Vec<String>,
}

#[derive(Clone, PartialEq, Message)]
struct GetOperationsRequest {
    #[prost(string, tag = "1")]
    service: String,
}

#[derive(Clone, PartialEq, Message)]
struct GetOperationsResponse {
    #[prost(message, repeated, tag = "1")]
    operations: Vec<Operation>,
}

#[derive(Clone, PartialEq, Message)]
struct Operation {
    #[prost(string, tag = "1")]
    name: String,
    #[prost(string, tag = "2")]
    span_kind: String,
}

/// A connection to Jaeger's gRPC query port.
#[derive(Clone)]
pub struct Grpc(tonic::client::Grpc<Channel>);

impl Grpc {
    pub async fn connect(jaeger: &Jaeger) -> Self {
        let endpoint = Endpoint::from_shared(format!("http://{}", jaeger.grpc)).unwrap();
        Self(tonic::client::Grpc::new(endpoint.connect().await.unwrap()))
    }

    pub async fn services(&self) -> BTreeSet<String> {
        let response: GetServicesResponse =
            self.unary("/jaeger.api_v3.QueryService/GetServices", ()).await;
        response.services.into_iter().collect()
    }

    /// Pairs of operation name and span kind.
    pub async fn operations(&self, service: &str) -> BTreeSet<(String, String)> {
        let request = GetOperationsRequest { service: service.to_owned() };
        let response: GetOperationsResponse =
            self.unary("/jaeger.api_v3.QueryService/GetOperations", request).await;
        response.operations.into_iter().map(|found| (found.name, found.span_kind)).collect()
    }

    pub async fn trace(&self, trace_id: &str) -> Vec<TracesData> {
        let request = GetTraceRequest { trace_id: trace_id.to_owned(), raw_traces: true };
        self.stream("/jaeger.api_v3.QueryService/GetTrace", request).await
    }

    pub async fn search(&self, query: &Query) -> BTreeSet<String> {
        let request = FindTracesRequest { query: Some(query.clone()) };
        let chunks = self.stream("/jaeger.api_v3.QueryService/FindTraces", request).await;
        chunks
            .iter()
            .flat_map(|chunk| &chunk.resource_spans)
            .flat_map(|resource| &resource.scope_spans)
            .flat_map(|scope| &scope.spans)
            .map(|span| span.trace_id.iter().map(|byte| format!("{byte:02x}")).collect())
            .collect()
    }

    async fn unary<Request, Response>(&self, path: &'static str, request: Request) -> Response
    where
        Request: Message + 'static,
        Response: Message + Default + 'static,
    {
        let mut client = self.0.clone();
        client.ready().await.unwrap();
        let codec = ProstCodec::<Request, Response>::default();
        let request = tonic::Request::new(request);
        client.unary(request, PathAndQuery::from_static(path), codec).await.unwrap().into_inner()
    }

    async fn stream<Request>(&self, path: &'static str, request: Request) -> Vec<TracesData>
    where
        Request: Message + 'static,
    {
        let mut client = self.0.clone();
        client.ready().await.unwrap();
        let codec = ProstCodec::<Request, TracesData>::default();
        let request = tonic::Request::new(request);
        let path = PathAndQuery::from_static(path);
        let mut stream = client.server_streaming(request, path, codec).await.unwrap().into_inner();
        let mut chunks = Vec::new();
        while let Some(chunk) = stream.message().await.unwrap() {
            chunks.push(chunk);
        }
        chunks
    }
}

/// What Jaeger answers over HTTP to `path` with `parameters`, or nothing where it says 404.
pub async fn get(
    jaeger: &Jaeger,
    path: &str,
    parameters: &[(&str, String)],
) -> Option<serde_json::Value> {
    let url = format!("http://{}{path}", jaeger.http);
    let response = http().get(&url).query(parameters).send().await.unwrap();
    let status = response.status();
    let body = response.text().await.unwrap();
    if status == StatusCode::NOT_FOUND {
        return None;
    }
    assert!(status.is_success(), "{url}: {status}: {body}");
    Some(serde_json::from_str(&body).unwrap())
}

/// The search over HTTP, which has no attributes in this API.
pub async fn search_over_http(jaeger: &Jaeger, query: &Query) -> BTreeSet<String> {
    let mut parameters = vec![
        ("query.service_name", query.service_name.clone()),
        ("query.operation_name", query.operation_name.clone()),
        ("query.num_traces", query.search_depth.to_string()),
    ];
    let times = [
        ("query.start_time_min", query.start_time_min.map(|time| time.to_string())),
        ("query.start_time_max", query.start_time_max.map(|time| time.to_string())),
        ("query.duration_min", query.duration_min.map(|duration| duration.to_string())),
        ("query.duration_max", query.duration_max.map(|duration| duration.to_string())),
    ];
    parameters.extend(times.into_iter().filter_map(|(name, value)| Some((name, value?))));
    let found = get(jaeger, "/api/v3/traces", &parameters).await.unwrap_or_default();
    json_spans(&found).map(|span| span["traceId"].as_str().unwrap().to_owned()).collect()
}

/// Every span of a `TracesData` in OTLP's JSON.
pub fn json_spans(response: &serde_json::Value) -> impl Iterator<Item = &serde_json::Value> {
    elements(&response["result"]["resourceSpans"])
        .flat_map(|resource| elements(&resource["scopeSpans"]))
        .flat_map(|scope| elements(&scope["spans"]))
}

fn elements(array: &serde_json::Value) -> impl Iterator<Item = &serde_json::Value> {
    array.as_array().into_iter().flatten()
}
