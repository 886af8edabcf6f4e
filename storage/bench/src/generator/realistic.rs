//! The shop's traffic.

use opentelemetry_proto::tonic::common::v1::InstrumentationScope;
use opentelemetry_proto::tonic::resource::v1::Resource;

use super::graph::{self, ENTRIES, Endpoint};
use super::messages::Sent;
use super::random::{Random, Zipf};
use super::resource::{self, Instrument, SCHEMA_URL};
use super::shape::Walk;
use super::world::World;
use super::{Trace, Traffic};

/// How many traces begin a second, enough that a busy process fills an export of 512 spans
/// before its timer ends.
pub const TRACES_PER_SECOND: f64 = 1_000.0;
/// The messages that a consumer in batches waits for.
const BATCH: usize = 6;

pub struct Realistic {
    world: World,
    random: Random,
    entries: Vec<(usize, &'static Endpoint)>,
    popularity: Zipf,
    /// Nanoseconds since the Unix epoch.
    now: u64,
    offsets: Vec<i64>,
    unread: Vec<Sent>,
}

impl Realistic {
    pub fn new(seed: u64, epoch: u64) -> Self {
        // The pods are the same ones whatever the seed of the traffic.
        let world = World::new(&mut Random::new(super::SEED));
        Self {
            world,
            random: Random::new(seed),
            entries: ENTRIES.iter().map(|(service, name)| graph::endpoint(service, name)).collect(),
            popularity: Zipf::new(ENTRIES.len(), 1.0),
            now: epoch,
            offsets: Vec::new(),
            unread: Vec::new(),
        }
    }
}

impl Traffic for Realistic {
    fn next(&mut self) -> Trace {
        self.now += self.random.exponential(1e9 / TRACES_PER_SECOND) as u64;
        let batch = (self.unread.len() >= BATCH).then(|| std::mem::take(&mut self.unread));
        let mut walk = Walk {
            visit: self.world.values.visit(&mut self.random),
            trace: self.random.bytes(),
            world: &self.world,
            random: &mut self.random,
            offsets: &mut self.offsets,
            drafts: Vec::new(),
            sent: Vec::new(),
        };
        if let Some(batch) = batch {
            walk.receive(&batch, self.now);
        } else {
            let (service, endpoint) = self.entries[self.popularity.rank(walk.random)];
            walk.enter(service, endpoint, self.now);
        }
        let (drafts, sent) = (walk.drafts, walk.sent);
        self.unread.extend(sent);
        Trace { start: self.now, drafts }
    }

    fn processes(&self) -> usize {
        self.world.pods.len()
    }

    fn resource(&self, process: usize) -> Resource {
        resource::resource(&self.world.pods[process])
    }

    fn scope(&self, process: usize, instrument: Instrument) -> InstrumentationScope {
        resource::scope(&self.world.pods[process], instrument)
    }

    fn schema_url(&self) -> &'static str {
        SCHEMA_URL
    }

    fn service(&self, process: usize) -> &'static str {
        self.world.pods[process].service().name
    }
}
