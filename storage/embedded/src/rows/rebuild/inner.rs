use super::super::frame::key;
use super::super::writer::Writer;
use super::super::{EventTemplate, FieldOrder, LinkTemplate, Presence, RebuildError, Tables};
use super::values::{Words, put_attributes, text, u64_of};
use super::{Ascending, Result};

/// An event of a span.
pub(super) struct Event<'s> {
    template: &'s EventTemplate,
    time: u64,
    name: &'s [u8],
    values: &'s [u32],
    dropped: u32,
}

impl<'s> Event<'s> {
    pub(super) fn read(source: &'s impl Tables, words: &mut Words<'s>) -> Result<Self> {
        let code = words.one()?;
        let template = source.event_template(code).ok_or(RebuildError::Template(code))?;
        Ok(Self {
            template,
            time: u64_of(words.take(2)?),
            name: text(source, words.one()?)?,
            values: words.values(&template.attributes)?,
            dropped: words.one_if(template.has_dropped)?,
        })
    }

    pub(super) fn put(
        &self,
        order: FieldOrder,
        source: &impl Tables,
        w: &mut Writer<'_>,
    ) -> Result {
        let slots = &self.template.attributes;
        if order == Ascending {
            w.time(key::EVENT_TIME, self.time);
            w.text(key::EVENT_NAME, self.name);
        } else {
            w.number(key::EVENT_DROPPED, self.dropped);
        }
        put_attributes(source, order, key::EVENT_ATTRIBUTE, slots, self.values, w)?;
        if order == Ascending {
            w.number(key::EVENT_DROPPED, self.dropped);
        } else {
            w.text(key::EVENT_NAME, self.name);
            w.time(key::EVENT_TIME, self.time);
        }
        Ok(())
    }
}

/// A link of a span.
pub(super) struct Link<'s> {
    template: &'s LinkTemplate,
    trace_id: &'s [u8],
    span_id: &'s [u8],
    trace_state: &'s [u8],
    values: &'s [u32],
    dropped: u32,
    flags: u32,
}

impl<'s> Link<'s> {
    pub(super) fn read(source: &'s impl Tables, words: &mut Words<'s>) -> Result<Self> {
        let code = words.one()?;
        let template = source.link_template(code).ok_or(RebuildError::Template(code))?;
        Ok(Self {
            template,
            trace_id: words.text_if(template.trace_id == Presence::Full, source)?,
            span_id: words.text_if(template.span_id == Presence::Full, source)?,
            trace_state: words.text_if(template.has_trace_state, source)?,
            values: words.values(&template.attributes)?,
            dropped: words.one_if(template.has_dropped)?,
            flags: words.one()?,
        })
    }

    pub(super) fn put(
        &self,
        order: FieldOrder,
        source: &impl Tables,
        w: &mut Writer<'_>,
    ) -> Result {
        let slots = &self.template.attributes;
        if order == Ascending {
            w.id(key::TRACE_ID, self.template.trace_id, self.trace_id);
            w.id(key::SPAN_ID, self.template.span_id, self.span_id);
            w.text(key::TRACE_STATE, self.trace_state);
        } else {
            w.fixed32(&[key::LINK_FLAGS], self.flags);
            w.number(key::LINK_DROPPED, self.dropped);
        }
        put_attributes(source, order, key::LINK_ATTRIBUTE, slots, self.values, w)?;
        if order == Ascending {
            w.number(key::LINK_DROPPED, self.dropped);
            w.fixed32(&[key::LINK_FLAGS], self.flags);
        } else {
            w.text(key::TRACE_STATE, self.trace_state);
            w.id(key::SPAN_ID, self.template.span_id, self.span_id);
            w.id(key::TRACE_ID, self.template.trace_id, self.trace_id);
        }
        Ok(())
    }
}
