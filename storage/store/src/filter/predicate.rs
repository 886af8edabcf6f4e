use super::compile::compile;
use super::pair::Pair;
use super::pattern::Pattern;
use super::reference::{Context, Reference};
use super::target::{List, Target};
use super::value::Value;
use super::words::Words;
use super::{Attribute, Collection, Comparison, Filter, FilterError, Level};
use crate::otlp::{AnyValue, Resource, SpanInTrace, text_of};

/// A filter made ready to be evaluated on many spans.
#[derive(Clone, Debug)]
pub struct Predicate(pub(super) Node);

impl Predicate {
    /// Makes a filter ready.
    ///
    /// # Errors
    /// When the filter means nothing.
    pub fn compile(filter: &Filter) -> Result<Self, FilterError> {
        compile(filter, &[])
    }

    /// The predicates of the filters that this one's filter is made of, in their order.
    pub fn parts(&self) -> &[Self] {
        match &self.0 {
            Node::And(parts) | Node::Or(parts) => parts,
            Node::Not(part) | Node::Some(_, part) => std::slice::from_ref(part),
            Node::Leaf(_) | Node::Pair(_) | Node::TextForm(..) => &[],
        }
    }

    /// What is asked of each value of the one attribute or field that the filter is about, and of
    /// which one must pass: for `ne` and `not_in`, none of them. None if it asks otherwise.
    pub fn value_test(&self) -> Option<ValueTest> {
        match &self.0 {
            Node::Leaf(leaf) => Some(ValueTest(leaf.test.clone())),
            _ => None,
        }
    }

    /// What its patterns take of memory at most, in bytes.
    pub fn pattern_bytes(&self) -> usize {
        match &self.0 {
            Node::Leaf(Leaf { test: Test::Regex(pattern), .. }) => pattern.bytes(),
            _ => self.parts().iter().map(Self::pattern_bytes).sum(),
        }
    }

    /// Whether some span of this resource may satisfy the filter. A search need not read the
    /// others.
    pub fn may_match(&self, resource: &Resource<'_>) -> bool {
        self.0.told_by(&Context::of_resource(resource)) != Some(false)
    }

    /// Whether the span satisfies the filter.
    pub fn matches(&self, span: &SpanInTrace<'_>) -> bool {
        self.matches_for(span, &|| false)
    }

    /// The same for one who may be gone before it is known. Then it ends soon, and what it tells
    /// means nothing.
    pub fn matches_for(&self, span: &SpanInTrace<'_>, is_gone: &dyn Fn() -> bool) -> bool {
        self.0.holds(&Context::of_span(span, is_gone))
    }
}

/// What a filter asks of the values of one attribute or field, for engines that have values apart
/// from their spans.
#[derive(Clone, Debug)]
pub struct ValueTest(Test);

impl ValueTest {
    /// Whether a value passes; a field's is text. What it tells one who is gone means nothing.
    pub fn passes(&self, value: AnyValue<'_>, is_gone: &dyn Fn() -> bool) -> bool {
        self.0.passes(Value::of(value), is_gone)
    }
}

#[derive(Clone, Debug)]
pub(super) enum Node {
    And(Vec<Predicate>),
    Or(Vec<Predicate>),
    Not(Box<Predicate>),
    Some(Collection, Box<Predicate>),
    Leaf(Leaf),
    Pair(Pair),
    /// The reference has this text form; a field that is not there has the empty one.
    TextForm(Reference, String),
}

/// A question about the values of one reference.
#[derive(Clone, Debug)]
pub(super) struct Leaf {
    pub(super) reference: Reference,
    pub(super) test: Test,
    /// Whether there must be values, none of which passes.
    pub(super) is_negated: bool,
}

impl From<Leaf> for Node {
    fn from(leaf: Leaf) -> Self {
        Self::Leaf(leaf)
    }
}

