//! Checked reading of bytes that may be damaged, and the writing that it mirrors.

/// What is wrong with bytes that cannot be decoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Invalid(pub(crate) &'static str);

/// Bytes, read front to back.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Input<'a> {
    rest: &'a [u8],
}

impl<'a> Input<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }

    pub(crate) fn remaining(&self) -> usize {
        self.rest.len()
    }

    pub(crate) fn take(&mut self, len: usize) -> Result<&'a [u8], Invalid> {
        let (head, rest) = self.rest.split_at_checked(len).ok_or(Invalid("it ends early"))?;
        self.rest = rest;
        Ok(head)
    }

    pub(crate) fn array<const N: usize>(&mut self) -> Result<[u8; N], Invalid> {
        let (head, rest) = self.rest.split_first_chunk().ok_or(Invalid("it ends early"))?;
        self.rest = rest;
        Ok(*head)
    }

    pub(crate) fn u8(&mut self) -> Result<u8, Invalid> {
        self.array().map(|[byte]| byte)
    }

    pub(crate) fn u32(&mut self) -> Result<u32, Invalid> {
        self.array().map(u32::from_le_bytes)
    }

    pub(crate) fn varint(&mut self) -> Result<u64, Invalid> {
        let mut value = 0;
        for shift in (0..70).step_by(7) {
            let byte = self.u8()?;
            // The tenth byte holds the 64th bit alone.
            if shift == 63 && byte > 1 {
                break;
            }
            value |= u64::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return Ok(value);
            }
        }
        Err(Invalid("a number is longer than 64 bits"))
    }

    pub(crate) fn varint_u32(&mut self) -> Result<u32, Invalid> {
        u32::try_from(self.varint()?).map_err(|_| Invalid("a number is longer than 32 bits"))
    }

    /// A number of things, of which there can be this many at most.
    pub(crate) fn count(&mut self, most: usize) -> Result<usize, Invalid> {
        match usize::try_from(self.varint()?) {
            Ok(count) if count <= most => Ok(count),
            _ => Err(Invalid("a count is beyond its limit")),
        }
    }

    /// Fails if anything is left.
    pub(crate) fn end(self) -> Result<(), Invalid> {
        if self.rest.is_empty() { Ok(()) } else { Err(Invalid("it goes on after its end")) }
    }
}

pub(crate) fn put_varint(value: impl Into<u64>, out: &mut Vec<u8>) {
    let mut value = value.into();
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

/// A length as a varint. Nothing is longer than 64 bits can tell.
pub(crate) fn put_len(len: usize, out: &mut Vec<u8>) {
    put_varint(len as u64, out);
}

/// Makes small numbers of those near zero, below it and above.
pub(crate) fn zigzag(difference: i64) -> u64 {
    (difference << 1 ^ difference >> 63).cast_unsigned()
}

/// What [`zigzag`] made the number of.
pub(crate) fn unzigzag(value: u64) -> i64 {
    (value >> 1).cast_signed() ^ -((value & 1).cast_signed())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_come_back() {
        let mut out = Vec::new();
        let numbers = [0, 1, 127, 128, 1 << 32, u64::MAX];
        numbers.iter().for_each(|number| put_varint(*number, &mut out));
        let mut input = Input::new(&out);
        numbers.iter().for_each(|number| assert_eq!(input.varint(), Ok(*number)));
        assert_eq!(input.end(), Ok(()));
        for difference in [0, 1, -1, i64::MAX, i64::MIN] {
            assert_eq!(unzigzag(zigzag(difference)), difference);
        }
    }

    #[test]
    fn what_ends_early_or_is_too_long_is_refused() {
        assert!(Input::new(&[0x80]).varint().is_err());
        assert!(Input::new(&[0xff; 10]).varint().is_err());
        assert!(Input::new(&[0xff; 6]).varint_u32().is_err());
        assert!(Input::new(&[1, 2, 3]).u32().is_err());
        assert!(Input::new(&[1, 2, 3]).take(4).is_err());
        assert!(Input::new(&[9]).count(8).is_err());
        assert!(Input::new(&[1]).end().is_err());
    }
}
