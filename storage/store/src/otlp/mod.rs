//! OTLP trace messages read in place: nothing is decoded into owned structs.
//!
//! The readers here trust that [`crate::ingest`] has checked the bytes; on others they stop early
//! or give zero values, but never panic.

mod alone;
mod attributes;
mod schema;
mod span;
mod text;
pub mod wire;

pub(crate) use alone::{field_len, put_header};
pub use attributes::{AnyValue, Attributes, KeyValue};
pub(crate) use schema::{RESOURCE_SPANS_ENVELOPE, SCOPE_SPANS_ENVELOPE, SPAN as SPAN_SCHEMA};
pub use span::{
    Event, Link, Resource, Scope, Span, SpanInTrace, SpanKind, StatusCode, spans_of,
    spans_of_resources,
};
pub use text::text_of;

/// Field numbers of the messages above a span.
pub(crate) mod number {
    pub(crate) const RESOURCE_SPANS: u32 = 1;
    pub(crate) const SCOPE_SPANS: u32 = 2;
    pub(crate) const SPANS: u32 = 2;
}
