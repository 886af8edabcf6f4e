//! What is counted of encoded spans. Nothing else of them is decoded, so that the client's own
//! time hardly counts.

use anyhow::{Context, Result};
use prost::Message;
use prost::bytes::Bytes;

/// The trace of each span in a `TracesData` or an `ExportTraceServiceRequest`.
pub fn trace_ids(bytes: Bytes) -> Result<impl Iterator<Item = Bytes>> {
    let traces = Resources::decode(bytes).context("decoding spans")?;
    let scopes = traces.resources.into_iter().flat_map(|resource| resource.scopes);
    Ok(scopes.flat_map(|scope| scope.spans).map(|span| span.trace_id))
}

#[derive(Clone, PartialEq, Message)]
struct Resources {
    #[prost(message, repeated, tag = "1")]
    resources: Vec<Scopes>,
}

#[derive(Clone, PartialEq, Message)]
struct Scopes {
    #[prost(message, repeated, tag = "2")]
    scopes: Vec<Spans>,
}

#[derive(Clone, PartialEq, Message)]
struct Spans {
    #[prost(message, repeated, tag = "2")]
    spans: Vec<TraceIdOfSpan>,
}

#[derive(Clone, PartialEq, Message)]
struct TraceIdOfSpan {
    #[prost(bytes = "bytes", tag = "1")]
    trace_id: Bytes,
}
