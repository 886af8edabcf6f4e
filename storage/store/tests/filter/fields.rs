//! Built-in fields (section 5.2), and which of them are there (the definition of `exists`).

use opentelemetry_proto::tonic::common::v1::InstrumentationScope;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::trace::v1::span::{Event, Link};
use opentelemetry_proto::tonic::trace::v1::{Span, Status};
use spoor_store::filter::Comparison::{Eq, Gt, Gte, Lt, Lte, Ne};
use spoor_store::filter::{Constant, Field, Filter, Operand};

use crate::support::{
    Enclosed, attr, compare, eq, exists, holding, key_value, ne, not, resource, string, text,
};

const START: u64 = 1_700_000_000_000_000_001;

fn whole() -> Enclosed {
    Enclosed {
        resource: resource(vec![key_value("service.name", text("cart"))]),
        resource_schema: "https://resource",
        scope: Some(InstrumentationScope {
            name: "library".to_owned(),
            version: "1.2".to_owned(),
            ..InstrumentationScope::default()
        }),
        scope_schema: "https://scope",
        span: Span {
            trace_id: vec![0xab; 16],
            span_id: vec![1; 8],
            parent_span_id: vec![2; 8],
            trace_state: "a=1".to_owned(),
            name: "GET".to_owned(),
            kind: 2,
            start_time_unix_nano: START,
            end_time_unix_nano: START + 2_000,
            events: vec![Event {
                time_unix_nano: START - 500,
                name: "exception".to_owned(),
                ..Event::default()
            }],
            links: vec![Link {
                trace_id: vec![3; 16],
                span_id: vec![4; 8],
                trace_state: "b=2".to_owned(),
                ..Link::default()
            }],
            status: Some(Status { message: "boom".to_owned(), code: 2 }),
            ..Span::default()
        },
    }
}

#[test]
fn every_field_is_read() {
    let span = whole();
    let instant = |nanos: u64| Operand::Constant(Constant::Instant(nanos.into()));
    let duration = |nanos| Operand::Constant(Constant::Duration(nanos));
    let ids = ["ab", "01", "02", "03", "04"].map(|byte| byte.repeat(8));
    let [trace, span_id, parent, link_trace, link_span] = &ids;
    let cases = [
        (Field::SpanTraceId, string(&trace.repeat(2))),
        (Field::SpanId, string(span_id)),
        (Field::SpanParentId, string(parent)),
        (Field::SpanTraceState, string("a=1")),
        (Field::SpanName, string("GET")),
        (Field::SpanKind, string("server")),
        (Field::SpanStart, instant(START)),
        (Field::SpanEnd, instant(START + 2_000)),
        (Field::SpanDuration, duration(2_000)),
        (Field::SpanStatus, string("error")),
        (Field::SpanStatusMessage, string("boom")),
        (Field::ResourceService, string("cart")),
        (Field::ResourceSchemaUrl, string("https://resource")),
        (Field::ScopeName, string("library")),
        (Field::ScopeVersion, string("1.2")),
        (Field::ScopeSchemaUrl, string("https://scope")),
        (Field::EventName, string("exception")),
        (Field::EventTime, instant(START - 500)),
        (Field::EventTimeSinceStart, duration(-500)),
        (Field::LinkTraceId, string(&link_trace.repeat(2))),
        (Field::LinkSpanId, string(link_span)),
        (Field::LinkTraceState, string("b=2")),
    ];
    assert_eq!(cases.len(), Field::ALL.len());
    for (field, expected) in cases {
        assert!(span.is(&eq(Operand::Field(field), expected.clone())), "{field}");
        assert!(!span.is(&ne(Operand::Field(field), expected)), "{field}");
        assert!(span.is(&exists(field)), "{field}");
    }
}

