//! Every method, as one tenant calls it.

use std::collections::{BTreeMap, BTreeSet};

use opentelemetry_proto::tonic::trace::v1::Span;
use spoor_proto::RawTraces;
use spoor_proto::otlp::trace_service_client::TraceServiceClient;
use spoor_proto::storage::dependency_reader_client::DependencyReaderClient;
use spoor_proto::storage::trace_reader_client::TraceReaderClient;
use spoor_proto::storage::{
    FindSpansRequest, FindTraceIDsRequest, FindTraceSummariesRequest, FindTracesRequest,
    GetDependenciesRequest, GetOperationsRequest, GetServicesRequest, Pagination,
    SpanQueryParameters, TraceQueryParameters,
};
use spoor_proto::storage_v1::archive_span_reader_plugin_client::ArchiveSpanReaderPluginClient;
use spoor_proto::storage_v1::archive_span_writer_plugin_client::ArchiveSpanWriterPluginClient;
use spoor_proto::storage_v1::dependencies_reader_plugin_client::DependenciesReaderPluginClient;
use spoor_proto::storage_v1::span_reader_plugin_client::SpanReaderPluginClient;
use spoor_proto::storage_v1::span_writer_plugin_client::SpanWriterPluginClient;
use spoor_proto::storage_v1::streaming_span_writer_plugin_client::StreamingSpanWriterPluginClient;
use spoor_proto::storage_v1::{self as v1, SpansResponseChunk, WriteSpanRequest};
use tonic::service::interceptor::InterceptedService;
use tonic::transport::Channel;
use tonic::{Code, Status, Streaming};

use super::Caller;
use super::model::{self, Told, time, told, told_v1, trace};
use crate::support::{by_id, channel, trace_id};

type Client = InterceptedService<Channel, Caller>;

/// A tenant's way in: one to read, one to write.
#[derive(Clone)]
pub struct Doors {
    reads: Client,
    writes: Client,
}

pub fn page(size: u32, token: &str) -> Option<Pagination> {
    Some(Pagination { page_size: size, page_token: token.to_owned() })
}

pub fn traces(pagination: Option<Pagination>) -> FindTraceIDsRequest {
    FindTraceIDsRequest { query: Some(TraceQueryParameters { pagination, ..Default::default() }) }
}

pub fn spans(pagination: Option<Pagination>) -> FindSpansRequest {
    let (start_time_min, start_time_max) = (time(0), time(1000));
    let query =
        SpanQueryParameters { start_time_min, start_time_max, pagination, ..Default::default() };
    FindSpansRequest { query: Some(query) }
}

impl Doors {
    pub fn new(address: std::net::SocketAddr, reads: Caller, writes: Caller) -> Self {
        let client = |caller| InterceptedService::new(channel(address), caller);
        Self { reads: client(reads), writes: client(writes) }
    }

    pub fn reader(&self) -> TraceReaderClient<Client> {
        TraceReaderClient::new(self.reads.clone())
    }

    fn reader_v1(&self) -> SpanReaderPluginClient<Client> {
        SpanReaderPluginClient::new(self.reads.clone())
    }

    pub async fn export(&self, export: RawTraces) {
        TraceServiceClient::new(self.writes.clone()).export(export).await.unwrap();
    }

    pub async fn write_each(&self, spans: [(String, Span); 2]) {
        for span in spans.map(|span| Some(model::v1(span))) {
            let mut writer = SpanWriterPluginClient::new(self.writes.clone());
            writer.write_span(WriteSpanRequest { span }).await.unwrap();
        }
    }

    pub async fn write_stream(&self, spans: [(String, Span); 2]) {
        let spans = spans.map(|span| WriteSpanRequest { span: Some(model::v1(span)) });
        let mut writer = StreamingSpanWriterPluginClient::new(self.writes.clone());
        writer.write_span_stream(tokio_stream::iter(spans)).await.unwrap();
    }

    pub async fn archive(&self, span: (String, Span)) {
        let mut writer = ArchiveSpanWriterPluginClient::new(self.writes.clone());
        let span = Some(model::v1(span));
        writer.write_archive_span(WriteSpanRequest { span }).await.unwrap();
    }

    pub async fn archived(&self, trace: u8) -> BTreeSet<Told> {
        let mut reader = ArchiveSpanReaderPluginClient::new(self.reads.clone());
        of_v1(reader.get_archive_trace(asked_v1(trace)).await).await
    }

    pub async fn trace(&self, trace: u8) -> BTreeSet<Told> {
        of_v2(self.reader().get_traces(by_id(trace.into())).await.unwrap().into_inner()).await
    }

    pub async fn trace_v1(&self, trace: u8) -> BTreeSet<Told> {
        of_v1(self.reader_v1().get_trace(asked_v1(trace)).await).await
    }

    /// Of one service, or of all.
    pub async fn find(&self, service: &str) -> BTreeSet<Told> {
        let service_name = service.to_owned();
        let query = Some(TraceQueryParameters { service_name, ..Default::default() });
        let found = self.reader().find_traces(FindTracesRequest { query }).await.unwrap();
        of_v2(found.into_inner()).await
    }

    pub async fn find_v1(&self, service: &str) -> BTreeSet<Told> {
        let service_name = service.to_owned();
        let query = Some(v1::TraceQueryParameters { service_name, ..Default::default() });
        of_v1(self.reader_v1().find_traces(v1::FindTracesRequest { query }).await).await
    }

