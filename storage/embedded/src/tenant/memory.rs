//! What requests take in the heads, and whether there is that much.

use std::ops::Add;

use super::head::Head;
use super::view::View;

/// What a span takes at most besides what is in its request: its row, a trace, an origin and a
/// template of its own, and their places in tables that have just grown.
const MOST_OF_SPAN: usize = 192;
/// What a span takes at least, if it is of a trace of its own.
const LEAST_OF_SPAN: usize = 96;
/// How often its other bytes are counted at least, for short texts take more than they have.
const LEAST_FACTOR: usize = 2;
/// What heads take before that tells anything about what is in them.
const BEGINNINGS: usize = 2 << 20;

/// What is known of requests whose spans are not taken apart yet, which they are only once they
/// are logged.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Estimate {
    spans: usize,
    bytes: usize,
}

impl Estimate {
    /// Of a request with so many good spans.
    pub(crate) fn of(spans: u64, request: &[u8]) -> Self {
        // Each of them has some bytes of the request.
        Self { spans: spans as usize, bytes: request.len() }
    }
}

impl Add for Estimate {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self { spans: self.spans + other.spans, bytes: self.bytes + other.bytes }
    }
}

/// The memory of the heads at a moment.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Memory {
    /// What a head is to take.
    limit: usize,
    /// What the active head takes.
    active: usize,
    /// What all heads take.
    all: usize,
    is_pending: bool,
    /// What is pending will take of both.
    pending: usize,
    /// What a byte of the logs takes: this by that.
    taken: usize,
    logged: usize,
}

impl Memory {
    pub(crate) fn of(active: &Head, view: &View, limit: usize) -> Self {
        // Asked first: what is appended after that is counted twice, not left out.
        let (is_pending, pending) = (active.is_pending(), view.pending_bytes());
        let all: usize = view.heads.iter().map(|head| head.bytes()).sum();
        Self {
            limit,
            active: active.bytes(),
            all,
            is_pending,
            pending,
            taken: all.saturating_sub(BEGINNINGS),
            logged: usize::try_from(view.log_bytes()).unwrap_or(usize::MAX).max(1),
        }
    }

    /// Whether the active head is full, or all of them are.
    pub(crate) fn is_full(&self) -> bool {
        self.active >= self.limit || self.is_all_full()
    }

    /// Whether all heads together have what two may have. After logs that failed there may be
    /// more than two of them.
    pub(crate) fn is_all_full(&self) -> bool {
        self.all >= self.limit.saturating_mul(2)
    }

    /// What these requests take at most, unless they were made to take much.
    pub(crate) fn most(&self, requests: Estimate) -> usize {
        let factor = self.taken.div_ceil(self.logged).max(LEAST_FACTOR);
        requests.spans * MOST_OF_SPAN + requests.bytes.saturating_mul(factor)
    }

    /// Whether there is room for these requests whatever is in them.
    pub(crate) fn has_room_for(&self, requests: Estimate) -> bool {
        self.has(self.most(requests))
    }

    /// Whether there is room for a single request, if it is like those before. If it is not, that
    /// is known before another one is taken.
    pub(crate) fn has_room_for_one(&self, request: Estimate) -> bool {
        let alike = request.bytes.saturating_mul(self.taken) / self.logged;
        let likely = alike.max(request.spans * LEAST_OF_SPAN);
        match (self.is_pending, self.active, self.all + self.pending) {
            (true, ..) => false,
            // There is never more.
            (false, _, 0) => true,
            (false, 0, _) => self.has_among_all(likely),
            (false, ..) => self.has(likely),
        }
    }

    fn has(&self, bytes: usize) -> bool {
        let active = self.active.saturating_add(self.pending).saturating_add(bytes);
        active <= self.limit && self.has_among_all(bytes)
    }

    fn has_among_all(&self, bytes: usize) -> bool {
        let all = self.all.saturating_add(self.pending).saturating_add(bytes);
        all <= self.limit.saturating_mul(2)
    }
}
