//! The token of the next page.
//!
//! It is 1 byte for its version, the place of a page's last element, and 16 bytes of a hash over
//! both and the query, in the URL-safe base64 alphabet without padding. It holds all that it takes
//! to go on: no server has to remember it, and it never expires. The hash is no secret: it keeps
//! from mistakes, and whoever makes a token of his own gets a page that he may ask for anyway.
//!
//! The fuzz target `token` is built with this file.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use spoor_store::{SpanId, SpanKey, TraceId, TraceRank};
use xxhash_rust::xxh3::xxh3_128;

/// Another number when a token would mean something else.
const VERSION: u8 = 1;
const HASH: usize = 16;

/// The token of the page of this query behind this element.
pub(super) fn encode(query: &[u8], last: &impl Cursor) -> String {
    let mut token = vec![VERSION];
    last.put(&mut token);
    let hash = hash(query, &token);
    token.extend_from_slice(&hash);
    URL_SAFE_NO_PAD.encode(token)
}

/// The place that this query's token tells.
pub(super) fn decode<C: Cursor>(query: &[u8], token: &str) -> Result<C, TokenError> {
    if token.len() > base64::encoded_len(1 + C::LEN + HASH, false).unwrap_or_default() {
        return Err(TokenError::Unreadable);
    }
    let token = URL_SAFE_NO_PAD.decode(token).map_err(|_| TokenError::Unreadable)?;
    if token.first().is_some_and(|version| *version != VERSION) {
        return Err(TokenError::AnotherVersion);
    }
    let (told, told_hash) = token.split_last_chunk::<HASH>().ok_or(TokenError::Unreadable)?;
    if *told_hash != hash(query, told) {
        return Err(TokenError::AnotherQuery);
    }
    told.get(1..).and_then(C::get).ok_or(TokenError::Unreadable)
}

fn hash(query: &[u8], told: &[u8]) -> [u8; HASH] {
    xxh3_128(&[query, told].concat()).to_be_bytes()
}

/// Why a token can't be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum TokenError {
    Unreadable,
    AnotherVersion,
    AnotherQuery,
}

impl fmt::Display for TokenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Unreadable => "the page_token is none that this server gave",
            Self::AnotherVersion => {
                "the page_token is of another version of this server: search anew"
            }
            Self::AnotherQuery => {
                "the page_token is of another query, or not as this server gave it"
            }
        })
    }
}

/// A place in an order, as bytes.
pub(crate) trait Cursor: Sized {
    /// Their number.
    const LEN: usize;

    fn put(&self, out: &mut Vec<u8>);

    /// None if they tell no place.
    fn get(bytes: &[u8]) -> Option<Self>;
}

impl Cursor for TraceRank {
    const LEN: usize = 8 + 16;

    fn put(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.start.to_be_bytes());
        out.extend_from_slice(self.trace_id.as_bytes());
    }

    fn get(bytes: &[u8]) -> Option<Self> {
        let (start, id) = bytes.split_first_chunk()?;
        let trace_id = TraceId::from_slice(id)?;
        Some(Self { start: u64::from_be_bytes(*start), trace_id })
    }
}

impl Cursor for SpanKey {
    const LEN: usize = 8 + 16 + 16 + 8;

    fn put(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.start.to_be_bytes());
        out.extend_from_slice(&self.duration.to_be_bytes());
        out.extend_from_slice(self.trace_id.as_bytes());
        out.extend_from_slice(self.span_id.as_bytes());
    }

    fn get(bytes: &[u8]) -> Option<Self> {
        let (start, rest) = bytes.split_first_chunk()?;
        let (duration, rest) = rest.split_first_chunk()?;
        let (trace_id, span_id) = rest.split_first_chunk::<16>()?;
        Some(Self {
            start: u64::from_be_bytes(*start),
            duration: i128::from_be_bytes(*duration),
            trace_id: TraceId::from_slice(trace_id)?,
            span_id: SpanId::from_slice(span_id)?,
        })
    }
}
