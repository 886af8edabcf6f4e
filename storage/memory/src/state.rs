use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::Arc;

use spoor_store::ingest::TraceSpans;
use spoor_store::{Tenant, TraceId, Usage, WriteError};

use crate::catalogue::Catalogue;
use crate::trace::{Trace, fragment_bytes, new_trace_bytes};
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

    /// Adds the spans, then forgets the oldest other traces until the limits hold again.
    pub(crate) fn insert(
        &mut self,
        tenant: &Tenant,
        traces: Vec<TraceSpans>,
    ) -> Result<(), WriteError> {
        if traces.is_empty() {
            return Ok(());
        }
        self.check_fits(tenant, &traces)?;
        let written: HashSet<_> = traces.iter().map(|trace| trace.trace_id).collect();
        let held = self.tenants.entry(tenant.clone()).or_default();
        self.bytes -= held.catalogue.bytes();
        for more in traces {
            let trace = held.traces.entry(more.trace_id).or_insert_with(|| {
                self.arrivals.push_back((tenant.clone(), more.trace_id));
                self.bytes += new_trace_bytes();
                Arc::default()
            });
            self.bytes += fragment_bytes(&more);
            self.spans += more.spans;
            for fragment in &more.fragments {
                held.catalogue.add(spoor_store::otlp::spans_of(fragment));
            }
            // A search that still reads the trace keeps what it has.
            Arc::make_mut(trace).append(more);
        }
        self.bytes += held.catalogue.bytes();
        // Once around at most: what is left then was just written.
        for _ in 0..self.arrivals.len() {
            if self.bytes <= self.limits.bytes && self.arrivals.len() <= self.limits.traces {
                break;
            }
            let Some((owner, id)) = self.arrivals.pop_front() else { break };
            if owner == *tenant && written.contains(&id) {
                // What was just acknowledged stays.
                self.arrivals.push_back((owner, id));
            } else {
                self.forget(&owner, id);
                self.evicted += 1;
            }
        }
        Ok(())
    }

    /// Refuses what could not be held even with nothing else there.
    fn check_fits(&self, tenant: &Tenant, traces: &[TraceSpans]) -> Result<(), WriteError> {
        let held = self.tenants.get(tenant);
        let bytes: usize = traces
            .iter()
            .map(|more| {
                let there = held.and_then(|held| held.traces.get(&more.trace_id));
                fragment_bytes(more) + there.map_or(new_trace_bytes(), |trace| trace.bytes())
            })
            .sum();
        if bytes > self.limits.bytes {
            return Err(WriteError::TooLarge(format!(
                "its traces would take {bytes} bytes, and the store holds {}",
                self.limits.bytes
            )));
        }
        if traces.len() > self.limits.traces {
            return Err(WriteError::TooLarge(format!(
                "it has {} traces, and the store holds {}",
                traces.len(),
                self.limits.traces
            )));
        }
        Ok(())
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
