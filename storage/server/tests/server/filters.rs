//! Searching by the structured filter, from a client.

use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue};
use opentelemetry_proto::tonic::trace::v1::Span;
use opentelemetry_proto::tonic::trace::v1::span::Event;
use spoor::config::Engine;
use spoor_proto::expression::expression::Term;
use spoor_proto::expression::{
    AttributeReference, Call, Expression, FieldReference, List, NestedReference, Scalar,
};
use spoor_proto::storage::{FindTraceIDsRequest, TraceQueryParameters};
use tonic::{Code, Status};

use super::support::{TestServer, export, span};

fn call(op: &str, args: Vec<Term>) -> Call {
    let args = args.into_iter().map(|term| Expression { term: Some(term) }).collect();
    Call { op: op.to_owned(), args }
}

fn attr(level: &str, key: &str) -> Term {
    Term::Attr(AttributeReference { key: key.to_owned(), level: level.to_owned() })
}

fn field(level: &str, name: &str) -> Term {
    Term::Field(FieldReference { name: name.to_owned(), level: level.to_owned() })
}

fn untyped(value: &str) -> Term {
    Term::Scalar(Scalar { value: value.to_owned(), ..Scalar::default() })
}

fn list(values: &[&str]) -> Term {
    let values = values.iter().map(|value| (*value).to_owned()).collect();
    Term::List(List { values, ..List::default() })
}

fn key_value(key: &str, value: Value) -> KeyValue {
    let value = Some(AnyValue { value: Some(value) });
    KeyValue { key: key.to_owned(), value, ..KeyValue::default() }
}

fn of(filter: Call) -> TraceQueryParameters {
    TraceQueryParameters { filter: Some(filter), search_depth: 100, ..Default::default() }
}

/// The numbers of the traces that a query finds, in their order.
async fn find(server: &TestServer, query: TraceQueryParameters) -> Result<Vec<u8>, Status> {
    let request = FindTraceIDsRequest { query: Some(query) };
    let found = server.reader().find_trace_i_ds(request).await?.into_inner().trace_ids;
    let mut traces: Vec<_> = found.iter().map(|found| found.trace_id[15]).collect();
    traces.sort_unstable();
    Ok(traces)
}

#[tokio::test]
async fn each_engine_finds_what_a_filter_asks_for() {
    for engine in [Engine::Memory, Engine::Embedded] {
        let server = TestServer::start(|config| config.engine = engine).await;
        let cart = Span {
            name: "GET /cart".to_owned(),
            attributes: vec![key_value("status", Value::IntValue(503))],
            ..span(1, 1)
        };
        let prompt = Value::StringValue("The REFUND policy of last year".to_owned());
        let asked = Span {
            name: "ask".to_owned(),
            events: vec![Event {
                attributes: vec![key_value("prompt", prompt)],
                ..Event::default()
            }],
            ..span(2, 2)
        };
        server.write(export("shop", vec![cart])).await;
        server.write(export("help", vec![asked, span(3, 3)])).await;

        let refund = call("phrase", vec![attr("event", "prompt"), list(&["refund", "policy"])]);
        let nested = Term::Nested(NestedReference { level: "event".to_owned() });
        let not = |inner| call("not", vec![Term::Call(inner)]);
        let cases = [
            (call("regex", vec![field("span", "name"), untyped("/c.rt")]), vec![1]),
            (call("gte", vec![attr("", "status"), untyped("500")]), vec![1]),
            (call("ne", vec![attr("span", "status"), untyped("503")]), vec![]),
            (not(call("exists", vec![attr("span", "status")])), vec![2, 3]),
            (call("eq", vec![field("resource", "service"), untyped("help")]), vec![2, 3]),
            (call("in", vec![attr("", "status"), list(&["500", "503.0"])]), vec![1]),
            (call("not_in", vec![field("span", "name"), list(&["ask"])]), vec![1, 3]),
            (call("lt", vec![field("span", "duration"), untyped("1us")]), vec![]),
            (call("lte", vec![field("span", "duration"), untyped("1us")]), vec![1, 2, 3]),
            (call("some", vec![nested, Term::Call(refund)]), vec![2]),
            (call("fulltext", vec![attr("event", "prompt"), list(&["year", "the"])]), vec![2]),
        ];
        for (filter, expected) in cases {
            let found = find(&server, of(filter.clone())).await.unwrap();
            assert_eq!(found, expected, "{engine:?} {filter:?}");
        }
    }
}

#[tokio::test]
async fn a_filter_stands_alone_and_makes_sense() {
    let server = TestServer::start(|_| {}).await;
    server.write(export("shop", vec![span(1, 1)])).await;
    let named = || of(call("eq", vec![field("span", "name"), untyped("operation")]));
    assert_eq!(find(&server, named()).await.unwrap(), [1]);
    // A client sends these although they are not set.
    let zero = Some(prost_types::Duration::default());
    let unset = TraceQueryParameters { duration_min: zero, duration_max: zero, ..named() };
    assert_eq!(find(&server, unset).await.unwrap(), [1]);
    let second = Some(prost_types::Duration { seconds: 1, nanos: 0 });
    let attribute = spoor_proto::storage::KeyValue::default();
    for beside in [
        TraceQueryParameters { service_name: "shop".to_owned(), ..named() },
        TraceQueryParameters { operation_name: "operation".to_owned(), ..named() },
        TraceQueryParameters { attributes: vec![attribute], ..named() },
        TraceQueryParameters { duration_min: second, ..named() },
        TraceQueryParameters { duration_max: second, ..named() },
    ] {
        let status = find(&server, beside).await.unwrap_err();
        assert_eq!(status.code(), Code::InvalidArgument);
        assert!(status.message().contains("filter"), "{status}");
    }
    // However long what is wrong is.
    let long = call("eq", vec![field("span", "duration"), untyped(&"x".repeat(1 << 19))]);
    let status = find(&server, of(long)).await.unwrap_err();
    assert_eq!(status.code(), Code::InvalidArgument, "{status}");
    assert!(status.message().contains("span.duration"));
    let unknown = call("matches", vec![field("span", "name"), untyped("a")]);
    let status = find(&server, of(unknown)).await.unwrap_err();
    assert_eq!(status.code(), Code::InvalidArgument);
    assert!(status.message().contains("\"matches\""), "{status}");
}
