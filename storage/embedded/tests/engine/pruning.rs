//! Searches read few blocks besides those that have what they ask for.

use bytes::Bytes;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace::v1::span::{Event, SpanKind};
use opentelemetry_proto::tonic::trace::v1::status::StatusCode;
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span, Status};
use prometheus_client::encoding::text::encode;
use prometheus_client::registry::Registry;
use prost::Message;
use spoor_embedded::disk::SimulatedDisk;
use spoor_embedded::{EmbeddedStore, Options};
use spoor_store::filter::{
    Attribute, Collection, Comparison, Constant, Field, Filter, Level, Operand,
};
use spoor_store::{LegacyQuery, Store, TimeRange, TraceId, TraceQuery};

use crate::support::requests::{key_value, text};
use crate::support::stores::{open_with, tenant};

/// Each trace is a block.
const TRACES: u8 = 60;
const SPANS: u64 = 24;
const SECOND: u64 = 1_000_000_000;
/// The trace with a span of the cart that is slow.
const SLOW: u8 = 23;

fn start(trace: u8) -> u64 {
    (1_700_000_000 + u64::from(trace)) * SECOND
}

fn spans(service: &str, trace: u8, durations: impl Iterator<Item = u64>) -> ResourceSpans {
    let first_id = if service == "cart" { 1 } else { 1 << 32 };
    let spans = (first_id..).zip(durations).map(|(id, duration)| Span {
        trace_id: vec![trace; 16],
        span_id: u64::to_be_bytes(id).to_vec(),
        name: "work".to_owned(),
        start_time_unix_nano: start(trace),
        end_time_unix_nano: start(trace) + duration,
        attributes: vec![key_value("code", text("200"))],
        ..Span::default()
    });
    // What no other trace has.
    let rare = |span| Span {
        name: "rare work".to_owned(),
        kind: SpanKind::Server as i32,
        status: Some(Status { code: StatusCode::Error as i32, ..Status::default() }),
        attributes: vec![
            key_value("code", text("200")),
            key_value("rare", Value::IntValue(7)),
            key_value("word", text("seldom")),
        ],
        events: vec![Event {
            attributes: vec![key_value("within", text("an event"))],
            ..Event::default()
        }],
        ..span
    };
    let spans = spans.map(|span| if trace == SLOW { rare(span) } else { span });
    let attributes = vec![key_value("service.name", text(service))];
    ResourceSpans {
        resource: Some(Resource { attributes, ..Resource::default() }),
        scope_spans: vec![ScopeSpans { spans: spans.collect(), ..ScopeSpans::default() }],
        ..ResourceSpans::default()
    }
}

/// A trace in which the shop is slow, and the cart is not, but for one.
fn request(trace: u8) -> Bytes {
    let is_slow = |id: u64| trace == SLOW && id == 5;
    let cart = (0..SPANS / 2).map(|id| if is_slow(id) { SECOND } else { 1_000_000 + id });
    let shop = (0..SPANS / 2).map(|id| 10 * SECOND + id);
    let resource_spans = vec![spans("cart", trace, cart), spans("shop", trace, shop)];
    ExportTraceServiceRequest { resource_spans }.encode_to_vec().into()
}

async fn store() -> EmbeddedStore {
    let options = Options { block_spans: SPANS as u32, ..Options::default() };
    let store = open_with(&SimulatedDisk::new(1), options).unwrap();
    for trace in 1..=TRACES {
        store.write(&tenant(), request(trace)).await.unwrap();
    }
    store.settle().await.unwrap();
    store
}

/// The blocks that searches read so far, and those that they did not.
fn counted(store: &EmbeddedStore) -> (u64, u64) {
    let mut registry = Registry::default();
    store.register_metrics(&mut registry);
    let mut metrics = String::new();
    encode(&mut metrics, &registry).unwrap();
    let number = |name: &str| {
        let line = metrics.lines().find_map(|line| line.strip_prefix(name));
        line.unwrap_or_else(|| panic!("there is no {name} in {metrics}")).trim().parse().unwrap()
    };
    (number("store_search_blocks_read_total "), number("store_search_blocks_skipped_total "))
}

