use std::collections::BTreeSet;
use std::time::Duration;

use spoor_store::Tenant;

use crate::budget::WORKING_SET;

/// The most spans that a block is to have.
const MOST_BLOCK_SPANS: u32 = 32_768;

/// How a store keeps what it is given. Sizes are in bytes; each budget is one tenant's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Options {
    /// When a write is acknowledged.
    pub durability: Durability,
    /// What the head, the spans that are not in a segment yet, takes of memory before it is
    /// written to one. While that goes on there may be two of them. Requests on their way count
    /// with what they may take; one that takes more alone is let in when no other spans are in
    /// memory. At most [`Options::MOST_HEAD_BYTES`].
    pub head_bytes: usize,
    /// What the log of a head takes before the head is written to a segment. Opening a store
    /// after a crash reads it again.
    pub log_bytes: u64,
    /// The age at which a head is written to a segment, however small it is.
    pub head_age: Duration,
    /// What everything in the tenant's directory takes at most. The oldest segments give way.
    pub disk_bytes: u64,
    /// The time since the arrival of its last span after which a segment is deleted. Its first
    /// one arrived at most an eighth of this before, or [`Options::head_age`].
    pub retention: Duration,
    /// Whose spans the store keeps.
    pub served: Served,
    /// The most tenants that it keeps spans of. Those whose directories are left alone don't count.
    pub tenants: usize,
    /// For how long a write waits for space before it is refused.
    pub write_wait: Duration,
    /// What all open queries take of memory together, all tenants'. A quarter is for what grows
    /// with an answer; a query that would need more than that is ended. At least
    /// [`Options::LEAST_READ_BYTES`].
    pub read_bytes: usize,
    /// For how long a query waits for memory before it begins, or is refused.
    pub read_wait: Duration,
    /// For how long a disk that failed is left alone.
    pub retry: Duration,
    /// The spans of a block, unless they are large: enough for columns to be small, few enough
    /// for a trace to be read fast. At most 32,768.
    pub block_spans: u32,
}

/// The tenants whose spans a store keeps. Directories of others are left alone: neither read nor
/// written, and nothing in them is deleted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Served {
    /// Each that writes.
    All,
    /// Each that writes but the default one.
    Named,
    /// These alone.
    Only(BTreeSet<Tenant>),
}

impl Served {
    pub(crate) fn has(&self, tenant: &Tenant) -> bool {
        match self {
            Self::All => true,
            Self::Named => *tenant != Tenant::default(),
            Self::Only(tenants) => tenants.contains(tenant),
        }
    }
}

/// When a write is acknowledged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Durability {
    /// Once it is on the disk: a power cut loses nothing that was acknowledged.
    Sync,
    /// Once it is with the operating system, which is told to write it to the disk at this
    /// interval. A crash of the process loses nothing; a power cut loses at most what was
    /// acknowledged during the last interval and the time that a sync takes.
    Async(Duration),
}

impl Default for Options {
    fn default() -> Self {
        Self {
            durability: Durability::Sync,
            head_bytes: 24 << 20,
            log_bytes: 48 << 20,
            head_age: Duration::from_secs(5 * 60),
            disk_bytes: 4 << 30,
            retention: Duration::from_secs(7 * 24 * 60 * 60),
            served: Served::All,
            tenants: 16,
            write_wait: Duration::from_secs(5),
            read_bytes: 48 << 20,
            read_wait: Duration::from_secs(5),
            retry: Duration::from_secs(1),
            block_spans: 8192,
        }
    }
}

impl Options {
    /// The least that open queries can do with.
    pub const LEAST_READ_BYTES: usize = 4 * WORKING_SET;
    /// The most that a head may take: where something lies in it is told in 32 bits.
    pub const MOST_HEAD_BYTES: usize = 1 << 30;

    /// Why these options cannot be, if they cannot.
    pub(crate) fn check(&self) -> Result<(), String> {
        // Heads, their segments and what is merged need space beside each other.
        let least = 8 * self.log_bytes;
        if self.disk_bytes < least {
            return Err(format!(
                "{} bytes of disk are less than eight logs of {} bytes",
                self.disk_bytes, self.log_bytes
            ));
        }
        if self.read_bytes < Self::LEAST_READ_BYTES {
            return Err(format!(
                "{} bytes of memory for queries are less than {}",
                self.read_bytes,
                Self::LEAST_READ_BYTES
            ));
        }
        if !(1..=MOST_BLOCK_SPANS).contains(&self.block_spans) {
            return Err(format!(
                "{} spans of a block are not between 1 and {MOST_BLOCK_SPANS}",
                self.block_spans
            ));
        }
        if self.head_bytes > Self::MOST_HEAD_BYTES {
            return Err(format!(
                "{} bytes of a head are more than {}",
                self.head_bytes,
                Self::MOST_HEAD_BYTES
            ));
        }
        if self.tenants == 0 || self.head_bytes == 0 || self.log_bytes == 0 {
            return Err(
                "the number of tenants and the sizes of head and log must be above zero".to_owned()
            );
        }
        Ok(())
    }
}
