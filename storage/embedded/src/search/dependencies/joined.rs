use std::collections::{BTreeMap, HashMap};
use std::rc::Rc;

use spoor_store::ReadError;
use spoor_store::trace::CallSpan;

use super::Counting;
use super::split::Split;
use crate::bitmap::Bitmap;
use crate::budget::{Grant, List};

/// Puts split traces together: each waits until its last place was told.
pub(super) struct Joined<'s> {
    split: &'s Split<'s>,
    /// By the traces' numbers.
    waiting: BTreeMap<usize, Waiting>,
    /// What those take.
    bytes: usize,
    /// What they are to take at most.
    most: usize,
    names: Names,
    held: List<'s>,
    /// The traces that found no room.
    postponed: Bitmap,
}

/// A trace some of whose places were told.
struct Waiting {
    places_left: u32,
    spans: Vec<Owned>,
}

/// A span's call, with the number of its service's name.
struct Owned {
    id: [u8; 8],
    /// Zero without a parent.
    parent: [u8; 8],
    start: u64,
    service: u32,
}

impl<'s> Joined<'s> {
    /// What waits takes so many bytes, unless it is one trace.
    pub(super) fn new(split: &'s Split<'_>, grant: &'s Grant, most: usize) -> Self {
        Self {
            split,
            waiting: BTreeMap::new(),
            bytes: 0,
            most,
            names: Names::default(),
            held: grant.list(),
            postponed: Bitmap::none(split.len()),
        }
    }

    /// Takes what a trace has in one of its places, and counts it if that is the last one.
    ///
    /// A trace that finds no room is postponed. Its spans are dropped, which makes room: so at
    /// least the last that waits is counted before nothing is left to be told.
    pub(super) fn add(
        &mut self,
        number: usize,
        spans: &[CallSpan<'_>],
        counting: &mut Counting<'_>,
    ) -> Result<(), ReadError> {
        if self.postponed.contains(number) {
            return Ok(());
        }
        let mut trace = match self.waiting.remove(&number) {
            Some(trace) => {
                self.bytes -= bytes(trace.spans.len());
                trace
            }
            None => Waiting { places_left: self.split.places(number), spans: Vec::new() },
        };
        let bytes = bytes(trace.spans.len() + spans.len());
        if self.bytes + bytes > self.most && !self.waiting.is_empty() {
            self.postponed.insert(number);
            drop(trace);
            return self.resize();
        }
        self.bytes += bytes;
        self.resize()?;
        trace.spans.reserve_exact(spans.len());
        let Self { names, .. } = self;
        trace.spans.extend(spans.iter().map(|span| names.owned(span)));
        trace.places_left -= 1;
        if trace.places_left > 0 {
            self.waiting.insert(number, trace);
            return Ok(());
        }
        counting.add(&trace.spans, |span| self.names.call(span))?;
        drop(trace);
        self.bytes -= bytes;
        self.resize()
    }

    /// The traces that must be told again, from their first place on, by their numbers.
    pub(super) fn into_postponed(self) -> Bitmap {
        self.postponed
    }

    fn resize(&mut self) -> Result<(), ReadError> {
        self.held.resize(self.bytes + self.names.bytes)
    }
}

/// What a trace with so many spans takes, about: its entry, in a node that may be half empty and
/// with what the allocator adds, and for each span also its number when the trace is counted.
fn bytes(spans: usize) -> usize {
    2 * size_of::<(usize, Waiting)>() + 32 + spans * (size_of::<Owned>() + size_of::<u32>())
}

/// The services' names by number.
#[derive(Default)]
struct Names {
    names: Vec<Rc<str>>,
    numbers: HashMap<Rc<str>, u32>,
    /// What they take, about.
    bytes: usize,
}

impl Names {
    fn owned(&mut self, span: &CallSpan<'_>) -> Owned {
        let service = self.numbers.get(span.service).copied().unwrap_or_else(|| {
            let (name, number) = (Rc::<str>::from(span.service), self.names.len() as u32);
            self.bytes += name.len() + 128;
            self.names.push(Rc::clone(&name));
            self.numbers.insert(name, number);
            number
        });
        let parent = span.parent.unwrap_or_default();
        Owned { id: span.id, parent, start: span.start, service }
    }

    fn call(&self, span: &Owned) -> CallSpan<'_> {
        CallSpan {
            id: span.id,
            parent: Some(span.parent).filter(|id| *id != [0; 8]),
            start: span.start,
            service: &self.names[span.service as usize],
        }
    }
}
