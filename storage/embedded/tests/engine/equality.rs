use rand::{RngExt, SeedableRng, rngs::StdRng};
use spoor_embedded::EmbeddedStore;
use spoor_embedded::disk::SimulatedDisk;
use spoor_memory::MemoryStore;
use spoor_store::otlp::SpanKind;
use spoor_store::{Store, TimeRange, TraceLookup};

use crate::support::answers::{summaries, traces};
use crate::support::facts::Facts;
use crate::support::requests::Requests;
use crate::support::stores::{memory, now, open, tenant};
use crate::support::{from_env, queries};

/// Operations of an ordinary run, of all its seeds together.
const OPERATIONS: u64 = 10_000;
const SEEDS: u64 = 10;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_answer_equals_the_memory_engines() {
    let operations = from_env("SPOOR_OPERATIONS").unwrap_or(OPERATIONS);
    match from_env("SPOOR_SEED") {
        Some(seed) => run(seed, operations).await,
        None => {
            for _ in 0..SEEDS {
                run(now(), operations / SEEDS).await;
            }
        }
    }
}

async fn run(seed: u64, operations: u64) {
    let mut both = Both::new(seed);
    for number in 0..operations {
        let context = format!("operation {number} of SPOOR_SEED={seed}");
        // Says which one it was, wherever it fails.
        let _told = Context(&context);
        both.step(&context).await;
    }
}

struct Context<'a>(&'a str);

impl Drop for Context<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("this happened at {}", self.0);
        }
    }
}

struct Both {
    random: StdRng,
    requests: Requests,
    facts: Facts,
    disk: SimulatedDisk,
    engine: Option<EmbeddedStore>,
    memory: MemoryStore,
}

impl Both {
    fn new(seed: u64) -> Self {
        let disk = SimulatedDisk::new(seed);
        Self {
            random: StdRng::seed_from_u64(seed),
            requests: Requests::new(seed),
            facts: Facts::default(),
            engine: Some(open(&disk)),
            disk,
            memory: memory(),
        }
    }

    fn engine(&self) -> &EmbeddedStore {
        self.engine.as_ref().expect("it is open but for a moment")
    }

    async fn step(&mut self, context: &str) {
        match self.random.random_range(0..1000) {
            0..380 => self.write(context).await,
            380..780 => self.find(context).await,
            780..840 => self.get(context).await,
            840..860 => self.services(context).await,
            860..890 => self.operations(context).await,
            890..930 => self.dependencies(context).await,
            930..975 => self.engine().freeze().await.unwrap(),
            975..985 => self.engine().settle().await.unwrap(),
            985..995 => self.reopen(),
            _ => self.purge().await,
        }
    }

    async fn write(&mut self, context: &str) {
        let request = self.requests.next();
        self.facts.add(&request, &mut self.random);
        let ours = self.engine().write(&tenant(), request.clone()).await;
        let theirs = self.memory.write(&tenant(), request).await;
        assert_eq!(ours, theirs, "{context}");
    }

    async fn find(&mut self, context: &str) {
        let legacy = match self.random.random_range(0..8) {
            0 => queries::long_spans(&self.facts, &mut self.random),
            _ => queries::query(&self.facts, &mut self.random),
        };
        let Ok(query) = legacy.compile(1_000) else { return };
        let about = |what: &str| format!("{context}: {what} of {legacy:?}");
        let form = self.random.random_range(0..3);
        if form == 0 {
            let ours = self.engine().find_trace_ids(&tenant(), query.clone()).await.unwrap();
            let theirs = self.memory.find_trace_ids(&tenant(), query).await.unwrap();
            same(&ours, &theirs, || about("ids"));
        } else if form == 1 {
            let ours = summaries(self.engine(), &tenant(), &query).await.unwrap();
            let theirs = summaries(&self.memory, &tenant(), &query).await.unwrap();
            same(&ours, &theirs, || about("summaries"));
        } else {
            let ours = traces(self.engine().find_traces(&tenant(), query.clone())).await.unwrap();
            let theirs = traces(self.memory.find_traces(&tenant(), query)).await.unwrap();
            same(&ours, &theirs, || about("traces"));
        }
    }

    async fn get(&mut self, context: &str) {
        let lookups: Vec<_> = (0..self.random.random_range(1..4))
            .filter_map(|_| self.facts.any(&mut self.random).trace)
            .map(|trace_id| TraceLookup { trace_id, hint: TimeRange::default() })
            .collect();
        let ours = traces(self.engine().get_traces(&tenant(), lookups.clone())).await.unwrap();
        let theirs = traces(self.memory.get_traces(&tenant(), lookups)).await.unwrap();
        same(&ours, &theirs, || context.to_owned());
    }

    async fn services(&mut self, context: &str) {
        let ours = self.engine().services(&tenant()).await.unwrap();
        assert_eq!(ours, self.memory.services(&tenant()).await.unwrap(), "{context}");
    }

    async fn operations(&mut self, context: &str) {
        let service = self.facts.any(&mut self.random).service;
        let kind = match self.random.random_range(-1..6) {
            -1 => None,
            number => Some(SpanKind::from_number(number)),
        };
        let ours = self.engine().operations(&tenant(), &service, kind).await.unwrap();
        let theirs = self.memory.operations(&tenant(), &service, kind).await.unwrap();
        assert_eq!(ours, theirs, "{context}: {service:?} {kind:?}");
    }

    async fn dependencies(&mut self, context: &str) {
        let mut range = TimeRange::default();
        if self.random.random() {
            range.min = self.facts.any(&mut self.random).start;
        }
        if self.random.random() {
            range.max = range.min.saturating_add(self.random.random_range(0..100_000_000_000));
        }
        let ours = self.engine().dependencies(&tenant(), range).await.unwrap();
        let theirs = self.memory.dependencies(&tenant(), range).await.unwrap();
        assert_eq!(ours, theirs, "{context}: {range:?}");
    }

    /// Closes and opens, or as often cuts the power.
    fn reopen(&mut self) {
        if self.random.random() {
            self.disk = self.disk.power_cut(self.random.random());
        }
        self.engine = None;
        self.engine = Some(open(&self.disk));
    }

    async fn purge(&mut self) {
        self.engine().purge(&tenant()).await.unwrap();
        self.memory.purge(&tenant()).await.unwrap();
    }
}

/// Tells where two answers part.
fn same<T: PartialEq + std::fmt::Debug>(ours: &[T], theirs: &[T], context: impl Fn() -> String) {
    let at = ours.iter().zip(theirs).take_while(|(ours, theirs)| ours == theirs).count();
    assert!(
        ours == theirs,
        "{}\n{} and {} of them part at {at}:\n{:?}\n{:?}",
        context(),
        ours.len(),
        theirs.len(),
        ours.get(at),
        theirs.get(at)
    );
}
