//! Pages of searches, and searches for spans, from a client.

use std::collections::BTreeSet;

use opentelemetry_proto::tonic::trace::v1::{Span, TracesData};
use prost::Message;
use prost_types::Timestamp;
use spoor::config::Engine;
use spoor_proto::expression::expression::Term;
use spoor_proto::expression::{Call, Expression, FieldReference, Scalar};
use spoor_proto::storage::{
    FindSpansRequest, FindSpansResponse, FindTraceIDsRequest, FindTraceSummariesRequest,
    FindTracesRequest, Pagination, SpanQueryParameters, SpanSortOrder, TraceQueryParameters,
};
use tonic::{Code, Status};

use super::support::{TestServer, export, span};

/// When spans start: seconds since the Unix epoch.
const START: i64 = 1_700_000_000;
const SECOND: u64 = 1_000_000_000;
/// More pages than a walk here has.
const PAGES: usize = 20;

fn at(trace: u128, id: u64, second: u64) -> Span {
    let start = START as u64 * SECOND + second * SECOND;
    Span { start_time_unix_nano: start, end_time_unix_nano: start + id, ..span(trace, id) }
}

fn page(size: u32, token: &str) -> Option<Pagination> {
    Some(Pagination { page_size: size, page_token: token.to_owned() })
}

fn traces(pagination: Option<Pagination>) -> Option<TraceQueryParameters> {
    Some(TraceQueryParameters { pagination, ..Default::default() })
}

fn time(second: i64) -> Option<Timestamp> {
    Some(Timestamp { seconds: START + second, nanos: 0 })
}

fn spans(pagination: Option<Pagination>) -> SpanQueryParameters {
    let (start_time_min, start_time_max) = (time(0), time(1_000_000));
    SpanQueryParameters { start_time_min, start_time_max, pagination, ..Default::default() }
}

fn field(name: &str) -> Term {
    Term::Field(FieldReference { name: name.to_owned(), level: "span".to_owned() })
}

fn call(op: &str, args: Vec<Term>) -> Call {
    let args = args.into_iter().map(|term| Expression { term: Some(term) }).collect();
    Call { op: op.to_owned(), args }
}

fn by(name: &str, direction: &str) -> SpanSortOrder {
    let expression = Some(Expression { term: Some(field(name)) });
    SpanSortOrder { expression, direction: direction.to_owned() }
}

/// Starts a server of each engine with these spans, each in an export of its own.
async fn servers(all: &[Span]) -> [TestServer; 2] {
    let mut servers = Vec::new();
    for engine in [Engine::Memory, Engine::Embedded] {
        let server = TestServer::start(|config| config.engine = engine).await;
        for span in all {
            server.write(export("a", vec![span.clone()])).await;
        }
        servers.push(server);
    }
    servers.try_into().unwrap_or_else(|_| unreachable!())
}

/// The traces of all pages by `FindTraceIDs`, and by `FindTraceSummaries`.
async fn walk(server: &TestServer, size: u32) -> [Vec<Vec<u8>>; 2] {
    let (mut ids, mut summaries) = (Vec::new(), Vec::new());
    let mut token = String::new();
    loop {
        let request = FindTraceIDsRequest { query: traces(page(size, &token)) };
        let answer = server.reader().find_trace_i_ds(request).await.unwrap().into_inner();
        ids.push(answer.trace_ids.iter().map(|found| found.trace_id[15]).collect());
        assert!(ids.len() <= PAGES, "it does not end: {ids:?}");
        token = answer.next_page_token;
        if token.is_empty() {
            break;
        }
    }
    loop {
        let request = FindTraceSummariesRequest { query: traces(page(size, &token)) };
        let mut answer = server.reader().find_trace_summaries(request).await.unwrap().into_inner();
        let mut found = Vec::new();
        token.clear();
        while let Some(message) = answer.message().await.unwrap() {
            assert_eq!(token, "", "a token came before the last message");
            found.extend(message.summaries.iter().map(|summary| summary.trace_id[15]));
            token = message.next_page_token;
        }
        summaries.push(found);
        assert!(summaries.len() <= PAGES, "it does not end: {summaries:?}");
        if token.is_empty() {
            return [ids, summaries];
        }
    }
}

async fn find_spans(
    server: &TestServer,
    query: SpanQueryParameters,
) -> Result<(Vec<(u8, u8)>, String), Status> {
    let request = FindSpansRequest { query: Some(query) };
    let mut answer = server.reader().find_spans(request).await?.into_inner();
    let (mut found, mut token) = (Vec::new(), String::new());
    while let Some(FindSpansResponse { spans, next_page_token }) = answer.message().await? {
        assert_eq!(token, "", "a token came before the last message");
        token = next_page_token;
        let spans = TracesData::decode(spans.unwrap_or_default().0).unwrap().resource_spans;
        let scopes = spans.into_iter().flat_map(|it| it.scope_spans);
        let all = scopes.flat_map(|it| it.spans);
        found.extend(all.map(|span| (span.trace_id[15], span.span_id[7])));
    }
    Ok((found, token))
}

