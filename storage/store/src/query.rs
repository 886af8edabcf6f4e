use std::fmt;

use crate::filter::{Attribute, Comparison, Constant, Field, Filter, Level, Operand, truth};
use crate::{SpanKey, SpanOrder, TraceRank};

/// How many traces a query answers with when it doesn't say.
pub const DEFAULT_DEPTH: usize = 100;

/// An inclusive range of start times, nanoseconds since the Unix epoch. The default is unbounded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TimeRange {
    /// The least time.
    pub min: u64,
    /// The greatest time.
    pub max: u64,
}

impl Default for TimeRange {
    fn default() -> Self {
        Self { min: 0, max: u64::MAX }
    }
}

impl TimeRange {
    /// Whether the range holds this time.
    pub fn contains(&self, time: u64) -> bool {
        (self.min..=self.max).contains(&time)
    }
}

/// A search for traces: some span of theirs matches the filter and starts within the range.
#[derive(Clone, Debug, PartialEq)]
pub struct TraceQuery {
    /// What a span must satisfy.
    pub filter: Filter,
    /// When it must start.
    pub start: TimeRange,
    /// The greatest number of traces to answer with, above zero.
    pub limit: usize,
    /// Only traces behind this place in the order are answered with. A trace's place is that of
    /// all of its matching spans: one that comes before has no second place.
    pub after: Option<TraceRank>,
}

/// A search for spans that match the filter and start within the range.
#[derive(Clone, Debug, PartialEq)]
pub struct SpanQuery {
    /// What a span must satisfy.
    pub filter: Filter,
    /// When it must start.
    pub start: TimeRange,
    /// Which come first.
    pub order: SpanOrder,
    /// The greatest number of spans to answer with, above zero.
    pub limit: usize,
    /// Only spans behind this one in the order are answered with.
    pub after: Option<SpanKey>,
}

/// A query by the fields that Jaeger has always had. Empty and `None` mean any.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LegacyQuery {
    /// The name of the resource's service.
    pub service: String,
    /// The span's name.
    pub operation: String,
    /// Keys with the text form of the value ([`crate::otlp::text_of`]); all must be there.
    pub attributes: Vec<(String, String)>,
    /// The least start time, nanoseconds since the Unix epoch.
    pub start_min: Option<u64>,
    /// The greatest start time, nanoseconds since the Unix epoch.
    pub start_max: Option<u64>,
    /// The least duration in nanoseconds.
    pub duration_min: Option<u64>,
    /// The greatest duration in nanoseconds.
    pub duration_max: Option<u64>,
    /// The greatest number of traces. At or below zero it means [`DEFAULT_DEPTH`].
    pub depth: i32,
}

impl LegacyQuery {
    /// Compiles the fields to a filter, so that engines evaluate one thing. A depth beyond
    /// `max_depth` is cut to it.
    ///
    /// # Errors
    /// When a range's maximum lies below its minimum.
    pub fn compile(&self, max_depth: usize) -> Result<TraceQuery, QueryError> {
        let start =
            TimeRange { min: self.start_min.unwrap_or(0), max: self.start_max.unwrap_or(u64::MAX) };
        if start.max < start.min {
            return Err(QueryError::StartRange);
        }
        if let (Some(min), Some(max)) = (self.duration_min, self.duration_max)
            && max < min
        {
            return Err(QueryError::DurationRange);
        }
        let depth = usize::try_from(self.depth).ok().filter(|depth| *depth > 0);
        Ok(TraceQuery {
            filter: self.filter(),
            start,
            limit: depth.unwrap_or(DEFAULT_DEPTH).min(max_depth),
            after: None,
        })
    }

    fn filter(&self) -> Filter {
        let mut conditions = Vec::new();
        if !self.service.is_empty() {
            conditions.push(equals(Field::ResourceService, &self.service));
        }
        if !self.operation.is_empty() {
            conditions.push(equals(Field::SpanName, &self.operation));
        }
        for (bound, comparison) in
            [(self.duration_min, Comparison::Gte), (self.duration_max, Comparison::Lte)]
        {
            conditions.extend(bound.map(|nanos| {
                Filter::Compare(
                    Operand::Field(Field::SpanDuration),
                    comparison,
                    Operand::Constant(Constant::Duration(nanos.into())),
                )
            }));
        }
        conditions.extend(self.attributes.iter().map(|(key, text)| attribute(key, text)));
        Filter::And(conditions)
    }
}

/// What a legacy attribute asks for. The special keys and their meaning are those of Jaeger's
/// memory store; an `error` that is no truth value is an ordinary attribute.
fn attribute(key: &str, text: &str) -> Filter {
    match key {
        "error" => match truth(text) {
            Some(true) => equals(Field::SpanStatus, "error"),
            Some(false) => Filter::Not(Box::new(equals(Field::SpanStatus, "error"))),
            None => at_any_level(key, text),
        },
        "span.status" => equals(Field::SpanStatus, &text.to_ascii_lowercase()),
        "span.kind" => equals(Field::SpanKind, &text.to_ascii_lowercase()),
        "scope.name" => equals(Field::ScopeName, text),
        "scope.version" => equals(Field::ScopeVersion, text),
        _ => match key.strip_prefix("resource.") {
            Some(key) => at_level(key, text, Level::Resource),
            None => at_any_level(key, text),
        },
    }
}

fn at_any_level(key: &str, text: &str) -> Filter {
    let levels = [Level::Span, Level::Resource, Level::Scope, Level::Event, Level::Link];
    Filter::Or(levels.into_iter().map(|level| at_level(key, text, level)).collect())
}

fn at_level(key: &str, text: &str, level: Level) -> Filter {
    let attribute = Attribute { key: key.to_owned(), level: Some(level) };
    Filter::Compare(
        Operand::Attribute(attribute),
        Comparison::Eq,
        Operand::Constant(Constant::TextForm(text.to_owned())),
    )
}

fn equals(field: Field, text: &str) -> Filter {
    Filter::Compare(
        Operand::Field(field),
        Comparison::Eq,
        Operand::Constant(Constant::TextForm(text.to_owned())),
    )
}

/// Why a query makes no sense.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum QueryError {
    /// The greatest start time lies below the least one.
    StartRange,
    /// The greatest duration lies below the least one.
    DurationRange,
}

impl fmt::Display for QueryError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::StartRange => "the query's start_time_max lies below its start_time_min",
            Self::DurationRange => "the query's duration_max lies below its duration_min",
        })
    }
}

impl std::error::Error for QueryError {}
