//! The one seam of the storage server: what an engine does for it, and the rules every engine
//! keeps.
//!
//! An engine implements [`Store`]. It takes the bytes of OTLP export requests and gives back
//! chunks of `TracesData` bytes; it knows no gRPC, and the server knows no engine. What engines
//! share lives here too: reading OTLP in place ([`otlp`]), checking and splitting a request
//! ([`ingest`]), evaluating a filter ([`filter`]), summaries and dependencies ([`trace`]).
//!
//! # What every engine keeps
//!
//! The conformance suite (feature `conformance`) checks each of these.
//!
//! **Matching.** All conditions of a query hold on one span; then the whole trace is its answer,
//! wherever its other spans lie in time. Bounds of time and duration are inclusive, in
//! nanoseconds.
//!
//! **Order.** Traces are ordered by the latest start time among their *matching* spans,
//! descending, then by trace id, ascending; the limit cuts after that order. So the same query
//! gives the same answer on every engine (Jaeger RFC 0014, section 3.3). Spans that are searched
//! for come in the order that is asked for, each [`SpanKey`] once.
//!
//! **Pages.** A page begins behind a place in the order ([`TraceQuery::after`],
//! [`SpanQuery::after`]). Whatever is written or merged between two pages, what one had never comes
//! back in a later one, and what keeps its place is in exactly one. A trace that loses its latest
//! matching spans, because they are deleted first, has a later place.
//!
//! **Exactness.** A span comes back as it came: its fields are copied as bytes, unknown ones
//! included, whatever its times, names, parents and attribute values are. What lies outside of
//! every span's resource and scope (an export request's own unknown fields, a resource without
//! spans) is dropped.
//!
//! **Refusal.** A span needs a trace id of 16 and a span id of 8 bytes, neither all zero, and a
//! parent id of 8 bytes or none; a link's ids are of these lengths or empty, because Jaeger
//! cannot decode a trace with others. Other spans are refused with a reason, and the good ones
//! of the same request are kept. So are those beside a trace that is too large for the engine. A
//! request that is not an OTLP request is refused whole.
//!
//! **Durability.** An `Ok` of [`Store::write`] means kept as durably as the engine promises, and
//! visible to every read that begins after it. The accepted spans of a request appear wholly or
//! not at all. A retry may store a second copy, and both come back: Jaeger folds identical spans
//! when it reads.
//!
//! **Hints.** Time hints of [`Store::get_traces`] never change an answer.
//!
//! **Chunks.** A chunk holds spans of one trace, a trace's chunks are consecutive, none is empty,
//! and each is below [`CHUNK_BYTES`]; only a single larger span travels alone.
//!
//! **Tenants.** No call sees or changes anything of another tenant.

mod chunks;
#[cfg(feature = "conformance")]
pub mod conformance;
mod error;
pub mod filter;
mod ids;
pub mod ingest;
pub mod otlp;
mod query;
mod rank;
mod store;
pub mod trace;

pub use chunks::{CHUNK_BYTES, Chunks};
pub use error::{ReadError, WriteError};
pub use ids::{SpanId, Tenant, TraceId};
pub use query::{DEFAULT_DEPTH, LegacyQuery, QueryError, SpanQuery, TimeRange, TraceQuery};
pub use rank::{SortBy, SortField, SpanKey, SpanOrder, SpanPosition, TraceRank};
pub use store::{
    ChunkStream, Dependency, FoundSpan, FoundTrace, Operation, SpanStream, Store, SummaryStream,
    TraceChunk, TraceLookup, Usage,
};
