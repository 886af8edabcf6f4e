//! Comparing what two references refer to.

use std::borrow::Cow;
use std::cmp::Ordering;

use super::Comparison;
use super::reference::{Context, Reference};
use super::value::{Number, Value};

/// A comparison of two references.
#[derive(Clone, Debug)]
pub(super) struct Pair {
    pub(super) left: Reference,
    /// Not [`Comparison::Ne`]: that is the equality, negated.
    pub(super) comparison: Comparison,
    pub(super) right: Reference,
    pub(super) is_negated: bool,
}

impl Pair {
    /// Whether some value of the left one compares so with some value of the right one; negated,
    /// whether both have values and none does (section 5.3).
    pub(super) fn holds(&self, context: &Context<'_, '_>) -> bool {
        let mut others = Several::default();
        self.right.any(context, |value| {
            others.add(value);
            false
        });
        if !others.is_there {
            return false;
        }
        others.sort();
        let mut is_there = false;
        let found = self.left.any(context, |value| {
            is_there = true;
            others.any(self.comparison, value)
        });
        if self.is_negated { is_there && !found } else { found }
    }
}

/// Values in their order, so that a span with as many events as fit in a message is compared with
/// itself in good time.
#[derive(Default)]
struct Several<'a> {
    is_there: bool,
    texts: Vec<Cow<'a, str>>,
    numbers: Vec<Number>,
    truths: Vec<bool>,
}

impl<'a> Several<'a> {
    fn add(&mut self, value: Value<'a>) {
        self.is_there = true;
        if let Value::Bool(truth) = value {
            self.truths.push(truth);
        }
        self.texts.extend(value.text());
        // NaN equals nothing and has no order.
        self.numbers.extend(value.number().filter(|number| !number.is_nan()));
    }

    fn sort(&mut self) {
        self.texts.sort_unstable();
        self.numbers
            .sort_unstable_by(|left, right| left.compare(*right).unwrap_or(Ordering::Equal));
    }

    /// Whether `value` compares so with one of them of its kind. A whole number beside a duration
    /// or an instant is its nanoseconds, as in Jaeger's memory store: the contract leaves it open.
    fn any(&self, comparison: Comparison, value: Value<'_>) -> bool {
        if let Value::Bool(truth) = value {
            return comparison == Comparison::Eq && self.truths.contains(&truth);
        }
        if let Some(text) = value.text() {
            return any(&self.texts, comparison, |other| (*text).cmp(other));
        }
        value.number().filter(|number| !number.is_nan()).is_some_and(|number| {
            any(&self.numbers, comparison, |other| {
                number.compare(*other).unwrap_or(Ordering::Equal)
            })
        })
    }
}

/// Whether a value compares so with one of these, which are in their order; `order` is the
/// value's beside one of them.
fn any<T>(sorted: &[T], comparison: Comparison, order: impl Fn(&T) -> Ordering) -> bool {
    let nearest = match comparison {
        Comparison::Eq | Comparison::Ne => {
            return sorted.binary_search_by(|other| order(other).reverse()).is_ok();
        }
        Comparison::Gt | Comparison::Gte => sorted.first(),
        Comparison::Lt | Comparison::Lte => sorted.last(),
    };
    nearest.is_some_and(|other| comparison.holds(order(other)))
}
