//! Spans and filters, shortly written.

use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::common::v1::{AnyValue, InstrumentationScope, KeyValue};
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span, TracesData};
use prost::Message;
use spoor_store::filter::{
    Attribute, Comparison, Constant, Field, Filter, Level, Operand, Predicate,
};
use spoor_store::otlp::spans_of;

/// A span with what encloses it.
#[derive(Clone, Default)]
pub struct Enclosed {
    pub resource: Option<Resource>,
    pub resource_schema: &'static str,
    pub scope: Option<InstrumentationScope>,
    pub scope_schema: &'static str,
    pub span: Span,
}

impl Enclosed {
    pub fn of(span: Span) -> Self {
        Self { span, ..Self::default() }
    }

    pub fn with_attributes(attributes: Vec<KeyValue>) -> Self {
        Self::of(Span { attributes, ..Span::default() })
    }

    pub fn encode(&self) -> Vec<u8> {
        let scope_spans = ScopeSpans {
            scope: self.scope.clone(),
            spans: vec![self.span.clone()],
            schema_url: self.scope_schema.to_owned(),
        };
        let resource_spans = ResourceSpans {
            resource: self.resource.clone(),
            scope_spans: vec![scope_spans],
            schema_url: self.resource_schema.to_owned(),
        };
        TracesData { resource_spans: vec![resource_spans] }.encode_to_vec()
    }

    pub fn is(&self, filter: &Filter) -> bool {
        let predicate = Predicate::compile(filter).unwrap();
        let bytes = self.encode();
        let span = spans_of(&bytes).next().unwrap();
        let is = predicate.matches(&span);
        assert!(!is || predicate.may_match(&span.resource), "{filter:?}");
        is
    }
}

pub fn key_value(key: &str, value: Value) -> KeyValue {
    let value = Some(AnyValue { value: Some(value) });
    KeyValue { key: key.to_owned(), value, ..KeyValue::default() }
}

pub fn text(text: &str) -> Value {
    Value::StringValue(text.to_owned())
}

pub fn resource(attributes: Vec<KeyValue>) -> Option<Resource> {
    Some(Resource { attributes, ..Resource::default() })
}

pub fn attr(level: impl Into<Option<Level>>, key: &str) -> Operand {
    Operand::Attribute(Attribute { key: key.to_owned(), level: level.into() })
}

pub fn any(text: &str) -> Operand {
    Operand::Constant(Constant::Any(text.to_owned()))
}

pub fn string(text: &str) -> Operand {
    Operand::Constant(Constant::String(text.to_owned()))
}

pub fn compare(left: Operand, comparison: Comparison, right: Operand) -> Filter {
    Filter::Compare(left, comparison, right)
}

pub fn eq(left: Operand, right: Operand) -> Filter {
    compare(left, Comparison::Eq, right)
}

pub fn ne(left: Operand, right: Operand) -> Filter {
    compare(left, Comparison::Ne, right)
}

pub fn not(filter: Filter) -> Filter {
    Filter::Not(Box::new(filter))
}

pub fn exists(field: Field) -> Filter {
    Filter::Exists(Operand::Field(field))
}

/// The comparisons that hold.
pub fn holding(span: &Enclosed, left: &Operand, right: &Operand) -> Vec<Comparison> {
    use Comparison::{Eq, Gt, Gte, Lt, Lte, Ne};
    [Eq, Ne, Gt, Lt, Gte, Lte]
        .into_iter()
        .filter(|comparison| span.is(&compare(left.clone(), *comparison, right.clone())))
        .collect()
}
