//! How answers are cut into chunks.

use super::fixtures::{Span, Value, export, key_value, span};
use super::probe::{Probe, traces_of};
use super::{Outcome, expect};
use crate::otlp::spans_of;
use crate::{CHUNK_BYTES, LegacyQuery, TraceChunk};

rules![
    a_chunk_stays_below_its_limit_or_is_one_span,
    a_chunk_is_never_empty,
    a_chunk_holds_spans_of_its_trace_alone,
    the_chunks_of_a_trace_are_consecutive,
];

/// A span of a little more than this.
fn large(trace: u64, id: u64, bytes: usize) -> Span {
    let payload = key_value("payload", Value::BytesValue(vec![id as u8; bytes]));
    Span { attributes: vec![payload], ..span(trace, id) }
}

/// Writes traces larger than a chunk, small ones among them, and reads them in both ways.
async fn read_large_traces(probe: &Probe) -> Result<[Vec<TraceChunk>; 2], String> {
    for id in 1..=5 {
        let size = CHUNK_BYTES / 3;
        probe.write(export("a", [large(1, id, size), large(2, id, size), span(3, id)])).await?;
    }
    probe.write(export("a", [span(1, 6), large(1, 7, CHUNK_BYTES), span(1, 8)])).await?;
    probe.write(export("a", [large(4, 1, CHUNK_BYTES - 100)])).await?;
    Ok([probe.chunks(&[2, 4, 1, 3]).await?, probe.find_chunks(&LegacyQuery::default()).await?])
}

async fn a_chunk_stays_below_its_limit_or_is_one_span(probe: Probe) -> Outcome {
    for chunk in read_large_traces(&probe).await?.iter().flatten() {
        let (bytes, spans) = (chunk.data.len(), spans_of(&chunk.data).count());
        if bytes >= CHUNK_BYTES && spans > 1 {
            return Err(format!(
                "expected less than {CHUNK_BYTES} bytes or one span, found {bytes} and {spans}"
            ));
        }
    }
    Ok(())
}

async fn a_chunk_is_never_empty(probe: Probe) -> Outcome {
    for chunk in read_large_traces(&probe).await?.iter().flatten() {
        expect("whether a chunk has spans", spans_of(&chunk.data).next().is_some(), true)?;
    }
    Ok(())
}

async fn a_chunk_holds_spans_of_its_trace_alone(probe: Probe) -> Outcome {
    for chunk in read_large_traces(&probe).await?.iter().flatten() {
        for span in spans_of(&chunk.data) {
            expect("a span's trace", span.span.trace_id, chunk.trace_id.as_bytes())?;
        }
    }
    Ok(())
}

async fn the_chunks_of_a_trace_are_consecutive(probe: Probe) -> Outcome {
    for chunks in read_large_traces(&probe).await? {
        let mut traces = traces_of(&chunks);
        traces.sort_unstable();
        expect("traces, again where chunks of theirs are apart", traces, vec![1, 2, 3, 4])?;
    }
    Ok(())
}
