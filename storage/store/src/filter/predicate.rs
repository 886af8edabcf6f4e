use crate::ReadError;
use crate::otlp::{KeyValue, Resource, SpanInTrace, text_of};

use super::{Attribute, Comparison, Constant, Field, Filter, Level, Operand};

/// A filter made ready to be evaluated on many spans.
///
/// Evaluated are `and`, `or`, `not`, equality of an attribute or a text field with an untyped
/// constant, and bounds of the duration: what legacy queries compile to.
#[derive(Clone, Debug)]
pub struct Predicate(Node);

#[derive(Clone, Debug)]
enum Node {
    And(Vec<Node>),
    Or(Vec<Node>),
    Not(Box<Node>),
    AttributeEquals { key: String, text: String, level: Level },
    FieldEquals(TextField, String),
    DurationAtLeast(i128),
    DurationAtMost(i128),
}

#[derive(Clone, Copy, Debug)]
enum TextField {
    SpanName,
    SpanKind,
    SpanStatus,
    ResourceService,
    ScopeName,
    ScopeVersion,
}

impl Predicate {
    /// Makes a filter ready.
    ///
    /// # Errors
    /// [`ReadError::Unsupported`] names what can't be evaluated.
    pub fn compile(filter: &Filter) -> Result<Self, ReadError> {
        compile(filter).map(Self)
    }

    /// Whether some span of this resource may satisfy the filter. A search need not read the
    /// others.
    pub fn may_match(&self, resource: &Resource<'_>) -> bool {
        self.0.may_match(resource)
    }

    /// Whether the span satisfies the filter.
    pub fn matches(&self, span: &SpanInTrace<'_>) -> bool {
        self.0.matches(span)
    }
}

fn compile(filter: &Filter) -> Result<Node, ReadError> {
    let all = |filters: &[Filter]| filters.iter().map(compile).collect::<Result<Vec<_>, _>>();
    match filter {
        Filter::And(filters) => all(filters).map(Node::And),
        Filter::Or(filters) => all(filters).map(Node::Or),
        Filter::Not(inner) => Ok(Node::Not(Box::new(compile(inner)?))),
        Filter::Compare(left, comparison, right) => compare(left, *comparison, right)
            .ok_or_else(|| ReadError::Unsupported(format!("the comparison {filter:?}"))),
        Filter::Regex(..) => unsupported("regex"),
        Filter::Exists(_) => unsupported("exists"),
        Filter::In(..) => unsupported("in"),
        Filter::NotIn(..) => unsupported("not_in"),
        Filter::Some(..) => unsupported("some"),
        Filter::Phrase(..) => unsupported("phrase"),
        Filter::Fulltext(..) => unsupported("fulltext"),
    }
}

fn unsupported(operator: &str) -> Result<Node, ReadError> {
    Err(ReadError::Unsupported(format!("the operator {operator}")))
}

fn compare(left: &Operand, comparison: Comparison, right: &Operand) -> Option<Node> {
    match (left, comparison, right) {
        (Operand::Attribute(attribute), Comparison::Eq, Operand::Constant(Constant::Any(text))) => {
            Some(attribute_equals(attribute, text))
        }
        (Operand::Field(field), Comparison::Eq, Operand::Constant(Constant::Any(text))) => {
            Some(Node::FieldEquals(text_field(*field)?, text.clone()))
        }
        (
            Operand::Field(Field::SpanDuration),
            Comparison::Gte,
            Operand::Constant(Constant::Duration(nanos)),
        ) => Some(Node::DurationAtLeast(i128::from(*nanos))),
        (
            Operand::Field(Field::SpanDuration),
            Comparison::Lte,
            Operand::Constant(Constant::Duration(nanos)),
        ) => Some(Node::DurationAtMost(i128::from(*nanos))),
        _ => None,
    }
}

fn attribute_equals(attribute: &Attribute, text: &str) -> Node {
    let at =
        |level| Node::AttributeEquals { key: attribute.key.clone(), text: text.to_owned(), level };
    match attribute.level {
        Some(level) => at(level),
        None => Node::Or(vec![at(Level::Span), at(Level::Resource)]),
    }
}

fn text_field(field: Field) -> Option<TextField> {
    match field {
        Field::SpanName => Some(TextField::SpanName),
        Field::SpanKind => Some(TextField::SpanKind),
        Field::SpanStatus => Some(TextField::SpanStatus),
        Field::ResourceService => Some(TextField::ResourceService),
        Field::ScopeName => Some(TextField::ScopeName),
        Field::ScopeVersion => Some(TextField::ScopeVersion),
        _ => None,
    }
}

impl Node {
    fn may_match(&self, resource: &Resource<'_>) -> bool {
        match self {
            Self::And(nodes) => nodes.iter().all(|node| node.may_match(resource)),
            Self::Or(nodes) => nodes.iter().any(|node| node.may_match(resource)),
            Self::FieldEquals(TextField::ResourceService, name) => resource.service_name() == name,
            _ => true,
        }
    }

    fn matches(&self, span: &SpanInTrace<'_>) -> bool {
        match self {
            Self::And(nodes) => nodes.iter().all(|node| node.matches(span)),
            Self::Or(nodes) => nodes.iter().any(|node| node.matches(span)),
            Self::Not(node) => !node.matches(span),
            Self::AttributeEquals { key, text, level } => {
                attribute_matches(span, *level, key, text)
            }
            Self::FieldEquals(field, text) => field.of(span) == text,
            Self::DurationAtLeast(nanos) => span.span.duration() >= *nanos,
            Self::DurationAtMost(nanos) => span.span.duration() <= *nanos,
        }
    }
}

impl TextField {
    fn of<'a>(self, span: &SpanInTrace<'a>) -> &'a str {
        match self {
            Self::SpanName => span.span.name,
            Self::SpanKind => span.span.kind.field_name(),
            Self::SpanStatus => span.span.status.field_name(),
            Self::ResourceService => span.resource.service_name(),
            Self::ScopeName => span.scope.name(),
            Self::ScopeVersion => span.scope.version(),
        }
    }
}

fn attribute_matches(span: &SpanInTrace<'_>, level: Level, key: &str, text: &str) -> bool {
    let equal =
        |attribute: KeyValue<'_>| attribute.has_key(key) && text_of(attribute.value()) == text;
    match level {
        Level::Span => span.span.attributes().any(equal),
        Level::Resource => span.resource.attributes().any(equal),
        Level::Scope => span.scope.attributes().any(equal),
        Level::Event => span.span.events().any(|event| event.attributes().any(equal)),
        Level::Link => span.span.links().any(|link| link.attributes().any(equal)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::filter::Collection;

    #[test]
    fn what_cannot_be_evaluated_is_named() {
        let name = || Operand::Field(Field::SpanName);
        let inner = Box::new(Filter::And(Vec::new()));
        let cases = [
            (Filter::Regex(name(), "a.c".to_owned()), "regex"),
            (Filter::Exists(name()), "exists"),
            (Filter::Some(Collection::Events, inner), "some"),
            (
                Filter::Compare(
                    name(),
                    Comparison::Gt,
                    Operand::Constant(Constant::Any("a".to_owned())),
                ),
                "Gt",
            ),
        ];
        for (filter, named) in cases {
            let filter = Filter::Not(Box::new(Filter::Or(vec![filter])));
            let error = Predicate::compile(&filter).unwrap_err().to_string();
            assert!(error.contains(named), "{error}");
        }
    }
}
