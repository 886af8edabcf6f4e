//! Asking a server that speaks Jaeger's storage API v2, and its answers in a form to compare.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;

use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, TracesData};
use prost::Message;
use prost_types::{Duration, Timestamp};
use spoor_proto::RawTraces;
use spoor_proto::otlp::trace_service_client::TraceServiceClient;
use spoor_proto::storage::dependency_reader_client::DependencyReaderClient;
use spoor_proto::storage::trace_reader_client::TraceReaderClient;
use spoor_proto::storage::{
    AnyValue, FindTraceIDsRequest, FindTracesRequest, FoundTraceId, GetDependenciesRequest,
    GetOperationsRequest, GetServicesRequest, GetTraceParams, GetTracesRequest, KeyValue,
    TraceQueryParameters,
};
use tonic::transport::Channel;
use tonic::{Code, Status, Streaming};

use crate::content::content;
use crate::differences::Rules;
use crate::questions::{Question, Search};
use crate::sent::singles;

const NANOS: u64 = 1_000_000_000;
/// 0001-01-01T00:00:00Z: Go's zero time, as Jaeger sends a time that is not set.
const GO_ZERO: Timestamp = Timestamp { seconds: -62_135_596_800, nanos: 0 };

#[derive(Clone, Debug, PartialEq)]
pub enum Answer {
    Refused(Code),
    /// By id, in the order of the answer; each with its [`content`].
    Traces(Vec<(Vec<u8>, Vec<Vec<u8>>)>),
    Ids(Vec<Found>),
    /// Sorted.
    Services(Vec<String>),
    /// Pairs of name and kind, sorted.
    Operations(Vec<(String, String)>),
    Dependencies(BTreeMap<(String, String), u64>),
}

#[derive(Clone, Debug, PartialEq)]
pub struct Found {
    pub id: Vec<u8>,
    /// The first start and the last end, if they are told.
    pub times: Option<(u64, u64)>,
}

impl Answer {
    pub fn is_empty(&self) -> bool {
        match self {
            Self::Refused(_) => true,
            Self::Traces(traces) => traces.is_empty(),
            Self::Ids(ids) => ids.is_empty(),
            Self::Services(services) => services.is_empty(),
            Self::Operations(operations) => operations.is_empty(),
            Self::Dependencies(calls) => calls.is_empty(),
        }
    }

    /// Whether both tell of the same, be it in another order or form.
    pub fn is_like(&self, other: &Self) -> bool {
        match (self.ids(), other.ids()) {
            (Some(one), Some(other)) => one == other,
            _ => self == other,
        }
    }

    fn ids(&self) -> Option<BTreeSet<&Vec<u8>>> {
        match self {
            Self::Traces(traces) => Some(traces.iter().map(|(id, _)| id).collect()),
            Self::Ids(ids) => Some(ids.iter().map(|found| &found.id).collect()),
            _ => None,
        }
    }

    /// Without the content of spans, and not all of it.
    pub fn told(&self) -> String {
        let hex = |id: &Vec<u8>| id.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
        let mut told = match self {
            Self::Traces(traces) => {
                let traces =
                    traces.iter().map(|(id, spans)| format!("{}: {}", hex(id), spans.len()));
                format!("traces: spans {:?}", traces.collect::<Vec<_>>())
            }
            Self::Ids(ids) => {
                let ids = ids.iter().map(|found| format!("{}: {:?}", hex(&found.id), found.times));
                format!("ids {:?}", ids.collect::<Vec<_>>())
            }
            other => format!("{other:?}"),
        };
        if let Some((end, _)) = told.char_indices().nth(4_000) {
            told.truncate(end);
        }
        told
    }
}

/// A server to write to and to ask.
pub struct Server {
    writer: TraceServiceClient<Channel>,
    reader: TraceReaderClient<Channel>,
    dependencies: DependencyReaderClient<Channel>,
    rules: Rules,
}

impl Server {
    /// That differs from spoor by these rules.
    pub async fn connect(address: SocketAddr, rules: Rules) -> anyhow::Result<Self> {
        let channel = Channel::from_shared(format!("http://{address}"))?.connect().await?;
        Ok(Self {
            writer: TraceServiceClient::new(channel.clone()),
            reader: TraceReaderClient::new(channel.clone()),
            dependencies: DependencyReaderClient::new(channel),
            rules,
        })
    }

    /// How many spans it says that it refused.
    pub async fn write(&mut self, request: &ExportTraceServiceRequest) -> anyhow::Result<i64> {
        let answer = self.writer.export(RawTraces(request.encode_to_vec().into())).await?;
        let partial = answer.into_inner().partial_success;
        Ok(partial.map_or(0, |partial| partial.rejected_spans))
    }

    pub async fn ask(&mut self, question: &Question) -> Answer {
        let answer = match question {
            Question::FindTraces(search) => self.find_traces(search).await,
            Question::FindTraceIds(search) => self.find_trace_ids(search).await,
            Question::GetTraces(ids) => self.get_traces(ids).await,
            Question::Services => self.services().await,
            Question::Operations { service, kind } => self.operations(service, kind).await,
            Question::Dependencies { start, end } => self.calls(*start, *end).await,
        };
        answer.unwrap_or_else(|status| Answer::Refused(status.code()))
    }

