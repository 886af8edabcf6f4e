//! Random spans, byte by byte: as encoders write them, or odd in every way that protobuf allows.

use rand::{RngExt, SeedableRng, rngs::StdRng};

/// A field of a message.
struct Field {
    number: u32,
    holds: Holds,
    is_repeated: bool,
}

/// What a field holds.
#[derive(Clone, Copy)]
enum Holds {
    /// Bytes of this length.
    Id(usize),
    Text,
    /// A varint up to this.
    Number(u64),
    Fixed64,
    Fixed32,
    Message(&'static [Field]),
    /// A message of which exactly one field is there, even with a default value; or none.
    OneOf(&'static [Field]),
}

use Holds::{Fixed32, Fixed64, Id, Message, Number, OneOf, Text};

const fn one(number: u32, holds: Holds) -> Field {
    Field { number, holds, is_repeated: false }
}

const fn many(number: u32, holds: Holds) -> Field {
    Field { number, holds, is_repeated: true }
}

// In the order of the proto files.
static SPAN: [Field; 16] = [
    one(1, Id(16)),
    one(2, Id(8)),
    one(3, Text),
    one(4, Id(8)),
    one(16, Fixed32),
    one(5, Text),
    one(6, Number(5)),
    one(7, Fixed64),
    one(8, Fixed64),
    many(9, Message(&KEY_VALUE)),
    one(10, Number(u32::MAX as u64)),
    many(11, Message(&EVENT)),
    one(12, Number(u32::MAX as u64)),
    many(13, Message(&LINK)),
    one(14, Number(u32::MAX as u64)),
    one(15, Message(&STATUS)),
];
static STATUS: [Field; 2] = [one(2, Text), one(3, Number(2))];
static EVENT: [Field; 4] =
    [one(1, Fixed64), one(2, Text), many(3, Message(&KEY_VALUE)), one(4, Number(u32::MAX as u64))];
static LINK: [Field; 6] = [
    one(1, Id(16)),
    one(2, Id(8)),
    one(3, Text),
    many(4, Message(&KEY_VALUE)),
    one(5, Number(u32::MAX as u64)),
    one(6, Fixed32),
];
static KEY_VALUE: [Field; 2] = [one(1, Text), one(2, OneOf(&ANY_VALUE))];
static ANY_VALUE: [Field; 7] = [
    one(1, Text),
    one(2, Number(1)),
    one(3, Number(u64::MAX)),
    one(4, Fixed64),
    one(5, Message(&ARRAY)),
    one(6, Message(&MAP)),
    one(7, Text),
];
static ARRAY: [Field; 1] = [many(1, OneOf(&ANY_VALUE))];
static MAP: [Field; 1] = [many(1, Message(&KEY_VALUE))];

/// Makes spans; the same ones for the same seed.
pub struct Wire {
    random: StdRng,
    is_descending: bool,
    /// One decision in this many is odd; none if zero.
    oddness: usize,
}

impl Wire {
    pub fn new(seed: u64, is_descending: bool, oddness: usize) -> Self {
        Self { random: StdRng::seed_from_u64(seed), is_descending, oddness }
    }

    /// An `ExportTraceServiceRequest` of one to so many spans.
    pub fn request(&mut self, most: usize) -> Vec<u8> {
        let mut request = Vec::new();
        for _ in 0..self.random.random_range(1..=most) {
            let service = ["a", "b"][self.random.random_range(0..2)];
            let name = [&[0x0a, 1][..], service.as_bytes()].concat();
            let attribute = [field(1, b"service.name"), field(2, &name)].concat();
            let mut resource_spans = field(1, &field(1, &attribute));
            let mut scope_spans = field(1, &field(1, service.as_bytes()));
            for _ in 0..self.random.random_range(1..=2) {
                let span = self.message(&SPAN, 0);
                self.len_delimited(2, &span, &mut scope_spans);
            }
            resource_spans.extend(field(2, &scope_spans));
            request.extend(field(1, &resource_spans));
        }
        request
    }

    fn is_odd(&mut self) -> bool {
        self.oddness > 0 && self.random.random_range(0..self.oddness) == 0
    }

    fn message(&mut self, schema: &'static [Field], depth: usize) -> Vec<u8> {
        let mut fields = Vec::new();
        for known in schema {
            // A span needs its ids.
            let is_needed = depth == 0 && known.number <= 2;
            let mut count = match (known.is_repeated, depth) {
                (false, _) => usize::from(is_needed || self.random.random()),
                (true, 0..4) => self.random.random_range(0..4),
                (true, _) => 0,
            };
            count += usize::from(self.is_odd());
            for _ in 0..count {
                fields.push((known.number, self.field(known, is_needed, false, depth)));
            }
        }
        self.joined(fields)
    }

    fn one_of(&mut self, schema: &'static [Field], depth: usize) -> Vec<u8> {
        let mut fields = Vec::new();
        let count = self.random.random_range(0..8).min(1) + usize::from(self.is_odd());
        for _ in 0..count {
            let known = &schema[self.random.random_range(0..schema.len())];
            fields.push((known.number, self.field(known, false, true, depth)));
        }
        self.joined(fields)
    }

    fn joined(&mut self, mut fields: Vec<(u32, Vec<u8>)>) -> Vec<u8> {
        if self.is_descending {
            // Not the fields of one number.
            fields.reverse();
            fields.chunk_by_mut(|a, b| a.0 == b.0).for_each(<[_]>::reverse);
        } else {
            fields.sort_by_key(|(number, _)| *number);
        }
        if self.is_odd() && fields.len() > 1 {
            let from = self.random.random_range(0..fields.len());
            let to = self.random.random_range(0..fields.len());
            fields.swap(from, to);
        }
        if self.is_odd() {
            let at = self.random.random_range(0..=fields.len());
            let unknown = self.unknown();
            fields.insert(at, (0, unknown));
        }
        fields.into_iter().flat_map(|(_, bytes)| bytes).collect()
    }

    fn unknown(&mut self) -> Vec<u8> {
        match self.random.random_range(0..5) {
            0 => vec![0xa0, 0x06, 5],
            1 => vec![0xa2, 0x06, 1, 7],
            2 => vec![0xa3, 0x06, 0x08, 1, 0xa4, 0x06],
            // `string_value_strindex` of a value.
            3 => vec![0x40, 1],
            _ => vec![0xa5, 0x06, 1, 2, 3, 4],
        }
    }

    fn field(
        &mut self,
        field: &Field,
        is_needed: bool,
        may_default: bool,
        depth: usize,
    ) -> Vec<u8> {
        let is_default = may_default && self.random.random_range(0..4) == 0 || self.is_odd();
        let is_default = is_default && !is_needed;
        let (number, mut out) = (field.number, Vec::new());
        match field.holds {
            Id(len) => {
                let id = if is_default || !is_needed && self.random.random() {
                    Vec::new()
                } else {
                    vec![self.random.random_range(1..4); len]
                };
                self.len_delimited(number, &id, &mut out);
            }
            Text => {
                let text = if is_default { String::new() } else { self.text() };
                self.len_delimited(number, text.as_bytes(), &mut out);
            }
            Number(most) => {
                let value = match self.random.random_range(0..3) {
                    _ if is_default => 0,
                    0 => most,
                    _ => self.random.random_range(1..=most.min(300)),
                };
                let value = if self.is_odd() { self.random.random() } else { value };
                self.key(number, 0, &mut out);
                self.varint(value, &mut out);
            }
            Fixed64 => {
                let value: u64 =
                    if is_default { 0 } else { self.random.random_range(1..=u64::MAX) };
                self.key(number, 1, &mut out);
                out.extend(value.to_le_bytes());
            }
            Fixed32 => {
                let value: u32 = if is_default { 0 } else { [1, 0x101, 7][self.below(3)] };
                self.key(number, 5, &mut out);
                out.extend(value.to_le_bytes());
            }
            Message(schema) => {
                let message = self.message(schema, depth + 1);
                self.len_delimited(number, &message, &mut out);
            }
            OneOf(schema) => {
                let message = self.one_of(schema, depth + 1);
                self.len_delimited(number, &message, &mut out);
            }
        }
        out
    }

    fn text(&mut self) -> String {
        let len = [1, 1, 2, 3, 5, 127, 128, 300][self.below(8)];
        (0..len).map(|_| ['a', 'b', 'c', '\u{e9}'][self.below(4)]).collect()
    }

    fn below(&mut self, end: usize) -> usize {
        self.random.random_range(0..end)
    }

    fn len_delimited(&mut self, number: u32, bytes: &[u8], out: &mut Vec<u8>) {
        self.key(number, 2, out);
        self.varint(bytes.len() as u64, out);
        out.extend_from_slice(bytes);
    }

    fn key(&mut self, number: u32, wire_type: u32, out: &mut Vec<u8>) {
        self.varint(u64::from(number << 3 | wire_type), out);
    }

    fn varint(&mut self, value: u64, out: &mut Vec<u8>) {
        put_varint(value, out);
        if self.is_odd() && value < 1 << 56 {
            // Longer than it must be.
            *out.last_mut().expect("a varint has a byte") |= 0x80;
            out.push(0);
        }
    }
}

/// A length-delimited field as encoders write it.
pub fn field(number: u32, bytes: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    put_varint(u64::from(number << 3 | 2), &mut out);
    put_varint(bytes.len() as u64, &mut out);
    out.extend_from_slice(bytes);
    out
}

fn put_varint(mut value: u64, out: &mut Vec<u8>) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}
