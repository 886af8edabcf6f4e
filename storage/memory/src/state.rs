use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::Arc;

use spoor_store::ingest::{Batch, Refusal};
use spoor_store::{Tenant, TraceId, Usage};

use crate::catalogue::Catalogue;
use crate::trace::{Trace, most_bytes};
use crate::{Found, Limits};

/// Everything the engine holds.
#[derive(Debug)]
pub(crate) struct State {
    limits: Limits,
    tenants: HashMap<Tenant, Held>,
    // Every trace once, the first to arrive in front.
    arrivals: VecDeque<(Tenant, TraceId)>,
    // Of all traces and catalogues.
    bytes: usize,
    spans: usize,
    evicted: u64,
}

/// What one tenant holds.
#[derive(Debug, Default)]
struct Held {
    traces: HashMap<TraceId, Arc<Trace>>,
    catalogue: Catalogue,
}

impl State {
    pub(crate) fn new(limits: Limits) -> Self {
        let tenants = HashMap::new();
        Self { limits, tenants, arrivals: VecDeque::new(), bytes: 0, spans: 0, evicted: 0 }
    }

    /// Adds the spans of each trace that can be held beside those before it in the batch, and
    /// refuses the others. Forgets the oldest other traces first, so that the limits hold all the
    /// time; what is acknowledged here stays.
    pub(crate) fn insert(&mut self, tenant: &Tenant, batch: &mut Batch<'_>) {
        let (kept, new_bytes) = self.admit(tenant, batch);
        let held = self.tenants.get(tenant);
        let is_new = |id| held.is_none_or(|held| !held.traces.contains_key(id));
        let new_traces = kept.iter().filter(|id| is_new(id)).count();
        self.make_room(tenant, &kept, new_traces, new_bytes);

        let held = self.tenants.entry(tenant.clone()).or_default();
        self.bytes -= held.catalogue.bytes();
        for more in batch.traces() {
            let id = more.trace_id();
            let trace = held.traces.entry(id).or_insert_with(|| {
                self.arrivals.push_back((tenant.clone(), id));
                let trace = Arc::<Trace>::default();
                self.bytes += trace.bytes();
                trace
            });
            self.bytes -= trace.bytes();
            // A search that still reads the trace keeps what it has.
            Arc::make_mut(trace).append(more, &mut held.catalogue);
            self.bytes += trace.bytes();
            self.spans += more.span_count();
        }
        self.bytes += held.catalogue.bytes();
    }

    /// Refuses what could not be held even with nothing else there. Tells the other traces, and
    /// the most bytes that they add.
    fn admit(&self, tenant: &Tenant, batch: &mut Batch<'_>) -> (HashSet<TraceId>, usize) {
        let held = self.tenants.get(tenant);
        let mut kept = HashSet::new();
        let (mut bytes, mut new_bytes) = (0, 0);
        batch.refuse(|more| {
            let there = held.and_then(|held| held.traces.get(&more.trace_id()));
            let new = most_bytes(&more);
            let together = bytes + new + there.map_or(0, |trace| trace.most_bytes());
            if together > self.limits.bytes || kept.len() == self.limits.traces {
                return Some(Refusal::TraceTooLarge);
            }
            bytes = together;
            new_bytes += new;
            kept.insert(more.trace_id());
            None
        });
        (kept, new_bytes)
    }

    /// Forgets the oldest traces but for the kept ones of the tenant, until there is room.
    fn make_room(&mut self, tenant: &Tenant, kept: &HashSet<TraceId>, traces: usize, bytes: usize) {
        let mut passed = Vec::new();
        while self.bytes + bytes > self.limits.bytes
            || self.arrivals.len() + passed.len() + traces > self.limits.traces
        {
            let Some((owner, id)) = self.arrivals.pop_front() else { break };
            if owner == *tenant && kept.contains(&id) {
                passed.push((owner, id));
            } else {
                self.forget(&owner, id);
                self.evicted += 1;
            }
        }
        for arrival in passed.into_iter().rev() {
            self.arrivals.push_front(arrival);
        }
    }

    fn forget(&mut self, tenant: &Tenant, id: TraceId) {
        let Some(held) = self.tenants.get_mut(tenant) else { return };
        let Some(trace) = held.traces.remove(&id) else { return };
        self.bytes -= held.catalogue.bytes() + trace.bytes();
        held.catalogue.remove(trace.spans());
        self.bytes += held.catalogue.bytes();
        self.spans -= trace.span_count();
        if held.traces.is_empty() {
            self.tenants.remove(tenant);
        }
    }

    pub(crate) fn purge(&mut self, tenant: &Tenant) {
        let Some(held) = self.tenants.remove(tenant) else { return };
        self.arrivals.retain(|(owner, _)| owner != tenant);
        self.bytes -= held.catalogue.bytes();
        for trace in held.traces.values() {
            self.bytes -= trace.bytes();
            self.spans -= trace.span_count();
        }
    }

    /// The traces of these ids that exist, each once.
    pub(crate) fn get(&self, tenant: &Tenant, ids: impl Iterator<Item = TraceId>) -> Vec<Found> {
        let Some(held) = self.tenants.get(tenant) else { return Vec::new() };
        let mut seen = HashSet::new();
        ids.filter(|id| seen.insert(*id))
            .filter_map(|id| held.traces.get(&id).map(|trace| (id, Arc::clone(trace))))
            .collect()
    }

    /// All traces of the tenant, in no order.
    pub(crate) fn snapshot(&self, tenant: &Tenant) -> Vec<Found> {
        let held = self.tenants.get(tenant);
        held.into_iter()
            .flat_map(|held| &held.traces)
            .map(|(id, trace)| (*id, Arc::clone(trace)))
            .collect()
    }

    pub(crate) fn catalogue(&self, tenant: &Tenant) -> Option<&Catalogue> {
        self.tenants.get(tenant).map(|held| &held.catalogue)
    }

    pub(crate) fn usage(&self) -> Usage {
        Usage {
            traces: self.arrivals.len() as u64,
            spans: self.spans as u64,
            bytes: self.bytes as u64,
            evicted_traces: self.evicted,
        }
    }
}
