use std::fmt::Debug;
use std::sync::Arc;

use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue, any_value::Value};
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span};
use prost::Message;
use rand::{RngExt, SeedableRng, rngs::StdRng};
use spoor_embedded::block::{BlockError, Column, EncodedBlock, Reader, Sought, reseal};
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
    |reader| reader.field(Field::SpanName, Sought::TextForm("")).map(told),
    |reader| reader.field(Field::ResourceService, Sought::TextForm("")).map(told),
    |reader| reader.attribute(Level::Span, "service.name", Sought::TextForm("")).map(told),
    |reader| reader.attribute(Level::Event, "service.name", Sought::TextForm("")).map(told),
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

/// A block of equal spans, which claims to have many more of them: a column of equal values is as
/// short then.
#[test]
fn a_few_bytes_that_tell_of_many_values_are_refused() {
    for (attributes, is_read) in [(255, true), (257, false)] {
        let attribute = |number: i64| KeyValue {
            key: number.to_string(),
            value: Some(AnyValue { value: Some(Value::IntValue(number)) }),
            ..KeyValue::default()
        };
        let span = Span {
            trace_id: vec![1; 16],
            span_id: vec![2; 8],
            attributes: (0..attributes).map(attribute).collect(),
            ..Span::default()
        };
        let scope_spans = vec![ScopeSpans { spans: vec![span; 200], ..ScopeSpans::default() }];
        let resource_spans = vec![ResourceSpans { scope_spans, ..ResourceSpans::default() }];
        let request = ExportTraceServiceRequest { resource_spans }.encode_to_vec();
        let rows = rows_of([request]);
        let mut block = encode(&rows, &by_trace(&rows)).bytes;

        let columns: Vec<_> = open(block.clone()).unwrap().columns().collect();
        let before = columns.iter().take_while(|(column, _)| *column != Column::TraceSpans);
        let before: u32 = before.map(|(_, len)| len).sum();
        let directory_len = u32::from_le_bytes(block[5..9].try_into().unwrap());
        // Behind the byte that says that all are the same.
        for place in [9, (directory_len + before + 1) as usize] {
            assert_eq!(block[place..place + 2], [0xc8, 0x01]);
            block[place..place + 2].copy_from_slice(&[0xff, 0x7f]);
        }
        reseal(&mut block);
        let reader = open(block).unwrap();
        assert_eq!(reader.rows(), (1 << 14) - 1);
        let read = reader.span_rows(0..1).map(drop);
        assert_eq!(read.is_ok(), is_read, "{attributes} attributes: {read:?}");
    }
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
    let error = open(bytes.clone()).unwrap_err().to_string();
    assert_eq!(error, "reading the directory of a block: its version is none");
    let len = u32::from_le_bytes(bytes[5..9].try_into().unwrap()) as usize - 4;
    let checksum = crc32fast::hash(&bytes[..len]);
    bytes[len..len + 4].copy_from_slice(&checksum.to_le_bytes());
    let error = open(bytes).unwrap_err().to_string();
    assert_eq!(
        error,
        "reading a block: its format has version 9, this program knows 1: use a newer one"
    );
    let error = open(b"no block at all".to_vec()).unwrap_err().to_string();
    assert_eq!(error, "reading the directory of a block: it does not begin as a block does");
}
