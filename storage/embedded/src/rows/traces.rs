use std::hash::BuildHasher;

use hashbrown::{DefaultHashBuilder, HashTable};
use spoor_store::TraceId;

use super::chunked::Chunked;

/// The traces by code, and which rows are theirs: the rows of a trace are a chain.
#[derive(Debug, Default)]
pub(super) struct Traces {
    traces: Chunked<Trace>,
    codes: HashTable<u32>,
    hashes: DefaultHashBuilder,
}

#[derive(Debug)]
struct Trace {
    id: TraceId,
    first: u32,
    last: u32,
}

/// Instead of a row: there is none.
pub(super) const NO_ROW: u32 = u32::MAX;

/// A row of a chain, or none at its end.
pub(super) fn row(row: u32) -> Option<u32> {
    (row != NO_ROW).then_some(row)
}

impl Traces {
    pub(super) fn len(&self) -> u32 {
        self.traces.len()
    }

    /// The memory held, in bytes.
    pub(super) fn bytes(&self) -> usize {
        self.traces.bytes() + self.codes.allocation_size()
    }

    pub(super) fn id(&self, trace: u32) -> TraceId {
        self.traces[trace].id
    }

    /// The first row of a trace, if it has any.
    pub(super) fn first_row(&self, trace: u32) -> Option<u32> {
        row(self.traces[trace].first)
    }

    pub(super) fn find(&self, id: &TraceId) -> Option<u32> {
        let hash = self.hashes.hash_one(id);
        self.codes.find(hash, |code| self.traces[*code].id == *id).copied()
    }

    /// The code of a trace, which is added if it is new.
    pub(super) fn intern(&mut self, id: &TraceId) -> u32 {
        self.find(id).unwrap_or_else(|| {
            let code = self.traces.push(Trace { id: *id, first: NO_ROW, last: NO_ROW });
            let Self { traces, codes, hashes } = self;
            let hash_of = |id: &TraceId| hashes.hash_one(id);
            codes.insert_unique(hash_of(id), code, |code| hash_of(&traces[*code].id));
            code
        })
    }

    /// Adds a row at the end of a trace. Gives the row before it, which is to lead to it.
    pub(super) fn push_row(&mut self, trace: u32, row: u32) -> Option<u32> {
        let trace = &mut self.traces[trace];
        let before = std::mem::replace(&mut trace.last, row);
        if before == NO_ROW {
            trace.first = row;
        }
        self::row(before)
    }
}
