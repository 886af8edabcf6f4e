//! What was sent, and what must, may and must not be there after a kill.

use std::collections::{BTreeMap, BTreeSet};

use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace::v1::{Span, TracesData};
use prost::Message;
use spoor_proto::RawTraces;

use super::content::{Content, place, resource};
use super::figures::Settled;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// Sent, and not answered: it may be there.
    Begun,
    /// Acknowledged, or found after a kill: it must be there.
    Kept,
    /// Kept before a purge that is not answered: all such exports are there, or none.
    Doomed,
    /// On its way during a purge: it may be there, acknowledged or not.
    Unsure,
}

#[derive(Clone, Copy, Debug)]
struct Export {
    state: State,
    spans: u64,
}

/// The exports that must or may be there. Any other must not.
#[derive(Default)]
pub struct Ledger {
    exports: BTreeMap<u64, Export>,
    is_purging: bool,
}

/// The spans that were read, by export.
#[derive(Default)]
pub struct Found(BTreeMap<u64, Vec<(Option<Resource>, Span)>>);

impl Found {
    pub fn add(&mut self, chunk: &RawTraces) {
        for resource_spans in TracesData::decode(chunk.0.clone()).unwrap().resource_spans {
            let resource = resource_spans.resource;
            for span in resource_spans.scope_spans.into_iter().flat_map(|scope| scope.spans) {
                self.0.entry(place(&span).0).or_default().push((resource.clone(), span));
            }
        }
    }
}

impl Ledger {
    pub fn begin(&mut self, number: u64, spans: u64) {
        self.exports.insert(number, Export { state: State::Begun, spans });
    }

    pub fn acknowledge(&mut self, number: u64) {
        let is_purging = self.is_purging;
        // A purge may have forgotten it already.
        if let Some(export) = self.exports.get_mut(&number)
            && export.state == State::Begun
        {
            export.state = if is_purging { State::Unsure } else { State::Kept };
        }
    }

    pub fn purge_begins(&mut self) {
        self.is_purging = true;
        self.replace(State::Kept, State::Doomed);
    }

    pub fn purge_is_done(&mut self) {
        self.is_purging = false;
        self.exports.retain(|_, export| export.state != State::Doomed);
        // It may have been logged before the purge and be answered after it.
        self.replace(State::Begun, State::Unsure);
    }

    fn replace(&mut self, from: State, to: State) {
        for export in self.exports.values_mut().filter(|export| export.state == from) {
            export.state = to;
        }
    }

    /// The exports from this number on, as many older ones as `pick` takes, and all of those of
    /// which it is not known whether they are there. All, if a purge was cut off.
    pub fn to_be_asked(&self, from: u64, pick: &mut impl FnMut() -> bool) -> BTreeSet<u64> {
        let is_cut = self.exports.values().any(|export| export.state == State::Doomed);
        let is_asked = |(number, export): &(&u64, &Export)| {
            is_cut || **number >= from || export.state != State::Kept || pick()
        };
        self.exports.iter().filter(is_asked).map(|(number, _)| *number).collect()
    }

    pub fn len(&self) -> usize {
        self.exports.len()
    }

    /// The spans of all exports that are there, once it is known which.
    pub fn spans(&self) -> u64 {
        self.exports.values().map(|export| export.spans).sum()
    }

    /// Compares what was read with what was sent. All spans of the asked exports were read, and
    /// some of others.
    pub fn settle(
        &mut self,
        content: Content,
        asked: &BTreeSet<u64>,
        found: Found,
        context: &str,
    ) -> Settled {
        let mut counts = BTreeMap::new();
        for (number, spans) in found.0 {
            let is_known = self.exports.contains_key(&number);
            assert!(is_known, "{context}: export {number} is there, never sent or purged");
            let (sender, expected) = (resource(number), content.spans(number));
            let mut places = BTreeSet::new();
            for (resource, span) in &spans {
                let place = place(span).1;
                assert_eq!(Some(span), expected.get(place), "{context}: export {number}");
                assert_eq!(resource, &sender, "{context}: export {number}");
                assert!(places.insert(place), "{context}: span {place} of export {number} twice");
            }
            counts.insert(number, spans.len() as u64);
        }
        let (mut settled, mut doomed) = (Settled::default(), Settled::default());
        for number in asked {
            let export = self.exports[number];
            let (Export { spans, state }, count) =
                (export, counts.get(number).copied().unwrap_or(0));
            let is_there = count == spans;
            assert!(
                is_there || count == 0 && state != State::Kept,
                "{context}: {count} of {spans} spans of export {number}, {state:?}"
            );
            match state {
                State::Kept => {}
                State::Doomed => doomed.count(is_there),
                State::Begun | State::Unsure => settled.count(is_there),
            }
            if !is_there {
                self.exports.remove(number);
            }
        }
        assert!(doomed.found == 0 || doomed.not_found == 0, "{context}: half a purge: {doomed:?}");
        for number in asked {
            if let Some(export) = self.exports.get_mut(number) {
                export.state = State::Kept;
            }
        }
        self.is_purging = false;
        settled
    }
}
