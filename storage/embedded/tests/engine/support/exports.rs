//! Exports that can be told apart, and what became of them.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, PoisonError};

use bytes::Bytes;
use futures::TryStreamExt;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span};
use prost::Message;
use spoor_store::otlp::spans_of;
use spoor_store::{LegacyQuery, ReadError, Store, WriteError};

use super::requests::{key_value, text};
use super::stores::tenant;

/// The spans of an export: an export is kept wholly or not at all.
fn spans_in(export: u64) -> u64 {
    1 + export % 7
}

/// An export of several spans, in traces that other exports have spans of too.
pub fn export(number: u64) -> Bytes {
    let span = |index: u64| Span {
        trace_id: (1 + (number + index) / 3).to_be_bytes().repeat(2),
        span_id: (number << 8 | (index + 1)).to_be_bytes().into(),
        name: format!("operation {}", number % 5),
        start_time_unix_nano: 1_700_000_000_000_000_000 + number * 1_000,
        end_time_unix_nano: 1_700_000_000_000_000_000 + number * 1_000 + index,
        attributes: vec![key_value("export", text(&number.to_string()))],
        ..Span::default()
    };
    let spans = (0..spans_in(number)).map(span).collect();
    let scope_spans = vec![ScopeSpans { spans, ..ScopeSpans::default() }];
    let attributes = vec![key_value("service.name", text("service"))];
    let resource = Some(Resource { attributes, ..Resource::default() });
    let resource_spans = vec![ResourceSpans { resource, scope_spans, ..ResourceSpans::default() }];
    ExportTraceServiceRequest { resource_spans }.encode_to_vec().into()
}

/// What was acknowledged, and what may be there besides.
#[derive(Debug, Default)]
pub struct Exports(Mutex<Told>);

/// The exports at one moment.
#[derive(Clone, Debug, Default)]
pub struct Told {
    begun: BTreeSet<u64>,
    acknowledged: BTreeSet<u64>,
}

impl Exports {
    fn lock(&self) -> std::sync::MutexGuard<'_, Told> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Writes an export that was not written yet.
    pub async fn write(&self, store: &dyn Store, number: u64) -> Result<(), WriteError> {
        self.lock().begun.insert(number);
        store.write(&tenant(), export(number)).await?;
        self.lock().acknowledged.insert(number);
        Ok(())
    }

    /// Forgets everything of the store.
    pub async fn purge(&self, store: &dyn Store) -> Result<(), WriteError> {
        // Of what was there nobody knows until it is acknowledged.
        self.lock().acknowledged.clear();
        store.purge(&tenant()).await?;
        self.lock().begun.clear();
        Ok(())
    }

    pub fn now(&self) -> Told {
        self.lock().clone()
    }

    /// Knows what is there after an accident: that, and no more.
    pub fn found(&self, there: BTreeSet<u64>) {
        *self.lock() = Told { begun: there.clone(), acknowledged: there };
    }
}

impl Told {
    /// What is there is what should be.
    #[track_caller]
    pub fn check(&self, there: &BTreeSet<u64>, context: &str) {
        self.check_acknowledged(there, context);
        self.check_begun(there, context);
    }

    /// Nothing is missing.
    #[track_caller]
    pub fn check_acknowledged(&self, there: &BTreeSet<u64>, context: &str) {
        let lost: Vec<_> = self.acknowledged.difference(there).collect();
        assert!(lost.is_empty(), "{context}: acknowledged exports are lost: {lost:?}");
    }

    /// Nothing is there that was never sent, or was forgotten.
    #[track_caller]
    pub fn check_begun(&self, there: &BTreeSet<u64>, context: &str) {
        let odd: Vec<_> = there.difference(&self.begun).collect();
        assert!(odd.is_empty(), "{context}: exports that cannot be there: {odd:?}");
    }
}

/// The exports that a store has. Each must be there wholly and once.
pub async fn exports_in(store: &dyn Store, context: &str) -> Result<BTreeSet<u64>, ReadError> {
    let query = LegacyQuery { depth: i32::MAX, ..LegacyQuery::default() };
    let query = query.compile(1 << 20).unwrap();
    let mut spans = BTreeMap::<u64, BTreeMap<u64, u64>>::new();
    let mut chunks = store.find_traces(&tenant(), query);
    while let Some(chunk) = chunks.try_next().await? {
        for span in spans_of(&chunk.data) {
            let id = u64::from_be_bytes(span.span.span_id.try_into().unwrap());
            *spans.entry(id >> 8).or_default().entry(id & 0xff).or_default() += 1;
        }
    }
    for (export, spans) in &spans {
        let whole: BTreeMap<_, _> = (1..=spans_in(*export)).map(|index| (index, 1)).collect();
        assert_eq!(spans, &whole, "{context}: spans of export {export}, and how often");
    }
    Ok(spans.into_keys().collect())
}
