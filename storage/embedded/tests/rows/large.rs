use spoor_embedded::rows::{Rows, traces_data};
use spoor_store::ingest::split;
use spoor_store::otlp::spans_of;

use crate::wire::field;
use crate::{fields, rebuilt, rows_of_request};

/// A span of one attribute, with its place in a request.
fn request_of(trace: u8, span: u32, value: &[u8]) -> Vec<u8> {
    let span_id = [&[1; 4][..], &span.to_be_bytes()].concat();
    let attribute = [field(1, b"key"), field(2, &field(1, value))].concat();
    let span = [field(1, &[trace; 16]), field(2, &span_id), field(9, &attribute)].concat();
    field(1, &field(2, &field(2, &span)))
}

#[test]
fn a_trace_of_200_000_spans_comes_back_in_its_order() {
    let mut rows = Rows::new();
    for export in 0..40 {
        let request: Vec<_> =
            (0..5_000).flat_map(|span| request_of(1, export * 5_000 + span, b"value")).collect();
        rows.append(&split(&request, 0).unwrap());
    }
    assert_eq!((rows.traces(), rows.templates(), rows.origins()), (1, 1, 1));
    assert!(rows.rows_of(0).eq(0..200_000));
    let fragments = traces_data(&rows, rows.rows_of(0)).unwrap();
    let ids = fragments
        .iter()
        .flat_map(|fragment| spans_of(fragment))
        .map(|span| u32::from_be_bytes(span.span.span_id[4..].try_into().unwrap()));
    assert!(ids.eq(0..200_000));
}

#[test]
fn spans_of_10_mib_come_back() {
    let value = vec![b'x'; 10 << 20];
    let odd = [&request_of(1, 1, &value)[..], &request_of(1, 2, b"small")].concat();
    let rows = rows_of_request(&odd);
    let batch = split(&odd, 0).unwrap();
    let expected = fields(&batch);
    assert!((0..2).all(|row| rebuilt(&rows, row) == expected[row as usize]));
    assert!(rows.bytes() < 11 << 20, "{}", rows.bytes());
}

#[test]
fn a_span_of_very_many_attributes_takes_no_more_memory_than_its_bytes() {
    for message in [field(9, &[]), field(11, &[]), field(13, &[])] {
        let many = message.repeat(1 << 20);
        let span = [field(1, &[1; 16]), field(2, &[2; 8]), many].concat();
        let request = field(1, &field(2, &field(2, &span)));
        let rows = rows_of_request(&request);
        assert_eq!(rebuilt(&rows, 0), field(2, &span));
        assert!(rows.bytes() < span.len() + (264 << 10), "{}", rows.bytes());
    }
}

#[test]
fn a_million_distinct_values_are_held_once_each() {
    let mut rows = Rows::new();
    // The last ones again, in another trace.
    for (trace, exports) in [(1, 0..100_u32), (2, 90..100)] {
        for export in exports {
            let values = (0..10_000).map(|value| (export * 10_000 + value).to_string());
            let request: Vec<_> = values
                .enumerate()
                .flat_map(|(span, value)| request_of(trace, span as u32, value.as_bytes()))
                .collect();
            rows.append(&split(&request, 0).unwrap());
        }
    }
    // The key and the empty name too.
    assert_eq!((rows.len(), rows.texts()), (1_100_000, 1_000_002));
    for value in [0_u32, 1, 499_999, 900_000, 999_999] {
        let code = rows.find_text(value.to_string().as_bytes()).unwrap();
        assert_eq!(rows.words(value), [code]);
        if value >= 900_000 {
            assert_eq!(rows.words(value + 100_000), [code]);
        }
    }
}

#[test]
fn a_few_spans_take_little_memory() {
    assert_eq!(Rows::new().bytes(), 0);
    let rows = rows_of_request(&request_of(1, 1, b"value"));
    assert!(rows.bytes() < 12 << 10, "{}", rows.bytes());
}
