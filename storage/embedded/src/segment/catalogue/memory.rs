use std::collections::{BTreeSet, btree_set};

use spoor_store::filter::Level;
use spoor_store::otlp::SpanKind;

use super::{AttributeKey, OperationKey, SortedKeys};
use crate::rows::ValueKind;
use crate::segment::SegmentError;

/// A catalogue in memory: what a segment is to be written with, or a head has.
#[derive(Clone, Debug, Default)]
pub struct Catalogue {
    operations: BTreeSet<Box<[u8]>>,
    attributes: BTreeSet<Box<[u8]>>,
    /// The key last looked for, kept for its space.
    key: Vec<u8>,
}

impl Catalogue {
    /// Adds an operation, if it is not there yet.
    pub fn add_operation(&mut self, service: &str, name: &str, kind: SpanKind) {
        self.key.clear();
        OperationKey { service: service.into(), name: name.into(), kind }.encode(&mut self.key);
        insert(&mut self.operations, &self.key);
    }

    /// Adds a key of an attribute, if it is not there yet.
    pub fn add_attribute(&mut self, level: Level, key: &str, value: ValueKind) {
        self.key.clear();
        AttributeKey { level, key: key.into(), value }.encode(&mut self.key);
        insert(&mut self.attributes, &self.key);
    }

    /// The operations, as [`OperationKey`]s.
    pub fn operations(&self) -> MemoryCursor<'_> {
        MemoryCursor { rest: self.operations.iter(), key: &[] }
    }

    /// The attributes' keys, as [`AttributeKey`]s.
    pub fn attributes(&self) -> MemoryCursor<'_> {
        MemoryCursor { rest: self.attributes.iter(), key: &[] }
    }
}

fn insert(keys: &mut BTreeSet<Box<[u8]>>, key: &[u8]) {
    if !keys.contains(key) {
        keys.insert(key.into());
    }
}

/// Goes through keys in memory.
#[derive(Clone, Debug)]
pub struct MemoryCursor<'a> {
    rest: btree_set::Iter<'a, Box<[u8]>>,
    key: &'a [u8],
}

impl SortedKeys for MemoryCursor<'_> {
    fn advance(&mut self) -> Result<bool, SegmentError> {
        let next = self.rest.next();
        self.key = next.map_or(&[], |key| key);
        Ok(next.is_some())
    }

    fn key(&self) -> &[u8] {
        self.key
    }
}
