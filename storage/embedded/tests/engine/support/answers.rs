//! Answers, in a form that can be compared.

use futures::TryStreamExt;
use spoor_store::otlp::wire::{Fields, Value};
use spoor_store::trace::TraceSummary;
use spoor_store::{
    CHUNK_BYTES, ChunkStream, ReadError, Store, Tenant, TraceChunk, TraceId, TraceQuery,
};

/// A span, with what encloses it.
pub type SpanBytes = (Vec<u8>, Vec<u8>, Vec<u8>);

/// A trace with its spans, sorted: their order says nothing.
pub type Trace = (TraceId, Vec<SpanBytes>);

/// Reads a stream to its end. Checks what holds of all chunks.
pub async fn traces(stream: ChunkStream) -> Result<Vec<Trace>, ReadError> {
    let chunks: Vec<TraceChunk> = stream.try_collect().await?;
    let mut traces: Vec<Trace> = Vec::new();
    for TraceChunk { trace_id, data } in chunks {
        let spans = spans(&data);
        assert!(!spans.is_empty(), "a chunk is empty");
        assert!(data.len() < CHUNK_BYTES || spans.len() == 1, "a chunk is too long");
        match traces.last_mut() {
            Some((id, all)) if *id == trace_id => all.extend(spans),
            _ => traces.push((trace_id, spans)),
        }
    }
    let mut ids: Vec<_> = traces.iter().map(|(id, _)| *id).collect();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), traces.len(), "a trace's chunks are not consecutive");
    traces.iter_mut().for_each(|(_, spans)| spans.sort_unstable());
    Ok(traces)
}

/// The summaries that answer a query.
pub async fn summaries(
    store: &dyn Store,
    tenant: &Tenant,
    query: &TraceQuery,
) -> Result<Vec<TraceSummary>, ReadError> {
    store.find_summaries(tenant, query.clone()).try_collect().await
}

/// The spans of an encoded `TracesData`.
pub fn spans(traces_data: &[u8]) -> Vec<SpanBytes> {
    let mut spans = Vec::new();
    for (_, resource_spans) in messages(traces_data, 1) {
        let resource = around(resource_spans, 2);
        for (_, scope_spans) in messages(resource_spans, 2) {
            let scope = around(scope_spans, 2);
            for (raw, _) in messages(scope_spans, 2) {
                spans.push((resource.clone(), scope.clone(), raw.to_vec()));
            }
        }
    }
    spans
}

/// The fields with this number: each whole, and its message.
fn messages(message: &[u8], number: u32) -> impl Iterator<Item = (&[u8], &[u8])> {
    Fields::of(message).map(Result::unwrap).filter(move |field| field.number == number).map(
        |field| match field.value {
            Value::Len(bytes) => (field.raw, bytes),
            other => panic!("{other:?} is no message"),
        },
    )
}

/// The other fields.
fn around(message: &[u8], number: u32) -> Vec<u8> {
    let others = Fields::of(message).map(Result::unwrap).filter(|field| field.number != number);
    others.flat_map(|field| field.raw.to_vec()).collect()
}
