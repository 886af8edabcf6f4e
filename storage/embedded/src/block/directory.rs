//! The front of a block: what it holds and where.
//!
//! ```text
//! bytes   "SpBk"
//! u8      the format's version
//! u32     the length of all this, the checksum included
//! varint  the number of rows
//! varint  the number of traces
//! varint  the number of columns
//! for each column, in the order in which they follow:
//!     column  which one it is
//!     varint  its length
//!     u32     the checksum of its bytes
//! u32     the checksum of all this
//! ```

use std::collections::HashMap;
use std::ops::Range;

use super::bytes::{Input, Invalid, put_len, put_varint};
use super::column::Column;

const MAGIC: &[u8; 4] = b"SpBk";

/// The version that is written, the latest that is read.
pub(super) const VERSION: u8 = 1;

/// The length of what comes before the varints.
pub(crate) const PREFIX: usize = 9;

/// The most rows that a block holds.
pub const MOST_ROWS: u32 = 1 << 16;

/// The most values that a column holds. Events and links may be more than rows.
pub(crate) const MOST_VALUES: usize = 4 << 20;

/// What a block holds and where.
#[derive(Debug)]
pub(crate) struct Directory {
    pub(crate) rows: u32,
    pub(crate) traces: u32,
    /// In the order in which they follow.
    columns: Vec<(Column, Place)>,
    by_column: HashMap<Column, usize>,
}

/// Where a column lies.
#[derive(Clone, Debug)]
pub(crate) struct Place {
    /// Counted from the block's first byte.
    pub(crate) bytes: Range<u32>,
    pub(crate) checksum: u32,
}

/// Why a directory cannot be read.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Flaw {
    Invalid(Invalid),
    Newer(u8),
}

impl From<Invalid> for Flaw {
    fn from(invalid: Invalid) -> Self {
        Self::Invalid(invalid)
    }
}

/// Writes a directory. `columns` are listed with the length and the checksum of their bytes.
pub(crate) fn put(rows: u32, traces: u32, columns: &[(Column, u32, u32)], out: &mut Vec<u8>) {
    let start = out.len();
    out.extend_from_slice(MAGIC);
    out.push(VERSION);
    out.extend_from_slice(&[0; 4]);
    put_varint(rows, out);
    put_varint(traces, out);
    put_len(columns.len(), out);
    for (column, len, checksum) in columns {
        column.put(out);
        put_varint(*len, out);
        out.extend_from_slice(&checksum.to_le_bytes());
    }
    let len = (out.len() - start + 4) as u32;
    out[start + 5..start + PREFIX].copy_from_slice(&len.to_le_bytes());
    let checksum = crc32fast::hash(&out[start..]);
    out.extend_from_slice(&checksum.to_le_bytes());
}

/// The length of the directory that begins with these bytes.
pub(crate) fn len(prefix: &[u8; PREFIX]) -> Result<u32, Flaw> {
    let mut input = Input::new(prefix);
    if input.take(MAGIC.len())? != MAGIC {
        return Err(Invalid("it does not begin as a block does").into());
    }
    match input.u8()? {
        0 => Err(NO_VERSION.into()),
        1..=VERSION => Ok(input.u32()?),
        version => Err(Flaw::Newer(version)),
    }
}

/// Whether a block that seems to be of a newer version is one of this version, of which that byte
/// alone is damaged.
pub(crate) fn is_only_version_wrong(block: &[u8]) -> bool {
    let mut own = block.to_vec();
    let Some(version) = own.get_mut(MAGIC.len()) else { return false };
    *version = VERSION;
    let Some(Ok(len)) = own.first_chunk().map(len) else { return false };
    let directory = own.get(..len as usize);
    directory.is_some_and(|directory| Directory::get(directory, own.len() as u32).is_ok())
}

/// No program ever wrote such a version.
pub(crate) const NO_VERSION: Invalid = Invalid("its version is none");

