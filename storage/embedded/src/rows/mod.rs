//! Spans in memory, taken apart: [`Rows`].
//!
//! A span is a [`SpanRow`], the codes of what it shares with others (its [`Template`], its
//! [`Origin`], its trace), and its values as words: numbers, and codes of texts, of which each is
//! held once. Spans are put together again through [`Source`], which blocks are too.
//!
//! A span is taken apart only if it is encoded as known encoders do it, so that the same bytes
//! come back. Any other span is kept as it came.

mod append;
mod arena;
mod canonical;
mod chunked;
mod fragments;
mod frame;
mod guess;
mod interner;
mod parts;
mod rebuild;
mod shred;
mod source;
mod template;
mod texts;
mod traces;
mod writer;

use spoor_store::TraceId;

use arena::Arena;
use chunked::Chunked;
use guess::Guesses;
use interner::Interner;
use shred::{Shape, Shapes};
use texts::Texts;
use traces::Traces;

pub use fragments::{FRAGMENT_BYTES, fragments, next_fragment, traces_data};
pub use parts::{Level, Part, for_each_part};
pub use rebuild::put_span;
pub use source::{RebuildError, Source, SpanParts, Tables};
pub use template::{
    EventTemplate, FieldOrder, LinkTemplate, Origin, Presence, Slot, Status, Template, ValueKind,
};

/// Spans in memory. Only ever appended to: codes are indices, and what they stand for stays.
///
/// All codes, and the positions behind them, are of 32 bits. The owner stops appending long before
/// they are used up; beyond them [`Rows::append`] panics.
#[derive(Debug, Default)]
pub struct Rows {
    spans: Chunked<SpanRow>,
    words: Arena<u32>,
    texts: Texts,
    shapes: Shapes,
    origins: Interner<Origin>,
    traces: Traces,
    // Kept to be used again.
    shape: Shape,
    guesses: Guesses,
    origin_codes: Vec<Option<u32>>,
}

/// The fixed part of a span.
#[derive(Clone, Copy, Debug)]
pub struct SpanRow {
    /// The trace's code.
    pub trace: u32,
    /// The template's code.
    pub template: u32,
    /// The origin's code.
    pub origin: u32,
    /// The text code of the name; the text is empty when the field is not there.
    pub name: u32,
    /// The span's id.
    pub span_id: [u8; 8],
    /// The parent's id; zeros when the template has none.
    pub parent_id: [u8; 8],
    /// Nanoseconds since the Unix epoch; zero when the field is not there.
    pub start: u64,
    /// Nanoseconds since the Unix epoch; zero when the field is not there.
    pub end: u64,
    /// Where its words begin.
    words: u32,
    /// The next row of its trace, or `traces::NO_ROW`.
    next: u32,
}

impl Rows {
    /// No rows; they take no memory.
    pub fn new() -> Self {
        Self::default()
    }

    /// The number of spans.
    pub fn len(&self) -> u32 {
        self.spans.len()
    }

    /// Whether there are no spans.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The memory held, in bytes: all that was allocated, used or not.
    pub fn bytes(&self) -> usize {
        self.spans.bytes()
            + self.words.bytes()
            + self.texts.bytes()
            + self.shapes.bytes()
            + self.origins.bytes()
            + self.traces.bytes()
            + self.shape.bytes()
            + self.guesses.bytes()
            + self.origin_codes.capacity() * size_of::<Option<u32>>()
    }

    /// A span.
    ///
    /// # Panics
    /// If there is no such row, as all that take a code here.
    pub fn span(&self, row: u32) -> &SpanRow {
        &self.spans[row]
    }

    /// A span's words, in the order that [`for_each_part`] gives.
    pub fn words(&self, row: u32) -> &[u32] {
        words_of(&self.spans, &self.words, row)
    }

    /// The template of spans with this code.
    pub fn template(&self, code: u32) -> &Template {
        &self.shapes.spans[code]
    }

    /// The number of templates of spans.
    pub fn templates(&self) -> u32 {
        self.shapes.spans.len()
    }

    /// The template of events with this code.
    pub fn event_template(&self, code: u32) -> &EventTemplate {
        &self.shapes.events[code]
    }

    /// The number of templates of events.
    pub fn event_templates(&self) -> u32 {
        self.shapes.events.len()
    }

    /// The template of links with this code.
    pub fn link_template(&self, code: u32) -> &LinkTemplate {
        &self.shapes.links[code]
    }

    /// The number of templates of links.
    pub fn link_templates(&self) -> u32 {
        self.shapes.links.len()
    }

    /// The origin with this code.
    pub fn origin(&self, code: u32) -> &Origin {
        &self.origins[code]
    }

    /// The number of origins.
    pub fn origins(&self) -> u32 {
        self.origins.len()
    }

    /// The text with this code.
    pub fn text(&self, code: u32) -> &[u8] {
        &self.texts[code]
    }

    /// The number of texts.
    pub fn texts(&self) -> u32 {
        self.texts.len()
    }

    /// The code of a text, if it is held: then spans, or their templates, may have it.
    pub fn find_text(&self, text: &[u8]) -> Option<u32> {
        self.texts.find(text)
    }

    /// The code of a trace, if it has spans here.
    pub fn trace(&self, id: &TraceId) -> Option<u32> {
        self.traces.find(id)
    }

    /// The id of the trace with this code.
    pub fn trace_id(&self, trace: u32) -> TraceId {
        self.traces.id(trace)
    }

    /// The number of traces.
    pub fn traces(&self) -> u32 {
        self.traces.len()
    }

    /// The rows of a trace, ascending, which is the order in which they were appended.
    pub fn rows_of(&self, trace: u32) -> impl Iterator<Item = u32> + '_ {
        self.chain(self.traces.first_row(trace))
    }

    /// A row, and the later ones of its trace.
    pub fn rows_from(&self, row: u32) -> impl Iterator<Item = u32> + '_ {
        self.chain(Some(row))
    }

    fn chain(&self, first: Option<u32>) -> impl Iterator<Item = u32> + '_ {
        std::iter::successors(first, |row| traces::row(self.spans[*row].next))
    }
}

/// The words of a row; none if there is no such row.
fn words_of<'r>(spans: &Chunked<SpanRow>, words: &'r Arena<u32>, row: u32) -> &'r [u32] {
    let Some(span) = spans.get(row) else { return &[] };
    words.slice(span.words, spans.get(row + 1).map(|next| next.words))
}

impl Tables for Rows {
    fn template(&self, code: u32) -> Option<&Template> {
        self.shapes.spans.get(code)
    }

    fn event_template(&self, code: u32) -> Option<&EventTemplate> {
        self.shapes.events.get(code)
    }

    fn link_template(&self, code: u32) -> Option<&LinkTemplate> {
        self.shapes.links.get(code)
    }

    fn origin(&self, code: u32) -> Option<&Origin> {
        self.origins.get(code)
    }

    fn text(&self, code: u32) -> Option<&[u8]> {
        self.texts.get(code)
    }
}

impl Source for Rows {
    fn span(&self, row: u32) -> Option<SpanParts> {
        self.spans.get(row).map(|span| SpanParts {
            trace_id: *self.traces.id(span.trace).as_bytes(),
            span_id: span.span_id,
            parent_id: span.parent_id,
            start: span.start,
            end: span.end,
            template: span.template,
            origin: span.origin,
            name: span.name,
        })
    }

    fn words<'s>(&'s self, row: u32, _buffer: &'s mut Vec<u32>) -> &'s [u32] {
        words_of(&self.spans, &self.words, row)
    }
}
