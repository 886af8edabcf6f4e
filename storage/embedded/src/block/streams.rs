//! The values of the columns of a block that is being encoded.

use super::column::Column;
use super::tables::Tables;
use crate::rows::{Level, Part, SpanRow, ValueKind};

/// A stream of values for each column of spans' words.
#[derive(Debug)]
pub(crate) struct Streams {
    /// First those of parts that are no attribute's value, in the order of their indices.
    streams: Vec<Stream>,
    /// By level and slot: the index of the stream, or [`NO_STREAM`].
    by_slot: [Vec<u32>; 3],
    /// By level and template: the stream of each of its values.
    by_template: [Vec<Vec<u32>>; 3],
}

/// The values of a column.
#[derive(Debug)]
pub(crate) struct Stream {
    pub(crate) column: Column,
    pub(crate) values: Values,
    /// The number of words of a value.
    words: usize,
}

/// Values of one type.
#[derive(Debug)]
pub(crate) enum Values {
    /// Text codes of the rows.
    Texts(Vec<u32>),
    /// Numbers.
    Numbers(Vec<u64>),
}

const NO_STREAM: u32 = u32::MAX;

/// The parts that have a stream in every block, be it empty.
const PARTS: [Part; 17] = [
    Part::TraceState(Level::Span),
    Part::StatusMessage,
    Part::DroppedAttributes(Level::Span),
    Part::DroppedEvents,
    Part::DroppedLinks,
    Part::Events,
    Part::EventTemplate,
    Part::EventTime,
    Part::EventName,
    Part::DroppedAttributes(Level::Event),
    Part::Links,
    Part::LinkTemplate,
    Part::LinkTraceId,
    Part::LinkSpanId,
    Part::TraceState(Level::Link),
    Part::DroppedAttributes(Level::Link),
    Part::LinkFlags,
];

/// How many parts are no attribute's value and no raw span.
pub(crate) const PART_COUNT: usize = PARTS.len();

/// A number below [`PART_COUNT`] for each part that is no attribute's value and no raw span.
pub(crate) fn index(part: Part) -> Option<usize> {
    Some(match part {
        Part::Value { .. } | Part::Raw => return None,
        Part::TraceState(Level::Link) => 14,
        Part::TraceState(_) => 0,
        Part::StatusMessage => 1,
        Part::DroppedAttributes(Level::Span) => 2,
        Part::DroppedEvents => 3,
        Part::DroppedLinks => 4,
        Part::Events => 5,
        Part::EventTemplate => 6,
        Part::EventTime => 7,
        Part::EventName => 8,
        Part::DroppedAttributes(Level::Event) => 9,
        Part::Links => 10,
        Part::LinkTemplate => 11,
        Part::LinkTraceId => 12,
        Part::LinkSpanId => 13,
        Part::DroppedAttributes(Level::Link) => 15,
        Part::LinkFlags => 16,
    })
}

impl Default for Streams {
    fn default() -> Self {
        let stream = |part: Part| {
            Column::of(part).map(|column| Stream::new(column, part.is_text(), part.words()))
        };
        Self {
            streams: PARTS.into_iter().filter_map(stream).collect(),
            by_slot: Default::default(),
            by_template: Default::default(),
        }
    }
}

impl Stream {
    fn new(column: Column, is_text: bool, words: usize) -> Self {
        let values = if is_text { Values::Texts(Vec::new()) } else { Values::Numbers(Vec::new()) };
        Self { column, values, words }
    }

    fn push(&mut self, value: u64) {
        match &mut self.values {
            Values::Texts(codes) => codes.push(value as u32),
            Values::Numbers(numbers) => numbers.push(value),
        }
    }
}

impl Values {
    pub(crate) fn len(&self) -> usize {
        match self {
            Self::Texts(codes) => codes.len(),
            Self::Numbers(numbers) => numbers.len(),
        }
    }
}

impl Streams {
    /// Makes streams for what the next template of a level has, whose slots these are.
    pub(crate) fn add_template(&mut self, level: Level, slots: &[u32], tables: &Tables) {
        let by_slot = &mut self.by_slot[level as usize];
        by_slot.resize(by_slot.len().max(tables.slots.len()), NO_STREAM);
        let mut stream_of = |slot: &u32| {
            let kind = tables.slots[*slot as usize].kind;
            let stream = &mut by_slot[*slot as usize];
            let has_values = !matches!(kind, ValueKind::Absent | ValueKind::Empty);
            if *stream == NO_STREAM && has_values {
                *stream = self.streams.len() as u32;
                let column = Column::Attribute { level, slot: *slot };
                self.streams.push(Stream::new(column, kind.is_text(), kind.words()));
            }
            *stream
        };
        let streams = slots.iter().map(&mut stream_of).collect();
        self.by_template[level as usize].push(streams);
    }

    /// Appends the value of a part that is no attribute's value.
    #[inline]
    pub(crate) fn push(&mut self, part: Part, value: u64) {
        if let Some(index) = index(part) {
            self.streams[index].push(value);
        }
    }

    /// Appends the value of the attribute with this index in a template.
    #[inline]
    pub(crate) fn push_value(&mut self, level: Level, template: u32, index: usize, value: u64) {
        let stream = self.by_template[level as usize][template as usize][index];
        self.streams[stream as usize].push(value);
    }

    /// Appends the values of the attributes of spans of a template, which begin their words.
    pub(crate) fn push_values(&mut self, template: u32, rows: &[(&SpanRow, &[u32])]) {
        let mut place = 0;
        for stream in &self.by_template[Level::Span as usize][template as usize] {
            // What has no stream has no words either.
            let Some(Stream { values, words, .. }) = self.streams.get_mut(*stream as usize) else {
                continue;
            };
            match values {
                Values::Texts(codes) => codes.extend(rows.iter().map(|(_, words)| words[place])),
                Values::Numbers(numbers) if *words == 1 => {
                    numbers.extend(rows.iter().map(|(_, words)| u64::from(words[place])));
                }
                Values::Numbers(numbers) => {
                    let number =
                        |words: &[u32]| u64::from(words[place]) | u64::from(words[place + 1]) << 32;
                    numbers.extend(rows.iter().map(|(_, words)| number(words)));
                }
            }
            place += *words;
        }
    }

    /// The streams that have values.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Stream> {
        self.streams.iter().filter(|stream| stream.values.len() > 0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_stand_at_their_indices() {
        for (place, part) in PARTS.into_iter().enumerate() {
            assert_eq!(index(part), Some(place), "{part:?}");
        }
    }
}
