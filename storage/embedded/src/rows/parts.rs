//! The order of a span's words.

use super::{RebuildError, Slot, Tables, ValueKind};

/// The message of a span that something belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(u8)]
pub enum Level {
    /// The span itself.
    Span = 0,
    /// One of its events.
    Event = 1,
    /// One of its links.
    Link = 2,
}

/// One value among a span's words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// The whole field of a span that is kept as it came; a text.
    Raw,
    /// An attribute's value, with what its type takes.
    Value {
        /// The message it belongs to.
        level: Level,
        /// The code of this message's template.
        template: u32,
        /// The index of its slot therein.
        index: usize,
        /// The slot.
        slot: Slot,
    },
    /// The trace state of a span or a link; a text.
    TraceState(Level),
    /// The text of the status; a text.
    StatusMessage,
    /// The number of dropped attributes.
    DroppedAttributes(Level),
    /// The number of dropped events.
    DroppedEvents,
    /// The number of dropped links.
    DroppedLinks,
    /// The number of events.
    Events,
    /// The code of an event's template.
    EventTemplate,
    /// Nanoseconds since the Unix epoch, in two words; zero when the field is not there.
    EventTime,
    /// The name; a text, empty when the field is not there.
    EventName,
    /// The number of links.
    Links,
    /// The code of a link's template.
    LinkTemplate,
    /// A trace id; a text of 16 bytes.
    LinkTraceId,
    /// A span id; a text of 8 bytes.
    LinkSpanId,
    /// Flags; zero when the field is not there.
    LinkFlags,
}

impl Part {
    /// Whether its word is a text code.
    pub fn is_text(&self) -> bool {
        match self {
            Self::Value { slot, .. } => slot.kind.is_text(),
            Self::Raw
            | Self::TraceState(_)
            | Self::StatusMessage
            | Self::EventName
            | Self::LinkTraceId
            | Self::LinkSpanId => true,
            _ => false,
        }
    }

    /// The number of words it takes: one, or two for 64 bits, the low ones first. Attributes
    /// whose values take none are not told.
    pub fn words(&self) -> usize {
        match self {
            Self::Value { slot, .. } => slot.kind.words(),
            Self::EventTime => 2,
            _ => 1,
        }
    }
}

/// Tells the parts of a span's words in their order. `value_of` gives each part's value, which
/// decides what follows: taking it from words, or from where it was stored to make words of it.
///
/// The order is: the values of the attributes, the trace state, the text of the status, the
/// dropped numbers; the number of events, then of each its template, its time, its name, its
/// values and the dropped number; the number of links, then of each its template, its ids, its
/// trace state, its values, the dropped number and its flags. What the templates do not have is
/// left out.
///
/// # Errors
/// [`RebuildError::Words`] as soon as `value_of` gives none; [`RebuildError::Template`].
pub fn for_each_part(
    tables: &impl Tables,
    template: u32,
    mut value_of: impl FnMut(Part) -> Option<u64>,
) -> Result<(), RebuildError> {
    let mut tell = |part| value_of(part).ok_or(RebuildError::Words);
    let code = template;
    let template = tables.template(code).ok_or(RebuildError::Template(code))?;
    if template.is_raw {
        return tell(Part::Raw).map(drop);
    }
    values(Level::Span, code, &template.attributes, &mut tell)?;
    if template.has_trace_state {
        tell(Part::TraceState(Level::Span))?;
    }
    if template.status.is_some_and(|status| status.has_message) {
        tell(Part::StatusMessage)?;
    }
    let dropped = [Part::DroppedAttributes(Level::Span), Part::DroppedEvents, Part::DroppedLinks];
    for (part, _) in dropped.into_iter().zip(template.dropped).filter(|(_, is_there)| *is_there) {
        tell(part)?;
    }
    if template.has_events {
        for _ in 0..tell(Part::Events)? {
            event(tables, &mut tell)?;
        }
    }
    if template.has_links {
        for _ in 0..tell(Part::Links)? {
            link(tables, &mut tell)?;
        }
    }
    Ok(())
}

fn event(
    tables: &impl Tables,
    tell: &mut impl FnMut(Part) -> Result<u64, RebuildError>,
) -> Result<(), RebuildError> {
    let code = tell(Part::EventTemplate)? as u32;
    let template = tables.event_template(code).ok_or(RebuildError::Template(code))?;
    tell(Part::EventTime)?;
    tell(Part::EventName)?;
    values(Level::Event, code, &template.attributes, tell)?;
    if template.has_dropped {
        tell(Part::DroppedAttributes(Level::Event))?;
    }
    Ok(())
}

fn link(
    tables: &impl Tables,
    tell: &mut impl FnMut(Part) -> Result<u64, RebuildError>,
) -> Result<(), RebuildError> {
    use super::Presence::Full;
    let code = tell(Part::LinkTemplate)? as u32;
    let template = tables.link_template(code).ok_or(RebuildError::Template(code))?;
    if template.trace_id == Full {
        tell(Part::LinkTraceId)?;
    }
    if template.span_id == Full {
        tell(Part::LinkSpanId)?;
    }
    if template.has_trace_state {
        tell(Part::TraceState(Level::Link))?;
    }
    values(Level::Link, code, &template.attributes, tell)?;
    if template.has_dropped {
        tell(Part::DroppedAttributes(Level::Link))?;
    }
    tell(Part::LinkFlags).map(drop)
}

fn values(
    level: Level,
    template: u32,
    slots: &[Slot],
    tell: &mut impl FnMut(Part) -> Result<u64, RebuildError>,
) -> Result<(), RebuildError> {
    let told = |slot: &Slot| !matches!(slot.kind, ValueKind::Absent | ValueKind::Empty);
    for (index, slot) in slots.iter().enumerate().filter(|(_, slot)| told(slot)) {
        tell(Part::Value { level, template, index, slot: *slot })?;
    }
    Ok(())
}
