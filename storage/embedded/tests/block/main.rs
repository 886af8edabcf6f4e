//! Spans come back from blocks as they came, and blocks know what their spans have.

mod damage;
mod durations;
mod edges;
mod exactness;
mod matching;
mod shop;

#[path = "../../../store/tests/random/mod.rs"]
mod random;
#[path = "../rows/wire.rs"]
mod wire;

use std::io;
use std::sync::Arc;

use spoor_embedded::block::{EncodedBlock, Encoder, Reader};
use spoor_embedded::disk::ReadFile;
use spoor_embedded::rows::{Rows, Source, put_span};
use spoor_store::ingest::split;

/// A file in memory.
#[derive(Debug)]
struct Bytes(Vec<u8>);

impl ReadFile for Bytes {
    fn read_exact_at(&self, buf: &mut [u8], offset: u64) -> io::Result<()> {
        let rest = self.0.get(offset as usize..).unwrap_or_default();
        let bytes = rest.get(..buf.len()).ok_or(io::ErrorKind::UnexpectedEof)?;
        buf.copy_from_slice(bytes);
        Ok(())
    }

    fn len(&self) -> u64 {
        self.0.len() as u64
    }
}

fn encode(rows: &Rows, order: &[u32]) -> EncodedBlock {
    Encoder::new().unwrap().encode(rows, order).unwrap()
}

/// Opens a block that lies somewhere in a file.
fn open(block: &EncodedBlock) -> Reader {
    let file = [&[0xa5; 37][..], &block.bytes, &[0x5a; 11]].concat();
    Reader::open(Arc::new(Bytes(file)), 37, block.index.len).unwrap()
}

/// The rows of the requests that are not refused whole.
fn rows_of(requests: impl IntoIterator<Item = Vec<u8>>) -> Rows {
    let mut rows = Rows::new();
    for request in requests {
        if let Ok(batch) = split(&request, 0) {
            rows.append(&batch);
        }
    }
    rows
}

/// All rows, trace by trace.
fn by_trace(rows: &Rows) -> Vec<u32> {
    (0..rows.traces()).flat_map(|trace| rows.rows_of(trace)).collect()
}

/// The field of a row's span.
fn field_of(source: &impl Source, row: u32) -> Vec<u8> {
    let mut out = Vec::new();
    put_span(source, row, &mut out).unwrap();
    out
}
