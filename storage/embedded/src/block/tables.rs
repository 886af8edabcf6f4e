//! What the codes of templates stand for inside a block.
//!
//! ```text
//! varint  the length of what follows, decompressed
//! packed  it:
//!     varint  the number of keys; each: varint its length, its bytes
//!     varint  the number of slots; each: varint the key's number, u8 the values' type
//!     varint  the number of templates of spans; each:
//!         varint  bits: 0 raw, 1 fields descend, 2 status, 3 status with text, 4 and 5 parent,
//!                 6 trace state, 7 to 9 dropped, 10 events, 11 links
//!         u8      the kind, and 16 times the status code
//!         varint  flags
//!         slots   varint their number, varint each
//!     varint  the number of templates of events; each:
//!         varint  bits: 0 dropped
//!         slots
//!     varint  the number of templates of links; each:
//!         varint  bits: 0 dropped, 1 trace state, 2 and 3 trace id, 4 and 5 span id
//!         slots
//! ```

use std::collections::HashMap;

use super::bytes::{Input, Invalid, put_len, put_varint};
use super::packed::{self, Packed, Packer};
use crate::rows::{
    EventTemplate, FieldOrder, Level, LinkTemplate, Presence, Slot, Status, Template, ValueKind,
};

/// A compressed body is up to this long, or [`GREATEST_RATIO`] times what is stored of it: in memory
/// it takes many times its length, which a few bytes must not bring about.
const MOST_BY_A_FEW_BYTES: usize = 1 << 20;
const GREATEST_RATIO: usize = 32;

/// What codes stand for. The key of a slot is the key's number here.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Tables {
    pub(crate) keys: Vec<Vec<u8>>,
    pub(crate) slots: Vec<Slot>,
    pub(crate) spans: Vec<Shaped<Template>>,
    pub(crate) events: Vec<Shaped<EventTemplate>>,
    pub(crate) links: Vec<Shaped<LinkTemplate>>,
}

/// A template, with the numbers of its attributes' slots.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Shaped<T> {
    pub(crate) template: T,
    pub(crate) slots: Vec<u32>,
}

impl<T> Shaped<T> {
    /// How many values of this slot it has: a key may be there more than once.
    pub(crate) fn values(&self, slot: u32) -> usize {
        self.slots.iter().filter(|own| **own == slot).count()
    }

    /// Whether it has several values of one slot.
    pub(crate) fn has_slot_twice(&self) -> bool {
        self.slots.iter().enumerate().any(|(index, slot)| self.slots[..index].contains(slot))
    }
}

impl Tables {
    /// The slots of the template with this code; none if there is no such template.
    pub(crate) fn slots_of(&self, level: Level, template: u32) -> &[u32] {
        let template = template as usize;
        match level {
            Level::Span => self.spans.get(template).map(|shaped| &shaped.slots[..]),
            Level::Event => self.events.get(template).map(|shaped| &shaped.slots[..]),
            Level::Link => self.links.get(template).map(|shaped| &shaped.slots[..]),
        }
        .unwrap_or_default()
    }

    pub(crate) fn put(&self, packer: &mut Packer, out: &mut Vec<u8>) {
        let mut body = Vec::new();
        put_len(self.keys.len(), &mut body);
        for key in &self.keys {
            put_len(key.len(), &mut body);
            body.extend_from_slice(key);
        }
        put_len(self.slots.len(), &mut body);
        for slot in &self.slots {
            put_varint(slot.key, &mut body);
            body.push(slot.kind as u8);
        }
        put_len(self.spans.len(), &mut body);
        for span in &self.spans {
            put_template(span, &mut body);
        }
        put_len(self.events.len(), &mut body);
        for Shaped { template, slots } in &self.events {
            body.push(u8::from(template.has_dropped));
            put_slots(slots, &mut body);
        }
        put_len(self.links.len(), &mut body);
        for Shaped { template, slots } in &self.links {
            let flags = [(template.has_dropped, 0), (template.has_trace_state, 1)];
            let presence = (template.trace_id as u8) << 2 | (template.span_id as u8) << 4;
            body.push(bits(&flags) as u8 | presence);
            put_slots(slots, &mut body);
        }
        let start = out.len();
        put_len(body.len(), out);
        let packed = out.len();
        packer.put(&body, out);
        if body.len() > most_unpacked(out.len() - start) {
            out.truncate(packed);
            packed::put_plain(&body, out);
        }
    }

