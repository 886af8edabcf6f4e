//! Putting spans together: the same bytes as those that were taken apart.
//!
//! [`super::frame`] tells the same orders for reading.

mod inner;
mod values;

use FieldOrder::{Ascending, Descending};

use super::frame::key;
use super::writer::Writer;
use super::{FieldOrder, RebuildError, Source, SpanParts, Status, Tables, Template};
use inner::{Event, Link};
use values::{Words, put_attributes, text};

type Result<T = ()> = std::result::Result<T, RebuildError>;

/// Appends a span as it stands in its `ScopeSpans`, key and length included.
///
/// # Errors
/// When the row tells of something that is not there. Then `out` may hold a part of the span.
pub fn put_span(source: &impl Source, row: u32, out: &mut Vec<u8>) -> Result {
    let parts = source.span(row).ok_or(RebuildError::Row(row))?;
    let mut buffer = Vec::new();
    let mut words = Words(source.words(row, &mut buffer));
    let template = source.template(parts.template).ok_or(RebuildError::Template(parts.template))?;
    if template.is_raw {
        out.extend_from_slice(text(source, words.one()?)?);
        return Ok(());
    }
    let span = Span::read(source, &parts, template, words)?;
    // Most spans are of some hundred bytes.
    Writer(out).message(key::SPAN, 2, |w| match template.order {
        Ascending => span.put_ascending(w),
        Descending => span.put_descending(w),
    })
}

/// A span that is not raw.
struct Span<'s, S> {
    source: &'s S,
    parts: &'s SpanParts,
    template: &'s Template,
    name: &'s [u8],
    values: &'s [u32],
    trace_state: &'s [u8],
    status_message: &'s [u8],
    dropped: [u32; 3],
    /// The number of events, and words that begin with theirs.
    events: (u32, Words<'s>),
    /// The number of links, and words that begin with theirs.
    links: (u32, Words<'s>),
}

impl<'s, S: Tables> Span<'s, S> {
    fn read(
        source: &'s S,
        parts: &'s SpanParts,
        template: &'s Template,
        mut words: Words<'s>,
    ) -> Result<Self> {
        let values = words.values(&template.attributes)?;
        let trace_state = words.text_if(template.has_trace_state, source)?;
        let has_message = template.status.is_some_and(|status| status.has_message);
        let status_message = words.text_if(has_message, source)?;
        let mut dropped = [0; 3];
        for (number, is_there) in dropped.iter_mut().zip(template.dropped) {
            *number = words.one_if(is_there)?;
        }
        let events = (words.one_if(template.has_events)?, words.clone());
        for _ in 0..events.0 {
            Event::read(source, &mut words)?;
        }
        let links = (words.one_if(template.has_links)?, words);
        let name = text(source, parts.name)?;
        Ok(Self {
            source,
            parts,
            template,
            name,
            values,
            trace_state,
            status_message,
            dropped,
            events,
            links,
        })
    }

    fn put_ascending(&self, w: &mut Writer<'_>) -> Result {
        w.bytes(key::TRACE_ID, &self.parts.trace_id);
        w.bytes(key::SPAN_ID, &self.parts.span_id);
        w.text(key::TRACE_STATE, self.trace_state);
        w.id(key::PARENT_ID, self.template.parent, &self.parts.parent_id);
        w.text(key::NAME, self.name);
        w.number(key::KIND, self.template.kind.into());
        w.time(key::START, self.parts.start);
        w.time(key::END, self.parts.end);
        self.put_attributes(w)?;
        w.number(key::DROPPED_ATTRIBUTES, self.dropped[0]);
        self.put_events(w)?;
        w.number(key::DROPPED_EVENTS, self.dropped[1]);
        self.put_links(w)?;
        w.number(key::DROPPED_LINKS, self.dropped[2]);
        self.put_status(w)?;
        w.fixed32(&key::FLAGS, self.template.flags);
        Ok(())
    }

    fn put_descending(&self, w: &mut Writer<'_>) -> Result {
        self.put_status(w)?;
        w.number(key::DROPPED_LINKS, self.dropped[2]);
        self.put_links(w)?;
        w.number(key::DROPPED_EVENTS, self.dropped[1]);
        self.put_events(w)?;
        w.number(key::DROPPED_ATTRIBUTES, self.dropped[0]);
        self.put_attributes(w)?;
        w.time(key::END, self.parts.end);
        w.time(key::START, self.parts.start);
        w.number(key::KIND, self.template.kind.into());
        w.text(key::NAME, self.name);
        w.fixed32(&key::FLAGS, self.template.flags);
        w.id(key::PARENT_ID, self.template.parent, &self.parts.parent_id);
        w.text(key::TRACE_STATE, self.trace_state);
        w.bytes(key::SPAN_ID, &self.parts.span_id);
        w.bytes(key::TRACE_ID, &self.parts.trace_id);
        Ok(())
    }

    fn put_attributes(&self, w: &mut Writer<'_>) -> Result {
        let Template { order, attributes, .. } = self.template;
        put_attributes(self.source, *order, key::ATTRIBUTE, attributes, self.values, w)
    }

    fn put_events(&self, w: &mut Writer<'_>) -> Result {
        let (count, mut words) = self.events.clone();
        for _ in 0..count {
            let event = Event::read(self.source, &mut words)?;
            w.message(key::EVENT, 1, |w| event.put(self.template.order, self.source, w))?;
        }
        Ok(())
    }

    fn put_links(&self, w: &mut Writer<'_>) -> Result {
        let (count, mut words) = self.links.clone();
        for _ in 0..count {
            let link = Link::read(self.source, &mut words)?;
            w.message(key::LINK, 1, |w| link.put(self.template.order, self.source, w))?;
        }
        Ok(())
    }

    fn put_status(&self, w: &mut Writer<'_>) -> Result {
        let Some(Status { code, .. }) = self.template.status else { return Ok(()) };
        w.message(key::STATUS, 1, |w| {
            match self.template.order {
                Ascending => {
                    w.text(key::STATUS_MESSAGE, self.status_message);
                    w.number(key::STATUS_CODE, code.into());
                }
                Descending => {
                    w.number(key::STATUS_CODE, code.into());
                    w.text(key::STATUS_MESSAGE, self.status_message);
                }
            }
            Ok(())
        })
    }
}