async fn refusal(server: &TestServer, query: SpanQueryParameters) -> String {
    let status = find_spans(server, query).await.unwrap_err();
    assert_eq!(status.code(), Code::InvalidArgument, "{status}");
    status.message().to_owned()
}

#[tokio::test]
async fn pages_of_traces_have_each_once_and_the_last_has_no_token() {
    // Each has a late and an early span, so that it could come twice.
    let late = (1..=7_u32).map(|trace| at(trace.into(), 1, 100 + u64::from(trace / 2)));
    let early = (1..=7_u32).map(|trace| at((8 - trace).into(), 2, trace.into()));
    let all: Vec<_> = late.chain(early).collect();
    for server in servers(&all).await {
        let whole = [6, 7, 4, 5, 2, 3, 1];
        for size in [1, 2, 3, 6, 7, 8, u32::MAX] {
            let most = usize::try_from(size).unwrap();
            let pages: Vec<_> = whole.chunks(most).map(<[u8]>::to_vec).collect();
            assert_eq!(walk(&server, size).await, [pages.clone(), pages]);
        }
    }
}

#[tokio::test]
async fn a_page_is_cut_to_the_most_that_a_search_answers_with() {
    let all: Vec<_> = (1..=3_u32).map(|trace| at(trace.into(), 1, trace.into())).collect();
    for engine in [Engine::Memory, Engine::Embedded] {
        let server = TestServer::start(|config| {
            (config.engine, config.max_search_depth) = (engine, 2);
        })
        .await;
        server.write(export("a", all.clone())).await;
        assert_eq!(walk(&server, 50).await, [vec![vec![3, 2], vec![1]], vec![vec![3, 2], vec![1]]]);
        let (found, token) = find_spans(&server, spans(page(50, ""))).await.unwrap();
        assert_eq!(found, [(3, 1), (2, 1)]);
        assert!(!token.is_empty());
    }
}

#[tokio::test]
async fn a_page_of_traces_needs_a_size_and_no_depth_and_a_token_of_its_query() {
    let all: Vec<_> = (1..=3_u32).map(|trace| at(trace.into(), 1, trace.into())).collect();
    let [memory, _] = servers(&all).await;
    let ids = async |query| {
        let answer = memory.reader().find_trace_i_ds(FindTraceIDsRequest { query }).await;
        answer.map(|answer| answer.into_inner().next_page_token)
    };
    let token = ids(traces(page(1, ""))).await.unwrap();
    let both = TraceQueryParameters { search_depth: 5, ..traces(page(1, "")).unwrap() };
    let other =
        TraceQueryParameters { service_name: "a".to_owned(), ..traces(page(1, &token)).unwrap() };
    let later =
        TraceQueryParameters { start_time_min: time(1), ..traces(page(1, &token)).unwrap() };
    let refused =
        [traces(page(0, "")), Some(both), Some(other), Some(later), traces(page(1, "AAAA"))];
    for query in refused {
        let status = ids(query).await.unwrap_err();
        assert_eq!(status.code(), Code::InvalidArgument, "{status}");
    }
    let query = traces(page(1, ""));
    let status = memory.reader().find_traces(FindTracesRequest { query }).await.unwrap_err();
    assert_eq!(status.code(), Code::InvalidArgument);
    // With or without other pages, the same query goes on.
    assert!(!ids(traces(page(1, &token))).await.unwrap().is_empty());
    assert!(ids(traces(page(2, &token))).await.unwrap().is_empty());
}

#[tokio::test]
async fn spans_come_in_pages_in_the_order_that_is_asked_for() {
    let all = [at(1, 3, 5), at(1, 2, 5), at(2, 9, 7), at(3, 1, 5)];
    type Case = (Vec<SpanSortOrder>, [(u8, u8); 4]);
    let cases: [Case; 6] = [
        (vec![], [(2, 9), (1, 2), (1, 3), (3, 1)]),
        (vec![by("startTime", "")], [(1, 2), (1, 3), (3, 1), (2, 9)]),
        (vec![by("duration", "desc")], [(2, 9), (1, 3), (1, 2), (3, 1)]),
        (vec![by("duration", "asc")], [(3, 1), (1, 2), (1, 3), (2, 9)]),
        (vec![by("traceID", "desc")], [(3, 1), (2, 9), (1, 2), (1, 3)]),
        (vec![by("traceID", "asc"), by("spanID", "desc")], [(1, 3), (1, 2), (2, 9), (3, 1)]),
    ];
    for server in servers(&all).await {
        for (order_by, expected) in &cases {
            for size in 1..=5 {
                let (mut found, mut token) = (Vec::new(), String::new());
                loop {
                    let query = spans(page(size, &token));
                    let query = SpanQueryParameters { order_by: order_by.clone(), ..query };
                    let (more, next) = find_spans(&server, query).await.unwrap();
                    assert!(more.len() <= size as usize);
                    found.extend(more);
                    assert!(found.len() <= PAGES, "it does not end: {found:?}");
                    token = next;
                    if token.is_empty() {
                        break;
                    }
                }
                assert_eq!(found, expected, "{order_by:?} in pages of {size}");
            }
        }
    }
}

