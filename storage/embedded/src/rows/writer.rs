//! Writes messages as encoders do: what [`super::canonical`] reads.

use spoor_store::otlp::wire::{put_varint, varint_len};

use super::Presence;

/// Appends fields to a message. Defaults are left out.
pub(super) struct Writer<'o>(pub(super) &'o mut Vec<u8>);

impl Writer<'_> {
    /// A message, which may be empty. `len_bytes` is how many bytes its length is expected to
    /// take; if it takes others, the message is moved.
    #[inline]
    pub(super) fn message<E>(
        &mut self,
        key: u8,
        len_bytes: usize,
        write: impl FnOnce(&mut Writer<'_>) -> Result<(), E>,
    ) -> Result<(), E> {
        let out = &mut *self.0;
        out.push(key);
        let len_at = out.len();
        out.resize(len_at + len_bytes, 0);
        let start = out.len();
        write(&mut Writer(out))?;
        let len = out.len() - start;
        if varint_len(len) != len_bytes {
            make_room(out, start, len_at + varint_len(len));
        }
        put_varint_at(len, &mut out[len_at..]);
        Ok(())
    }

    /// The key and the length of what is put next.
    #[inline]
    pub(super) fn header(&mut self, key: u8, len: usize) {
        self.0.push(key);
        put_varint(len, self.0);
    }

    /// Bytes, which may be none.
    #[inline]
    pub(super) fn bytes(&mut self, key: u8, bytes: &[u8]) {
        self.header(key, bytes.len());
        self.0.extend_from_slice(bytes);
    }

    #[inline]
    pub(super) fn text(&mut self, key: u8, text: &[u8]) {
        if !text.is_empty() {
            self.bytes(key, text);
        }
    }

    /// A varint, which may be zero.
    #[inline]
    pub(super) fn varint(&mut self, key: u8, value: u64) {
        self.0.push(key);
        let mut rest = value;
        while rest >= 0x80 {
            self.0.push(rest as u8 | 0x80);
            rest >>= 7;
        }
        self.0.push(rest as u8);
    }

    #[inline]
    pub(super) fn number(&mut self, key: u8, number: u32) {
        if number != 0 {
            self.varint(key, u64::from(number));
        }
    }

    /// 64 bits, which may be zero.
    #[inline]
    pub(super) fn fixed64(&mut self, key: u8, value: u64) {
        self.0.push(key);
        self.0.extend_from_slice(&value.to_le_bytes());
    }

    #[inline]
    pub(super) fn time(&mut self, key: u8, time: u64) {
        if time != 0 {
            self.fixed64(key, time);
        }
    }

    #[inline]
    pub(super) fn fixed32(&mut self, key: &[u8], value: u32) {
        if value != 0 {
            self.0.extend_from_slice(key);
            self.0.extend_from_slice(&value.to_le_bytes());
        }
    }

    #[inline]
    pub(super) fn id(&mut self, key: u8, presence: Presence, id: &[u8]) {
        match presence {
            Presence::Absent => {}
            Presence::Empty => self.bytes(key, &[]),
            Presence::Full => self.bytes(key, id),
        }
    }
}

/// Moves what is behind `from` so that it starts at `to`.
fn make_room(out: &mut Vec<u8>, from: usize, to: usize) {
    let end = out.len();
    if to > from {
        out.resize(end + to - from, 0);
    }
    out.copy_within(from..end, to);
    out.truncate(end + to - from);
}

fn put_varint_at(mut value: usize, out: &mut [u8]) {
    for byte in out {
        *byte = value as u8 & 0x7f;
        value >>= 7;
        if value == 0 {
            return;
        }
        *byte |= 0x80;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_of_any_length_gets_the_shortest_header() {
        for len in [0, 1, 127, 128, 16_383, 16_384, 1 << 21] {
            for expected in 1..=3 {
                let mut out = vec![9];
                let body = vec![7; len];
                Writer(&mut out)
                    .message(0x12, expected, |w| {
                        w.0.extend_from_slice(&body);
                        Ok::<_, ()>(())
                    })
                    .unwrap();
                let mut plain = vec![9];
                Writer(&mut plain).bytes(0x12, &body);
                assert_eq!(out, plain, "{len}");
            }
        }
    }
}
