//! Runs of bytes, compressed when that makes them smaller.
//!
//! ```text
//! varint  the stored length * 2, plus 1 if compressed
//! bytes   as they are, or a Zstandard frame
//! ```
//! Their own length is not stored: who reads them knows it, and checks it before anything is
//! allocated.

use std::cell::RefCell;
use std::io;

use zstd::bulk::{Compressor, Decompressor};
use zstd::zstd_safe::compress_bound;

use super::bytes::{Input, Invalid, put_len};

/// The most that is ever decompressed at once, in bytes. More than this is kept as it is.
pub(crate) const MOST_UNPACKED: usize = 64 << 20;

/// On columns higher levels save nothing: level 3 gives the same bytes a span and takes a quarter
/// more time.
const LEVEL: i32 = 1;

/// Below this many bytes a frame's header takes what compression saves.
const LEAST_COMPRESSED: usize = 32;

/// Compresses. Its memory is used again and again.
pub(crate) struct Packer {
    zstd: Compressor<'static>,
    frame: Vec<u8>,
}

impl Packer {
    pub(crate) fn new() -> io::Result<Self> {
        Ok(Self { zstd: Compressor::new(LEVEL)?, frame: Vec::new() })
    }

    /// Appends the bytes.
    pub(crate) fn put(&mut self, bytes: &[u8], out: &mut Vec<u8>) {
        if (LEAST_COMPRESSED..=MOST_UNPACKED).contains(&bytes.len()) {
            let most = compress_bound(bytes.len());
            if self.frame.len() < most {
                self.frame.resize(most, 0);
            }
            // Compression fails only for want of space; without it the bytes stay as they are.
            if let Ok(len) = self.zstd.compress_to_buffer(bytes, &mut self.frame[..])
                && len < bytes.len()
            {
                put_len(len << 1 | 1, out);
                out.extend_from_slice(&self.frame[..len]);
                return;
            }
        }
        put_plain(bytes, out);
    }
}

/// Appends the bytes as they are.
pub(crate) fn put_plain(bytes: &[u8], out: &mut Vec<u8>) {
    put_len(bytes.len() << 1, out);
    out.extend_from_slice(bytes);
}

/// Bytes that may still be compressed.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Packed<'a> {
    stored: &'a [u8],
    is_compressed: bool,
}

impl<'a> Packed<'a> {
    pub(crate) fn get(input: &mut Input<'a>) -> Result<Self, Invalid> {
        let header = input.varint()?;
        let len = usize::try_from(header >> 1).map_err(|_| Invalid("it ends early"))?;
        Ok(Self { stored: input.take(len)?, is_compressed: header & 1 == 1 })
    }

    /// The bytes, which are this many.
    pub(crate) fn unpack(self, len: usize) -> Result<Vec<u8>, Invalid> {
        thread_local! {
            // A context takes longer to make than a small column to decompress.
            static ZSTD: RefCell<Option<Decompressor<'static>>> = const { RefCell::new(None) };
        }
        if !self.is_compressed {
            return if self.stored.len() == len {
                Ok(self.stored.to_vec())
            } else {
                Err(Invalid("its length is another one"))
            };
        }
        if len > MOST_UNPACKED {
            return Err(Invalid("it is too large to be compressed"));
        }
        ZSTD.with_borrow_mut(|zstd| {
            let zstd = match zstd {
                Some(zstd) => zstd,
                None => {
                    let new = Decompressor::new();
                    zstd.insert(new.map_err(|_| Invalid("no memory is left to decompress it"))?)
                }
            };
            let mut bytes = vec![0; len];
            match zstd.decompress_to_buffer(self.stored, &mut bytes[..]) {
                Ok(written) if written == len => Ok(bytes),
                Ok(_) => Err(Invalid("its length is another one")),
                Err(_) => Err(Invalid("it is not a Zstandard frame of its length")),
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn round_trip(bytes: &[u8]) -> usize {
        let mut out = vec![7];
        Packer::new().unwrap().put(bytes, &mut out);
        let mut input = Input::new(&out[1..]);
        let packed = Packed::get(&mut input).unwrap();
        assert_eq!(packed.unpack(bytes.len()).as_deref(), Ok(bytes));
        assert!(packed.unpack(bytes.len() + 1).is_err());
        input.end().unwrap();
        out.len() - 1
    }

    #[test]
    fn bytes_come_back_and_take_no_more_than_they_are() {
        assert_eq!(round_trip(&[]), 1);
        assert_eq!(round_trip(&[3; 31]), 32);
        assert!(round_trip(&[3; 100_000]) < 40);
        let random: Vec<u8> =
            (0..5_000u32).map(|i| (i.wrapping_mul(2_654_435_761) >> 13) as u8).collect();
        assert!(round_trip(&random) <= 5_002);
    }

    #[test]
    fn damaged_frames_are_refused() {
        let mut out = Vec::new();
        Packer::new().unwrap().put(&[3; 1_000], &mut out);
        assert!(Packed::get(&mut Input::new(&out[..out.len() - 1])).is_err());
        out[1] ^= 1;
        let packed = Packed::get(&mut Input::new(&out)).unwrap();
        assert!(packed.unpack(1_000).is_err());
        assert!(packed.unpack(usize::MAX).is_err());
    }
}
