//! The columns of attributes, and the entries that their values have in the block's filter.

use hashbrown::HashMap;
use spoor_store::filter;
use spoor_store::otlp::{AnyValue, text_of};

use super::entries::AttributeEntries;
use super::numbering::Numbering;
use super::packed::Packer;
use super::streams::Values;
use super::tables::Tables;
use super::{ints, texts};
use crate::rows::{Level, Rows, ValueKind};

/// Up to this many different numbers are always told by codes: codes show patterns that the bits
/// of the numbers hide.
const FEW: usize = 128;

/// A column of attributes that is being encoded.
pub(crate) struct Attributes<'r> {
    pub(crate) rows: &'r Rows,
    pub(crate) tables: &'r Tables,
    pub(crate) level: Level,
    pub(crate) slot: u32,
}

impl Attributes<'_> {
    /// Appends the values, and their entries.
    pub(crate) fn put(
        &self,
        values: &Values,
        numbering: &mut Numbering,
        packer: &mut Packer,
        out: &mut Vec<u8>,
        entries: &mut Vec<u64>,
    ) {
        let slot = self.tables.slots[self.slot as usize];
        let key = &self.tables.keys[slot.key as usize];
        let mut of_key = AttributeEntries::new(filter_level(self.level), key);
        entries.push(of_key.key());
        match values {
            Values::Texts(codes) => {
                let (numbers, distinct) = numbering.number(codes, self.rows.texts());
                let texts = distinct.iter().map(|code| self.rows.text(*code));
                entries.extend(texts.clone().map(|text| match bytes_value(slot.kind, text) {
                    Some(value) => of_key.entry(text_of(value).as_bytes()),
                    None => of_key.entry(text),
                }));
                texts::put_dictionary(texts, packer, out);
                texts::put_codes(&numbers, distinct.len(), packer, out);
            }
            Values::Numbers(numbers) => {
                let (codes, distinct) = number(numbers);
                let value = |number: &u64| number_value(slot.kind, *number);
                entries.extend(
                    distinct.iter().map(value).map(|value| of_key.entry(text_of(value).as_bytes())),
                );
                if suits_codes(numbers, &distinct) {
                    ints::put_coded(&distinct, &codes, packer, out);
                } else if slot.kind == ValueKind::Double {
                    ints::put_planes(numbers, packer, out);
                } else if numbers.iter().any(|number| number.cast_signed() < 0) {
                    let signed: Vec<_> =
                        numbers.iter().map(|number| number.cast_signed()).collect();
                    ints::put_signed(&signed, packer, out);
                } else {
                    ints::put(numbers, packer, out);
                }
            }
        }
    }
}

/// The level that filters call so.
pub(crate) fn filter_level(level: Level) -> filter::Level {
    match level {
        Level::Span => filter::Level::Span,
        Level::Event => filter::Level::Event,
        Level::Link => filter::Level::Link,
    }
}

/// The value with these bytes; none of a string, which is its own text form.
pub(crate) fn bytes_value(kind: ValueKind, bytes: &[u8]) -> Option<AnyValue<'_>> {
    match kind {
        ValueKind::Array => Some(AnyValue::Array(bytes)),
        ValueKind::Map => Some(AnyValue::Map(bytes)),
        ValueKind::Bytes => Some(AnyValue::Bytes(bytes)),
        _ => None,
    }
}

/// The value with this number.
pub(crate) fn number_value(kind: ValueKind, number: u64) -> AnyValue<'static> {
    match kind {
        ValueKind::Bool => AnyValue::Bool(number != 0),
        ValueKind::Double => AnyValue::Double(f64::from_bits(number)),
        _ => AnyValue::Int(number.cast_signed()),
    }
}

/// Numbers the different ones in the order of first use.
fn number(numbers: &[u64]) -> (Vec<u32>, Vec<u64>) {
    let mut distinct = Vec::new();
    let mut places = HashMap::<u64, u32>::new();
    let mut code = |number: &u64| {
        *places.entry(*number).or_insert_with(|| {
            distinct.push(*number);
            distinct.len() as u32 - 1
        })
    };
    let codes = numbers.iter().map(&mut code).collect();
    (codes, distinct)
}

/// Whether codes for the different numbers are likely smaller than the numbers.
fn suits_codes(numbers: &[u64], distinct: &[u64]) -> bool {
    let greatest = distinct.iter().max().copied().unwrap_or_default();
    if distinct.len() <= FEW {
        // Small numbers are as good as codes.
        return greatest >= FEW as u64;
    }
    let least = distinct.iter().min().copied().unwrap_or_default();
    let bits = |numbers: &[u64]| -> usize {
        numbers.iter().map(|number| ((number - least) | 1).ilog2() as usize).sum()
    };
    bits(distinct) + numbers.len() * distinct.len().ilog2() as usize <= bits(numbers)
}
