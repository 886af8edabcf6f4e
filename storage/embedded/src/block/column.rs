//! What a block's columns hold.

use super::bytes::{Input, Invalid, put_varint};
use crate::rows::{Level, Part};

/// A column of a block. Its number is part of the format.
///
/// Columns of spans are in the order of a block's layout unless another one is told, and have
/// values only of those spans whose template has them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Column {
    /// What the codes of templates, slots and keys stand for.
    Tables,
    /// What the codes of origins stand for.
    Origins,
    /// By trace: its id.
    TraceIds,
    /// By trace: the number of its spans.
    TraceSpans,
    /// By trace: its earliest start, as the difference to that of the trace before.
    TraceStarts,
    /// By row: the span's id.
    SpanIds,
    /// By row: the span's name.
    Names,
    /// By name, then row: the span's template.
    Templates,
    /// The span's origin.
    SpanOrigins,
    /// Where in the trace the span's parent is, if its id is there.
    Parents,
    /// The ids of parents that are not there.
    ForeignParents,
    /// The span's start, as the difference to that of its parent or its trace.
    Starts,
    /// The span's end, as the difference to its start.
    Durations,
    /// Spans that are kept as they came.
    Raw,
    /// The trace states.
    TraceStates,
    /// The texts of the statuses.
    StatusMessages,
    /// The numbers of dropped attributes.
    DroppedAttributes,
    /// The numbers of dropped events.
    DroppedEvents,
    /// The numbers of dropped links.
    DroppedLinks,
    /// The numbers of events.
    Events,
    /// By event: its template.
    EventTemplates,
    /// By event: its time, as the difference to that of the event before or the span's start.
    EventTimes,
    /// By event: its name.
    EventNames,
    /// By event: the number of dropped attributes.
    EventDroppedAttributes,
    /// The numbers of links.
    Links,
    /// By link: its template.
    LinkTemplates,
    /// By link: its trace id.
    LinkTraceIds,
    /// By link: its span id.
    LinkSpanIds,
    /// By link: its trace state.
    LinkTraceStates,
    /// By link: the number of dropped attributes.
    LinkDroppedAttributes,
    /// By link: its flags.
    LinkFlags,
    /// The values of an attribute.
    Attribute {
        /// Whether spans, events or links have it.
        level: Level,
        /// Which one of the slots in the block's tables it is: its key and its values' type.
        slot: u32,
    },
}

/// The columns besides attributes. The place of each is its number.
const FIXED: [Column; 31] = [
    Column::Tables,
    Column::Origins,
    Column::TraceIds,
    Column::TraceSpans,
    Column::TraceStarts,
    Column::SpanIds,
    Column::Names,
    Column::Templates,
    Column::SpanOrigins,
    Column::Parents,
    Column::ForeignParents,
    Column::Starts,
    Column::Durations,
    Column::Raw,
    Column::TraceStates,
    Column::StatusMessages,
    Column::DroppedAttributes,
    Column::DroppedEvents,
    Column::DroppedLinks,
    Column::Events,
    Column::EventTemplates,
    Column::EventTimes,
    Column::EventNames,
    Column::EventDroppedAttributes,
    Column::Links,
    Column::LinkTemplates,
    Column::LinkTraceIds,
    Column::LinkSpanIds,
    Column::LinkTraceStates,
    Column::LinkDroppedAttributes,
    Column::LinkFlags,
];

/// The numbers of attribute columns begin here, by level.
const ATTRIBUTES: u8 = 64;

const LEVELS: [Level; 3] = [Level::Span, Level::Event, Level::Link];

impl Column {
    /// The column of a part of a span's words, unless it is an attribute's value.
    pub(crate) fn of(part: Part) -> Option<Self> {
        Some(match part {
            Part::Value { .. } => return None,
            Part::Raw => Self::Raw,
            Part::TraceState(Level::Link) => Self::LinkTraceStates,
            Part::TraceState(_) => Self::TraceStates,
            Part::StatusMessage => Self::StatusMessages,
            Part::DroppedAttributes(Level::Span) => Self::DroppedAttributes,
            Part::DroppedAttributes(Level::Event) => Self::EventDroppedAttributes,
            Part::DroppedAttributes(Level::Link) => Self::LinkDroppedAttributes,
            Part::DroppedEvents => Self::DroppedEvents,
            Part::DroppedLinks => Self::DroppedLinks,
            Part::Events => Self::Events,
            Part::EventTemplate => Self::EventTemplates,
            Part::EventTime => Self::EventTimes,
            Part::EventName => Self::EventNames,
            Part::Links => Self::Links,
            Part::LinkTemplate => Self::LinkTemplates,
            Part::LinkTraceId => Self::LinkTraceIds,
            Part::LinkSpanId => Self::LinkSpanIds,
            Part::LinkFlags => Self::LinkFlags,
        })
    }

    pub(crate) fn put(self, out: &mut Vec<u8>) {
        match self {
            Self::Attribute { level, slot } => {
                out.push(ATTRIBUTES + level as u8);
                put_varint(slot, out);
            }
            fixed => {
                let number = FIXED.iter().position(|column| *column == fixed);
                out.push(number.expect("every column but attributes is listed") as u8);
            }
        }
    }

    pub(crate) fn get(input: &mut Input<'_>) -> Result<Self, Invalid> {
        let number = input.u8()?;
        if let Some(fixed) = FIXED.get(usize::from(number)) {
            return Ok(*fixed);
        }
        let level = number.checked_sub(ATTRIBUTES).and_then(|level| LEVELS.get(usize::from(level)));
        let level = *level.ok_or(Invalid("it lists an unknown column"))?;
        Ok(Self::Attribute { level, slot: input.varint_u32()? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_come_back_from_their_numbers() {
        let attributes = LEVELS.map(|level| Column::Attribute { level, slot: 300 });
        for column in FIXED.into_iter().chain(attributes) {
            let mut out = Vec::new();
            column.put(&mut out);
            assert_eq!(Column::get(&mut Input::new(&out)), Ok(column));
        }
        assert!(Column::get(&mut Input::new(&[FIXED.len() as u8])).is_err());
        assert!(Column::get(&mut Input::new(&[ATTRIBUTES + 3, 0])).is_err());
    }
}
