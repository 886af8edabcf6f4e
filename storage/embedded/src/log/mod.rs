//! The write-ahead log: requests as they came, kept before they are acknowledged.
//!
//! A log is one file that is appended to until it is full or a call fails, then read once, if
//! the process ended before its spans were in a segment. `docs/format.md` draws its bytes:
//!
//! ```text
//! log     header, then records up to the end of the file
//! header  "spoorlog", version: u32, salt: u64, crc32 of what is before: u32
//! record  "\xf5\xeeRC", payload's length: u32, salt: u64, arrival: u64 (ns since the Unix epoch),
//!         payload's crc32: u32, crc32 of what is before and of the record's offset: u32, payload
//! ```
//!
//! The salt differs from log to log, and a record's checksum covers where it lies, so that bytes
//! which only look like a record are never taken for one: a request may hold a copy of a log,
//! and after a power cut a file may hold what another had there.
//!
//! [`Replay`] gives back every whole record. A damaged one is passed over and counted.

mod error;
mod format;
mod replay;
#[cfg(test)]
mod tests;
mod writer;

pub use error::LogError;
pub use format::MAX_PAYLOAD;
pub use replay::{Replay, Replayed, Report, replay};
pub use writer::{LogWriter, Record};