    /// By pages of three.
    pub async fn ids(&self) -> BTreeSet<u8> {
        let (mut ids, mut token) = (BTreeSet::new(), String::new());
        loop {
            let answer = self.reader().find_trace_i_ds(traces(page(3, &token))).await.unwrap();
            let answer = answer.into_inner();
            ids.extend(answer.trace_ids.iter().map(|found| trace(&found.trace_id)));
            token = answer.next_page_token;
            if token.is_empty() {
                return ids;
            }
        }
    }

    pub async fn ids_v1(&self) -> BTreeSet<u8> {
        let query = Some(v1::TraceQueryParameters::default());
        let found = self.reader_v1().find_trace_i_ds(v1::FindTraceIDsRequest { query }).await;
        found.unwrap().into_inner().trace_ids.iter().map(|id| trace(id)).collect()
    }

    /// How many spans each trace has, by pages of two.
    pub async fn summaries(&self, services: &BTreeSet<String>) -> BTreeMap<u8, usize> {
        let (mut counts, mut token) = (BTreeMap::new(), String::new());
        loop {
            let query = traces(page(2, &token)).query;
            let request = FindTraceSummariesRequest { query };
            let mut answer =
                self.reader().find_trace_summaries(request).await.unwrap().into_inner();
            token.clear();
            while let Some(message) = answer.message().await.unwrap() {
                for it in message.summaries {
                    assert!(services.contains(&it.root_service_name), "{it:?}");
                    assert_eq!(it.orphan_span_count, 0);
                    counts.insert(trace(&it.trace_id), it.span_count.try_into().unwrap());
                }
                token = message.next_page_token;
            }
            if token.is_empty() {
                return counts;
            }
        }
    }

    /// By pages of seven.
    pub async fn spans(&self) -> BTreeSet<Told> {
        let (mut found, mut token) = (BTreeSet::new(), String::new());
        loop {
            let request = spans(page(7, &token));
            let mut answer = self.reader().find_spans(request).await.unwrap().into_inner();
            token.clear();
            while let Some(message) = answer.message().await.unwrap() {
                found.extend(told(&message.spans.unwrap_or_default()));
                token = message.next_page_token;
            }
            if token.is_empty() {
                return found;
            }
        }
    }

    /// By both APIs, which must agree.
    pub async fn services(&self) -> BTreeSet<String> {
        let v2 = self.reader().get_services(GetServicesRequest {}).await.unwrap().into_inner();
        let v1 = self.reader_v1().get_services(v1::GetServicesRequest {}).await.unwrap();
        assert_eq!(v2.services, v1.into_inner().services);
        v2.services.into_iter().collect()
    }

    pub async fn operations(&self, service: &str) -> BTreeSet<String> {
        let service = service.to_owned();
        let (span_kind, of) = (String::new(), service.clone());
        let request = GetOperationsRequest { service, span_kind: span_kind.clone() };
        let v2 = self.reader().get_operations(request).await.unwrap().into_inner();
        let request = v1::GetOperationsRequest { service: of, span_kind };
        let v1 = self.reader_v1().get_operations(request).await.unwrap().into_inner();
        let names: Vec<_> = v2.operations.into_iter().map(|it| it.name).collect();
        assert_eq!(names, v1.operation_names);
        names.into_iter().collect()
    }

    pub async fn dependencies(&self) -> Vec<(String, String, u64)> {
        let (start_time, end_time) = (time(0), time(1000));
        let request = GetDependenciesRequest { start_time, end_time };
        let mut reader = DependencyReaderClient::new(self.reads.clone());
        let v2 = reader.get_dependencies(request).await.unwrap().into_inner().dependencies;
        let request = v1::GetDependenciesRequest { start_time, end_time };
        let mut reader = DependenciesReaderPluginClient::new(self.reads.clone());
        let v1 = reader.get_dependencies(request).await.unwrap().into_inner().dependencies;
        let v1: Vec<_> = v1.into_iter().map(|it| (it.parent, it.child, it.call_count)).collect();
        let v2: Vec<_> = v2.into_iter().map(|it| (it.parent, it.child, it.call_count)).collect();
        assert_eq!(v2, v1);
        v2
    }
}

fn asked_v1(trace: u8) -> v1::GetTraceRequest {
    v1::GetTraceRequest { trace_id: trace_id(trace.into()).into(), ..Default::default() }
}

async fn of_v2(mut stream: Streaming<RawTraces>) -> BTreeSet<Told> {
    let mut all = BTreeSet::new();
    while let Some(chunk) = stream.message().await.unwrap() {
        all.extend(told(&chunk));
    }
    all
}

/// Nothing if the trace is not there.
async fn of_v1(
    answer: Result<tonic::Response<Streaming<SpansResponseChunk>>, Status>,
) -> BTreeSet<Told> {
    let mut all = BTreeSet::new();
    let mut stream = match answer {
        Err(status) => {
            assert_eq!(status.code(), Code::NotFound, "{status}");
            return all;
        }
        Ok(answer) => answer.into_inner(),
    };
    while let Some(chunk) = stream.message().await.unwrap() {
        all.extend(chunk.spans.into_iter().map(told_v1));
    }
    all
}
