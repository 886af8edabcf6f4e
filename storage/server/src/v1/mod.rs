//! Jaeger's storage API v1, on top of what serves API v2: requests, answers and spans are
//! converted at the edge, spans by [`jaeger_otlp`].

mod archive;
mod capabilities;
mod dependencies;
mod query;
mod reader;
mod streaming;
mod writer;

pub(crate) use archive::Archive;
pub(crate) use capabilities::Capabilities;
pub(crate) use reader::SpanReader;
pub(crate) use writer::SpanWriter;
