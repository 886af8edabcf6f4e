use std::fmt::Debug;
use std::sync::Arc;

use prost::Message;
use rand::{RngExt, SeedableRng, rngs::StdRng};
use spoor_embedded::block::{BlockError, EncodedBlock, Reader, reseal};
use spoor_embedded::rows::traces_data;
use spoor_store::filter::{Field, Level};

use crate::random::Generator;
use crate::{Bytes, by_trace, encode, rows_of};

/// A read of a block, its result in words.
type Read = fn(&Reader) -> Result<String, BlockError>;

fn told<T: Debug>(value: T) -> String {
    format!("{value:?}")
}

const READS: [Read; 11] = [
    |reader| reader.trace_ids().map(told),
    |reader| reader.trace_rows().map(told),
    |reader| reader.span_ids().map(told),
    |reader| reader.starts().map(told),
    |reader| reader.durations().map(told),
    |reader| reader.raw().map(told),
    |reader| reader.field(Field::SpanName, "").map(told),
    |reader| reader.field(Field::ResourceService, "").map(told),
    |reader| reader.attribute(Level::Span, "service.name", "").map(told),
    |reader| reader.attribute(Level::Event, "service.name", "").map(told),
    |reader| {
        let rows = reader.span_rows(0..reader.rows())?;
        // Every column that it needs was read, but for the pages of texts.
        Ok(told(traces_data(&rows, 0..reader.rows())))
    },
];

fn small_block(seed: u64) -> EncodedBlock {
    let mut random = Generator::new(seed);
    let rows = rows_of((0..3).map(|_| random.request(3).encode_to_vec()));
    encode(&rows, &by_trace(&rows))
}

fn open(bytes: Vec<u8>) -> Result<Reader, BlockError> {
    let len = bytes.len() as u32;
    Reader::open(Arc::new(Bytes(bytes)), 0, len)
}

#[test]
fn every_flip_of_a_byte_is_noticed_by_whoever_reads_it() {
    let block = small_block(4);
    let good = open(block.bytes.clone()).unwrap();
    let expected: Vec<String> = READS.iter().map(|read| read(&good).unwrap()).collect();
    for place in 0..block.bytes.len() {
        let mut bytes = block.bytes.clone();
        bytes[place] ^= 1 << (place % 8);
        let Ok(reader) = open(bytes) else { continue };
        assert!(reader.check().is_err(), "byte {place}");
        for (read, expected) in READS.iter().zip(&expected) {
            if let Ok(found) = read(&reader) {
                assert_eq!(&found, expected, "byte {place}");
            }
        }
    }
}

#[test]
fn damage_behind_right_checksums_makes_no_reader_panic() {
    let mut random = StdRng::seed_from_u64(8);
    let blocks: Vec<_> = (0..8).map(small_block).collect();
    let mut reads = 0;
    for round in 0..1_500 {
        let mut bytes = blocks[round % blocks.len()].bytes.clone();
        for _ in 0..random.random_range(1..4) {
            let place = random.random_range(0..bytes.len());
            bytes[place] = [0, 1, 0x7f, 0x80, 0xff, random.random()][random.random_range(0..6)];
        }
        reseal(&mut bytes);
        let Ok(reader) = open(bytes) else { continue };
        reads += READS.iter().filter(|read| read(&reader).is_ok()).count();
    }
    // Most reads got to something.
    assert!(reads > 4_000, "{reads}");
}

#[test]
fn a_block_that_is_cut_short_is_an_error() {
    let block = small_block(4);
    for len in 0..block.bytes.len() {
        let bytes = block.bytes[..len].to_vec();
        assert!(open(bytes.clone()).is_err(), "{len}");
        // The index may tell the right length, and the file end early.
        assert!(Reader::open(Arc::new(Bytes(bytes)), 0, block.index.len).is_err(), "{len}");
    }
    let beyond = Reader::open(Arc::new(Bytes(block.bytes)), u64::MAX, block.index.len);
    assert!(beyond.is_err());
}

#[test]
fn errors_say_what_was_read() {
    let block = small_block(4);
    let mut bytes = block.bytes.clone();
    *bytes.last_mut().unwrap() ^= 1;
    let error = open(bytes).unwrap().check().unwrap_err().to_string();
    assert!(error.starts_with("reading the column ") && error.ends_with("checksum is wrong"));
    let mut bytes = block.bytes;
    bytes[4] = 9;
    let error = open(bytes).unwrap_err().to_string();
    assert_eq!(error, "reading a block: its format has the unknown version 9");
    let error = open(b"no block at all".to_vec()).unwrap_err().to_string();
    assert_eq!(error, "reading the directory of a block: it does not begin as a block does");
}
