//! What is taken apart comes back byte for byte, from memory and from a block; and a block tells
//! of its rows what their spans tell.
#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::{fuzz_mutator, fuzz_target};
use spoor_embedded::block::{Encoder, MOST_ROWS, Reader, Sought};
use spoor_embedded::rows::{Rows, Source, put_span, traces_data};
use spoor_fuzz::file::file;
use spoor_fuzz::{NOW, golden, mutated_input, protobuf};
use spoor_store::filter::{Field, Level};
use spoor_store::ingest::split;
use spoor_store::otlp::{KeyValue, spans_of, text_of};

fuzz_target!(|request: &[u8]| {
    let Ok(batch) = split(request, NOW) else { return };
    let mut rows = Rows::new();
    rows.append(&batch);
    let fields: Vec<_> = batch.traces().flat_map(|trace| trace.spans()).collect();
    assert_eq!(rows.len() as usize, fields.len());
    for (row, span) in (0..).zip(&fields) {
        assert_eq!(field_of(&rows, row), span.field);
        let origin = rows.origin(rows.span(row).origin);
        assert_eq!(origin.resource, span.resource);
        assert_eq!(origin.scope, span.scope);
        assert_eq!(origin.service, span.service);
    }
    if rows.is_empty() || rows.len() > MOST_ROWS {
        return;
    }

    // As flushing and merging do it.
    let mut again = Rows::new();
    for data in traces_data(&rows, 0..rows.len()).expect("rows hold together") {
        again.append_traces_data(&data).expect("rows make spans that are taken");
    }
    assert_eq!(again.len(), rows.len());
    for row in 0..rows.len() {
        assert_eq!(field_of(&again, row), field_of(&rows, row));
    }

    let order: Vec<u32> = (0..rows.traces()).flat_map(|trace| rows.rows_of(trace)).collect();
    let mut encoder = Encoder::new().expect("there is memory");
    let block = encoder.encode(&rows, &order).expect("the rows fit");
    let reader = Reader::open(file(block.bytes), 0, block.index.len).expect("a new block opens");
    reader.check().expect("a new block is sound");
    let read = reader.span_rows(0..reader.rows()).expect("a new block can be read");
    for (row, own) in (0..).zip(&order) {
        assert_eq!(field_of(&read, row), field_of(&rows, *own));
    }

    let raw = reader.raw().expect("it can be read");
    let durations = reader.durations().expect("they can be read");
    let starts = reader.starts().expect("they can be read");
    for (row, own) in order.iter().enumerate().take(20) {
        let data = traces_data(&rows, [*own]).expect("rows hold together").concat();
        let span = spans_of(&data).next().expect("a row is a span");
        assert_eq!(durations[row], span.span.duration());
        assert_eq!(starts[row], span.span.start);
        let has = |field, text: &str| {
            let found = reader.field(field, Sought::TextForm(text)).expect("it can be read");
            assert!(found.expect("a column tells").contains(row), "{field:?} {text:?}");
        };
        has(Field::SpanName, span.span.name);
        has(Field::SpanKind, span.span.kind.field_name());
        has(Field::SpanStatus, span.span.status.field_name());
        has(Field::ResourceService, span.resource.service_name());
        has(Field::ScopeName, span.scope.name());
        let has = |level, own: KeyValue<'_>| {
            let text = text_of(own.value());
            let found = reader
                .attribute(level, own.key(), Sought::TextForm(&text))
                .expect("it can be read");
            assert!(found.contains(row), "{level:?} {:?} {text:?}", own.key());
        };
        span.resource.attributes().take(20).for_each(|own| has(Level::Resource, own));
        if !raw.contains(row) {
            span.span.attributes().take(20).for_each(|own| has(Level::Span, own));
        }
    }
});

fuzz_mutator!(|data: &mut [u8], size: usize, max_size: usize, seed: u32| {
    static SEEDS: LazyLock<Vec<Vec<u8>>> = LazyLock::new(golden::requests);
    mutated_input(data, size, max_size, seed, &SEEDS, |request, random| {
        (!request.is_empty()).then(|| protobuf::mutated(request, random))
    })
});

fn field_of(source: &impl Source, row: u32) -> Vec<u8> {
    let mut out = Vec::new();
    put_span(source, row, &mut out).expect("a row makes a span");
    out
}
