//! The rules of the structured filter (Jaeger RFC 0005), each on its own. Random filters are
//! compared with an independent evaluator where Jaeger's calls are decoded, in the server.

mod attributes;
mod fields;
mod hostile;
mod quantifier;
mod resources;
mod support;
mod text_forms;