#[test]
fn an_optional_field_at_its_zero_value_is_not_there() {
    let span = Enclosed::of(Span {
        trace_id: vec![1; 16],
        span_id: vec![1; 8],
        parent_span_id: vec![0; 8],
        status: Some(Status::default()),
        ..Span::default()
    });
    for field in Field::ALL {
        // Those of events and links are there if one is.
        let is_there = matches!(
            field,
            Field::SpanTraceId
                | Field::SpanId
                | Field::SpanName
                | Field::SpanKind
                | Field::SpanStart
                | Field::SpanEnd
                | Field::SpanDuration
                | Field::SpanStatus
        );
        assert_eq!(span.is(&exists(field)), is_there, "{field}");
        assert_eq!(span.is(&not(exists(field))), !is_there, "{field}");
        if field.is_optional() {
            let equal = eq(Operand::Field(field), string(""));
            let different = ne(Operand::Field(field), string("a"));
            assert!(!span.is(&equal) && !span.is(&different), "{field}");
        }
    }
    let mut with_both = span;
    with_both.span.events = vec![Event::default()];
    with_both.span.links = vec![Link::default()];
    for field in [
        Field::EventName,
        Field::EventTime,
        Field::EventTimeSinceStart,
        Field::LinkTraceId,
        Field::LinkSpanId,
    ] {
        assert!(with_both.is(&exists(field)), "{field}");
    }
    assert!(!with_both.is(&exists(Field::LinkTraceState)));
    assert!(with_both.is(&eq(Operand::Field(Field::LinkTraceId), string(""))));
}

#[test]
fn a_kind_or_status_that_otlp_does_not_define_is_the_zero_one() {
    let status = |code| Some(Status { code, ..Status::default() });
    for (kind, code) in [(0, 0), (-1, 3), (6, -1)] {
        let span = Enclosed::of(Span { kind, status: status(code), ..Span::default() });
        assert!(span.is(&eq(Operand::Field(Field::SpanKind), string("unspecified"))));
        assert!(span.is(&eq(Operand::Field(Field::SpanStatus), string("unset"))));
    }
}

#[test]
fn durations_and_instants_compare_to_the_nanosecond() {
    let span = whole();
    let duration = |nanos| Operand::Constant(Constant::Duration(nanos));
    for (nanos, expected) in
        [(1_999, [Ne, Gt, Gte]), (2_000, [Eq, Gte, Lte]), (2_001, [Ne, Lt, Lte])]
    {
        let found = holding(&span, &Operand::Field(Field::SpanDuration), &duration(nanos));
        assert_eq!(found, expected, "{nanos}");
    }
    for (nanos, expected) in
        [(START - 1, [Ne, Gt, Gte]), (START, [Eq, Gte, Lte]), (START + 1, [Ne, Lt, Lte])]
    {
        let instant = Operand::Constant(Constant::Instant(nanos.into()));
        assert_eq!(holding(&span, &Operand::Field(Field::SpanStart), &instant), expected);
    }
    let (start, end) = (Operand::Field(Field::SpanStart), Operand::Field(Field::SpanEnd));
    assert_eq!(holding(&span, &start, &end), [Ne, Lt, Lte]);
    let mut reversed = span;
    reversed.span.end_time_unix_nano = 0;
    let below_zero =
        compare(Operand::Field(Field::SpanDuration), Lt, duration(-1_699_999_999_000_000_000));
    assert!(reversed.is(&below_zero));
}

#[test]
fn a_field_and_an_attribute_of_its_name_are_two_things() {
    let mut span = whole();
    span.span.attributes = vec![key_value("name", text("POST"))];
    assert!(!span.is(&eq(Operand::Field(Field::SpanName), string("POST"))));
    assert!(span.is(&eq(attr(None, "name"), string("POST"))));
    assert_eq!(
        holding(&span, &attr(None, "name"), &Operand::Field(Field::SpanName)),
        [Ne, Gt, Gte]
    );
}

#[test]
fn a_stored_number_beside_a_duration_is_its_nanoseconds() {
    let mut span = whole();
    span.span.attributes = vec![key_value("limit", Value::IntValue(1_500))];
    let found = holding(&span, &Operand::Field(Field::SpanDuration), &attr(None, "limit"));
    assert_eq!(found, [Ne, Gt, Gte]);
}

#[test]
fn ids_are_their_lower_case_digits_and_ordered_by_them() {
    let span = whole();
    let id = || Operand::Field(Field::SpanTraceId);
    assert!(!span.is(&eq(id(), string(&"AB".repeat(16)))));
    assert_eq!(holding(&span, &id(), &string("a")), [Ne, Gt, Gte]);
    assert_eq!(holding(&span, &id(), &string("ac")), [Ne, Lt, Lte]);
    let list = vec![Constant::String("ab".repeat(16))];
    assert!(span.is(&Filter::In(id(), list)));
    assert!(span.is(&Filter::Regex(id(), "b{1}ab".to_owned())));
}
