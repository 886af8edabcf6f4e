//! Whole numbers.
//!
//! A number is a symbol of one byte and, unless it is small, its lower bits: the symbols, of
//! which few are frequent, are compressed; the bits, which are as good as random, are kept as
//! they are.
//!
//! ```text
//! u8      how: 0 all the same; 1 symbols; 2 signed symbols; 3 coded; 4 planes
//!
//! 0:  varint  the number
//! 1:  varint  the least number, or zero
//!     u8      all differ from it by multiples of a power of a thousand: the power's exponent
//!     packed  the symbols of these multiples
//!     bytes   their lower bits, the lowest bit of the first byte first
//! 2:  as 1, without a least number
//! 3:  varint  how many different numbers there are
//!     ints    these, in the order of their first use
//!     ints    for each number, which of them
//! 4:  packed  the lowest bytes of all numbers
//!     packed  their second bytes, and so on: eight in all
//! ```
//! Signed numbers are those whose 64 bits are two's complement.

use super::bits::BitWriter;
use super::bytes::{Input, Invalid, put_len, put_varint};
use super::numbers::Numbers;
use super::packed::Packer;
use super::symbols::{Signed, Symbols, Unsigned};

pub(crate) const SAME: u8 = 0;
pub(crate) const SYMBOLS: u8 = 1;
pub(crate) const SIGNED: u8 = 2;
pub(crate) const CODED: u8 = 3;
pub(crate) const PLANES: u8 = 4;

/// The greatest exponent of a thousand. Clocks tick in micro-, milliseconds and seconds.
pub(crate) const MOST_THOUSANDS: u32 = 3;

/// Numbers up to this stay as they are, whatever the least of them is: most are codes.
const SMALL: u64 = 127;

/// Appends the numbers.
pub(crate) fn put<T: Copy + Into<u64>>(values: &[T], packer: &mut Packer, out: &mut Vec<u8>) {
    let first = values.first().map_or(0, |first| (*first).into());
    let range = values.iter().fold((first, first), |(least, greatest), value| {
        let value = (*value).into();
        (least.min(value), greatest.max(value))
    });
    let least = match range {
        (least, greatest) if least == greatest => {
            out.push(SAME);
            return put_varint(least, out);
        }
        (_, 0..=SMALL) => 0,
        (least, _) => least,
    };
    out.push(SYMBOLS);
    put_varint(least, out);
    let differences = values.iter().map(|value| (*value).into() - least);
    let thousands = common_thousands(|power| differences.clone().all(|value| value % power == 0));
    put_symbols::<Unsigned>(thousands, differences, |value, scale| value / scale, packer, out);
}

/// Appends numbers that may be negative, most of them near zero.
pub(crate) fn put_signed(values: &[i64], packer: &mut Packer, out: &mut Vec<u8>) {
    let first = values.first().copied().unwrap_or(0);
    if values.iter().all(|value| *value == first) {
        out.push(SAME);
        return put_varint(first.cast_unsigned(), out);
    }
    out.push(SIGNED);
    let thousands =
        common_thousands(|power| values.iter().all(|value| *value % power.cast_signed() == 0));
    let values = values.iter().map(|value| value.cast_unsigned());
    let quotient =
        |value: u64, scale: u64| (value.cast_signed() / scale.cast_signed()).cast_unsigned();
    put_symbols::<Signed>(thousands, values, quotient, packer, out);
}

/// Appends numbers of which few differ: for each, its place among the different ones.
pub(crate) fn put_coded(distinct: &[u64], codes: &[u32], packer: &mut Packer, out: &mut Vec<u8>) {
    out.push(CODED);
    put_len(distinct.len(), out);
    put(distinct, packer, out);
    put(codes, packer, out);
}

/// Appends numbers of which some bytes are alike: floating-point ones, by their bits.
pub(crate) fn put_planes(values: &[u64], packer: &mut Packer, out: &mut Vec<u8>) {
    out.push(PLANES);
    for place in 0..8 {
        let plane: Vec<u8> = values.iter().map(|value| (value >> (8 * place)) as u8).collect();
        packer.put(&plane, out);
    }
}

/// The greatest exponent of a thousand for which `divides_all` holds.
fn common_thousands(divides_all: impl Fn(u64) -> bool) -> u32 {
    (1..=MOST_THOUSANDS).take_while(|exponent| divides_all(1_000_u64.pow(*exponent))).count() as u32
}

fn put_symbols<S: Symbols>(
    thousands: u32,
    values: impl ExactSizeIterator<Item = u64>,
    quotient: impl Fn(u64, u64) -> u64,
    packer: &mut Packer,
    out: &mut Vec<u8>,
) {
    out.push(thousands as u8);
    let scale = 1_000_u64.pow(thousands);
    let mut bits = BitWriter::default();
    let symbols: Vec<u8> = values
        .map(|value| {
            // Divisions are slow, and mostly there is nothing to divide by.
            let value = if scale == 1 { value } else { quotient(value, scale) };
            let (symbol, extra) = S::symbol(value);
            if extra > 0 {
                bits.put(S::magnitude(value), extra);
            }
            symbol
        })
        .collect();
    packer.put(&symbols, out);
    bits.finish(out);
}

/// The numbers, which are this many. A number too large for its type is an error.
pub(crate) fn get<T: Copy + TryFrom<u64>>(
    input: &mut Input<'_>,
    count: usize,
) -> Result<Vec<T>, Invalid> {
    Numbers::get(input, count)?.into_vec()
}

