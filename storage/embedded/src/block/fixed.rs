//! Values of a few bytes each that are as good as random: ids.
//!
//! ```text
//! u16     a bit for each place at which all values have the same byte
//! bytes   those bytes
//! bytes   the values, one after the other, without those places
//! ```
//! Some tracers fill one half of a trace id alone, some put their clock in front of it.

use super::bytes::{Input, Invalid};

/// Appends the values. `N` is 16 at most.
pub(crate) fn put<const N: usize>(values: &[[u8; N]], out: &mut Vec<u8>) {
    let first = values.first().copied().unwrap_or([0; N]);
    let mut differ = [0; N];
    for value in values {
        for place in 0..N {
            differ[place] |= value[place] ^ first[place];
        }
    }
    let mask =
        (0..N).filter(|place| differ[*place] == 0).fold(0_u16, |mask, place| mask | 1 << place);
    out.extend_from_slice(&mask.to_le_bytes());
    out.extend((0..N).filter(|place| differ[*place] == 0).map(|place| first[place]));
    if mask == 0 {
        out.extend_from_slice(values.as_flattened());
        return;
    }
    for value in values {
        out.extend((0..N).filter(|place| differ[*place] != 0).map(|place| value[place]));
    }
}

/// Values that are being read.
#[derive(Debug)]
pub(crate) struct Fixed<'a, const N: usize> {
    /// A value that has what is the same in all, and zeros.
    common: [u8; N],
    /// The places at which values differ.
    places: Vec<usize>,
    /// What the values have there.
    bytes: &'a [u8],
    count: usize,
}

impl<'a, const N: usize> Fixed<'a, N> {
    /// Reads values, which are this many.
    pub(crate) fn get(input: &mut Input<'a>, count: usize) -> Result<Self, Invalid> {
        let mask = u16::from_le_bytes(input.array()?);
        if u32::from(mask) >> N != 0 {
            return Err(Invalid("it tells of bytes beyond a value's end"));
        }
        let mut common = [0; N];
        for (place, byte) in common.iter_mut().enumerate() {
            if mask >> place & 1 == 1 {
                *byte = input.u8()?;
            }
        }
        let places: Vec<usize> = (0..N).filter(|place| mask >> place & 1 == 0).collect();
        let len = places.len().checked_mul(count).ok_or(Invalid("it ends early"))?;
        Ok(Self { common, places, bytes: input.take(len)?, count })
    }

    /// A value, if there are as many.
    pub(crate) fn at(&self, index: usize) -> Option<[u8; N]> {
        if index >= self.count {
            return None;
        }
        let start = index * self.places.len();
        let bytes = self.bytes.get(start..start + self.places.len())?;
        let mut value = self.common;
        for (place, byte) in self.places.iter().zip(bytes) {
            value[*place] = *byte;
        }
        Some(value)
    }

    /// All values.
    pub(crate) fn to_vec(&self) -> Vec<[u8; N]> {
        match self.bytes.as_chunks() {
            (values, []) if self.places.len() == N => values.to_vec(),
            _ => (0..self.count).filter_map(|index| self.at(index)).collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn round_trip<const N: usize>(values: &[[u8; N]]) -> usize {
        let mut out = Vec::new();
        put(values, &mut out);
        let mut input = Input::new(&out);
        let fixed = Fixed::<N>::get(&mut input, values.len()).unwrap();
        input.end().unwrap();
        assert_eq!(fixed.to_vec(), values);
        assert!((0..values.len()).all(|index| fixed.at(index) == Some(values[index])));
        assert_eq!(fixed.at(values.len()), None);
        let early = &mut Input::new(&out[..out.len() - 1]);
        assert!(values.is_empty() || Fixed::<N>::get(early, values.len()).is_err());
        out.len()
    }

    #[test]
    fn values_come_back_without_what_they_have_in_common() {
        assert_eq!(round_trip::<8>(&[]), 10);
        assert_eq!(round_trip(&[[9; 16]; 5]), 18);
        assert_eq!(round_trip(&[[1, 2, 3, 4, 5, 6, 7, 8], [8, 7, 6, 5, 4, 3, 2, 1]]), 18);
        let mut low = [[0_u8; 16]; 100];
        for (index, id) in low.iter_mut().enumerate() {
            id[8..].fill(index as u8);
        }
        assert_eq!(round_trip(&low), 2 + 8 + 100 * 8);
    }
}
