//! Spans that are taken apart come back byte by byte, whatever they look like.

mod damage;
mod exactness;
mod large;
mod pdata;
mod wire;

#[path = "../../../store/tests/random/mod.rs"]
mod random;

use spoor_embedded::rows::{Rows, Source, put_span};
use spoor_store::ingest::{Batch, split};

/// The fields of a batch's spans in the order in which they are appended.
fn fields<'b>(batch: &'b Batch<'b>) -> Vec<&'b [u8]> {
    batch.traces().flat_map(|trace| trace.spans()).map(|span| span.field).collect()
}

/// The field of a row's span.
fn rebuilt(source: &impl Source, row: u32) -> Vec<u8> {
    let mut out = vec![0xee];
    put_span(source, row, &mut out).unwrap();
    assert_eq!(out.remove(0), 0xee);
    out
}

/// The rows of a request.
fn rows_of_request(request: &[u8]) -> Rows {
    let mut rows = Rows::new();
    rows.append(&split(request, 0).unwrap());
    rows
}
