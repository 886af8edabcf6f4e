//! The structured filter as Jaeger sends it, `jaeger.expression.v1`, as the store has it.
//!
//! What means nothing is refused with INVALID_ARGUMENT and a message that names the operator and
//! the operand (RFC 0005, section 7): the number and kinds of operands here, what they hold in
//! [`spoor_store::filter`].

mod decode;
mod operands;
#[cfg(test)]
mod tests;

use spoor_proto::expression::Call;
use spoor_store::filter::{Filter, Predicate};
use tonic::Status;

use super::invalid;
pub(super) use operands::reference_of;

/// Every operator, as capabilities tell them.
pub(super) const OPERATORS: [&str; 16] = [
    "and", "or", "not", "eq", "ne", "gt", "lt", "gte", "lte", "regex", "exists", "in", "not_in",
    "some", "phrase", "fulltext",
];

/// How deep calls may nest, the filter itself included: jaeger-idl's `MaxNestingDepth`.
const MAX_DEPTH: usize = 20;

/// The greatest number of calls and operands. An exact span takes seven, so that a filter may
/// name a thousand.
const MAX_NODES: usize = 8_192;

/// The greatest number of a list's elements.
const MAX_ELEMENTS: usize = 1_024;

/// The greatest length of a pattern in bytes.
const MAX_PATTERN_BYTES: usize = 1_024;

/// The greatest number of patterns, each of which takes memory while it matches.
const MAX_PATTERNS: usize = 16;

/// The store's filter for a request's.
pub(super) fn decode(call: &Call) -> Result<Filter, Status> {
    let invalid = |reason: String| invalid(&format!("the filter: {reason}"));
    let filter = decode::Decoder::default().call(call, 1).map_err(invalid)?;
    Predicate::compile(&filter).map_err(|error| invalid(error.to_string()))?;
    Ok(filter)
}
