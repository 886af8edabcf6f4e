//! Protobuf's wire format, borrowed: fields are slices of the message they were read from.

/// What is wrong with bytes that are not the protobuf message they should be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum WireError {
    /// The bytes end inside a field.
    Truncated,
    /// A varint is longer than 64 bits.
    VarintOverflow,
    /// A field has the number 0 or one beyond 2^29 - 1.
    FieldNumber,
    /// A field has a wire type that its message does not give it, or one that does not exist.
    WireType,
    /// A string is not UTF-8.
    Utf8,
    /// Messages or groups are nested deeper than [`MAX_DEPTH`].
    TooDeep,
}

impl std::fmt::Display for WireError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Truncated => "a field ends beyond its message",
            Self::VarintOverflow => "a varint is longer than 64 bits",
            Self::FieldNumber => "a field number is out of range",
            Self::WireType => "a field has an unexpected wire type",
            Self::Utf8 => "a string is not utf-8",
            Self::TooDeep => "messages are nested too deep",
        })
    }
}

impl std::error::Error for WireError {}

/// How deep a span, a resource or a scope may nest messages. Protobuf readers stop at 100 levels
/// below the outermost message, and a span is the fourth level of an export request.
pub const MAX_DEPTH: usize = 96;

/// How a field's value is written; the lower bits of its key.
pub(super) mod wire_type {
    pub(crate) const VARINT: u64 = 0;
    pub(crate) const FIXED64: u64 = 1;
    pub(crate) const LEN: u64 = 2;
    pub(crate) const GROUP: u64 = 3;
    pub(crate) const GROUP_END: u64 = 4;
    pub(crate) const FIXED32: u64 = 5;
}

/// One field's value.
#[derive(Clone, Copy, Debug)]
pub enum Value<'a> {
    /// Wire type 0.
    Varint(u64),
    /// Wire type 1.
    Fixed64(u64),
    /// Wire type 2: a string, bytes or a message.
    Len(&'a [u8]),
    /// Wire type 5.
    Fixed32(u32),
    /// Wire types 3 and 4: a whole group, which OTLP has none of.
    Group,
}

/// One field of a message.
#[derive(Clone, Copy, Debug)]
pub struct Field<'a> {
    /// The field's number.
    pub number: u32,
    /// The field's value.
    pub value: Value<'a>,
    /// The field as it stands in the message, key included.
    pub raw: &'a [u8],
}

/// Reads the fields of a message in order. After an error it ends.
#[derive(Clone, Debug)]
pub struct Fields<'a> {
    rest: &'a [u8],
    depth: usize,
}

impl<'a> Fields<'a> {
    /// The fields of `message`.
    pub fn of(message: &'a [u8]) -> Self {
        Self::within(message, MAX_DEPTH)
    }

    /// The fields of `message`, whose groups may be nested as deep as told.
    pub(crate) fn within(message: &'a [u8], depth: usize) -> Self {
        Self { rest: message, depth }
    }