/// What one value must be.
#[derive(Clone, Debug)]
pub(super) enum Test {
    Exists,
    Compare(Comparison, Target),
    In(List),
    Regex(Pattern),
    Phrase(Words),
    Fulltext(Words),
}

impl Node {
    fn holds(&self, context: &Context<'_, '_>) -> bool {
        match self {
            Self::And(parts) => parts.iter().all(|part| part.0.holds(context)),
            Self::Or(parts) => parts.iter().any(|part| part.0.holds(context)),
            Self::Not(part) => !part.0.holds(context),
            Self::Some(collection, part) => context.some(*collection, |bound| part.0.holds(&bound)),
            _ if context.is_gone() => false,
            Self::Leaf(leaf) => leaf.holds(context),
            Self::Pair(pair) => pair.holds(context),
            Self::TextForm(reference, text) => has_text_form(reference, text, context),
        }
    }

    /// Whether it holds, if the resource alone tells. The context needs no more than that.
    fn told_by(&self, resource: &Context<'_, '_>) -> Option<bool> {
        let is_known = match self {
            Self::And(parts) => return all(parts.iter().map(|part| part.0.told_by(resource))),
            Self::Or(parts) => {
                let told = parts.iter().map(|part| part.0.told_by(resource));
                let none = all(told.map(|told| told.map(|told| !told)));
                return none.map(|none| !none);
            }
            Self::Not(part) => return part.0.told_by(resource).map(|told| !told),
            Self::Some(..) => false,
            Self::Leaf(leaf) => is_of_resource(&leaf.reference),
            Self::Pair(pair) => is_of_resource(&pair.left) && is_of_resource(&pair.right),
            Self::TextForm(reference, _) => is_of_resource(reference),
        };
        is_known.then(|| self.holds(resource))
    }
}

/// Whether all are true: not if one is false, whatever is unknown.
fn all(mut told: impl Iterator<Item = Option<bool>>) -> Option<bool> {
    let end = told.try_fold(Some(true), |all, told| match told {
        Some(false) => Err(Some(false)),
        told => Ok(all.and(told)),
    });
    end.unwrap_or_else(|told| told)
}

fn is_of_resource(reference: &Reference) -> bool {
    reference.level() == Some(Level::Resource)
}

fn has_text_form(reference: &Reference, text: &str, context: &Context<'_, '_>) -> bool {
    match reference {
        Reference::Attribute(attribute) => attribute_has_text_form(attribute, text, context),
        Reference::Field(_) => {
            let mut is_there = false;
            let found = reference.any(context, |value| {
                is_there = true;
                value.is_text(text)
            });
            found || !is_there && text.is_empty()
        }
    }
}

fn attribute_has_text_form(attribute: &Attribute, text: &str, context: &Context<'_, '_>) -> bool {
    context.any_attribute(attribute, |value| text_of(value) == text)
}

impl Leaf {
    /// Section 5.3: of no value nothing holds; one value must pass; negated, none may.
    fn holds(&self, context: &Context<'_, '_>) -> bool {
        if !self.is_negated {
            return self.reference.any(context, |value| self.test.passes(value, context.is_gone));
        }
        let mut is_there = false;
        let passed = self.reference.any(context, |value| {
            is_there = true;
            self.test.passes(value, context.is_gone)
        });
        is_there && !passed
    }
}

impl Test {
    fn passes(&self, value: Value<'_>, is_gone: &dyn Fn() -> bool) -> bool {
        let text_is = |is: &dyn Fn(&str) -> bool| value.text().is_some_and(|text| is(&text));
        match self {
            Self::Exists => true,
            Self::Compare(comparison, target) => target.holds(*comparison, value),
            Self::In(list) => list.contains(value),
            Self::Regex(pattern) => text_is(&|text| pattern.is_in(text, is_gone)),
            Self::Phrase(words) => text_is(&|text| words.are_a_phrase_in(text)),
            Self::Fulltext(words) => text_is(&|text| words.are_all_in(text)),
        }
    }
}
