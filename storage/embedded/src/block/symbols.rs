//! Numbers as symbols of one byte, and bits beside them.

/// A way to make symbols of numbers, and numbers of symbols.
pub(crate) trait Symbols {
    /// The number's symbol, and how many of the lowest bits of its magnitude stand beside it.
    fn symbol(value: u64) -> (u8, u32);

    /// What the bits beside its symbol are taken from.
    fn magnitude(value: u64) -> u64;

    /// The number of a symbol; `bits` gives those beside it. None if no number has this symbol.
    fn value(symbol: u8, bits: impl FnOnce(u32) -> u64) -> Option<u64>;
}

/// The symbols below this are numbers themselves; beside the others there are bits.
pub(crate) const DIRECT: u8 = 128;

/// There is no symbol from here on.
const END: u8 = 242;

/// How many bits stand beside a symbol, of either way.
#[inline]
pub(crate) fn bits_beside(symbol: u8) -> u32 {
    if symbol < DIRECT { 0 } else { u32::from(symbol - DIRECT) / 2 + 6 }
}

/// Numbers below 128 are their own symbols. Beyond, a symbol tells the position of the highest
/// bit, 7 to 63, and the bit below it.
pub(crate) struct Unsigned;

impl Symbols for Unsigned {
    #[inline]
    fn symbol(value: u64) -> (u8, u32) {
        if value < u64::from(DIRECT) {
            return (value as u8, 0);
        }
        let highest = value.ilog2();
        let second = (value >> (highest - 1) & 1) as u8;
        (DIRECT + 2 * (highest - 7) as u8 + second, highest - 1)
    }

    #[inline]
    fn magnitude(value: u64) -> u64 {
        value
    }

    #[inline]
    fn value(symbol: u8, bits: impl FnOnce(u32) -> u64) -> Option<u64> {
        match symbol {
            0..DIRECT => Some(symbol.into()),
            DIRECT..END => {
                let extra = bits_beside(symbol);
                Some((u64::from(symbol) & 1 | 2) << extra | bits(extra))
            }
            END.. => None,
        }
    }
}

/// Numbers from -64 to 63, read as two's complement, are symbols below 128: 0, -1, 1, -2 and so
/// on. Beyond, a symbol tells the position of the magnitude's highest bit, 6 to 62, and the sign.
pub(crate) struct Signed;

impl Symbols for Signed {
    #[inline]
    fn symbol(value: u64) -> (u8, u32) {
        let signed = value.cast_signed();
        if (-64..64).contains(&signed) {
            return ((signed << 1 ^ signed >> 63) as u8, 0);
        }
        let highest = Self::magnitude(value).ilog2();
        (DIRECT + 2 * (highest - 6) as u8 + u8::from(signed < 0), highest)
    }

    /// Of a negative number its bits inverted, so that each has one: -1 is 0.
    #[inline]
    fn magnitude(value: u64) -> u64 {
        value ^ (value.cast_signed() >> 63).cast_unsigned()
    }

    #[inline]
    fn value(symbol: u8, bits: impl FnOnce(u32) -> u64) -> Option<u64> {
        let (magnitude, is_negative) = match symbol {
            0..DIRECT => (u64::from(symbol) >> 1, symbol & 1 == 1),
            DIRECT..END => {
                let extra = bits_beside(symbol);
                (1 << extra | bits(extra), symbol & 1 == 1)
            }
            END.. => return None,
        };
        Some(if is_negative { !magnitude } else { magnitude })
    }
}
