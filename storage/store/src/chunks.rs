use std::iter::Peekable;
use std::vec::IntoIter;

use bytes::Bytes;

/// The size that a chunk of a trace stays below, in bytes, unless it is a single span. A Jaeger
/// before 2.19 cannot receive a message above 4 MiB.
pub const CHUNK_BYTES: usize = 2 << 20;

/// Joins the fragments of a trace, each an encoded `TracesData`, into as few chunks as
/// [`CHUNK_BYTES`] allows. Protobuf messages put end to end are the message of all their repeated
/// fields, so joining copies bytes and decodes nothing.
#[derive(Clone, Debug)]
pub struct Chunks {
    fragments: Peekable<IntoIter<Bytes>>,
}

impl Chunks {
    /// The chunks of these fragments, which are of one trace and not empty.
    pub fn new(fragments: Vec<Bytes>) -> Self {
        Self { fragments: fragments.into_iter().peekable() }
    }
}

impl Iterator for Chunks {
    type Item = Bytes;

    fn next(&mut self) -> Option<Bytes> {
        let first = self.fragments.next()?;
        let mut joined = Vec::new();
        let mut len = first.len();
        while let Some(next) = self.fragments.next_if(|next| len + next.len() < CHUNK_BYTES) {
            if joined.is_empty() {
                joined.extend_from_slice(&first);
            }
            joined.extend_from_slice(&next);
            len = joined.len();
        }
        Some(if joined.is_empty() { first } else { joined.into() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fragments_are_joined_below_the_limit_and_kept_in_order() {
        let sizes = [CHUNK_BYTES - 2, 1, 1, 10, 3 * CHUNK_BYTES, 5];
        let fragments: Vec<_> =
            sizes.iter().enumerate().map(|(i, size)| Bytes::from(vec![i as u8; *size])).collect();
        let chunks: Vec<_> = Chunks::new(fragments.clone()).collect();
        let lens: Vec<_> = chunks.iter().map(Bytes::len).collect();
        assert_eq!(lens, [CHUNK_BYTES - 1, 11, 3 * CHUNK_BYTES, 5]);
        assert_eq!(chunks.concat(), fragments.concat());
    }
}