    pub(crate) fn get(bytes: &[u8]) -> Result<Self, Invalid> {
        let mut input = Input::new(bytes);
        let len = input.count(most_unpacked(bytes.len()))?;
        let body = Packed::get(&mut input)?.unpack(len)?;
        input.end()?;
        let mut input = Input::new(&body);
        let input = &mut input;
        let keys = list(input, |input| {
            let len = input.count(body.len())?;
            input.take(len).map(<[u8]>::to_vec)
        })?;
        let slots = list(input, |input| {
            let key = input.varint_u32()?;
            let kind = ValueKind::from_number(input.u8()?);
            match kind {
                Some(kind) if (key as usize) < keys.len() => Ok(Slot { key, kind }),
                _ => Err(Invalid("a slot has no key or no type")),
            }
        })?;
        let spans = list(input, |input| get_template(input, &slots))?;
        let events = list(input, |input| {
            let bits = input.varint()?;
            let (numbers, attributes) = get_slots(input, &slots)?;
            let template = EventTemplate { has_dropped: has(bits, 0), attributes };
            Ok(Shaped { template, slots: numbers })
        })?;
        let links = list(input, |input| {
            let bits = input.varint()?;
            let (numbers, attributes) = get_slots(input, &slots)?;
            let template = LinkTemplate {
                has_dropped: has(bits, 0),
                has_trace_state: has(bits, 1),
                trace_id: presence(bits >> 2)?,
                span_id: presence(bits >> 4)?,
                attributes,
            };
            Ok(Shaped { template, slots: numbers })
        })?;
        input.end()?;
        Ok(Self { keys, slots, spans, events, links })
    }
}

/// The most bytes of a body of which so many are stored.
fn most_unpacked(stored: usize) -> usize {
    stored.saturating_mul(GREATEST_RATIO).max(MOST_BY_A_FEW_BYTES)
}

fn put_template(Shaped { template, slots }: &Shaped<Template>, body: &mut Vec<u8>) {
    let status = template.status.unwrap_or_default();
    let flags = [
        (template.is_raw, 0),
        (template.order == FieldOrder::Descending, 1),
        (template.status.is_some(), 2),
        (status.has_message, 3),
        (template.has_trace_state, 6),
        (template.dropped[0], 7),
        (template.dropped[1], 8),
        (template.dropped[2], 9),
        (template.has_events, 10),
        (template.has_links, 11),
    ];
    put_varint(bits(&flags) | (template.parent as u32) << 4, body);
    body.push(template.kind | status.code << 4);
    put_varint(template.flags, body);
    put_slots(slots, body);
}

fn get_template(input: &mut Input<'_>, known: &[Slot]) -> Result<Shaped<Template>, Invalid> {
    let bits = input.varint()?;
    let kind_and_code = input.u8()?;
    let flags = input.varint_u32()?;
    let (slots, attributes) = get_slots(input, known)?;
    let status = Status { code: kind_and_code >> 4, has_message: has(bits, 3) };
    let template = Template {
        is_raw: has(bits, 0),
        order: FieldOrder::from_number(has(bits, 1).into()).unwrap_or_default(),
        kind: kind_and_code & 15,
        flags,
        status: has(bits, 2).then_some(status),
        parent: presence(bits >> 4)?,
        has_trace_state: has(bits, 6),
        dropped: [has(bits, 7), has(bits, 8), has(bits, 9)],
        has_events: has(bits, 10),
        has_links: has(bits, 11),
        attributes,
    };
    Ok(Shaped { template, slots })
}

fn put_slots(slots: &[u32], body: &mut Vec<u8>) {
    put_len(slots.len(), body);
    slots.iter().for_each(|slot| put_varint(*slot, body));
}

/// The numbers of slots, and the slots.
fn get_slots(input: &mut Input<'_>, known: &[Slot]) -> Result<(Vec<u32>, Vec<Slot>), Invalid> {
    let numbers = list(input, Input::varint_u32)?;
    let slot = |number: &u32| known.get(*number as usize).copied();
    let slots: Option<_> = numbers.iter().map(slot).collect();
    Ok((numbers, slots.ok_or(Invalid("a template has a slot that is not there"))?))
}

/// As many as a number in front of them tells. Each takes a byte at least.
fn list<'a, T>(
    input: &mut Input<'a>,
    mut get: impl FnMut(&mut Input<'a>) -> Result<T, Invalid>,
) -> Result<Vec<T>, Invalid> {
    let count = input.count(input.remaining())?;
    (0..count).map(|_| get(input)).collect()
}

fn bits(flags: &[(bool, u32)]) -> u32 {
    flags.iter().map(|(is_set, bit)| u32::from(*is_set) << bit).sum()
}

fn has(bits: u64, bit: u32) -> bool {
    bits >> bit & 1 == 1
}

