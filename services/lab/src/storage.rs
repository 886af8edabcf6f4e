//! Reading traces back from the storage server, as Jaeger does.

use std::net::SocketAddr;

use anyhow::Context;
use opentelemetry_proto::tonic::trace::v1::TracesData;
use prost::Message;
use spoor_proto::storage::trace_reader_client::TraceReaderClient;
use spoor_proto::storage::{
    FindTraceIDsRequest, GetTraceParams, GetTracesRequest, TraceQueryParameters,
};
use tonic::transport::Channel;

use crate::trace::{Trace, hex};
use crate::up::REQUEST_DEADLINE;

/// A client of `jaeger.storage.v2.TraceReader`.
pub struct Storage(TraceReaderClient<Channel>);

impl Storage {
    /// # Errors
    /// When nothing answers there.
    pub async fn connect(address: SocketAddr) -> anyhow::Result<Self> {
        let endpoint = Channel::from_shared(format!("http://{address}"))
            .with_context(|| format!("naming the storage server on {address}"))?
            .timeout(REQUEST_DEADLINE);
        let channel = endpoint.connect().await;
        let channel =
            channel.with_context(|| format!("connecting to the storage server on {address}"))?;
        Ok(Self(TraceReaderClient::new(channel)))
    }

    /// The ids of all traces, or of as many as the server finds at once.
    ///
    /// # Errors
    /// When the server refuses.
    pub async fn trace_ids(&mut self) -> anyhow::Result<Vec<String>> {
        let query = Some(TraceQueryParameters::default());
        let answer = self.0.find_trace_i_ds(FindTraceIDsRequest { query }).await;
        let found = answer.context("finding traces")?.into_inner().trace_ids;
        Ok(found.into_iter().map(|found| hex(&found.trace_id)).collect())
    }

    /// A trace by its id, as it is so far; one without spans when there is none.
    ///
    /// # Errors
    /// When the id is none, or the server refuses.
    pub async fn trace(&mut self, id: &str) -> anyhow::Result<Trace> {
        let bytes = u128::from_str_radix(id, 16)
            .with_context(|| format!("reading the trace id {id:?}"))?
            .to_be_bytes();
        let wanted = GetTraceParams { trace_id: bytes.to_vec().into(), ..Default::default() };
        let request = GetTracesRequest { query: vec![wanted] };
        let mut chunks =
            self.0.get_traces(request).await.context("asking for a trace")?.into_inner();
        let mut data = TracesData::default();
        while let Some(chunk) = chunks.message().await.context("reading a trace")? {
            data.merge(chunk.0).context("decoding a trace")?;
        }
        Ok(Trace::new(data))
    }
}
