use std::collections::BTreeMap;
use std::io;

use rustix::io::Errno;

/// How a call of a simulated disk fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Fault {
    /// EIO, and nothing is done.
    Io,
    /// ENOSPC, and nothing is done.
    NoSpace,
    /// EIO after a part of an append was written; of another call as [`Fault::Io`].
    ShortWrite,
    /// EIO from a file's sync, which forgets what it should have written: a later sync succeeds
    /// without it. Of another call as [`Fault::Io`].
    LostSync,
    /// EIO, although the call did all that it should.
    Late,
}

impl Fault {
    /// Each of them, for tests that try them all.
    pub const ALL: [Self; 5] =
        [Self::Io, Self::NoSpace, Self::ShortWrite, Self::LostSync, Self::Late];

    pub(super) fn error(self) -> io::Error {
        match self {
            Self::NoSpace => Errno::NOSPC.into(),
            Self::Io | Self::ShortWrite | Self::LostSync | Self::Late => Errno::IO.into(),
        }
    }
}

/// Which calls are to fail.
#[derive(Clone, Debug, Default)]
pub(super) struct Faults {
    calls: u64,
    at: BTreeMap<u64, Fault>,
    from: Option<(u64, Fault)>,
}

impl Faults {
    pub(super) fn calls(&self) -> u64 {
        self.calls
    }

    pub(super) fn fail_at(&mut self, call: u64, fault: Fault) {
        self.at.insert(call, fault);
    }

    pub(super) fn fail_from(&mut self, call: u64, fault: Fault) {
        self.from = Some((call, fault));
    }

    pub(super) fn heal(&mut self) {
        self.at.clear();
        self.from = None;
    }

    /// Counts a call, and tells how it fails.
    pub(super) fn next(&mut self) -> Option<Fault> {
        let call = self.calls;
        self.calls += 1;
        let lasting = self.from.filter(|(from, _)| *from <= call).map(|(_, fault)| fault);
        self.at.remove(&call).or(lasting)
    }
}
