use futures::TryStreamExt;
use rand::RngExt;
use rand::seq::{IndexedRandom, SliceRandom};
use spoor_memory::MemoryStore;
use spoor_store::filter::Filter;
use spoor_store::otlp::{SpanKind, spans_of};
use spoor_store::{
    FoundSpan, FoundTrace, SortBy, SortField, SpanKey, SpanOrder, SpanQuery, SpanStream, Store,
    TimeRange, TraceLookup, TraceQuery, TraceRank,
};

use crate::support::answers::{self, summaries, traces};
use crate::support::both::Both;
use crate::support::stores::{now, tenant};
use crate::support::{filters, from_env, queries};

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

impl Both {
    async fn step(&mut self, context: &str) {
        match self.random.random_range(0..1000) {
            0..380 => self.write().await,
            380..700 => self.find(context).await,
            700..780 => self.spans(context).await,
            780..840 => self.get(context).await,
            840..860 => self.services(context).await,
            860..890 => self.operations(context).await,
            890..930 => self.dependencies(context).await,
            930..975 => self.engine().freeze().await.unwrap(),
            975..985 => self.engine().settle().await.unwrap(),
            985..990 => self.cut_power(),
            990..995 => self.reopen(),
            _ => self.purge().await,
        }
    }

    async fn find(&mut self, context: &str) {
        let legacy = match self.random.random_range(0..8) {
            0 => queries::long_spans(&self.facts, &mut self.random),
            _ => queries::query(&self.facts, &mut self.random),
        };
        let Ok(mut query) = legacy.compile(1_000) else { return };
        let random = &mut self.random;
        match random.random_range(0..9) {
            0..3 => query.filter = filters::structured(&query.filter, random),
            3 => query.filter = filters::about(&self.facts.any(random), random),
            4 => {
                let about = filters::about(&self.facts.any(random), random);
                query.filter = Filter::And(vec![query.filter, about]);
            }
            _ => {}
        }
        if self.random.random_range(0..3) == 0 {
            query.after = self.place(&query).await;
        }
        let asked = query.clone();
        let about = |what: &str| format!("{context}: {what} of {asked:?}");
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

    /// The place of one of the traces that match.
    async fn place(&mut self, query: &TraceQuery) -> Option<TraceRank> {
        let found = self.memory.find_trace_ids(&tenant(), query.clone()).await.unwrap();
        let FoundTrace { trace_id, matched, .. } = *found.choose(&mut self.random)?;
        Some(TraceRank { start: matched, trace_id })
    }

    async fn spans(&mut self, context: &str) {
        let Ok(asked) = queries::query(&self.facts, &mut self.random).compile(1_000) else {
            return;
        };
        let filter = match self.random.random() {
            true => filters::structured(&asked.filter, &mut self.random),
            false => asked.filter,
        };
        let by = |field| SortBy { field, descending: self.random.random() };
        let mut fields =
            [SortField::StartTime, SortField::Duration, SortField::TraceId, SortField::SpanId]
                .map(by);
        fields.shuffle(&mut self.random);
        let order = SpanOrder::new(&fields[..self.random.random_range(0..=4)]).unwrap();
        let limit = self.random.random_range(1..50);
        let mut query = SpanQuery { filter, start: asked.start, order, limit, after: None };
        for page in 0..3 {
            let about = || format!("{context}: page {page} of {query:?}");
            let ours =
                spans(&self.memory, self.engine().find_spans(&tenant(), query.clone())).await;
            let theirs =
                spans(&self.memory, self.memory.find_spans(&tenant(), query.clone())).await;
            same(&ours, &theirs, about);
            let Some(last) = theirs.last() else { break };
            query.after = Some(*last);
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
    async fn purge(&mut self) {
        self.engine().purge(&tenant()).await.unwrap();
        self.memory.purge(&tenant()).await.unwrap();
    }
}

/// The keys of spans, each of which is a copy of one that the memory engine has.
async fn spans(memory: &MemoryStore, found: SpanStream) -> Vec<SpanKey> {
    let found: Vec<FoundSpan> = found.try_collect().await.unwrap();
    for found in &found {
        let key = spans_of(&found.data).map(|span| SpanKey::of(&span.span));
        assert_eq!(key.collect::<Vec<_>>(), [Some(found.key)]);
        let lookup = TraceLookup { trace_id: found.key.trace_id, hint: TimeRange::default() };
        let copies = traces(memory.get_traces(&tenant(), vec![lookup])).await.unwrap();
        let own = answers::spans(&found.data);
        assert!(copies[0].1.contains(&own[0]), "{found:?} is not what was written");
    }
    found.into_iter().map(|found| found.key).collect()
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
