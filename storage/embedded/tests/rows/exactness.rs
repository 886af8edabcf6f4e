use opentelemetry_proto::tonic::trace::v1::TracesData;
use prost::Message;
use rand::{RngExt, SeedableRng, rngs::StdRng};
use spoor_embedded::rows::{Rows, for_each_part, traces_data};
use spoor_store::ingest::split;
use spoor_store::otlp::spans_of;
use spoor_store::{CHUNK_BYTES, TraceId};

use crate::random::Generator;
use crate::wire::{Wire, field};
use crate::{fields, rebuilt, rows_of_request};

/// Appends the request and checks that its spans come back, and that the parts of each are as
/// many as its words. Gives the number of spans, and of those that were kept as they came.
fn assert_comes_back(rows: &mut Rows, request: &[u8], what: &dyn Fn() -> String) -> (u32, u32) {
    let batch = split(request, 0).unwrap();
    let before = rows.len();
    rows.append(&batch);
    let fields = fields(&batch);
    assert_eq!((rows.len() - before) as usize, fields.len());
    let mut raw = 0;
    for (row, field) in (before..).zip(fields) {
        assert_eq!(rebuilt(rows, row), field, "{}", what());
        let mut words = rows.words(row);
        for_each_part(rows, rows.span(row).template, |part| {
            let (taken, rest) = words.split_at(part.words());
            words = rest;
            assert!(!part.is_text() || taken[0] < rows.texts());
            Some(taken.iter().rev().fold(0, |value, word| value << 32 | u64::from(*word)))
        })
        .unwrap();
        assert_eq!(words, [0_u32; 0], "{}", what());
        raw += u32::from(rows.template(rows.span(row).template).is_raw);
    }
    (rows.len() - before, raw)
}

#[test]
fn spans_as_encoders_write_them_are_taken_apart_and_come_back() {
    for is_descending in [false, true] {
        let mut rows = Rows::new();
        for seed in 0..100 {
            let request = Wire::new(seed, is_descending, 0).request(4);
            let (_, raw) = assert_comes_back(&mut rows, &request, &|| format!("seed {seed}"));
            assert_eq!(raw, 0, "seed {seed}");
        }
    }
}

#[test]
fn odd_spans_come_back_too() {
    let mut kept = [0, 0];
    for oddness in [2, 20, 100] {
        let mut rows = Rows::new();
        for seed in 0..800 {
            let request = Wire::new(seed, seed % 2 == 1, oddness).request(3);
            if split(&request, 0).is_err() {
                continue;
            }
            let what = || format!("seed {seed}, oddness {oddness}");
            let (spans, raw) = assert_comes_back(&mut rows, &request, &what);
            kept[0] += spans - raw;
            kept[1] += raw;
        }
    }
    assert!(kept.iter().all(|count| *count > 500), "{kept:?}");
}

#[test]
fn damaged_spans_come_back_as_long_as_they_are_accepted() {
    let mut rows = Rows::new();
    let mut spans = 0;
    for seed in 0..6_000 {
        let mut bytes = Wire::new(seed % 500, seed % 2 == 0, 0).request(1);
        let mut random = StdRng::seed_from_u64(seed);
        let at = random.random_range(0..bytes.len());
        match random.random_range(0..3) {
            0 => bytes[at] ^= 1 << random.random_range(0..8),
            1 => bytes[at] = random.random(),
            _ => bytes[at] = 0,
        }
        if split(&bytes, 0).is_ok() {
            spans += assert_comes_back(&mut rows, &bytes, &|| format!("seed {seed}")).0;
        }
    }
    assert!(spans > 1_500, "{spans}");
}

#[test]
fn spans_of_prost_come_back() {
    let mut rows = Rows::new();
    for seed in 0..200 {
        let request = Generator::new(seed).request(6).encode_to_vec();
        assert_comes_back(&mut rows, &request, &|| format!("seed {seed}"));
    }
}

#[test]
fn what_encoders_do_alike_is_taken_apart() {
    let ids = [field(1, &[1; 16]), field(2, &[2; 8])].concat();
    // As Go's gogo writes a root without a status; as prost; as pdata.
    let spans = [
        [&ids[..], &[0x22, 0, 0x7a, 0]].concat(),
        ids.clone(),
        [&[0x7a, 0, 0x22, 0][..], &field(2, &[2; 8]), &field(1, &[1; 16])].concat(),
    ];
    for span in spans {
        let request = field(1, &field(2, &field(2, &span)));
        let (spans, raw) = assert_comes_back(&mut Rows::new(), &request, &|| format!("{span:?}"));
        assert_eq!((spans, raw), (1, 0));
    }
}

