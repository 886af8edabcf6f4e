//! The engine on a simulated disk beside the memory engine, which tells what is right.

use rand::{RngExt, SeedableRng, rngs::StdRng};
use spoor_embedded::EmbeddedStore;
use spoor_embedded::disk::SimulatedDisk;
use spoor_memory::MemoryStore;
use spoor_store::Store;

use super::facts::Facts;
use super::requests::Requests;
use super::stores::{memory, open, tenant};

pub struct Both {
    pub random: StdRng,
    pub facts: Facts,
    /// Has the same as the engine.
    pub memory: MemoryStore,
    requests: Requests,
    disk: SimulatedDisk,
    engine: Option<EmbeddedStore>,
}

impl Both {
    pub fn new(seed: u64) -> Self {
        let disk = SimulatedDisk::new(seed);
        Self {
            random: StdRng::seed_from_u64(seed),
            facts: Facts::default(),
            memory: memory(),
            requests: Requests::new(seed),
            engine: Some(open(&disk)),
            disk,
        }
    }

    pub fn engine(&self) -> &EmbeddedStore {
        self.engine.as_ref().expect("it is open but for a moment")
    }

    pub async fn write(&mut self) {
        let request = self.requests.next();
        self.facts.add(&request, &mut self.random);
        let ours = self.engine().write(&tenant(), request.clone()).await;
        assert_eq!(ours, self.memory.write(&tenant(), request).await);
    }

    pub fn cut_power(&mut self) {
        self.disk = self.disk.power_cut(self.random.random());
        self.reopen();
    }

    pub fn reopen(&mut self) {
        self.engine = None;
        self.engine = Some(open(&self.disk));
    }
}