#[tokio::test]
async fn an_exact_span_and_a_range_of_time_are_found() {
    let all = [at(1, 3, 5), at(1, 2, 6), at(2, 3, 7)];
    let text = |value: String| Term::Scalar(Scalar { value, ..Scalar::default() });
    let exact = |trace: u128, id: u64| {
        let trace = call("eq", vec![field("traceID"), text(format!("{trace:032x}"))]);
        let id = call("eq", vec![field("spanID"), text(format!("{id:016x}"))]);
        Term::Call(call("and", vec![Term::Call(trace), Term::Call(id)]))
    };
    for server in servers(&all).await {
        let filter = Some(call("or", vec![exact(1, 3), exact(2, 3), exact(2, 9)]));
        let query = SpanQueryParameters { filter, ..spans(page(9, "")) };
        assert_eq!(find_spans(&server, query).await.unwrap().0, [(2, 3), (1, 3)]);
        let (start_time_min, start_time_max) = (time(6), time(6));
        let query = SpanQueryParameters { start_time_min, start_time_max, ..spans(page(9, "")) };
        assert_eq!(find_spans(&server, query).await.unwrap().0, [(1, 2)]);
        let start_time_min = Some(Timestamp::default());
        let query = SpanQueryParameters { start_time_min, ..spans(page(9, "")) };
        assert_eq!(find_spans(&server, query).await.unwrap().0, [(2, 3), (1, 2), (1, 3)]);
    }
}

#[tokio::test]
async fn a_search_for_spans_that_makes_no_sense_is_refused_by_name() {
    let [memory, _] = servers(&[at(1, 1, 1), at(1, 2, 2)]).await;
    let (_, token) = find_spans(&memory, spans(page(1, ""))).await.unwrap();
    let whole = || spans(page(1, ""));
    let five = vec![by("startTime", ""); 5];
    let twice = vec![by("duration", "asc"), by("duration", "desc")];
    let nothing = vec![SpanSortOrder::default()];
    let cases = [
        (SpanQueryParameters { pagination: None, ..whole() }, "needs a pagination"),
        (spans(page(0, "")), "page_size is 0"),
        (SpanQueryParameters { start_time_min: None, ..whole() }, "needs start_time_min"),
        (SpanQueryParameters { start_time_max: None, ..whole() }, "needs start_time_max"),
        (SpanQueryParameters { start_time_max: time(-1), ..whole() }, "lies below"),
        (SpanQueryParameters { order_by: five, ..whole() }, "has 5 elements"),
        (SpanQueryParameters { order_by: twice, ..whole() }, "stands twice"),
        (SpanQueryParameters { order_by: vec![by("name", "")], ..whole() }, "ordered by"),
        (SpanQueryParameters { order_by: vec![by("nothing", "")], ..whole() }, "unknown field"),
        (SpanQueryParameters { order_by: nothing, ..whole() }, "order_by: an element takes a ref"),
        (SpanQueryParameters { order_by: vec![by("duration", "up")], ..whole() }, "\"up\""),
        (
            SpanQueryParameters { order_by: vec![by("duration", "")], ..spans(page(1, &token)) },
            "of another query",
        ),
        (SpanQueryParameters { filter: Some(call("eq", vec![])), ..whole() }, "the filter"),
    ];
    for (query, expected) in cases {
        let reason = refusal(&memory, query).await;
        assert!(reason.contains(expected), "{reason}");
    }
    let none = memory.reader().find_spans(FindSpansRequest::default()).await.unwrap_err();
    assert_eq!(none.code(), Code::InvalidArgument);
    // A token of traces is none of spans.
    let request = FindTraceIDsRequest { query: traces(page(1, &token)) };
    let status = memory.reader().find_trace_i_ds(request).await.unwrap_err();
    assert_eq!(status.code(), Code::InvalidArgument);
}

#[tokio::test]
async fn many_spans_come_in_messages_that_every_client_takes() {
    let long = "x".repeat(100 << 10);
    let all: Vec<_> =
        (1..=60).map(|id| Span { name: format!("{id}-{long}"), ..at(1, id, id) }).collect();
    for engine in [Engine::Memory, Engine::Embedded] {
        let server = TestServer::start(|config| config.engine = engine).await;
        for spans in all.chunks(20) {
            server.write(export("a", spans.to_vec())).await;
        }
        let (found, token) = find_spans(&server, spans(page(59, ""))).await.unwrap();
        let ids: BTreeSet<_> = found.iter().map(|(_, id)| *id).collect();
        assert_eq!(ids, (2..=60).collect());
        let (found, token) = find_spans(&server, spans(page(59, &token))).await.unwrap();
        assert_eq!((found, token), (vec![(1, 1)], String::new()));
    }
}
