//! The bytes of a log's headers.

use crc32fast::Hasher;

/// The version that is written, the latest that is read.
pub(super) const VERSION: u32 = 1;

/// The longest payload of a record. What claims to be longer is damaged.
pub const MAX_PAYLOAD: usize = 256 << 20;

const MAGIC: &[u8; 8] = b"spoorlog";
// Its first byte is in no UTF-8 text, so it is rare in what a search for it goes through.
const MARKER: &[u8; 4] = b"\xf5\xeeRC";

/// The begin of a log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct LogHeader {
    pub(super) version: u32,
    pub(super) salt: u64,
}

impl LogHeader {
    pub(super) const LEN: usize = 24;

    pub(super) fn encode(self) -> [u8; Self::LEN] {
        let mut bytes = [0; Self::LEN];
        bytes[..8].copy_from_slice(MAGIC);
        bytes[8..12].copy_from_slice(&self.version.to_le_bytes());
        bytes[12..20].copy_from_slice(&self.salt.to_le_bytes());
        let checksum = crc32fast::hash(&bytes[..20]);
        bytes[20..].copy_from_slice(&checksum.to_le_bytes());
        bytes
    }

    /// Nothing when the bytes are not a whole header.
    pub(super) fn decode(bytes: &[u8; Self::LEN]) -> Option<Self> {
        let header = Self { version: u32_at(bytes, 8), salt: u64_at(bytes, 12) };
        // No program ever wrote version 0.
        (Self { ..header }.encode() == *bytes && header.version > 0).then_some(header)
    }
}

/// What comes before a record's payload.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct RecordHeader {
    pub(super) len: u32,
    pub(super) salt: u64,
    pub(super) arrival: u64,
    pub(super) payload_checksum: u32,
}

impl RecordHeader {
    pub(super) const LEN: usize = 32;

    /// The header of a record that begins at `offset` in its log.
    pub(super) fn encode(self, offset: u64) -> [u8; Self::LEN] {
        let mut bytes = [0; Self::LEN];
        bytes[..4].copy_from_slice(MARKER);
        bytes[4..8].copy_from_slice(&self.len.to_le_bytes());
        bytes[8..16].copy_from_slice(&self.salt.to_le_bytes());
        bytes[16..24].copy_from_slice(&self.arrival.to_le_bytes());
        bytes[24..28].copy_from_slice(&self.payload_checksum.to_le_bytes());
        let mut checksum = Hasher::new();
        checksum.update(&bytes[..28]);
        checksum.update(&offset.to_le_bytes());
        bytes[28..].copy_from_slice(&checksum.finalize().to_le_bytes());
        bytes
    }

    /// Nothing when the bytes are not the whole header of a record that begins at `offset`.
    pub(super) fn decode(bytes: &[u8; Self::LEN], offset: u64) -> Option<Self> {
        if !bytes.starts_with(MARKER) {
            return None;
        }
        let header = Self {
            len: u32_at(bytes, 4),
            salt: u64_at(bytes, 8),
            arrival: u64_at(bytes, 16),
            payload_checksum: u32_at(bytes, 24),
        };
        let fits = header.len as usize <= MAX_PAYLOAD;
        (fits && header.encode(offset) == *bytes).then_some(header)
    }

    /// Where a header may begin in the bytes, were more of them there; their end if nowhere.
    pub(super) fn find(bytes: &[u8]) -> usize {
        let may_begin = |at: &usize| {
            let rest = &bytes[*at..];
            // The one byte alone tells nearly always, and fast.
            rest[0] == MARKER[0] && MARKER.starts_with(&rest[..rest.len().min(MARKER.len())])
        };
        (0..bytes.len()).find(may_begin).unwrap_or(bytes.len())
    }
}

fn u32_at(bytes: &[u8], at: usize) -> u32 {
    let mut le = [0; 4];
    le.copy_from_slice(&bytes[at..at + 4]);
    u32::from_le_bytes(le)
}

fn u64_at(bytes: &[u8], at: usize) -> u64 {
    let mut le = [0; 8];
    le.copy_from_slice(&bytes[at..at + 8]);
    u64::from_le_bytes(le)
}
