use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use spoor_store::filter::{Attribute, Operand};
use spoor_store::{SpanId, SpanKey, TraceId, TraceRank};
use tonic::Code;

use super::*;

fn id(number: u8) -> TraceId {
    TraceId::from_slice(&[number; 16]).unwrap()
}

fn rank() -> TraceRank {
    TraceRank { start: u64::MAX - 1, trace_id: id(7) }
}

fn key() -> SpanKey {
    let span_id = SpanId::from_slice(&[9; 8]).unwrap();
    SpanKey { start: 5, duration: -3, trace_id: id(7), span_id }
}

fn exists(key: &str) -> Filter {
    let attribute = Attribute { key: key.to_owned(), level: None };
    Filter::Exists(Operand::Attribute(attribute))
}

fn page<C: Cursor>(size: u32, token: &str, asked: &Asked<'_>) -> Result<(Page, Option<C>), Status> {
    let asked_for = Pagination { page_size: size, page_token: token.to_owned() };
    Page::of(&asked_for, 50, asked)
}

/// What a query is, as far as a token knows it.
#[derive(Clone)]
struct Query {
    tenant: Tenant,
    filter: Filter,
    start: TimeRange,
    order: Option<SpanOrder>,
}

impl Query {
    fn new() -> Self {
        let filter = Filter::And(vec![exists("a"), Filter::Not(Box::new(exists("b")))]);
        let (tenant, start) = (Tenant::new("one"), TimeRange { min: 1, max: 2 });
        Self { tenant, filter, start, order: None }
    }

    fn asked(&self) -> Asked<'_> {
        let Self { tenant, filter, start, order } = self;
        Asked { tenant, filter, start: *start, order: *order }
    }

    fn token(&self, last: &impl Cursor) -> String {
        page::<TraceRank>(10, "", &self.asked()).unwrap().0.token(last)
    }
}

fn refusal<C: Cursor + std::fmt::Debug>(token: &str, query: &Query) -> String {
    let status = page::<C>(10, token, &query.asked()).unwrap_err();
    assert_eq!(status.code(), Code::InvalidArgument);
    status.message().to_owned()
}

#[test]
fn a_token_tells_where_the_next_page_begins() {
    let query = Query::new();
    let (_, after) = page(10, &query.token(&rank()), &query.asked()).unwrap();
    assert_eq!(after, Some(rank()));
    let (_, after) = page(10, &query.token(&key()), &query.asked()).unwrap();
    assert_eq!(after, Some(key()));
}

#[test]
fn the_size_is_above_zero_and_cut_to_the_most() {
    let query = Query::new();
    for (asked, size) in [(1, 1), (50, 50), (51, 50), (u32::MAX, 50)] {
        assert_eq!(page::<TraceRank>(asked, "", &query.asked()).unwrap().0.size, size);
    }
    let status = page::<TraceRank>(0, "", &query.asked()).unwrap_err();
    assert_eq!(status.code(), Code::InvalidArgument);
}

#[test]
fn another_size_goes_on_with_the_same_token() {
    let query = Query::new();
    let token = query.token(&rank());
    assert_eq!(page(3, &token, &query.asked()).unwrap().1, Some(rank()));
}

#[test]
fn a_token_of_another_query_is_refused() {
    let query = Query::new();
    let token = query.token(&rank());
    let others = [
        Query { tenant: Tenant::new("two"), ..query.clone() },
        Query { filter: exists("a"), ..query.clone() },
        Query { start: TimeRange { min: 1, max: 3 }, ..query.clone() },
        Query { order: Some(SpanOrder::default()), ..query },
    ];
    for other in others {
        assert!(refusal::<TraceRank>(&token, &other).contains("of another query"));
    }
}

#[test]
fn a_query_in_another_order_is_the_same_query() {
    let of = |filter| Query { filter, ..Query::new() };
    let list = |values: [i64; 2]| {
        let operand = Operand::Attribute(Attribute { key: "a".to_owned(), level: None });
        Filter::In(operand, values.map(Constant::Int).into())
    };
    let pairs = [
        (Filter::And(vec![exists("a"), exists("b")]), Filter::And(vec![exists("b"), exists("a")])),
        (Filter::Or(vec![exists("a"), exists("b")]), Filter::Or(vec![exists("b"), exists("a")])),
        (list([1, 2]), list([2, 1])),
    ];
    for (one, other) in pairs {
        let token = of(one).token(&rank());
        assert_eq!(page(3, &token, &of(other).asked()).unwrap().1, Some(rank()));
    }
    let (and, or) = (vec![exists("a"), exists("b")], vec![exists("a"), exists("b")]);
    let token = of(Filter::And(and)).token(&rank());
    assert!(refusal::<TraceRank>(&token, &of(Filter::Or(or))).contains("of another query"));
}

#[test]
fn a_filter_that_nests_deep_takes_no_more_than_a_flat_one() {
    // Text that quotes text grows twofold with each level.
    let nest = |inner, _| Filter::And(vec![inner, exists("b")]);
    let filter = (0..60).fold(exists("\""), nest);
    let query = Query { filter, ..Query::new() };
    let token = query.token(&rank());
    assert_eq!(page(3, &token, &query.asked()).unwrap().1, Some(rank()));
}

#[test]
fn whatever_is_altered_is_refused() {
    let query = Query::new();
    let token = query.token(&rank());
    let bytes = URL_SAFE_NO_PAD.decode(&token).unwrap();
    for at in 0..bytes.len() {
        for bit in 0..8 {
            let mut altered = bytes.clone();
            altered[at] ^= 1 << bit;
            let reason = refusal::<TraceRank>(&URL_SAFE_NO_PAD.encode(&altered), &query);
            let expected = if at == 0 { "another version" } else { "of another query" };
            assert!(reason.contains(expected), "{reason}");
        }
    }
    for len in 1..token.len() {
        refusal::<TraceRank>(&token[..len], &query);
    }
    for token in
        ["=", "!", "a", &format!("{token}="), &format!("{token}AAAA"), &"A".repeat(1 << 20)]
    {
        refusal::<TraceRank>(token, &query);
    }
    // A whole token that tells a place of another kind.
    refusal::<SpanKey>(&token, &query);
    refusal::<TraceRank>(&query.token(&key()), &query);
}
