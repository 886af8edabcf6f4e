//! The names that a filter is written with (section 5.2), and what the fields hold.

use std::cmp::Ordering;
use std::fmt;

use super::{Attribute, Collection, Comparison, Constant, Field, Level, Operand};
use crate::otlp::{SpanKind, StatusCode};

/// What a built-in field holds, so what a constant beside it is read as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FieldType {
    /// Text. An id is its lower-case hexadecimal digits.
    Text,
    /// One of the words of `span.kind`.
    SpanKind,
    /// One of the words of `span.status`.
    SpanStatus,
    /// A length of time.
    Duration,
    /// A point in time.
    Instant,
}

impl FieldType {
    /// The words that it is one of; none if it is no such type.
    pub fn words(self) -> &'static [&'static str] {
        const KINDS: [&str; 6] = [
            SpanKind::Unspecified.field_name(),
            SpanKind::Internal.field_name(),
            SpanKind::Server.field_name(),
            SpanKind::Client.field_name(),
            SpanKind::Producer.field_name(),
            SpanKind::Consumer.field_name(),
        ];
        const STATUSES: [&str; 3] = [
            StatusCode::Unset.field_name(),
            StatusCode::Ok.field_name(),
            StatusCode::Error.field_name(),
        ];
        match self {
            Self::SpanKind => &KINDS,
            Self::SpanStatus => &STATUSES,
            Self::Text | Self::Duration | Self::Instant => &[],
        }
    }

    /// Whether it is text, of whatever words.
    pub(super) fn is_text(self) -> bool {
        matches!(self, Self::Text | Self::SpanKind | Self::SpanStatus)
    }
}

impl Level {
    /// Every level.
    pub const ALL: [Self; 5] = [Self::Span, Self::Resource, Self::Scope, Self::Event, Self::Link];

    /// The level's name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Span => "span",
            Self::Resource => "resource",
            Self::Scope => "scope",
            Self::Event => "event",
            Self::Link => "link",
        }
    }

    /// The level of this name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|level| level.name() == name)
    }
}

impl Collection {
    /// The level of its elements.
    pub fn level(self) -> Level {
        match self {
            Self::Events => Level::Event,
            Self::Links => Level::Link,
        }
    }
}

impl Field {
    /// Every field.
    pub const ALL: [Self; 22] = [
        Self::SpanTraceId,
        Self::SpanId,
        Self::SpanParentId,
        Self::SpanTraceState,
        Self::SpanName,
        Self::SpanKind,
        Self::SpanStart,
        Self::SpanEnd,
        Self::SpanDuration,
        Self::SpanStatus,
        Self::SpanStatusMessage,
        Self::ResourceService,
        Self::ResourceSchemaUrl,
        Self::ScopeName,
        Self::ScopeVersion,
        Self::ScopeSchemaUrl,
        Self::EventName,
        Self::EventTime,
        Self::EventTimeSinceStart,
        Self::LinkTraceId,
        Self::LinkSpanId,
        Self::LinkTraceState,
    ];

    /// The level that the field belongs to.
    pub fn level(self) -> Level {
        match self {
            Self::SpanTraceId
            | Self::SpanId
            | Self::SpanParentId
            | Self::SpanTraceState
            | Self::SpanName
            | Self::SpanKind
            | Self::SpanStart
            | Self::SpanEnd
            | Self::SpanDuration
            | Self::SpanStatus
            | Self::SpanStatusMessage => Level::Span,
            Self::ResourceService | Self::ResourceSchemaUrl => Level::Resource,
            Self::ScopeName | Self::ScopeVersion | Self::ScopeSchemaUrl => Level::Scope,
            Self::EventName | Self::EventTime | Self::EventTimeSinceStart => Level::Event,
            Self::LinkTraceId | Self::LinkSpanId | Self::LinkTraceState => Level::Link,
        }
    }

