//! Reads messages as encoders write them, and no others: each field at its place, no default
//! value told, no number longer than it must be. What is read here can be written again from its
//! values.

use super::Presence;

/// The most attributes of a message, events or links of a span. SDKs stop at 128. Of more, which
/// may be two bytes each, it would take several times as much memory to hold them one by one.
const MOST: usize = 1_024;

/// What is left of a message. All methods give none when the message is not encoded as it should;
/// then nothing that was read counts.
#[derive(Clone, Copy, Debug)]
pub(super) struct Reader<'a>(&'a [u8]);

/// Fields of one number that stand side by side, each with its key, which is one byte.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Run<'a>(&'a [u8]);

/// An id that may not be there; then its bytes are zeros.
#[derive(Clone, Copy, Debug)]
pub(super) struct Id<const N: usize> {
    pub(super) presence: Presence,
    pub(super) bytes: [u8; N],
}

impl<'a> Reader<'a> {
    pub(super) fn new(message: &'a [u8]) -> Self {
        Self(message)
    }

    /// Fine if nothing is left.
    pub(super) fn end(self) -> Option<()> {
        self.0.is_empty().then_some(())
    }

    /// Whether a field with this key is next; its key is read.
    #[inline]
    pub(super) fn has(&mut self, key: u8) -> bool {
        match self.0 {
            [first, rest @ ..] if *first == key => {
                self.0 = rest;
                true
            }
            _ => false,
        }
    }

    /// A varint.
    #[inline]
    pub(super) fn varint(&mut self) -> Option<u64> {
        if let [byte @ 0..0x80, rest @ ..] = self.0 {
            self.0 = rest;
            return Some(u64::from(*byte));
        }
        self.long_varint()
    }

    fn long_varint(&mut self) -> Option<u64> {
        let mut value = 0;
        for (index, byte) in self.0.iter().take(10).enumerate() {
            value |= u64::from(byte & 0x7f) << (7 * index);
            if byte & 0x80 == 0 {
                self.0 = &self.0[index + 1..];
                // The last byte tells something, and the tenth one holds the 64th bit alone.
                return (*byte != 0 && (index < 9 || *byte == 1)).then_some(value);
            }
        }
        None
    }

    /// A length, and as many bytes.
    #[inline]
    pub(super) fn bytes(&mut self) -> Option<&'a [u8]> {
        let len = usize::try_from(self.varint()?).ok()?;
        let (head, rest) = self.0.split_at_checked(len)?;
        self.0 = rest;
        Some(head)
    }

    #[inline]
    pub(super) fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (head, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(*head)
    }

    /// The field with this key as a message, whose bytes may be none.
    #[inline]
    pub(super) fn message(&mut self, key: u8) -> Option<Option<&'a [u8]>> {
        if self.has(key) { self.bytes().map(Some) } else { Some(None) }
    }

    /// The field with this key as text; empty if it is not there.
    #[inline]
    pub(super) fn text(&mut self, key: u8) -> Option<&'a [u8]> {
        match self.message(key)? {
            Some([]) => None,
            text => Some(text.unwrap_or_default()),
        }
    }

    /// The field with this key as a varint of 32 bits; zero if it is not there.
    #[inline]
    pub(super) fn number(&mut self, key: u8) -> Option<u32> {
        if self.has(key) {
            u32::try_from(self.varint()?).ok().filter(|number| *number != 0)
        } else {
            Some(0)
        }
    }

    /// The field with this key as 64 bits; zero if it is not there.
    #[inline]
    pub(super) fn time(&mut self, key: u8) -> Option<u64> {
        if self.has(key) {
            self.array().map(u64::from_le_bytes).filter(|time| *time != 0)
        } else {
            Some(0)
        }
    }

    /// The field with this key, of one byte or two, as 32 bits; zero if it is not there.
    #[inline]
    pub(super) fn fixed32(&mut self, key: &[u8]) -> Option<u32> {
        match self.0.strip_prefix(key) {
            Some(rest) => {
                self.0 = rest;
                self.array().map(u32::from_le_bytes).filter(|number| *number != 0)
            }
            None => Some(0),
        }
    }

    /// The field with this key as an id.
    #[inline]
    pub(super) fn id<const N: usize>(&mut self, key: u8) -> Option<Id<N>> {
        let (presence, bytes) = match self.message(key)? {
            None => (Presence::Absent, [0; N]),
            Some([]) => (Presence::Empty, [0; N]),
            Some(id) => (Presence::Full, id.try_into().ok()?),
        };
        Some(Id { presence, bytes })
    }

    /// All fields with this key that are next, at most [`MOST`].
    #[inline]
    pub(super) fn run(&mut self, key: u8) -> Option<Run<'a>> {
        let mut after = *self;
        let mut count = 0;
        while after.has(key) {
            after.bytes()?;
            count += 1;
        }
        let run = Run(&self.0[..self.0.len() - after.0.len()]);
        *self = after;
        (count <= MOST).then_some(run)
    }
}

impl Run<'_> {
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl<'a> Iterator for Run<'a> {
    type Item = &'a [u8];

    #[inline]
    fn next(&mut self) -> Option<&'a [u8]> {
        // That all fields are whole was seen when the run was read.
        let mut reader = Reader(self.0.get(1..)?);
        let message = reader.bytes();
        self.0 = reader.0;
        message
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_read_only_at_their_shortest() {
        let cases: [(&[u8], Option<u64>); 9] = [
            (&[0], Some(0)),
            (&[0x7f], Some(127)),
            (&[0x80, 1], Some(128)),
            (&[0x80, 0], None),
            (&[0x81, 0x80, 0], None),
            (&[0x80], None),
            (&[], None),
            (&[0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1], Some(u64::MAX)),
            (&[0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 3], None),
        ];
        for (bytes, expected) in cases {
            assert_eq!(Reader::new(bytes).varint(), expected, "{bytes:?}");
        }
    }

    #[test]
    fn defaults_are_not_told() {
        assert_eq!(Reader::new(&[0x0a, 0]).text(0x0a), None);
        assert_eq!(Reader::new(&[0x10, 0]).number(0x10), None);
        assert_eq!(Reader::new(&[0x39, 0, 0, 0, 0, 0, 0, 0, 0]).time(0x39), None);
        assert_eq!(Reader::new(&[0x35, 0, 0, 0, 0]).fixed32(&[0x35]), None);
        assert_eq!(Reader::new(&[0x0a, 0]).message(0x0a), Some(Some(&[][..])));
        let id = Reader::new(&[0x0a, 0]).id::<8>(0x0a).unwrap();
        assert_eq!((id.presence, id.bytes), (Presence::Empty, [0; 8]));
    }

    #[test]
    fn a_run_ends_at_another_field() {
        let mut reader = Reader::new(&[0x0a, 0, 0x0a, 2, 0x0a, 7, 0x12, 0]);
        let run = reader.run(0x0a).unwrap();
        assert_eq!(run.collect::<Vec<_>>(), [&[][..], &[0x0a, 7]]);
        assert!(reader.has(0x12));
        assert!(Reader::new(&[0x0a, 0, 0x0a, 2, 0]).run(0x0a).is_none());
    }
}