#[test]
fn a_trace_comes_back_with_what_encloses_its_spans() {
    for seed in 0..100 {
        let request = Generator::new(seed).request(6).encode_to_vec();
        let batch = split(&request, 0).unwrap();
        let rows = rows_of_request(&request);
        assert_eq!(rows.traces() as usize, batch.traces().count());
        for trace in batch.traces() {
            let code = rows.trace(&trace.trace_id()).unwrap();
            assert_eq!(rows.trace_id(code), trace.trace_id());
            let fragments = traces_data(&rows, rows.rows_of(code)).unwrap();
            let joined = fragments.concat();
            let again = split(&joined, 0).unwrap();
            let found = again.traces().flat_map(|trace| trace.spans());
            let parts = |span: spoor_store::ingest::RawSpan<'_>| {
                [span.resource, span.scope, span.field, span.service.as_bytes()].map(<[u8]>::to_vec)
            };
            assert!(found.map(parts).eq(trace.spans().map(parts)));
        }
    }
    assert_eq!(Rows::new().trace(&TraceId::from_slice(&[1; 16]).unwrap()), None);
}

#[test]
fn rows_that_are_appended_from_what_they_gave_are_the_same() {
    for seed in 0..50 {
        let rows = rows_of_request(&Generator::new(seed).request(6).encode_to_vec());
        let mut again = Rows::new();
        for fragment in traces_data(&rows, 0..rows.len()).unwrap() {
            again.append_traces_data(&fragment).unwrap();
        }
        assert_eq!(again.len(), rows.len());
        for row in 0..rows.len() {
            assert_eq!(rebuilt(&again, row), rebuilt(&rows, row));
            let origins = [(&again, again.span(row)), (&rows, rows.span(row))]
                .map(|(rows, span)| rows.origin(span.origin));
            assert_eq!(origins[0], origins[1]);
        }
    }
    assert!(Rows::new().append_traces_data(&[1]).is_err());
}

#[test]
fn what_a_row_tells_is_what_a_reader_finds_in_its_span() {
    for seed in 0..200 {
        let request = if seed % 4 == 0 {
            Wire::new(seed, seed % 8 == 0, 30).request(4)
        } else {
            Generator::new(seed).request(4).encode_to_vec()
        };
        if split(&request, 0).is_err() {
            continue;
        }
        let rows = rows_of_request(&request);
        for row in 0..rows.len() {
            let data = traces_data(&rows, [row]).unwrap().concat();
            let found = spans_of(&data).next().unwrap();
            let told = rows.span(row);
            let template = rows.template(told.template);
            assert_eq!(rows.trace_id(told.trace).as_bytes(), found.span.trace_id);
            assert_eq!(told.span_id, found.span.span_id);
            let parent = Some(&told.parent_id[..]).filter(|id| **id != [0; 8]);
            assert_eq!(parent, found.span.parent());
            assert_eq!((told.start, told.end), (found.span.start, found.span.end));
            assert_eq!(rows.text(told.name), found.span.name.as_bytes());
            assert_eq!(i32::from(template.kind), found.span.kind as i32);
            let status = template.status.map_or(0, |status| status.code);
            assert_eq!(i32::from(status), found.span.status as i32);
            assert_eq!(rows.origin(told.origin).service, found.resource.service_name());
        }
    }
}

#[test]
fn fragments_stay_below_the_limit_and_waste_no_memory() {
    let sizes = [0, CHUNK_BYTES / 5, CHUNK_BYTES / 2, CHUNK_BYTES - 200, CHUNK_BYTES + 1];
    let mut generator = Generator::new(1);
    let spans: Vec<_> = (0..40)
        .map(|_| {
            let size = sizes[generator.below(sizes.len())];
            let text = field(3, &vec![b'x'; size]);
            let text = if size == 0 { &[][..] } else { &text };
            let span = [&field(1, &[1; 16]), &field(2, &[2; 8]), text].concat();
            field(1, &[field(3, b"resource"), field(2, &field(2, &span))].concat())
        })
        .collect();
    let rows = rows_of_request(&spans.concat());
    let fragments = traces_data(&rows, 0..rows.len()).unwrap();
    let mut found = 0;
    for fragment in fragments {
        let decoded = TracesData::decode(&*fragment).unwrap();
        let spans = spans_of(&fragment).count();
        // Neighbours share their resource and scope.
        assert_eq!(
            (decoded.resource_spans.len(), decoded.resource_spans[0].scope_spans.len()),
            (1, 1)
        );
        assert!(spans == 1 || (spans > 1 && fragment.len() < CHUNK_BYTES));
        let len = fragment.len();
        assert_eq!(fragment.try_into_mut().unwrap().capacity(), len);
        found += spans;
    }
    assert_eq!(found, 40);
}