    async fn find_traces(&mut self, search: &Search) -> Result<Answer, Status> {
        let request = FindTracesRequest { query: Some(query(search)) };
        let stream = self.reader.find_traces(request).await?.into_inner();
        self.traces(stream).await
    }

    async fn find_trace_ids(&mut self, search: &Search) -> Result<Answer, Status> {
        let request = FindTraceIDsRequest { query: Some(query(search)) };
        let found = self.reader.find_trace_i_ds(request).await?.into_inner().trace_ids;
        Ok(Answer::Ids(found.iter().map(found_id).collect()))
    }

    async fn get_traces(&mut self, ids: &[(Vec<u8>, Option<u64>)]) -> Result<Answer, Status> {
        let query = ids.iter().map(|(id, at)| GetTraceParams {
            trace_id: id.clone().into(),
            start_time: Some(time(*at)),
            end_time: Some(time(at.map(|at| at + NANOS))),
        });
        let request = GetTracesRequest { query: query.collect() };
        let stream = self.reader.get_traces(request).await?.into_inner();
        self.traces(stream).await
    }

    /// Chunks of one trace that follow each other are one trace.
    async fn traces(&self, mut chunks: Streaming<RawTraces>) -> Result<Answer, Status> {
        let mut traces = Vec::<(Vec<u8>, Vec<ResourceSpans>)>::new();
        while let Some(chunk) = chunks.message().await? {
            let chunk = TracesData::decode(chunk.0).expect("a chunk is a TracesData");
            for single in singles(&chunk.resource_spans) {
                let id = &single.scope_spans[0].spans[0].trace_id;
                if traces.last().is_none_or(|(last, _)| last != id) {
                    traces.push((id.clone(), Vec::new()));
                }
                traces.last_mut().expect("it was just pushed").1.push(single);
            }
        }
        let content = |(id, spans): (_, Vec<_>)| (id, content(spans.into_iter(), &self.rules));
        Ok(Answer::Traces(traces.into_iter().map(content).collect()))
    }

    async fn services(&mut self) -> Result<Answer, Status> {
        let mut services =
            self.reader.get_services(GetServicesRequest {}).await?.into_inner().services;
        services.sort_unstable();
        Ok(Answer::Services(services))
    }

    async fn operations(&mut self, service: &str, kind: &str) -> Result<Answer, Status> {
        let (service, span_kind) = (service.to_owned(), kind.to_owned());
        let request = GetOperationsRequest { service, span_kind };
        let operations = self.reader.get_operations(request).await?.into_inner().operations;
        let mut operations: Vec<_> =
            operations.into_iter().map(|found| (found.name, found.span_kind)).collect();
        operations.sort_unstable();
        Ok(Answer::Operations(operations))
    }

    async fn calls(&mut self, start: Option<u64>, end: Option<u64>) -> Result<Answer, Status> {
        let (start_time, end_time) = (Some(time(start)), Some(time(end)));
        let request = GetDependenciesRequest { start_time, end_time };
        let calls = self.dependencies.get_dependencies(request).await?.into_inner().dependencies;
        let pairs = calls.into_iter().map(|call| ((call.parent, call.child), call.call_count));
        Ok(Answer::Dependencies(pairs.collect()))
    }
}

fn query(search: &Search) -> TraceQueryParameters {
    let duration =
        |nanos: u64| Duration { seconds: (nanos / NANOS) as i64, nanos: (nanos % NANOS) as i32 };
    let attributes = search.attributes.iter().map(|(key, value)| KeyValue {
        key: key.clone(),
        // Jaeger's type is OTLP's on the wire.
        value: value.as_ref().map(|value| {
            AnyValue::decode(&value.encode_to_vec()[..]).expect("the types have the same fields")
        }),
    });
    TraceQueryParameters {
        service_name: search.service.clone(),
        operation_name: search.operation.clone(),
        attributes: attributes.collect(),
        start_time_min: Some(time(search.start.0)),
        start_time_max: Some(time(search.start.1)),
        duration_min: Some(duration(search.duration.0)),
        duration_max: Some(duration(search.duration.1)),
        search_depth: search.depth,
        ..TraceQueryParameters::default()
    }
}

fn time(nanos: Option<u64>) -> Timestamp {
    nanos.map_or(GO_ZERO, |nanos| Timestamp {
        seconds: (nanos / NANOS) as i64,
        nanos: (nanos % NANOS) as i32,
    })
}

fn found_id(found: &FoundTraceId) -> Found {
    let nanos = |time: Timestamp| {
        (time != GO_ZERO).then(|| time.seconds as u64 * NANOS + time.nanos as u64)
    };
    let times = found.start.and_then(nanos).zip(found.end.and_then(nanos));
    Found { id: found.trace_id.to_vec(), times }
}
