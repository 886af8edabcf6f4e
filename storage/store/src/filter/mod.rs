//! The structured filter (Jaeger RFC 0005, `jaeger.expression.v1`): its syntax tree here, its
//! evaluation in [`Predicate`].
//!
//! Section numbers in this module's comments are those of RFC 0005; "the operator's definition" is
//! that in jaeger-idl v0.14.0, `proto/expression/v1/expression.proto`.

mod compile;
mod error;
mod pair;
mod pattern;
mod predicate;
mod read;
mod reference;
mod target;
mod text_forms;
mod time;
mod typing;
mod value;
mod vocabulary;
mod words;

pub use error::FilterError;
pub use predicate::{Predicate, ValueTest};
pub use read::ValueType;
pub(crate) use read::truth;
pub use vocabulary::FieldType;

/// A condition on one span. Legacy query fields compile to it ([`crate::LegacyQuery`]).
#[derive(Clone, Debug, PartialEq)]
pub enum Filter {
    /// Every one of them holds. Of none, this holds.
    And(Vec<Filter>),
    /// At least one of them holds.
    Or(Vec<Filter>),
    /// It does not hold.
    Not(Box<Filter>),
    /// Two values compare so. A missing value compares to nothing.
    Compare(Operand, Comparison, Operand),
    /// The RE2 pattern matches somewhere in the value.
    Regex(Operand, String),
    /// The attribute or field is there.
    Exists(Operand),
    /// The value is one of these.
    In(Operand, Vec<Constant>),
    /// The value is there and is none of these.
    NotIn(Operand, Vec<Constant>),
    /// One event or link satisfies the whole inner condition.
    Some(Collection, Box<Filter>),
    /// The value has these words, adjacent and in this order.
    Phrase(Attribute, Vec<String>),
    /// The value has these words, in any order.
    Fulltext(Attribute, Vec<String>),
}

/// Something that has a value.
#[derive(Clone, Debug, PartialEq)]
pub enum Operand {
    /// An attribute.
    Attribute(Attribute),
    /// A built-in field.
    Field(Field),
    /// A constant.
    Constant(Constant),
}

/// An attribute by key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attribute {
    /// The attribute's name.
    pub key: String,
    /// Where it is looked for; `None` means on the span or its resource.
    pub level: Option<Level>,
}

/// A place that has attributes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Level {
    /// The span.
    Span,
    /// The span's resource.
    Resource,
    /// The span's instrumentation scope.
    Scope,
    /// The span's events.
    Event,
    /// The span's links.
    Link,
}

/// What a span has many of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Collection {
    /// The span's events.
    Events,
    /// The span's links.
    Links,
}

/// How two values compare.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Comparison {
    /// Equal.
    Eq,
    /// Not equal.
    Ne,
    /// Greater.
    Gt,
    /// Less.
    Lt,
    /// Greater or equal.
    Gte,
    /// Less or equal.
    Lte,
}

/// A constant, in the type that it was declared with or that the field beside it gives it.
#[derive(Clone, Debug, PartialEq)]
pub enum Constant {
    /// No type: it is read as what the value beside it is.
    Any(String),
    /// The text form ([`crate::otlp::text_of`]) of a value of whatever type. A field that is not
    /// there has the empty one. Only equality knows it: so compare the query fields that Jaeger
    /// had before the filter.
    TextForm(String),
    /// Text.
    String(String),
    /// A whole number.
    Int(i64),
    /// A floating-point number.
    Double(f64),
    /// A truth value.
    Bool(bool),
    /// Nanoseconds.
    Duration(i128),
    /// Nanoseconds since the Unix epoch.
    Instant(i128),
}

/// A built-in field. RFC 0005 names them in camel case behind their level.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[allow(missing_docs, reason = "the names are the documentation")]
pub enum Field {
    SpanTraceId,
    SpanId,
    SpanParentId,
    SpanTraceState,
    SpanName,
    SpanKind,
    SpanStart,
    SpanEnd,
    SpanDuration,
    SpanStatus,
    SpanStatusMessage,
    ResourceService,
    ResourceSchemaUrl,
    ScopeName,
    ScopeVersion,
    ScopeSchemaUrl,
    EventName,
    EventTime,
    EventTimeSinceStart,
    LinkTraceId,
    LinkSpanId,
    LinkTraceState,
}
