use prost::Message;
use rand::seq::SliceRandom;
use rand::{RngExt, SeedableRng, rngs::StdRng};
use spoor_embedded::block::{Encoder, Reader};
use spoor_embedded::rows::{Origin, Rows, Source, SpanParts, Tables, traces_data};

use crate::random::Generator;
use crate::wire::Wire;
use crate::{by_trace, encode, field_of, open, rows_of, shop};

/// Checks that a block of these rows has each of them as it is in memory.
fn assert_has(reader: &Reader, rows: &Rows, order: &[u32], what: &dyn Fn() -> String) {
    reader.check().unwrap();
    assert_eq!(reader.rows() as usize, order.len());
    let all = reader.span_rows(0..reader.rows()).unwrap();
    assert!(all.numbers().eq(0..reader.rows()));
    let (starts, durations) = (reader.starts().unwrap(), reader.durations().unwrap());
    for (row, own) in (0..).zip(order) {
        let (found, expected) =
            (Source::span(&all, row).unwrap(), Source::span(rows, *own).unwrap());
        let template = Tables::template(rows, expected.template).unwrap();
        let codes = |parts: SpanParts| SpanParts { template: 0, origin: 0, name: 0, ..parts };
        assert_eq!(codes(found), codes(expected), "{}", what());
        assert_eq!(all.text(found.name), Tables::text(rows, expected.name), "{}", what());
        assert_eq!(origin(&all, found), origin(rows, expected), "{}", what());
        assert_eq!(all.template(found.template).unwrap().kind, template.kind, "{}", what());
        assert_eq!(field_of(&all, row), field_of(rows, *own), "{}", what());
        assert_eq!(starts[row as usize], expected.start, "{}", what());
        let duration = i128::from(expected.end) - i128::from(expected.start);
        assert_eq!(durations[row as usize], duration, "{}", what());
    }
    let again = traces_data(&all, 0..reader.rows()).unwrap();
    assert_eq!(again, traces_data(rows, order.iter().copied()).unwrap(), "{}", what());
    assert_traces(reader, rows, order);
}

fn origin(source: &impl Tables, parts: SpanParts) -> Origin {
    source.origin(parts.origin).unwrap().clone()
}

fn assert_traces(reader: &Reader, rows: &Rows, order: &[u32]) {
    let mut start = 0;
    for own in order.chunk_by(|a, b| rows.span(*a).trace == rows.span(*b).trace) {
        let id = rows.trace_id(rows.span(own[0]).trace);
        let end = start + own.len() as u32;
        assert_eq!(reader.find(&id).unwrap(), Some(start..end));
        start = end;
    }
    assert_eq!(reader.find(&spoor_store::TraceId::from_slice(&[0xee; 16]).unwrap()).unwrap(), None);
}

#[test]
fn random_spans_come_back() {
    let mut encoder = Encoder::new().unwrap();
    for seed in 0..60 {
        let mut random = Generator::new(seed);
        let rows = rows_of((0..8).map(|_| random.request(5).encode_to_vec()));
        let order = by_trace(&rows);
        let block = encoder.encode(&rows, &order).unwrap();
        assert_has(&open(&block), &rows, &order, &|| format!("seed {seed}"));
    }
}

#[test]
fn spans_as_encoders_write_them_and_odd_ones_come_back() {
    let mut encoder = Encoder::new().unwrap();
    for (is_descending, oddness) in [(false, 0), (true, 0), (false, 3), (true, 40)] {
        for seed in 0..20 {
            let mut wire = Wire::new(seed, is_descending, oddness);
            let rows = rows_of((0..20).map(|_| wire.request(5)));
            let order = by_trace(&rows);
            let block = encoder.encode(&rows, &order).unwrap();
            let what = || format!("seed {seed}, oddness {oddness}");
            assert_has(&open(&block), &rows, &order, &what);
        }
    }
}

#[test]
fn thousands_of_spans_come_back_in_blocks_of_any_traces() {
    let rows = rows_of((0..6).map(|seed| shop::request(seed, 200)));
    assert!(rows.len() > 4_000, "{}", rows.len());
    let mut traces: Vec<u32> = (0..rows.traces()).collect();
    traces.shuffle(&mut StdRng::seed_from_u64(1));
    let mut encoder = Encoder::new().unwrap();
    for traces in traces.chunks(500) {
        let order: Vec<u32> = traces.iter().flat_map(|trace| rows.rows_of(*trace)).collect();
        let block = encoder.encode(&rows, &order).unwrap();
        assert_has(&open(&block), &rows, &order, &|| "a shop's spans".to_owned());
        // Ids of traces, spans and requests are 25 bytes a span, noise another 8.
        assert!(block.bytes.len() < order.len() * 55, "{} bytes", block.bytes.len());
    }
}

#[test]
fn any_rows_can_be_read_without_the_others() {
    let mut random = StdRng::seed_from_u64(5);
    for seed in 0..20 {
        let mut generator = Generator::new(seed);
        let rows = rows_of((0..8).map(|_| generator.request(5).encode_to_vec()));
        let order = by_trace(&rows);
        let reader = open(&encode(&rows, &order));
        for _ in 0..20 {
            let one_in = random.random_range(1..20);
            let wanted: Vec<u32> =
                (0..reader.rows()).filter(|_| random.random_range(0..one_in) == 0).collect();
            let some = reader.span_rows(wanted.clone()).unwrap();
            assert!(some.numbers().eq(wanted.iter().copied()));
            for row in 0..reader.rows() {
                match Source::span(&some, row) {
                    Some(_) => {
                        assert_eq!(field_of(&some, row), field_of(&rows, order[row as usize]));
                    }
                    None => assert!(!wanted.contains(&row)),
                }
            }
        }
    }
}

#[test]
fn the_same_rows_make_the_same_bytes() {
    let mut random = Generator::new(9);
    let rows = rows_of((0..8).map(|_| random.request(5).encode_to_vec()));
    let order = by_trace(&rows);
    let mut encoder = Encoder::new().unwrap();
    let first = encoder.encode(&rows, &order).unwrap();
    encoder.encode(&rows, &order[..order.len() / 2]).unwrap();
    let again = encoder.encode(&rows, &order).unwrap();
    assert_eq!((first.bytes, first.index), (again.bytes, again.index));
}