fn presence(bits: u64) -> Result<Presence, Invalid> {
    Presence::from_number((bits & 3) as u8).ok_or(Invalid("an id is there in no known way"))
}

/// Numbers slots by their key and type, in the order of first use.
#[derive(Debug, Default)]
pub(crate) struct SlotNumbers {
    keys: HashMap<Vec<u8>, u32>,
    numbers: HashMap<(u32, ValueKind), u32>,
}

impl SlotNumbers {
    /// The numbers of these slots, whose keys' texts `text` gives. New ones are added to `tables`.
    pub(crate) fn of<'t>(
        &mut self,
        slots: &[Slot],
        text: impl Fn(u32) -> &'t [u8],
        tables: &mut Tables,
    ) -> Vec<u32> {
        let number = |slot: &Slot| {
            let key_text = text(slot.key);
            let key = match self.keys.get(key_text) {
                Some(key) => *key,
                None => {
                    let key = tables.keys.len() as u32;
                    self.keys.insert(key_text.to_vec(), key);
                    tables.keys.push(key_text.to_vec());
                    key
                }
            };
            *self.numbers.entry((key, slot.kind)).or_insert_with(|| {
                tables.slots.push(Slot { key, kind: slot.kind });
                tables.slots.len() as u32 - 1
            })
        };
        slots.iter().map(number).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tables() -> Tables {
        let texts: [&[u8]; 3] = [b"a", b"", b"key"];
        let mut tables = Tables::default();
        let mut numbers = SlotNumbers::default();
        let attributes = [(2, ValueKind::Int), (0, ValueKind::Absent), (2, ValueKind::Int)]
            .map(|(key, kind)| Slot { key, kind });
        let slots = numbers.of(&attributes, |key| texts[key as usize], &mut tables);
        assert_eq!(slots, [0, 1, 0]);
        let attributes: Vec<_> = slots.iter().map(|slot| tables.slots[*slot as usize]).collect();
        tables.spans.push(Shaped { template: Template::default(), slots: Vec::new() });
        tables.spans.push(Shaped {
            template: Template {
                is_raw: true,
                order: FieldOrder::Descending,
                kind: 5,
                flags: u32::MAX,
                status: Some(Status { code: 2, has_message: true }),
                parent: Presence::Full,
                has_trace_state: true,
                dropped: [true, false, true],
                has_events: true,
                has_links: true,
                attributes: attributes.clone(),
            },
            slots: slots.clone(),
        });
        tables.events.push(Shaped {
            template: EventTemplate { has_dropped: true, attributes: attributes.clone() },
            slots: slots.clone(),
        });
        tables.links.push(Shaped {
            template: LinkTemplate {
                trace_id: Presence::Empty,
                span_id: Presence::Full,
                has_trace_state: true,
                has_dropped: false,
                attributes,
            },
            slots,
        });
        tables
    }

    #[test]
    fn tables_come_back() {
        for tables in [Tables::default(), tables()] {
            let mut out = Vec::new();
            tables.put(&mut Packer::new().unwrap(), &mut out);
            assert_eq!(Tables::get(&out), Ok(tables));
        }
    }

    #[test]
    fn a_few_bytes_that_tell_of_many_keys_are_refused() {
        // Keys without a byte, and no slots or templates.
        let body = |keys: usize| {
            let mut body = Vec::new();
            put_len(keys, &mut body);
            body.resize(body.len() + keys + 4, 0);
            body
        };
        for (keys, is_read) in [(1_000_000, true), (1_100_000, false)] {
            let body = body(keys);
            let mut out = Vec::new();
            put_len(body.len(), &mut out);
            Packer::new().unwrap().put(&body, &mut out);
            assert!(out.len() < 1_000);
            assert_eq!(Tables::get(&out).is_ok(), is_read, "{keys}");
        }
    }

    #[test]
    fn large_tables_that_could_be_made_very_small_come_back() {
        let tables = Tables { keys: vec![vec![b'k'; 100]; 30_000], ..Tables::default() };
        let mut out = Vec::new();
        tables.put(&mut Packer::new().unwrap(), &mut out);
        assert_eq!(Tables::get(&out), Ok(tables));
    }

    #[test]
    fn every_prefix_and_every_other_byte_is_an_error_or_tables() {
        let mut good = Vec::new();
        tables().put(&mut Packer::new().unwrap(), &mut good);
        (0..good.len()).for_each(|end| assert!(Tables::get(&good[..end]).is_err()));
        for place in 0..good.len() {
            for byte in 0..=u8::MAX {
                let mut bytes = good.clone();
                bytes[place] = byte;
                drop(Tables::get(&bytes));
            }
        }
    }
}
