//! Calls, shortly written.

use spoor_proto::expression::expression::Term;
use spoor_proto::expression::{
    AttributeReference, Call, Expression, FieldReference, List, NestedReference, Scalar,
};

pub fn call(op: &str, args: Vec<Expression>) -> Call {
    Call { op: op.to_owned(), args }
}

pub fn predicate(call: Call) -> Expression {
    term(Term::Call(call))
}

pub fn attr(level: &str, key: &str) -> Expression {
    term(Term::Attr(AttributeReference { key: key.to_owned(), level: level.to_owned() }))
}

pub fn field(level: &str, name: &str) -> Expression {
    term(Term::Field(FieldReference { name: name.to_owned(), level: level.to_owned() }))
}

pub fn nested(level: &str) -> Expression {
    term(Term::Nested(NestedReference { level: level.to_owned() }))
}

pub fn scalar(value: &str, declared: &str) -> Expression {
    term(Term::Scalar(Scalar { value: value.to_owned(), r#type: declared.to_owned() }))
}

pub fn untyped(value: &str) -> Expression {
    scalar(value, "")
}

pub fn list<T: AsRef<str>>(values: &[T], declared: &str) -> Expression {
    let values = values.iter().map(|value| value.as_ref().to_owned()).collect();
    term(Term::List(List { values, r#type: declared.to_owned() }))
}

pub fn term(term: Term) -> Expression {
    Expression { term: Some(term) }
}
