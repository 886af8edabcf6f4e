//! What a segment has: the operations of its services, the keys of its attributes.
//!
//! Each is a sorted list of byte strings whose order is that of what they encode, so that lists
//! of several segments are merged without being understood.

pub(super) mod key;
mod list;
mod memory;
mod merge;

pub use key::{AttributeKey, OperationKey};
pub use list::ListCursor;
pub(super) use list::{ListPlace, ListWriter, Mirrored};
pub use memory::{Catalogue, MemoryCursor};
pub use merge::Merge;

use super::error::SegmentError;

/// Keys in ascending order, each there once, of which one at a time is in memory.
pub trait SortedKeys {
    /// Goes to the next key, at first to the first one. Tells whether there is one.
    ///
    /// # Errors
    /// When the keys can't be read or are damaged.
    fn advance(&mut self) -> Result<bool, SegmentError>;

    /// The key it is at; an empty one when it is at none.
    fn key(&self) -> &[u8];
}
