use prost::Message;
use spoor_embedded::block::{EncodeError, Encoder, MOST_ROWS, Sought};
use spoor_embedded::rows::{Rows, Source, traces_data};
use spoor_store::ingest::split;

use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue, any_value::Value};
use opentelemetry_proto::tonic::trace::v1::span::Event;
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span};

use crate::{by_trace, encode, field_of, open};

fn span(trace: u8, id: u64, parent: u64) -> Span {
    Span {
        trace_id: vec![trace; 16],
        span_id: id.to_be_bytes().to_vec(),
        parent_span_id: if parent == 0 { Vec::new() } else { parent.to_be_bytes().to_vec() },
        name: format!("span {id}"),
        start_time_unix_nano: 1_000 + id,
        end_time_unix_nano: 2_000,
        ..Span::default()
    }
}

fn rows_of_spans(spans: Vec<Span>) -> Rows {
    let scope_spans = vec![ScopeSpans { spans, ..ScopeSpans::default() }];
    let resource_spans = vec![ResourceSpans { scope_spans, ..ResourceSpans::default() }];
    let request = ExportTraceServiceRequest { resource_spans }.encode_to_vec();
    let mut rows = Rows::new();
    rows.append(&split(&request, 0).unwrap());
    rows
}

fn assert_come_back(rows: &Rows) {
    let order = by_trace(rows);
    let reader = open(&encode(rows, &order));
    let all = reader.span_rows(0..reader.rows()).unwrap();
    for (row, own) in (0..).zip(&order) {
        assert_eq!(field_of(&all, row), field_of(rows, *own));
        let (found, expected) =
            (Source::span(&all, row).unwrap(), Source::span(rows, *own).unwrap());
        assert_eq!((found.start, found.end), (expected.start, expected.end));
        assert_eq!(found.parent_id, expected.parent_id);
    }
}

#[test]
fn parents_may_be_anything() {
    // A chain backwards and forwards, a span of its own, a circle of three, one that is missing,
    // one in another trace, copies of one id.
    let spans = [(1, 0), (2, 1), (3, 4), (4, 2), (5, 5), (6, 7), (7, 8), (8, 6), (9, 99), (10, 50)];
    let mut spans: Vec<_> = spans.map(|(id, parent)| span(1, id, parent)).into();
    spans.extend([span(1, 2, 1), span(1, 2, 9), span(1, 11, 2)]);
    spans.extend([span(2, 50, 1), span(2, 51, 50)]);
    assert_come_back(&rows_of_spans(spans));
    // A trace that is large enough for another way of looking.
    let large = (1..500).map(|id| span(1, id, [id / 2, id + 1, id, 1_000][id as usize % 4]));
    assert_come_back(&rows_of_spans(large.collect()));
}

#[test]
fn times_may_be_anything() {
    let times = [0, 1, 999, 1_790_000_000_000_000_000, i64::MAX as u64, 1 << 63, u64::MAX];
    let mut spans = Vec::new();
    for start in times {
        for end in times {
            let id = spans.len() as u64 + 1;
            let mut span = span((id % 3) as u8 + 1, id, id / 2);
            (span.start_time_unix_nano, span.end_time_unix_nano) = (start, end);
            spans.push(span);
        }
    }
    let rows = rows_of_spans(spans);
    assert_come_back(&rows);
    let order = by_trace(&rows);
    let block = encode(&rows, &order);
    assert_eq!((block.index.min_duration, block.index.max_duration), (i64::MIN, i64::MAX));
    let durations = open(&block).durations().unwrap();
    for (row, duration) in order.iter().zip(durations) {
        let span = rows.span(*row);
        assert_eq!(duration, i128::from(span.end) - i128::from(span.start));
    }
}

#[test]
fn no_rows_make_a_block_too() {
    let rows = Rows::new();
    let block = encode(&rows, &[]);
    let reader = open(&block);
    assert_eq!((reader.rows(), reader.traces()), (0, 0));
    assert!(reader.starts().unwrap().is_empty());
    assert!(reader.durations().unwrap().is_empty());
    assert!(reader.raw().unwrap().is_empty());
    assert!(traces_data(&reader.span_rows(0..9).unwrap(), []).unwrap().is_empty());
}

#[test]
fn more_rows_than_a_block_holds_are_an_error() {
    let rows = rows_of_spans(vec![span(1, 1, 0)]);
    let mut encoder = Encoder::new().unwrap();
    let order = vec![0; MOST_ROWS as usize + 1];
    let error = encoder.encode(&rows, &order).unwrap_err();
    assert!(matches!(error, EncodeError::Rows(65_537)));
    assert_eq!(error.to_string(), "encoding a block: 65537 rows are more than 65536");
    let block = encoder.encode(&rows, &order[1..]).unwrap();
    assert_eq!(open(&block).span_rows([65_535]).unwrap().numbers().count(), 1);
}

#[test]
fn very_large_values_and_very_many_events_come_back() {
    let text = |text: String| {
        let value = Some(AnyValue { value: Some(Value::StringValue(text)) });
        KeyValue { key: "key".to_owned(), value, ..KeyValue::default() }
    };
    let large = Span { attributes: vec![text("x".repeat(10 << 20))], ..span(1, 1, 0) };
    let event = |number: u64, values: u64| Event {
        time_unix_nano: 5_000 + number,
        name: "event".to_owned(),
        attributes: (0..values).map(|value| text((number * values + value).to_string())).collect(),
        ..Event::default()
    };
    let some = Span { events: (0..1_000).map(|n| event(n, 1)).collect(), ..span(1, 2, 1) };
    // So many words are not taken apart in a block.
    let events = (0..1_000).map(|number| event(number, 70)).collect();
    let many = Span { events, kind: 2, ..span(1, 3, 1) };
    let rows = rows_of_spans(vec![large, some, many, span(1, 4, 2)]);
    assert!((0..4).all(|row| !rows.template(rows.span(row).template).is_raw));
    assert_come_back(&rows);
    let reader = open(&encode(&rows, &by_trace(&rows)));
    assert_eq!(reader.raw().unwrap().iter().collect::<Vec<_>>(), [2]);
    use spoor_store::filter::{Field, Level};
    let server = reader.field(Field::SpanKind, Sought::TextForm("server")).unwrap().unwrap();
    assert_eq!(server.iter().collect::<Vec<_>>(), [2]);
    let found = reader.attribute(Level::Event, "key", Sought::TextForm("999")).unwrap();
    assert_eq!(found.iter().collect::<Vec<_>>(), [1]);
    let entry = spoor_embedded::block::entries::attribute_entry(Level::Event, "key", "69999");
    assert!(encode(&rows, &by_trace(&rows)).entries.contains(&entry));
}
