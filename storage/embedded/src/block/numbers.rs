//! Whole numbers that are being read: all at once, or some of them.

use super::bits::BitReader;
use super::bytes::{Input, Invalid};
use super::ints::{CODED, MOST_THOUSANDS, PLANES, SAME, SIGNED, SYMBOLS};
use super::packed::Packed;
use super::symbols::{DIRECT, Signed, Symbols, Unsigned, bits_beside};

/// The numbers of a column, which [`super::ints`] wrote.
#[derive(Debug)]
pub(crate) enum Numbers {
    /// All the same.
    Same(u64, usize),
    /// As symbols.
    Symbols(SymbolNumbers),
    /// The different numbers, and for each number which of them.
    Coded(Vec<u64>, Box<Numbers>),
    /// As they are.
    All(Vec<u64>),
}

/// Numbers as symbols.
#[derive(Debug)]
pub(crate) struct SymbolNumbers {
    is_signed: bool,
    least: u64,
    scale: u64,
    symbols: Vec<u8>,
    /// Those that stand beside symbols.
    bits: Vec<u8>,
    /// A number, and the place of its first bit.
    bits_at: (usize, usize),
    /// A number, and how many before it are zero.
    zeros_before: (usize, usize),
}

const TOO_LARGE: Invalid = Invalid("a number is too large");
const UNKNOWN: Invalid = Invalid("its numbers are written in no known way");

impl Default for Numbers {
    fn default() -> Self {
        Self::Same(0, 0)
    }
}

impl Numbers {
    /// Reads numbers, which are this many.
    pub(crate) fn get(input: &mut Input<'_>, count: usize) -> Result<Self, Invalid> {
        let how = input.u8()?;
        if how != CODED {
            return Self::get_plain(how, input, count);
        }
        let distinct = input.count(count)?;
        // Codes of codes would let a few bytes nest without end.
        let how = input.u8()?;
        let distinct = Self::get_plain(how, input, distinct)?.into_vec()?;
        let how = input.u8()?;
        Ok(Self::Coded(distinct, Box::new(Self::get_plain(how, input, count)?)))
    }

    fn get_plain(how: u8, input: &mut Input<'_>, count: usize) -> Result<Self, Invalid> {
        match how {
            SAME => Ok(Self::Same(input.varint()?, count)),
            SYMBOLS | SIGNED => SymbolNumbers::get(how, input, count).map(Self::Symbols),
            PLANES => {
                let mut numbers = vec![0; count];
                for place in 0..8 {
                    let plane = Packed::get(input)?.unpack(count)?;
                    for (number, byte) in numbers.iter_mut().zip(plane) {
                        *number |= u64::from(byte) << (8 * place);
                    }
                }
                Ok(Self::All(numbers))
            }
            _ => Err(UNKNOWN),
        }
    }

    /// All numbers. One that is too large for its type is an error.
    pub(crate) fn into_vec<T: Copy + TryFrom<u64>>(self) -> Result<Vec<T>, Invalid> {
        let narrow = |number: u64| T::try_from(number).map_err(|_| TOO_LARGE);
        match self {
            Self::Same(number, count) => Ok(vec![narrow(number)?; count]),
            Self::Symbols(numbers) if numbers.is_signed => numbers.into_vec::<Signed, T>(),
            Self::Symbols(numbers) => numbers.into_vec::<Unsigned, T>(),
            Self::Coded(distinct, codes) => {
                let distinct = distinct.into_iter().map(narrow).collect::<Result<Vec<T>, _>>()?;
                let mut numbers = Vec::new();
                for code in codes.into_vec::<u32>()? {
                    numbers.push(*distinct.get(code as usize).ok_or(TOO_LARGE)?);
                }
                Ok(numbers)
            }
            Self::All(numbers) => numbers.into_iter().map(narrow).collect(),
        }
    }

    /// The number at a place, if there is one and it has at most 64 bits. Cheap for places that
    /// ascend.
    pub(crate) fn at(&mut self, place: usize) -> Option<u64> {
        match self {
            Self::Same(number, count) => (place < *count).then_some(*number),
            Self::Symbols(numbers) => numbers.at(place),
            Self::Coded(distinct, codes) => {
                let code = codes.at(place)?;
                distinct.get(usize::try_from(code).ok()?).copied()
            }
            Self::All(numbers) => numbers.get(place).copied(),
        }
    }