/// The numbers that [`put_signed`] wrote.
pub(crate) fn get_signed(input: &mut Input<'_>, count: usize) -> Result<Vec<i64>, Invalid> {
    let values = get::<u64>(input, count)?;
    Ok(values.into_iter().map(u64::cast_signed).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn encode(values: &[u64]) -> Vec<u8> {
        let mut out = Vec::new();
        put(values, &mut Packer::new().unwrap(), &mut out);
        out
    }

    fn round_trip(values: &[u64]) -> usize {
        let out = encode(values);
        let mut input = Input::new(&out);
        assert_eq!(get::<u64>(&mut input, values.len()).unwrap(), values);
        input.end().unwrap();
        assert_each_is_there(&out, values);
        out.len()
    }

    /// Checks that each number is found alone, in any order, and the zeros before it are counted.
    fn assert_each_is_there(out: &[u8], values: &[u64]) {
        let mut numbers = Numbers::get(&mut Input::new(out), values.len()).unwrap();
        for step in [1, 7] {
            for place in (0..values.len()).step_by(step).chain([0]).take(values.len()) {
                assert_eq!(numbers.at(place), Some(values[place]));
                let zeros = values[..place].iter().filter(|value| **value == 0).count();
                assert_eq!(numbers.zeros_before(place), zeros);
            }
        }
        assert_eq!(numbers.at(values.len()), None);
    }

    fn round_trip_signed(values: &[i64]) -> usize {
        let mut out = Vec::new();
        put_signed(values, &mut Packer::new().unwrap(), &mut out);
        let mut input = Input::new(&out);
        assert_eq!(get_signed(&mut input, values.len()).unwrap(), values);
        input.end().unwrap();
        let values: Vec<_> = values.iter().map(|value| value.cast_unsigned()).collect();
        assert_each_is_there(&out, &values);
        out.len()
    }

    #[test]
    fn numbers_of_every_size_come_back() {
        let mut edges: Vec<u64> = (0..64).flat_map(|bit| [1 << bit, (1 << bit) - 1]).collect();
        edges.extend([u64::MAX, u64::MAX - 1, 3 << 62]);
        round_trip(&edges);
        round_trip(&[]);
        round_trip(&[0, u64::MAX]);
        for end in 0..300 {
            round_trip(&(0..end).collect::<Vec<_>>());
        }
        let signed: Vec<i64> = edges.iter().map(|edge| edge.cast_signed()).collect();
        round_trip_signed(&signed);
        round_trip_signed(&signed.iter().map(|edge| edge.wrapping_neg()).collect::<Vec<_>>());
        round_trip_signed(&[]);
        round_trip_signed(&[i64::MIN, i64::MAX]);
        round_trip_signed(&(-300..300).collect::<Vec<_>>());
    }

    #[test]
    fn equal_numbers_and_round_ones_are_small() {
        assert_eq!(round_trip(&[5; 10_000]), 2);
        assert_eq!(round_trip_signed(&[-1; 10_000]), 11);
        let millis: Vec<_> =
            (0..1_000).map(|i| 1_700_000_000_000_000_123 + (i * 7919 % 100) * 1_000_000).collect();
        assert!(round_trip(&millis) < 1_000);
        assert!(round_trip(&[0, 3_000_000_000, 9_000_000_000]) < 10);
        assert!(round_trip_signed(&[0, -3_000_000_000, 9_000_000_000, i64::MIN + 775_808]) < 30);
    }

    #[test]
    fn planes_come_back() {
        let values: Vec<u64> = (0..1_000).map(|i| (f64::from(i) / 4.0).to_bits()).collect();
        let mut out = Vec::new();
        put_planes(&values, &mut Packer::new().unwrap(), &mut out);
        let mut input = Input::new(&out);
        assert_eq!(get::<u64>(&mut input, 1_000).unwrap(), values);
        input.end().unwrap();
        assert_each_is_there(&out, &values);
        assert!(out.len() < 2_500, "{}", out.len());
    }

    #[test]
    fn coded_numbers_come_back() {
        let distinct = [1 << 60, 7, u64::MAX];
        let codes: Vec<u32> = (0..100).map(|i| i % 3).collect();
        let mut out = Vec::new();
        put_coded(&distinct, &codes, &mut Packer::new().unwrap(), &mut out);
        let mut input = Input::new(&out);
        let values = get::<u64>(&mut input, 100).unwrap();
        assert!(values.iter().zip(&codes).all(|(value, code)| *value == distinct[*code as usize]));
        input.end().unwrap();
        assert_each_is_there(&out, &values);
    }

    #[test]
    fn what_does_not_fit_is_refused() {
        assert!(get::<u32>(&mut Input::new(&encode(&[1 << 40, 1])), 2).is_err());
        assert!(get::<u32>(&mut Input::new(&encode(&[1 << 40, 1 << 40])), 2).is_err());
        assert!(get::<u64>(&mut Input::new(&encode(&[1, 2, 3])), 4).is_err());
        assert!(get::<u64>(&mut Input::new(&[9]), 1).is_err());
        // A code without a number, and codes of codes.
        assert!(get::<u64>(&mut Input::new(&[3, 1, 0, 5, 0, 1]), 1).is_err());
        assert!(get::<u64>(&mut Input::new(&[3, 1, 3, 1, 0, 5, 0, 0, 0, 0]), 1).is_err());
        // Symbols of more than 64 bits.
        for how in [SYMBOLS, SIGNED] {
            for symbol in 242..=255 {
                let mut beyond = vec![how];
                beyond.extend(if how == SYMBOLS { &[0, 0][..] } else { &[0] });
                beyond.extend([1 << 1, symbol]);
                beyond.extend([0; 16]);
                assert!(get::<u64>(&mut Input::new(&beyond), 1).is_err(), "{symbol}");
            }
        }
    }
}
