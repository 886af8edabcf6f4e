//! Exports straight to spoor, and what it acknowledged of them.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use anyhow::ensure;
use e2e::eventually;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue};
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span, TracesData};
use prost::Message;
use spoor_proto::RawTraces;
use spoor_proto::otlp::trace_service_client::TraceServiceClient;
use spoor_proto::storage::trace_reader_client::TraceReaderClient;
use spoor_proto::storage::{GetTraceParams, GetTracesRequest};
use tokio::task::JoinSet;
use tokio::time::interval;
use tonic::transport::{Channel, Endpoint};

const CLIENTS: u64 = 4;
/// Of each client, from one export to the next.
const INTERVAL: Duration = Duration::from_millis(10);
/// Of each export, which has one trace.
const SPANS: u64 = 8;
/// Of each span's attribute, in repeated ids: enough for a log to be full within a minute.
const REPEATED: usize = 64;
/// Traces that are asked for at once.
const LOOKUPS: usize = 500;

/// Clients that export one trace after the other, and carry on when one fails.
pub struct Exporter {
    channel: Channel,
    acknowledged: Arc<Mutex<Vec<u64>>>,
    ending: Arc<AtomicBool>,
    clients: JoinSet<()>,
}

impl Exporter {
    /// Begins to export to the storage server at `url`.
    pub fn start(url: &str) -> Self {
        let channel = Endpoint::from_shared(url.to_owned()).expect("a URL").connect_lazy();
        let (acknowledged, ending) = (Arc::default(), Arc::new(AtomicBool::new(false)));
        let (ids, mut clients) = (Arc::new(AtomicU64::new(1)), JoinSet::new());
        for _ in 0..CLIENTS {
            let (ids, ending) = (Arc::clone(&ids), Arc::clone(&ending));
            clients.spawn(export(channel.clone(), ids, Arc::clone(&acknowledged), ending));
        }
        Self { channel, acknowledged, ending, clients }
    }

    /// Waits until so many more traces were acknowledged.
    pub async fn advances_by(&self, count: usize) -> anyhow::Result<()> {
        let acknowledged = || self.acknowledged.lock().unwrap().len();
        let enough = acknowledged() + count;
        eventually("spoor acknowledges exports", async || {
            Ok((acknowledged() >= enough).then_some(()))
        })
        .await
    }

    /// Ends the clients, and expects each acknowledged trace to be in spoor, wholly and once. Gives
    /// how many these are.
    pub async fn has_lost_nothing(mut self) -> anyhow::Result<usize> {
        self.ending.store(true, Ordering::Relaxed);
        while let Some(ended) = self.clients.join_next().await {
            ended?;
        }
        let acknowledged = std::mem::take(&mut *self.acknowledged.lock().unwrap());
        let mut reader = TraceReaderClient::new(self.channel);
        for ids in acknowledged.chunks(LOOKUPS) {
            let params =
                |id: &u64| GetTraceParams { trace_id: trace_id(*id).into(), ..Default::default() };
            let request = GetTracesRequest { query: ids.iter().map(params).collect() };
            let mut chunks = reader.get_traces(request).await?.into_inner();
            let mut found = Vec::new();
            while let Some(RawTraces(chunk)) = chunks.message().await? {
                let resources = TracesData::decode(chunk)?.resource_spans;
                let scopes = resources.into_iter().flat_map(|resource| resource.scope_spans);
                let spans = scopes.flat_map(|scope| scope.spans);
                found.extend(spans.map(|span| (span.trace_id, span.span_id)));
            }
            found.sort_unstable();
            let ids = ids.iter().flat_map(|id| (1..=SPANS).map(move |span| (*id, span)));
            let mut expected: Vec<_> =
                ids.map(|(id, span)| (trace_id(id), span.to_be_bytes().to_vec())).collect();
            expected.sort_unstable();
            let missing = expected.iter().filter(|span| found.binary_search(span).is_err()).count();
            ensure!(
                found == expected,
                "of {} acknowledged spans, {missing} are missing, and {} are there",
                expected.len(),
                found.len()
            );
        }
        Ok(acknowledged.len())
    }
}

async fn export(
    channel: Channel,
    ids: Arc<AtomicU64>,
    acknowledged: Arc<Mutex<Vec<u64>>>,
    ending: Arc<AtomicBool>,
) {
    let mut writer = TraceServiceClient::new(channel);
    let mut due = interval(INTERVAL);
    while !ending.load(Ordering::Relaxed) {
        due.tick().await;
        let id = ids.fetch_add(1, Ordering::Relaxed);
        // What was not acknowledged may be there or not: nobody asks for it.
        if let Ok(response) = writer.export(request(id)).await {
            assert_eq!(response.into_inner().partial_success, None);
            acknowledged.lock().unwrap().push(id);
        }
    }
}

/// A request of one trace.
fn request(id: u64) -> RawTraces {
    let now = std::time::UNIX_EPOCH.elapsed().expect("a clock of today").as_nanos() as u64;
    let text = |span| format!("{id:08x}{span:08x}").repeat(REPEATED);
    let attribute = |span| KeyValue {
        key: "text".to_owned(),
        value: Some(AnyValue { value: Some(Value::StringValue(text(span))) }),
        ..KeyValue::default()
    };
    let span = |span: u64| Span {
        trace_id: trace_id(id),
        span_id: span.to_be_bytes().to_vec(),
        name: "export".to_owned(),
        attributes: vec![attribute(span)],
        start_time_unix_nano: now - 1_000_000,
        end_time_unix_nano: now,
        ..Span::default()
    };
    let spans = (1..=SPANS).map(span).collect();
    let scope_spans = vec![ScopeSpans { spans, ..ScopeSpans::default() }];
    let resource_spans = vec![ResourceSpans { scope_spans, ..ResourceSpans::default() }];
    RawTraces(TracesData { resource_spans }.encode_to_vec().into())
}

fn trace_id(id: u64) -> Vec<u8> {
    u128::from(id).to_be_bytes().to_vec()
}