    /// How many numbers before a place are zero. Cheap for places that ascend.
    pub(crate) fn zeros_before(&mut self, place: usize) -> usize {
        match self {
            Self::Same(number, _) => {
                if *number == 0 {
                    place
                } else {
                    0
                }
            }
            Self::Symbols(numbers) => numbers.zeros_before(place),
            Self::Coded(..) | Self::All(_) => {
                (0..place).filter(|place| self.at(*place) == Some(0)).count()
            }
        }
    }
}

impl SymbolNumbers {
    fn get(how: u8, input: &mut Input<'_>, count: usize) -> Result<Self, Invalid> {
        let is_signed = how == SIGNED;
        let least = if is_signed { 0 } else { input.varint()? };
        let scale = match u32::from(input.u8()?) {
            thousands @ 0..=MOST_THOUSANDS => 1_000_u64.pow(thousands),
            _ => return Err(Invalid("its scale is unknown")),
        };
        let symbols = Packed::get(input)?.unpack(count)?;
        let bits = input.take(bits_beside_all(&symbols).div_ceil(8))?.to_vec();
        let (bits_at, zeros_before) = ((0, 0), (0, 0));
        Ok(Self { is_signed, least, scale, symbols, bits, bits_at, zeros_before })
    }

    /// What a symbol stands for, and the bits beside it.
    #[inline]
    fn number<S: Symbols>(&self, symbol: u8, bits: &mut BitReader<'_>) -> Option<u64> {
        let value = S::value(symbol, |count| bits.take(count))?;
        if self.is_signed {
            let scaled = value.cast_signed().checked_mul(self.scale.cast_signed())?;
            Some(scaled.cast_unsigned())
        } else {
            value.checked_mul(self.scale)?.checked_add(self.least)
        }
    }

    fn into_vec<S: Symbols, T: Copy + TryFrom<u64>>(self) -> Result<Vec<T>, Invalid> {
        let mut bits = BitReader::new(&self.bits);
        let mut number_of = |symbol| T::try_from(self.number::<S>(symbol, &mut bits)?).ok();
        // No bits stand beside these.
        let direct: [Option<T>; DIRECT as usize] =
            std::array::from_fn(|symbol| number_of(symbol as u8));
        let mut numbers = Vec::with_capacity(self.symbols.len());
        for symbol in &self.symbols {
            let number = match direct.get(usize::from(*symbol)) {
                Some(number) => *number,
                None => number_of(*symbol),
            };
            numbers.push(number.ok_or(TOO_LARGE)?);
        }
        Ok(numbers)
    }

    fn at(&mut self, place: usize) -> Option<u64> {
        let symbol = *self.symbols.get(place)?;
        let mut position = 0;
        if symbol >= DIRECT {
            let (mut from, mut bit) = self.bits_at;
            if from > place {
                (from, bit) = (0, 0);
            }
            position = bit + bits_beside_all(&self.symbols[from..place]);
            self.bits_at = (place, position);
        }
        let mut bits = BitReader::at(&self.bits, position);
        if self.is_signed {
            self.number::<Signed>(symbol, &mut bits)
        } else {
            self.number::<Unsigned>(symbol, &mut bits)
        }
    }

    fn zeros_before(&mut self, place: usize) -> usize {
        if self.least != 0 {
            return 0;
        }
        let (mut from, mut zeros) = self.zeros_before;
        if from > place {
            (from, zeros) = (0, 0);
        }
        let symbols = self.symbols.get(from..place).unwrap_or_default();
        // The symbol of zero is zero, signed or not.
        zeros += symbols.iter().filter(|symbol| **symbol == 0).count();
        self.zeros_before = (place, zeros);
        zeros
    }
}

/// How many bits stand beside these symbols.
fn bits_beside_all(symbols: &[u8]) -> usize {
    // 32 bits are summed faster, and enough for as many values as a column has at most.
    symbols.iter().map(|symbol| bits_beside(*symbol)).sum::<u32>() as usize
}
