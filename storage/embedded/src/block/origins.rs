//! What encloses the spans of a block.
//!
//! ```text
//! dictionary  the different `ResourceSpans` messages without their scope spans
//! dictionary  the different `ScopeSpans` messages without their spans
//! varint      the number of origins
//! ints        of each the number of its resource
//! ints        of each the number of its scope
//! ```

use std::hash::Hash;

use hashbrown::HashMap;
use spoor_store::otlp::{SpanInTrace, spans_of};

use super::bytes::{Input, Invalid, put_len};
use super::directory::MOST_ROWS;
use super::ints;
use super::packed::Packer;
use super::texts::{self, Dictionary};
use crate::rows::Origin;

/// Origins, told by their different resources and scopes.
#[derive(Debug, Default)]
pub(crate) struct Origins<'o> {
    pub(crate) resources: Vec<&'o [u8]>,
    pub(crate) scopes: Vec<&'o [u8]>,
    /// By origin, its service.
    pub(crate) services: Vec<&'o str>,
    /// By origin, the number of its resource.
    resource_of: Vec<u32>,
    /// By origin, the number of its scope.
    scope_of: Vec<u32>,
}

impl<'o> Origins<'o> {
    pub(crate) fn new(origins: impl Iterator<Item = &'o Origin> + Clone) -> Self {
        let (resources, resource_of) =
            numbered(origins.clone().map(|origin| origin.resource.as_slice()));
        let (scopes, scope_of) = numbered(origins.clone().map(|origin| origin.scope.as_slice()));
        let services = origins.map(|origin| origin.service.as_str()).collect();
        Self { resources, scopes, services, resource_of, scope_of }
    }

    pub(crate) fn put(&self, packer: &mut Packer, out: &mut Vec<u8>) {
        texts::put_dictionary(self.resources.iter().copied(), packer, out);
        texts::put_dictionary(self.scopes.iter().copied(), packer, out);
        put_len(self.resource_of.len(), out);
        ints::put(&self.resource_of, packer, out);
        ints::put(&self.scope_of, packer, out);
    }
}

/// The different ones in the order of first use, and of each which of them it is.
fn numbered<T: Copy + Eq + Hash>(all: impl Iterator<Item = T>) -> (Vec<T>, Vec<u32>) {
    let mut different = Vec::new();
    let mut numbers = HashMap::new();
    let number = |one: T| {
        *numbers.entry(one).or_insert_with(|| {
            different.push(one);
            different.len() as u32 - 1
        })
    };
    let all = all.map(number).collect();
    (different, all)
}

/// The origins of a block that is being read.
#[derive(Debug, Default)]
pub(crate) struct OriginTable {
    resources: Vec<Vec<u8>>,
    scopes: Vec<Vec<u8>>,
    /// By origin: the numbers of its resource and its scope, which are there.
    origins: Vec<(u32, u32)>,
}

/// What the origins that are made of a table take at most, in bytes. No head holds as many, and
/// few bytes could tell of one large resource again and again.
const MOST_BYTES: usize = 256 << 20;

impl OriginTable {
    pub(crate) fn get(column: &[u8]) -> Result<Self, Invalid> {
        let most = MOST_ROWS as usize;
        let mut input = Input::new(column);
        let resources = Dictionary::get(column, &mut input, most)?;
        let scopes = Dictionary::get(column, &mut input, most)?;
        let count = input.count(most)?;
        let resource_of = ints::get::<u32>(&mut input, count)?;
        let scope_of = ints::get::<u32>(&mut input, count)?;
        input.end()?;
        let is_there =
            |number: &u32, dictionary: &Dictionary| (*number as usize) < dictionary.len();
        if !resource_of.iter().all(|number| is_there(number, &resources))
            || !scope_of.iter().all(|number| is_there(number, &scopes))
        {
            return Err(Invalid("an origin is of nothing that is there"));
        }
        let all = |dictionary: &Dictionary| -> Result<Vec<_>, Invalid> {
            let texts = (0..dictionary.len()).map(|number| dictionary.text(column, number as u32));
            texts.map(|text| text.map(<[u8]>::to_vec)).collect()
        };
        Ok(Self {
            resources: all(&resources)?,
            scopes: all(&scopes)?,
            origins: resource_of.into_iter().zip(scope_of).collect(),
        })
    }

    /// The number of origins.
    pub(crate) fn len(&self) -> usize {
        self.origins.len()
    }