    /// The field's name at its level.
    pub fn name(self) -> &'static str {
        match self {
            Self::SpanTraceId | Self::LinkTraceId => "traceID",
            Self::SpanId | Self::LinkSpanId => "spanID",
            Self::SpanParentId => "parentSpanID",
            Self::SpanTraceState | Self::LinkTraceState => "traceState",
            Self::SpanName | Self::ScopeName | Self::EventName => "name",
            Self::SpanKind => "kind",
            Self::SpanStart => "startTime",
            Self::SpanEnd => "endTime",
            Self::SpanDuration => "duration",
            Self::SpanStatus => "status",
            Self::SpanStatusMessage => "statusMessage",
            Self::ResourceService => "service",
            Self::ResourceSchemaUrl | Self::ScopeSchemaUrl => "schemaURL",
            Self::ScopeVersion => "version",
            Self::EventTime => "time",
            Self::EventTimeSinceStart => "timeSinceStart",
        }
    }

    /// The field of this name at this level.
    pub fn find(level: Level, name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|field| field.level() == level && field.name() == name)
    }

    /// What the field holds.
    pub fn field_type(self) -> FieldType {
        match self {
            Self::SpanKind => FieldType::SpanKind,
            Self::SpanStatus => FieldType::SpanStatus,
            Self::SpanDuration | Self::EventTimeSinceStart => FieldType::Duration,
            Self::SpanStart | Self::SpanEnd | Self::EventTime => FieldType::Instant,
            _ => FieldType::Text,
        }
    }

    /// Whether the empty text means that the field is not there.
    pub fn is_optional(self) -> bool {
        matches!(
            self,
            Self::SpanParentId
                | Self::SpanTraceState
                | Self::SpanStatusMessage
                | Self::ResourceService
                | Self::ResourceSchemaUrl
                | Self::ScopeName
                | Self::ScopeVersion
                | Self::ScopeSchemaUrl
                | Self::LinkTraceState
        )
    }
}

impl Comparison {
    /// The operator's name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Eq => "eq",
            Self::Ne => "ne",
            Self::Gt => "gt",
            Self::Lt => "lt",
            Self::Gte => "gte",
            Self::Lte => "lte",
        }
    }

    /// Whether it asks for an order.
    pub(super) fn is_ordered(self) -> bool {
        !matches!(self, Self::Eq | Self::Ne)
    }

    /// The comparison that says the same with its sides swapped.
    pub fn swapped(self) -> Self {
        match self {
            Self::Gt => Self::Lt,
            Self::Lt => Self::Gt,
            Self::Gte => Self::Lte,
            Self::Lte => Self::Gte,
            Self::Eq | Self::Ne => self,
        }
    }

    /// Whether values in this order compare so.
    pub(super) fn holds(self, order: Ordering) -> bool {
        match self {
            Self::Eq => order.is_eq(),
            Self::Ne => order.is_ne(),
            Self::Gt => order.is_gt(),
            Self::Lt => order.is_lt(),
            Self::Gte => order.is_ge(),
            Self::Lte => order.is_le(),
        }
    }
}

impl fmt::Display for Field {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.level().name(), self.name())
    }
}

impl fmt::Display for Attribute {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the attribute {:?}", self.key)
    }
}

impl fmt::Display for Operand {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Attribute(attribute) => attribute.fmt(f),
            Self::Field(field) => field.fmt(f),
            Self::Constant(constant) => constant.fmt(f),
        }
    }
}

impl fmt::Display for Constant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Any(text) => write!(f, "the constant {text:?}"),
            Self::TextForm(text) => write!(f, "the text form {text:?}"),
            Self::String(text) => write!(f, "the string {text:?}"),
            Self::Int(number) => write!(f, "the int {number}"),
            Self::Double(number) => write!(f, "the double {number}"),
            Self::Bool(truth) => write!(f, "the bool {truth}"),
            Self::Duration(nanos) => write!(f, "the duration of {nanos} ns"),
            Self::Instant(nanos) => write!(f, "the instant {nanos} ns after 1970"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_field_is_found_by_its_level_and_name_and_by_no_other() {
        for field in Field::ALL {
            for level in Level::ALL {
                let found = Field::find(level, field.name());
                assert_eq!(found == Some(field), level == field.level(), "{field}");
            }
        }
        assert_eq!(Field::find(Level::Span, "Duration"), None);
        assert_eq!(Field::SpanStart.to_string(), "span.startTime");
    }

    #[test]
    fn levels_are_named_in_lower_case() {
        for level in Level::ALL {
            assert_eq!(Level::from_name(level.name()), Some(level));
            assert_eq!(Level::from_name(&level.name().to_uppercase()), None);
        }
        assert_eq!(Level::from_name(""), None);
    }
}