/// The traces that a search finds, and how many blocks it reads.
async fn search(store: &EmbeddedStore, query: LegacyQuery) -> (Vec<u8>, u64) {
    find(store, LegacyQuery { depth: 1_000, ..query }.compile(1_000).unwrap()).await
}

async fn find(store: &EmbeddedStore, query: TraceQuery) -> (Vec<u8>, u64) {
    let (read_before, skipped_before) = counted(store);
    let found = store.find_trace_ids(&tenant(), query).await.unwrap();
    let (read, skipped) = counted(store);
    let (read, skipped) = (read - read_before, skipped - skipped_before);
    assert_eq!(read + skipped, u64::from(TRACES), "each trace is a block");
    let mut traces: Vec<u8> = found.iter().map(|found| of_id(found.trace_id)).collect();
    traces.sort_unstable();
    (traces, read)
}

fn of_id(id: TraceId) -> u8 {
    id.as_bytes()[0]
}

#[tokio::test(flavor = "multi_thread")]
async fn a_search_for_long_spans_of_a_service_reads_no_block_in_which_only_others_are_long() {
    let store = store().await;
    let at_least = |service: &str, nanos| LegacyQuery {
        service: service.to_owned(),
        duration_min: Some(nanos),
        ..LegacyQuery::default()
    };
    let all: Vec<u8> = (1..=TRACES).collect();
    assert_eq!(search(&store, at_least("cart", SECOND)).await, (vec![SLOW], 1));
    assert_eq!(search(&store, at_least("cart", SECOND / 1_000)).await, (all.clone(), 60));
    assert_eq!(search(&store, at_least("shop", SECOND)).await, (all.clone(), 60));
    assert_eq!(search(&store, at_least("", SECOND)).await, (all, 60));
    // A step is half an octave: as long as this the cart's slow span is not, but it might be.
    assert_eq!(search(&store, at_least("cart", SECOND + SECOND / 50)).await, (vec![], 1));
    assert_eq!(search(&store, at_least("cart", 2 * SECOND)).await, (vec![], 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_search_for_an_attribute_that_no_span_has_reads_no_block() {
    let store = store().await;
    let with = |key: &str, value: &str| LegacyQuery {
        attributes: vec![(key.to_owned(), value.to_owned())],
        ..LegacyQuery::default()
    };
    assert_eq!(search(&store, with("code", "200")).await.1, 60);
    for number in 0..100 {
        // Of the values alone, each passes one block in a hundred at each of two levels.
        let key = format!("no.such.key.{number}");
        assert_eq!(search(&store, with(&key, "200")).await, (vec![], 0), "{key}");
    }
}

fn attribute(key: &str) -> Operand {
    Operand::Attribute(Attribute { key: key.to_owned(), level: None })
}

fn compare(left: Operand, comparison: Comparison, constant: Constant) -> Filter {
    Filter::Compare(left, comparison, Operand::Constant(constant))
}

fn is(field: Field, text: &str) -> Filter {
    compare(Operand::Field(field), Comparison::Eq, Constant::Any(text.to_owned()))
}

/// Each kind of condition with the traces that it finds and the blocks that are read.
fn conditions() -> Vec<(Filter, Vec<u8>, u64)> {
    use Comparison::{Eq, Gt, Gte, Lt, Ne};
    let some = |inner| Filter::Some(Collection::Events, Box::new(inner));
    let not = |inner| Filter::Not(Box::new(inner));
    let within =
        || Operand::Attribute(Attribute { key: "within".to_owned(), level: Some(Level::Event) });
    let word = Attribute { key: "word".to_owned(), level: Some(Level::Span) };
    let texts = |all: &[&str]| all.iter().map(|text| Constant::Any((*text).to_owned())).collect();
    let trace = |number: u8| format!("{number:02x}").repeat(16);
    let after = |trace| Constant::Instant(start(trace).into());
    let (name, service) = (Operand::Field(Field::SpanName), Operand::Field(Field::ResourceService));
    let slow = || vec![SLOW];
    let all = || (1..=TRACES).collect::<Vec<u8>>();
    let but_slow = || (1..=TRACES).filter(|trace| *trace != SLOW).collect::<Vec<u8>>();
    vec![
        // By the key.
        (Filter::Exists(attribute("rare")), slow(), 1),
        (Filter::Exists(attribute("none")), vec![], 0),
        (Filter::Regex(attribute("word"), "s.*m".to_owned()), slow(), 1),
        (Filter::Phrase(word.clone(), vec!["seldom".to_owned()]), slow(), 1),
        (Filter::Fulltext(word, vec!["never".to_owned()]), vec![], 1),
        (compare(attribute("rare"), Gt, Constant::Int(6)), slow(), 1),
        (compare(attribute("rare"), Ne, Constant::Int(8)), slow(), 1),
        (Filter::NotIn(attribute("rare"), texts(&["7", "8"])), vec![], 1),
        (Filter::Compare(attribute("rare"), Eq, attribute("code")), vec![], 1),
        (some(Filter::Exists(within())), slow(), 1),
        (some(Filter::Regex(within(), "other".to_owned())), vec![], 1),
        // By the value.
        (compare(attribute("rare"), Eq, Constant::Int(7)), slow(), 1),
        (compare(attribute("rare"), Eq, Constant::Any("7.0".to_owned())), slow(), 1),
        (compare(attribute("rare"), Eq, Constant::Int(8)), vec![], 0),
        (Filter::In(attribute("code"), texts(&["404", "500"])), vec![], 0),
        (Filter::In(attribute("rare"), texts(&["6", "7"])), slow(), 1),
        (some(compare(within(), Eq, Constant::Any("an event".to_owned()))), slow(), 1),
        (some(compare(within(), Eq, Constant::Any("another".to_owned()))), vec![], 0),
        // By fields.
        (is(Field::SpanName, "rare work"), slow(), 1),
        (Filter::In(name.clone(), texts(&["rare work", "none"])), slow(), 1),
        (is(Field::ResourceService, "till"), vec![], 0),
        (Filter::In(service, texts(&["cart", "till"])), all(), 60),
        (is(Field::SpanKind, "server"), slow(), 1),
        (is(Field::SpanStatus, "error"), slow(), 1),
        // By times.
        (compare(Operand::Field(Field::SpanStart), Gte, after(TRACES - 1)), vec![59, 60], 2),
        (compare(Operand::Field(Field::SpanStart), Eq, after(SLOW)), slow(), 1),
        (compare(Operand::Field(Field::SpanEnd), Lt, after(3)), vec![1, 2], 2),
        (compare(Operand::Field(Field::SpanDuration), Gt, Constant::Duration(1 << 34)), vec![], 0),
        (
            Filter::And(vec![
                is(Field::ResourceService, "cart"),
                compare(Operand::Field(Field::SpanDuration), Gte, Constant::Duration(1 << 29)),
            ]),
            slow(),
            1,
        ),
        // By ids.
        (is(Field::SpanTraceId, &trace(7)), vec![7], 1),
        (is(Field::SpanTraceId, &trace(200)), vec![], 0),
        (is(Field::SpanTraceId, "no id"), vec![], 0),
        (
            Filter::And(vec![
                is(Field::SpanId, "0000000000000003"),
                is(Field::SpanTraceId, &trace(7)),
            ]),
            vec![7],
            1,
        ),
        (
            Filter::In(
                Operand::Field(Field::SpanTraceId),
                (50..80).map(|number| Constant::Any(trace(number))).collect(),
            ),
            (50..=TRACES).collect(),
            11,
        ),
        // What a block has says nothing of what it lacks.
        (not(Filter::Exists(attribute("rare"))), but_slow(), 60),
        (compare(name.clone(), Ne, Constant::Any("work".to_owned())), slow(), 60),
        (Filter::Regex(name, "rare".to_owned()), slow(), 60),
        (is(Field::SpanId, "0000000000000003"), all(), 60),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn each_kind_of_structured_condition_reads_the_blocks_that_may_hold_it() {
    let store = store().await;
    for (filter, traces, read) in conditions() {
        let what = format!("{filter:?}");
        let start = TimeRange::default();
        let query = TraceQuery { filter, start, limit: 1_000, after: None };
        assert_eq!(find(&store, query).await, (traces, read), "{what}");
    }
}
