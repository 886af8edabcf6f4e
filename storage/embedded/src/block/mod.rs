//! Blocks: some thousand spans as columns.
//!
//! A block stands for itself: what its codes mean is in it. Its rows are ordered by trace, and
//! inside of a trace in the order that the writer gives. In front there is a directory that tells where each column
//! lies; reading decodes only the columns that are asked for, and each has a checksum.
//!
//! ```text
//! directory   what the block holds and where, its checksum
//! columns     one after the other; the bytes of each are told where they are encoded
//! ```
//! Integers are little endian, lengths and counts LEB128 varints. Nothing that is read is trusted:
//! damaged bytes are errors, and take no memory that they do not justify.

mod attributes;
mod bits;
pub(crate) mod bytes;
mod calls;
mod column;
mod cursors;
mod directory;
mod encoder;
pub mod entries;
mod error;
mod filter_entries;
mod fixed;
mod gather;
mod index;
mod ints;
mod layout;
mod matching;
mod numbering;
mod numbers;
mod origins;
mod packed;
mod parents;
mod parts;
mod reader;
mod rebuild;
mod spans;
mod streams;
mod symbols;
mod tables;
mod templates;
mod text_columns;
mod texts;
mod times;
mod wanted;
mod words;

pub use column::Column;
pub use directory::MOST_ROWS;
#[cfg(any(test, feature = "simulation"))]
pub use directory::reseal;
pub use encoder::{EncodeError, EncodedBlock, Encoder};
pub use error::{BlockError, BlockPart};
pub use index::BlockIndex;
pub use reader::Reader;
pub use rebuild::SpanRows;
pub use wanted::Sought;

pub(crate) use filter_entries::status_name;
pub(crate) use origins::{with_origin, with_span};
pub(crate) use wanted::Wanted;
