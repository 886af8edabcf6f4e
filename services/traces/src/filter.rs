//! Conditions on spans, as `jaeger.expression.v1` has them.

use spoor_proto::expression::expression::Term;
use spoor_proto::expression::{AttributeReference, Call, Expression, FieldReference, Scalar};

/// What spans are wanted. Traces are found by any span of theirs that is.
#[derive(Clone, Debug)]
pub struct Filter(Call);

/// Where an attribute is looked for.
#[derive(Clone, Copy, Debug)]
pub enum Level {
    /// The span's own, or its resource's.
    Any,
    /// The span's own.
    Span,
    /// Its resource's.
    Resource,
}

impl Filter {
    /// Spans of this `service.name`.
    pub fn service(name: &str) -> Self {
        Self::compare("eq", field("resource", "service"), name)
    }

    /// Spans of this name.
    pub fn operation(name: &str) -> Self {
        Self::compare("eq", field("span", "name"), name)
    }

    /// Spans of this kind: `server`, `client`, `producer`, `consumer` or `internal`.
    pub fn kind(word: &str) -> Self {
        Self::compare("eq", field("span", "kind"), word)
    }

    /// Spans that failed.
    pub fn error() -> Self {
        Self::compare("eq", field("span", "status"), "error")
    }

    /// Spans that took at least this many nanoseconds.
    pub fn at_least(nanoseconds: u64) -> Self {
        Self::compare("gte", field("span", "duration"), &duration(nanoseconds))
    }

    /// Spans that took at most this many nanoseconds.
    pub fn at_most(nanoseconds: u64) -> Self {
        Self::compare("lte", field("span", "duration"), &duration(nanoseconds))
    }

    /// Spans that have this value, of whatever type it is.
    pub fn attribute(level: Level, key: &str, value: &str) -> Self {
        Self::compare("eq", attribute(level, key), value)
    }

    /// Spans for which all of these hold; no filter without any.
    pub fn all(filters: Vec<Self>) -> Option<Self> {
        Self::joined("and", filters)
    }

    /// Spans for which any of these holds; no filter without any.
    pub fn any(filters: Vec<Self>) -> Option<Self> {
        Self::joined("or", filters)
    }

    fn joined(op: &str, mut filters: Vec<Self>) -> Option<Self> {
        if filters.len() < 2 {
            return filters.pop();
        }
        let terms = filters.into_iter().map(|Self(call)| Term::Call(call));
        Some(Self(call(op, terms)))
    }

    fn compare(op: &str, left: Term, right: &str) -> Self {
        let right = Term::Scalar(Scalar { value: right.to_owned(), ..Scalar::default() });
        Self(call(op, [left, right]))
    }

    pub(crate) fn into_call(self) -> Call {
        self.0
    }
}

fn call(op: &str, terms: impl IntoIterator<Item = Term>) -> Call {
    let args = terms.into_iter().map(|term| Expression { term: Some(term) }).collect();
    Call { op: op.to_owned(), args }
}

/// As Go writes it, with the most nanoseconds that it knows: 292 years.
fn duration(nanoseconds: u64) -> String {
    format!("{}ns", nanoseconds.min(i64::MAX.unsigned_abs()))
}

fn field(level: &str, name: &str) -> Term {
    Term::Field(FieldReference { name: name.to_owned(), level: level.to_owned() })
}

fn attribute(level: Level, key: &str) -> Term {
    let level = match level {
        Level::Any => "",
        Level::Span => "span",
        Level::Resource => "resource",
    };
    Term::Attr(AttributeReference { key: key.to_owned(), level: level.to_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_filter_is_joined_to_itself_and_none_to_nothing() {
        let one = || Filter::service("a");
        let call = |filter: Option<Filter>| filter.map(Filter::into_call);
        assert_eq!(call(Filter::all(vec![one()])), Some(one().into_call()));
        assert_eq!(call(Filter::any(vec![one()])), Some(one().into_call()));
        assert_eq!(call(Filter::all(Vec::new())), None);
        assert_eq!(call(Filter::any(Vec::new())), None);
    }
}