impl Directory {
    /// Reads a directory, which is all of `bytes`, of a block of this length.
    pub(crate) fn get(bytes: &[u8], block_len: u32) -> Result<Self, Invalid> {
        let (body, checksum) = bytes.split_last_chunk().ok_or(Invalid("it ends early"))?;
        if crc32fast::hash(body) != u32::from_le_bytes(*checksum) {
            return Err(CHECKSUM);
        }
        let mut input = Input::new(body);
        input.take(PREFIX)?;
        let rows = input.count(MOST_ROWS as usize)? as u32;
        let traces = input.count(rows as usize)? as u32;
        // Each takes six bytes at least.
        let count = input.count(body.len() / 6)?;
        let mut columns = Vec::with_capacity(count);
        let mut by_column = HashMap::with_capacity(count);
        let mut start = u32::try_from(bytes.len()).map_err(|_| Invalid("it is too long"))?;
        for index in 0..count {
            let column = Column::get(&mut input)?;
            let len = input.varint_u32()?;
            let end = start.checked_add(len).ok_or(Invalid("its columns are too long"))?;
            columns.push((column, Place { bytes: start..end, checksum: input.u32()? }));
            if by_column.insert(column, index).is_some() {
                return Err(Invalid("it lists a column twice"));
            }
            start = end;
        }
        input.end()?;
        if start != block_len {
            return Err(Invalid("its columns are not as long as the block"));
        }
        Ok(Self { rows, traces, columns, by_column })
    }

    /// The columns in the order in which they follow.
    pub(crate) fn columns(&self) -> &[(Column, Place)] {
        &self.columns
    }

    /// Where a column lies, if the block has it.
    pub(crate) fn find(&self, column: Column) -> Option<&Place> {
        self.by_column.get(&column).map(|index| &self.columns[*index].1)
    }
}

/// Gives damaged bytes the checksums that they should have, as far as they tell of columns, so
/// that tests get behind the checksums.
#[cfg(any(test, feature = "simulation"))]
pub fn reseal(block: &mut [u8]) {
    let Some(Ok(len)) = block.first_chunk().map(len) else { return };
    let Some(body_len) = (len as usize).checked_sub(4).filter(|len| len + 4 <= block.len()) else {
        return;
    };
    let mut checksums = Vec::new();
    let mut list = || {
        let mut input = Input::new(&block[..body_len]);
        input.take(PREFIX)?;
        input.varint()?;
        input.varint()?;
        let mut start = len as usize;
        for _ in 0..input.varint()? {
            Column::get(&mut input)?;
            let end = start.saturating_add(input.varint_u32()? as usize);
            let place = body_len - input.remaining();
            input.u32()?;
            if let Some(column) = block.get(start..end) {
                checksums.push((place, crc32fast::hash(column)));
            }
            start = end;
        }
        Ok(())
    };
    // What lies behind the first flaw needs no checksums.
    let _: Result<(), Invalid> = list();
    for (place, checksum) in checksums {
        block[place..place + 4].copy_from_slice(&checksum.to_le_bytes());
    }
    let checksum = crc32fast::hash(&block[..body_len]);
    block[body_len..body_len + 4].copy_from_slice(&checksum.to_le_bytes());
}

/// The bytes are not those that were written.
pub(crate) const CHECKSUM: Invalid = Invalid("its checksum is wrong");

#[cfg(test)]
mod tests {
    use super::*;

    fn encoded() -> Vec<u8> {
        let mut out = Vec::new();
        let columns = [(Column::Tables, 10, 7), (Column::Names, 0, 8), (Column::Starts, 300, 9)];
        put(20, 3, &columns, &mut out);
        out
    }

    #[test]
    fn a_directory_comes_back() {
        let bytes = encoded();
        let end = bytes.len() as u32;
        assert_eq!(len(bytes.first_chunk().unwrap()), Ok(end));
        let directory = Directory::get(&bytes, end + 310).unwrap();
        assert_eq!((directory.rows, directory.traces), (20, 3));
        assert_eq!(directory.find(Column::Starts).unwrap().bytes, end + 10..end + 310);
        assert_eq!(directory.find(Column::Names).unwrap().checksum, 8);
        assert!(directory.find(Column::Raw).is_none());
        assert!(Directory::get(&bytes, end + 311).is_err());
    }

    #[test]
    fn every_flipped_bit_is_noticed() {
        let good = encoded();
        for bit in 0..good.len() * 8 {
            let mut bytes = good.clone();
            bytes[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(Directory::get(&bytes, good.len() as u32 + 310).err(), Some(CHECKSUM));
        }
    }

    #[test]
    fn other_versions_and_other_files_are_told_apart() {
        let mut bytes = encoded();
        bytes[4] = 2;
        assert_eq!(len(bytes.first_chunk().unwrap()), Err(Flaw::Newer(2)));
        bytes[4] = 0;
        assert_eq!(len(bytes.first_chunk().unwrap()), Err(Flaw::Invalid(NO_VERSION)));
        bytes[0] = b'x';
        assert!(matches!(len(bytes.first_chunk().unwrap()), Err(Flaw::Invalid(_))));
    }
}
