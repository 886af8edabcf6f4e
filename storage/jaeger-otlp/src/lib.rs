//! Spans of `jaeger.api_v2`, which Jaeger's storage API v1 carries, as OTLP and back, by Jaeger's
//! own mapping: that of the Collector's `pkg/translator/jaeger` (v0.140.1), and for warnings that of
//! Jaeger's `v1adapter` (v1.76.0).
//!
//! What one model alone can express is lost on the way into the other, as it is in Jaeger: of
//! `jaeger.api_v2` the flags and all but the last of several tags with one key, of OTLP the
//! attributes and trace states of links, the attributes of scopes, dropped counts, flags, schema
//! URLs, and the types of arrays and maps. Unlike there, a time before 1970 becomes 1970, and one
//! beyond 2262 stays as it is.
//!
//! A span of OTLP with more than 65,536 attributes, events and links comes without them, and says so in
//! a warning: each takes a hundred times the memory that it has bytes at least.
//!
//! Nothing is refused here: an id of a wrong length stays as it is, for whoever takes the OTLP to
//! refuse.

mod from_otlp;
mod ids;
mod keys;
mod to_otlp;
mod weight;

pub use from_otlp::span;
pub use ids::trace_id;
pub use to_otlp::request;
pub use weight::{weight, weight_of};
