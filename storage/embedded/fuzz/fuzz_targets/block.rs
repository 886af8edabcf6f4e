//! A damaged block with right checksums is an error or spans, and spans that come out can be
//! encoded again.
#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::{fuzz_mutator, fuzz_target};
use spoor_embedded::block::{Encoder, Reader, Sought};
use spoor_embedded::rows::{Rows, traces_data};
use spoor_fuzz::block::Block;
use spoor_fuzz::file::file;
use spoor_fuzz::{golden, mutated_input};
use spoor_store::filter::{Field, Level};

const LEVELS: [Level; 5] = [Level::Span, Level::Resource, Level::Scope, Level::Event, Level::Link];
const FIELDS: [Field; 6] = [
    Field::SpanName,
    Field::SpanKind,
    Field::SpanStatus,
    Field::ResourceService,
    Field::ScopeName,
    Field::ScopeVersion,
];
const KEYS: [&str; 4] = ["", "http.request.method", "http.response.status_code", "k"];
/// Texts that some values of a golden block have.
const TEXTS: [&str; 5] = ["", "200", "true", "1.5", "GET"];

fuzz_target!(|block: &[u8]| {
    let Ok(reader) = Reader::open(file(block.to_vec()), 0, block.len() as u32) else { return };
    drop(reader.check());
    let columns: Vec<_> = reader.columns().map(|(column, _)| column).collect();
    for column in columns {
        drop(reader.key(column));
    }
    drop((reader.trace_ids(), reader.trace_rows(), reader.span_ids(), reader.raw()));
    drop((reader.starts(), reader.durations(), reader.range(Field::SpanEnd, 0, 1 << 30)));
    // One of all questions, which one is as good as random.
    let question = block
        .iter()
        .fold(0, |sum: usize, byte| sum.wrapping_mul(31).wrapping_add(usize::from(*byte)));
    let text = TEXTS[question % TEXTS.len()];
    drop(reader.attribute(
        LEVELS[question / 5 % LEVELS.len()],
        KEYS[question / 25 % KEYS.len()],
        Sought::TextForm(text),
    ));
    drop(reader.field(FIELDS[question / 5 % FIELDS.len()], Sought::TextForm(text)));
    // Some rows first: they are read in another way than all.
    for rows in [0..reader.rows().min(1), reader.rows() / 2..reader.rows(), 0..reader.rows()] {
        let Ok(read) = reader.span_rows(rows.clone()) else { continue };
        let Ok(data) = traces_data(&read, rows.clone()) else { continue };
        let mut spans = Rows::new();
        let is_taken = data.iter().all(|data| spans.append_traces_data(data).is_ok());
        // Ids may be such that no store takes the span.
        assert!(spans.len() as usize <= rows.len());
        if is_taken && !spans.is_empty() {
            let order: Vec<u32> =
                (0..spans.traces()).flat_map(|trace| spans.rows_of(trace)).collect();
            let encoded = Encoder::new().expect("there is memory").encode(&spans, &order);
            let encoded = encoded.expect("what came out of a block fits into one");
            let len = encoded.index.len;
            let reader = Reader::open(file(encoded.bytes), 0, len).expect("a new block opens");
            let again = reader.span_rows(0..reader.rows()).expect("a new block can be read");
            let again = traces_data(&again, 0..reader.rows()).expect("a new block can be read");
            let spans = traces_data(&spans, order).expect("rows hold together");
            assert!(again == spans, "other spans come out of a block than went in");
        }
    }
});

fuzz_mutator!(|data: &mut [u8], size: usize, max_size: usize, seed: u32| {
    static SEEDS: LazyLock<Vec<Vec<u8>>> = LazyLock::new(golden::blocks);
    mutated_input(data, size, max_size, seed, &SEEDS, |bytes, random| {
        let mut block = Block::decode(bytes)?;
        block.mutate(random);
        Some(block.encode())
    })
});
