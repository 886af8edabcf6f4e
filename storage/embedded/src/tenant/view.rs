use std::sync::Arc;

use super::head::Head;
use crate::metrics::Metrics;
use crate::segment::Segment;

/// All that a tenant has at a moment. A read works on one of these from its begin to its end.
#[derive(Clone, Debug)]
pub(crate) struct View {
    /// In the order of their arrival.
    pub(crate) segments: Vec<Arc<Segment>>,
    /// In the order of their logs. The last is the active one, all others are frozen.
    pub(crate) heads: Vec<Arc<Head>>,
}

/// A view, with what it had of the heads.
#[derive(Clone, Debug)]
pub(crate) struct Snapshot {
    pub(crate) segments: Vec<Arc<Segment>>,
    /// Each with the number of its rows.
    pub(crate) heads: Vec<(Arc<Head>, u32)>,
    pub(crate) metrics: Arc<Metrics>,
}

impl View {
    /// The bytes of the segments and the logs.
    pub(crate) fn disk_bytes(&self) -> u64 {
        let segments: u64 = self.segments.iter().map(|segment| segment.info().bytes).sum();
        segments + self.log_bytes()
    }

    /// The bytes of the logs.
    pub(crate) fn log_bytes(&self) -> u64 {
        self.heads.iter().map(|head| head.log_bytes()).sum()
    }

    /// The memory that requests are expected to take that are in no head's rows yet.
    pub(crate) fn pending_bytes(&self) -> usize {
        self.heads.iter().map(|head| head.pending_bytes()).sum()
    }

    pub(crate) fn snapshot(&self, metrics: &Arc<Metrics>) -> Snapshot {
        let heads = self.heads.iter().map(|head| (Arc::clone(head), head.rows().len()));
        let metrics = Arc::clone(metrics);
        Snapshot { segments: self.segments.clone(), heads: heads.collect(), metrics }
    }
}