    /// By origin, whether this holds for its resource.
    pub(crate) fn by_resource(&self, holds: impl Fn(SpanInTrace<'_>) -> bool) -> Vec<bool> {
        let holds =
            |resource: &Vec<u8>| with_span(resource, &[], &EMPTY_SPAN, &holds) == Some(true);
        let resources: Vec<bool> = self.resources.iter().map(holds).collect();
        self.origins.iter().map(|(resource, _)| resources[*resource as usize]).collect()
    }

    /// By origin, whether this holds for its scope.
    pub(crate) fn by_scope(&self, holds: impl Fn(SpanInTrace<'_>) -> bool) -> Vec<bool> {
        let holds = |scope: &Vec<u8>| with_span(&[], scope, &EMPTY_SPAN, &holds) == Some(true);
        let scopes: Vec<bool> = self.scopes.iter().map(holds).collect();
        self.origins.iter().map(|(_, scope)| scopes[*scope as usize]).collect()
    }

    /// Makes these origins, whose numbers are there.
    pub(crate) fn make(&self, numbers: impl Iterator<Item = u32>) -> Result<Vec<Origin>, Invalid> {
        let mut total = 0;
        let origin = |number: u32| {
            let (resource, scope) = self.origins[number as usize];
            let resource = &self.resources[resource as usize];
            let scope = &self.scopes[scope as usize];
            total += resource.len() + scope.len();
            if total > MOST_BYTES {
                return Err(Invalid("its origins take too much memory"));
            }
            let service = with_span(resource, &[], &EMPTY_SPAN, |span| {
                span.resource.service_name().to_owned()
            });
            let service = service.ok_or(Invalid("an origin is not a message"))?;
            Ok(Origin { resource: resource.clone(), scope: scope.clone(), service })
        };
        numbers.map(origin).collect()
    }
}

/// Reads a span and what encloses it as [`spoor_store::filter::Predicate`] does. None if the bytes
/// are not the messages they should be, which only damage makes them.
pub(crate) fn with_span<T>(
    resource: &[u8],
    scope: &[u8],
    span_field: &[u8],
    read: impl FnOnce(SpanInTrace<'_>) -> T,
) -> Option<T> {
    const RESOURCE_SPANS: u8 = 1 << 3 | 2;
    const SCOPE_SPANS: u8 = 2 << 3 | 2;
    let mut inner = resource.to_vec();
    inner.push(SCOPE_SPANS);
    put_len(scope.len() + span_field.len(), &mut inner);
    inner.extend_from_slice(scope);
    inner.extend_from_slice(span_field);
    let mut traces_data = vec![RESOURCE_SPANS];
    put_len(inner.len(), &mut traces_data);
    traces_data.extend_from_slice(&inner);
    spans_of(&traces_data).next().map(read)
}

/// Reads what encloses spans.
pub(crate) fn with_origin<T>(
    origin: &Origin,
    read: impl FnOnce(SpanInTrace<'_>) -> T,
) -> Option<T> {
    with_span(&origin.resource, &origin.scope, &EMPTY_SPAN, read)
}

/// The field of a span that tells nothing, in its `ScopeSpans`.
pub(crate) const EMPTY_SPAN: [u8; 2] = [2 << 3 | 2, 0];

#[cfg(test)]
mod tests {
    use super::*;

    fn origin(service: &str, scope: &[u8]) -> Origin {
        let value = [&[0x0a, service.len() as u8], service.as_bytes()].concat();
        let name = [b"\x0a\x0cservice.name\x12", &[value.len() as u8][..], &value].concat();
        let attribute = [&[0x0a, name.len() as u8], &name[..]].concat();
        let resource = [&[0x0a, attribute.len() as u8], &attribute[..]].concat();
        Origin { resource, scope: scope.to_vec(), service: service.to_owned() }
    }

    #[test]
    fn origins_come_back_with_their_services() {
        let origins = [
            origin("cart", b"\x0a\x00"),
            origin("", b""),
            origin("cart", b""),
            Origin { resource: Vec::new(), scope: Vec::new(), service: String::new() },
        ];
        let mut out = Vec::new();
        Origins::new(origins.iter()).put(&mut Packer::new().unwrap(), &mut out);
        let table = OriginTable::get(&out).unwrap();
        assert_eq!(table.len(), 4);
        assert_eq!(table.make(0..4).unwrap(), origins);
        assert_eq!(table.make([2, 2].into_iter()).unwrap()[1], origins[2]);
        let of_cart = table.by_resource(|span| span.resource.service_name() == "cart");
        assert_eq!(of_cart, [true, false, true, false]);
        assert_eq!(table.by_scope(|span| span.scope.name().is_empty()), [true; 4]);
        (0..out.len()).for_each(|end| assert!(OriginTable::get(&out[..end]).is_err()));
    }
}
