//! Reading what an attribute or a field refers to.

use super::value::Value;
use super::{Attribute, Collection, Field, Level};
use crate::otlp::{AnyValue, Event, KeyValue, Link, Resource, SpanInTrace};

/// What a filter is evaluated on.
#[derive(Clone, Copy)]
pub(super) struct Context<'s, 'a> {
    resource: &'s Resource<'a>,
    /// None when all that is known is the resource. Then only references to it may be read.
    span: Option<&'s SpanInTrace<'a>>,
    /// The event that `some` binds (section 5.5).
    event: Option<Event<'a>>,
    /// The link that `some` binds.
    link: Option<Link<'a>>,
    /// Whether nobody waits for the answer any more.
    pub(super) is_gone: &'s dyn Fn() -> bool,
}

impl<'s, 'a> Context<'s, 'a> {
    pub(super) fn of_span(span: &'s SpanInTrace<'a>, is_gone: &'s dyn Fn() -> bool) -> Self {
        Self { resource: &span.resource, span: Some(span), event: None, link: None, is_gone }
    }

    pub(super) fn of_resource(resource: &'s Resource<'a>) -> Self {
        Self { resource, span: None, event: None, link: None, is_gone: &|| false }
    }

    pub(super) fn is_gone(&self) -> bool {
        (self.is_gone)()
    }

    /// Whether this holds for some element of the collection, bound.
    pub(super) fn some(self, collection: Collection, mut holds: impl FnMut(Self) -> bool) -> bool {
        let Some(span) = self.span else { return false };
        // Two levels inside one another may have very many pairs.
        let mut holds = |bound| self.is_gone() || holds(bound);
        match collection {
            Collection::Events => {
                span.span.events().any(|event| holds(Self { event: Some(event), ..self }))
            }
            Collection::Links => {
                span.span.links().any(|link| holds(Self { link: Some(link), ..self }))
            }
        }
    }

    fn any_event(&self, is: &mut impl FnMut(Event<'a>) -> bool) -> bool {
        match (self.event, self.span) {
            (Some(event), _) => is(event),
            (None, Some(span)) => span.span.events().any(is),
            (None, None) => false,
        }
    }

    fn any_link(&self, is: &mut impl FnMut(Link<'a>) -> bool) -> bool {
        match (self.link, self.span) {
            (Some(link), _) => is(link),
            (None, Some(span)) => span.span.links().any(is),
            (None, None) => false,
        }
    }

    /// Whether some value of the attribute is so. A key that stands several times has several.
    pub(super) fn any_attribute(
        &self,
        attribute: &Attribute,
        mut is: impl FnMut(AnyValue<'a>) -> bool,
    ) -> bool {
        let mut is_own = |own: KeyValue<'a>| own.has_key(&attribute.key) && is(own.value());
        match attribute.level {
            Some(level) => self.any_at(level, &mut is_own),
            // Section 5.1: the other levels are not searched.
            None => {
                self.any_at(Level::Span, &mut is_own) || self.any_at(Level::Resource, &mut is_own)
            }
        }
    }

    fn any_at(&self, level: Level, is: &mut impl FnMut(KeyValue<'a>) -> bool) -> bool {
        match (level, self.span) {
            (Level::Resource, _) => self.resource.attributes().any(is),
            (Level::Span, Some(span)) => span.span.attributes().any(is),
            (Level::Scope, Some(span)) => span.scope.attributes().any(is),
            (Level::Event, _) => self.any_event(&mut |event| event.attributes().any(&mut *is)),
            (Level::Link, _) => self.any_link(&mut |link| link.attributes().any(&mut *is)),
            (Level::Span | Level::Scope, None) => false,
        }
    }

    fn any_of_field(&self, field: Field, mut is: impl FnMut(Value<'a>) -> bool) -> bool {
        // The definition of `exists`: an optional field at OTLP's zero value is not there.
        let mut is_there = |text: &'a str| !text.is_empty() && is(Value::Text(text));
        match (field, self.span) {
            (Field::ResourceService, _) => is_there(self.resource.service_name()),
            (Field::ResourceSchemaUrl, _) => is_there(self.resource.schema_url()),
            (Field::EventName, _) => self.any_event(&mut |event| is(Value::Text(event.name()))),
            (Field::EventTime, _) => {
                self.any_event(&mut |event| is(Value::Nanos(event.time().into())))
            }
            (Field::LinkTraceId, _) => self.any_link(&mut |link| is(Value::id(link.ids().0))),
            (Field::LinkSpanId, _) => self.any_link(&mut |link| is(Value::id(link.ids().1))),
            (Field::LinkTraceState, _) => self.any_link(&mut |link| is_there(link.trace_state())),
            (_, None) => false,
            (Field::SpanTraceId, Some(own)) => is(Value::id(own.span.trace_id)),
            (Field::SpanId, Some(own)) => is(Value::id(own.span.span_id)),
            (Field::SpanParentId, Some(own)) => {
                own.span.parent().is_some_and(|id| is(Value::id(id)))
            }
            (Field::SpanTraceState, Some(own)) => is_there(own.span.trace_state()),
            (Field::SpanName, Some(own)) => is(Value::Text(own.span.name)),
            (Field::SpanKind, Some(own)) => is(Value::Text(own.span.kind.field_name())),
            (Field::SpanStart, Some(own)) => is(Value::Nanos(own.span.start.into())),
            (Field::SpanEnd, Some(own)) => is(Value::Nanos(own.span.end.into())),
            (Field::SpanDuration, Some(own)) => is(Value::Nanos(own.span.duration())),
            (Field::SpanStatus, Some(own)) => is(Value::Text(own.span.status.field_name())),
            (Field::SpanStatusMessage, Some(own)) => is_there(own.span.status_message()),
            (Field::ScopeName, Some(own)) => is_there(own.scope.name()),
            (Field::ScopeVersion, Some(own)) => is_there(own.scope.version()),
            (Field::ScopeSchemaUrl, Some(own)) => is_there(own.scope.schema_url()),
            (Field::EventTimeSinceStart, Some(own)) => self.any_event(&mut |event| {
                is(Value::Nanos(i128::from(event.time()) - i128::from(own.span.start)))
            }),
        }
    }
}

/// An attribute or a field.
#[derive(Clone, Debug)]
pub(super) enum Reference {
    Attribute(Attribute),
    Field(Field),
}

impl Reference {
    /// The only level it is read from, if there is only one.
    pub(super) fn level(&self) -> Option<Level> {
        match self {
            Self::Attribute(attribute) => attribute.level,
            Self::Field(field) => Some(field.level()),
        }
    }

    /// Whether some value that it refers to is so. It may refer to none, or to several.
    pub(super) fn any<'a>(
        &self,
        context: &Context<'_, 'a>,
        mut is: impl FnMut(Value<'a>) -> bool,
    ) -> bool {
        match self {
            Self::Attribute(attribute) => {
                context.any_attribute(attribute, |value| is(Value::of(value)))
            }
            Self::Field(field) => context.any_of_field(*field, is),
        }
    }
}
