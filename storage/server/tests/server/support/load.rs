use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Instant;

use spoor_proto::otlp::trace_service_client::TraceServiceClient;
use spoor_proto::storage::trace_reader_client::TraceReaderClient;
use spoor_proto::storage::{GetTraceParams, GetTracesRequest};
use tokio::task::JoinHandle;
use tonic::transport::Channel;

use super::{DEADLINE, channel, eventually, export, span, span_count, trace_id};

/// The spans of each trace.
const SPANS: u64 = 8;
/// The traces asked for at a time.
const LOOKUPS: usize = 500;

/// Clients that write one trace after the other until they are refused.
pub struct Load {
    acknowledged: Arc<Mutex<Vec<u64>>>,
    ending: Arc<AtomicBool>,
    clients: Vec<JoinHandle<()>>,
}

impl Load {
    /// Begins to write, with ids from this one on.
    pub fn start(address: SocketAddr, first: u64) -> Self {
        let (ids, acknowledged) = (Arc::new(AtomicU64::new(first)), Arc::default());
        let ending = Arc::new(AtomicBool::new(false));
        let clients = (0..8).map(|_| {
            let (ids, ending) = (Arc::clone(&ids), Arc::clone(&ending));
            tokio::spawn(write(channel(address), ids, Arc::clone(&acknowledged), ending))
        });
        let clients = clients.collect();
        Self { acknowledged, ending, clients }
    }

    /// The ids of the traces that were acknowledged so far.
    pub fn acknowledged(&self) -> Vec<u64> {
        self.acknowledged.lock().unwrap().clone()
    }

    /// Waits until so many traces were acknowledged.
    pub async fn reaches(&self, count: usize) {
        let enough = || async { (self.acknowledged().len() >= count).then_some(()) };
        eventually("the writes are acknowledged", enough).await;
    }

    /// Ends the clients, whatever became of the server. Gives the ids that were acknowledged.
    pub async fn end(self) -> Vec<u64> {
        self.ending.store(true, Ordering::Relaxed);
        for client in self.clients {
            client.await.unwrap();
        }
        Arc::into_inner(self.acknowledged).unwrap().into_inner().unwrap()
    }
}

async fn write(
    channel: Channel,
    ids: Arc<AtomicU64>,
    acknowledged: Arc<Mutex<Vec<u64>>>,
    ending: Arc<AtomicBool>,
) {
    let mut writer = TraceServiceClient::new(channel);
    let end = Instant::now() + DEADLINE;
    while !ending.load(Ordering::Relaxed) && Instant::now() < end {
        let id = ids.fetch_add(1, Ordering::Relaxed);
        let spans = (1..=SPANS).map(|number| {
            let mut span = span(id.into(), number);
            span.name = format!("operation {} of {id}", "x".repeat((id % 200) as usize));
            span
        });
        match writer.export(export(&format!("app-{}", id % 7), spans.collect())).await {
            Ok(response) => {
                assert_eq!(response.into_inner().partial_success, None);
                acknowledged.lock().unwrap().push(id);
            }
            Err(_) => return,
        }
    }
}

/// Expects each of these traces to be there wholly, and only once.
pub async fn all_are_there(address: SocketAddr, ids: &[u64]) {
    let mut reader = TraceReaderClient::new(channel(address));
    for ids in ids.chunks(LOOKUPS) {
        let query = ids.iter().map(|id| GetTraceParams {
            trace_id: trace_id(u128::from(*id)).into(),
            ..Default::default()
        });
        let request = GetTracesRequest { query: query.collect() };
        let mut stream = reader.get_traces(request).await.unwrap().into_inner();
        let mut spans = 0;
        while let Some(chunk) = stream.message().await.unwrap() {
            spans += span_count(&chunk);
        }
        assert_eq!(spans, SPANS as usize * ids.len(), "spans of {} traces", ids.len());
    }
}