    #[inline]
    fn read(&mut self) -> Result<Field<'a>, WireError> {
        let start = self.rest;
        let (number, wire_type) = self.key()?;
        let value = match wire_type {
            wire_type::VARINT => Value::Varint(self.varint()?),
            wire_type::FIXED64 => Value::Fixed64(u64::from_le_bytes(self.array()?)),
            wire_type::LEN => Value::Len(self.len_delimited()?),
            wire_type::GROUP => self.skip_group(number, self.depth).map(|()| Value::Group)?,
            wire_type::FIXED32 => Value::Fixed32(u32::from_le_bytes(self.array()?)),
            _ => return Err(WireError::WireType),
        };
        Ok(Field { number, value, raw: &start[..start.len() - self.rest.len()] })
    }

    /// The number and the wire type of the next field, whose value is to be read next; none at
    /// the end.
    #[inline]
    pub(super) fn next_key(&mut self) -> Result<Option<(u32, u64)>, WireError> {
        if self.rest.is_empty() { Ok(None) } else { self.key().map(Some) }
    }

    #[inline]
    fn key(&mut self) -> Result<(u32, u64), WireError> {
        let key = self.varint()?;
        match u32::try_from(key >> 3) {
            Ok(number @ 1..=0x1fff_ffff) => Ok((number, key & 7)),
            _ => Err(WireError::FieldNumber),
        }
    }

    #[inline]
    fn varint(&mut self) -> Result<u64, WireError> {
        if let [byte @ 0..0x80, rest @ ..] = self.rest {
            self.rest = rest;
            return Ok(u64::from(*byte));
        }
        let mut value = 0;
        for (index, byte) in self.rest.iter().take(10).enumerate() {
            value |= u64::from(byte & 0x7f) << (7 * index);
            if byte & 0x80 == 0 {
                // The tenth byte holds the 64th bit alone.
                if index == 9 && *byte > 1 {
                    return Err(WireError::VarintOverflow);
                }
                self.rest = &self.rest[index + 1..];
                return Ok(value);
            }
        }
        Err(if self.rest.len() < 10 { WireError::Truncated } else { WireError::VarintOverflow })
    }

    #[inline]
    fn array<const N: usize>(&mut self) -> Result<[u8; N], WireError> {
        let (head, rest) = self.rest.split_first_chunk().ok_or(WireError::Truncated)?;
        self.rest = rest;
        Ok(*head)
    }

    /// A length, and as many bytes.
    #[inline]
    pub(super) fn len_delimited(&mut self) -> Result<&'a [u8], WireError> {
        let len = usize::try_from(self.varint()?).map_err(|_| WireError::Truncated)?;
        let (head, rest) = self.rest.split_at_checked(len).ok_or(WireError::Truncated)?;
        self.rest = rest;
        Ok(head)
    }

    fn skip_group(&mut self, number: u32, depth: usize) -> Result<(), WireError> {
        let depth = depth.checked_sub(1).ok_or(WireError::TooDeep)?;
        loop {
            match self.key()? {
                (inner, wire_type::GROUP_END) if inner == number => return Ok(()),
                (inner, wire_type) => self.skip_value(inner, wire_type, depth)?,
            }
        }
    }

    /// Passes over the value of a field, whose groups may be nested as deep as told.
    #[inline]
    pub(super) fn skip_value(
        &mut self,
        number: u32,
        wire_type: u64,
        depth: usize,
    ) -> Result<(), WireError> {
        match wire_type {
            wire_type::VARINT => self.varint().map(drop),
            wire_type::FIXED64 => self.array::<8>().map(drop),
            wire_type::LEN => self.len_delimited().map(drop),
            wire_type::GROUP => self.skip_group(number, depth),
            wire_type::FIXED32 => self.array::<4>().map(drop),
            _ => Err(WireError::WireType),
        }
    }
}

impl<'a> Iterator for Fields<'a> {
    type Item = Result<Field<'a>, WireError>;

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        if self.rest.is_empty() {
            return None;
        }
        let field = self.read();
        if field.is_err() {
            self.rest = &[];
        }
        Some(field)
    }
}

/// The number of bytes that `value` takes as a varint.
pub fn varint_len(value: usize) -> usize {
    // One byte for every seven bits, and one for zero.
    ((value | 1).ilog2() as usize) / 7 + 1
}

/// Appends `value` as a varint.
pub fn put_varint(mut value: usize, out: &mut Vec<u8>) {
    while value >= 0x80 {
        out.push((value as u8) | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_agree_with_what_is_written() {
        for value in [0, 1, 127, 128, 16_383, 16_384, 1 << 21, 1 << 28, usize::MAX] {
            let mut out = Vec::new();
            put_varint(value, &mut out);
            assert_eq!(out.len(), varint_len(value), "{value}");
            assert_eq!(Fields::of(&out).varint(), Ok(value as u64));
        }
    }

    #[test]
    fn broken_fields_are_errors_and_end_the_message() {
        let cases: [(&[u8], WireError); 8] = [
            (&[0x0a], WireError::Truncated),
            (&[0x0a, 5, 1], WireError::Truncated),
            (&[0x09, 1, 2], WireError::Truncated),
            (&[0x00, 1], WireError::FieldNumber),
            (&[0x0e, 1], WireError::WireType),
            (&[0x0c], WireError::WireType),
            (&[0x0b, 0x08, 1], WireError::Truncated),
            (&[0xff; 11], WireError::VarintOverflow),
        ];
        for (bytes, expected) in cases {
            let mut fields = Fields::of(bytes);
            assert_eq!(fields.next().map(|field| field.map(drop)), Some(Err(expected)));
            assert!(fields.next().is_none());
        }
    }

    #[test]
    fn groups_are_skipped_whole() {
        let bytes = [0x0b, 0x13, 0x08, 7, 0x14, 0x0c, 0x10, 9];
        let fields: Vec<_> = Fields::of(&bytes).collect::<Result<_, _>>().unwrap();
        assert_eq!(fields[0].raw.len(), 6);
        assert!(matches!(fields[1], Field { number: 2, value: Value::Varint(9), .. }));
    }

    #[test]
    fn groups_nested_too_deep_are_refused() {
        let mut bytes = vec![0x0b; MAX_DEPTH + 1];
        bytes.extend(vec![0x0c; MAX_DEPTH + 1]);
        assert_eq!(Fields::of(&bytes).next().unwrap().map(drop), Err(WireError::TooDeep));
    }
}
