//! What each condition finds.

use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::trace::v1::span::SpanKind;
use opentelemetry_proto::tonic::trace::v1::{Span, Status};
use traces::{Filter, Level, Page};

use super::server::{TestServer, always, attribute, span, text};

/// Six spans, each of a trace of the same number.
async fn server() -> TestServer {
    let server = TestServer::start().await;
    let of = |id: u64, name: &str, kind: SpanKind, nanoseconds: u64| {
        let span = span(id.into(), id, 0);
        let end_time_unix_nano = span.start_time_unix_nano + nanoseconds;
        Span { name: name.to_owned(), kind: kind.into(), end_time_unix_nano, ..span }
    };
    let status = |code| Some(Status { code, message: "told".to_owned() });
    let shop = vec![
        Span { status: status(2), ..of(1, "GET /", SpanKind::Server, 100) },
        Span {
            attributes: vec![
                attribute("http.response.status_code", Value::IntValue(503)),
                attribute("host.name", text("there")),
            ],
            status: status(1),
            ..of(2, "GET /", SpanKind::Client, 200)
        },
        Span {
            attributes: vec![attribute("http.response.status_code", text("503"))],
            ..of(3, "work", SpanKind::Internal, 300)
        },
    ];
    let bank = vec![
        of(4, "GET /", SpanKind::Producer, 1_000_000_000),
        of(5, "ends before it starts", SpanKind::Consumer, 0),
        Span {
            attributes: vec![attribute("<b>\"key\"", text("\u{202e}\0'; --"))],
            ..of(6, "", SpanKind::Unspecified, 0)
        },
    ];
    server.write("shop", shop).await;
    server.write("bank", bank).await;
    server
}

#[tokio::test]
async fn each_condition_finds_the_spans_for_which_it_holds_and_no_others() {
    use Level::{Any, Resource, Span};
    let server = server().await;
    let storage = server.storage();
    let status = |level, value| Filter::attribute(level, "http.response.status_code", value);
    let host = |level, value| Filter::attribute(level, "host.name", value);
    let all = |filters: [Filter; 2]| Filter::all(filters.into()).unwrap();
    let any = |filters: [Filter; 2]| Filter::any(filters.into()).unwrap();
    let shop = || Filter::service("shop");
    let get = || Filter::operation("GET /");
    let many = (0..40).map(|number| Filter::service(&format!("service {number}")));
    let cases: Vec<(Filter, &[u64])> = vec![
        (shop(), &[1, 2, 3]),
        (Filter::service("sho"), &[]),
        (Filter::service("Shop"), &[]),
        (get(), &[1, 2, 4]),
        (Filter::operation(""), &[6]),
        (Filter::kind("server"), &[1]),
        (Filter::kind("client"), &[2]),
        (Filter::kind("internal"), &[3]),
        (Filter::kind("producer"), &[4]),
        (Filter::kind("consumer"), &[5]),
        (Filter::error(), &[1]),
        (Filter::at_least(0), &[1, 2, 3, 4, 5, 6]),
        (Filter::at_least(200), &[2, 3, 4]),
        (Filter::at_least(201), &[3, 4]),
        (Filter::at_least(1_000_000_000), &[4]),
        (Filter::at_least(u64::MAX), &[]),
        (Filter::at_most(0), &[5, 6]),
        (Filter::at_most(199), &[1, 5, 6]),
        (Filter::at_most(200), &[1, 2, 5, 6]),
        (Filter::at_most(u64::MAX), &[1, 2, 3, 4, 5, 6]),
        (status(Any, "503"), &[2, 3]),
        (status(Span, "503"), &[2, 3]),
        (status(Resource, "503"), &[]),
        (status(Any, "50"), &[]),
        (host(Any, "here"), &[1, 2, 3, 4, 5, 6]),
        (host(Resource, "here"), &[1, 2, 3, 4, 5, 6]),
        (host(Span, "here"), &[]),
        (host(Any, "there"), &[2]),
        (host(Resource, "there"), &[]),
        (Filter::attribute(Any, "<b>\"key\"", "\u{202e}\0'; --"), &[6]),
        (all([shop(), get()]), &[1, 2]),
        (any([shop(), get()]), &[1, 2, 3, 4]),
        (all([any([Filter::error(), Filter::kind("consumer")]), shop()]), &[1]),
        (Filter::all(vec![shop(), get(), Filter::at_least(150)]).unwrap(), &[2]),
        (Filter::any(many.chain([Filter::error()]).collect()).unwrap(), &[1]),
    ];
    for (filter, expected) in cases {
        let told = format!("{filter:?}");
        let spans = storage.spans(always(), Some(filter.clone()), 100).await;
        let mut found: Vec<_> = spans.unwrap().into_iter().map(|span| span.id).collect();
        found.sort_unstable();
        let ids: Vec<_> = expected.iter().map(|id| format!("{id:016x}")).collect();
        assert_eq!(found, ids, "spans by {told}");

        let page = Page { size: 100, ..Page::default() };
        let found = storage.summaries(always(), Some(filter), page).await.unwrap().found;
        let mut found: Vec<_> = found.into_iter().map(|summary| summary.trace_id).collect();
        found.sort_unstable();
        let ids: Vec<_> = expected.iter().map(|id| format!("{id:032x}")).collect();
        assert_eq!(found, ids, "traces by {told}");
    }
}

#[tokio::test]
async fn conditions_hold_together_on_one_span() {
    let server = TestServer::start().await;
    let failed = Some(Status { code: 2, message: String::new() });
    server.write("shop", vec![span(1, 1, 0)]).await;
    server.write("bank", vec![Span { status: failed, ..span(1, 2, 1) }]).await;
    let found = async |service| {
        let filter = Filter::all(vec![Filter::service(service), Filter::error()]);
        let page = Page { size: 9, ..Page::default() };
        server.storage().summaries(always(), filter, page).await.unwrap().found.len()
    };
    assert_eq!((found("shop").await, found("bank").await), (0, 1));
}
