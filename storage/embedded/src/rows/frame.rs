//! The messages of a span, each read in one pass into its fields.
//!
//! The fields of a struct are read in the order in which its literal lists them.

use super::canonical::{Id, Reader, Run};
use super::{FieldOrder, Presence, ValueKind};

/// Keys of fields: their number and wire type.
pub(super) mod key {
    /// Of a span in its `ScopeSpans`.
    pub(crate) const SPAN: u8 = 2 << 3 | LEN;

    pub(crate) const TRACE_ID: u8 = 1 << 3 | LEN;
    pub(crate) const SPAN_ID: u8 = 2 << 3 | LEN;
    pub(crate) const TRACE_STATE: u8 = 3 << 3 | LEN;
    pub(crate) const PARENT_ID: u8 = 4 << 3 | LEN;
    pub(crate) const NAME: u8 = 5 << 3 | LEN;
    pub(crate) const KIND: u8 = 6 << 3;
    pub(crate) const START: u8 = 7 << 3 | FIXED64;
    pub(crate) const END: u8 = 8 << 3 | FIXED64;
    pub(crate) const ATTRIBUTE: u8 = 9 << 3 | LEN;
    pub(crate) const DROPPED_ATTRIBUTES: u8 = 10 << 3;
    pub(crate) const EVENT: u8 = 11 << 3 | LEN;
    pub(crate) const DROPPED_EVENTS: u8 = 12 << 3;
    pub(crate) const LINK: u8 = 13 << 3 | LEN;
    pub(crate) const DROPPED_LINKS: u8 = 14 << 3;
    pub(crate) const STATUS: u8 = 15 << 3 | LEN;
    pub(crate) const FLAGS: [u8; 2] = [(16 << 3 | FIXED32) as u8, 1];

    pub(crate) const STATUS_MESSAGE: u8 = 2 << 3 | LEN;
    pub(crate) const STATUS_CODE: u8 = 3 << 3;

    pub(crate) const EVENT_TIME: u8 = 1 << 3 | FIXED64;
    pub(crate) const EVENT_NAME: u8 = 2 << 3 | LEN;
    pub(crate) const EVENT_ATTRIBUTE: u8 = 3 << 3 | LEN;
    pub(crate) const EVENT_DROPPED: u8 = 4 << 3;

    pub(crate) const LINK_ATTRIBUTE: u8 = 4 << 3 | LEN;
    pub(crate) const LINK_DROPPED: u8 = 5 << 3;
    pub(crate) const LINK_FLAGS: u8 = 6 << 3 | FIXED32 as u8;

    pub(crate) const KEY: u8 = 1 << 3 | LEN;
    pub(crate) const VALUE: u8 = 2 << 3 | LEN;

    pub(crate) const STRING: u8 = 1 << 3 | LEN;
    pub(crate) const BOOL: u8 = 2 << 3;
    pub(crate) const INT: u8 = 3 << 3;
    pub(crate) const DOUBLE: u8 = 4 << 3 | FIXED64;
    pub(crate) const ARRAY: u8 = 5 << 3 | LEN;
    pub(crate) const MAP: u8 = 6 << 3 | LEN;
    pub(crate) const BYTES: u8 = 7 << 3 | LEN;

    const FIXED64: u8 = 1;
    const LEN: u8 = 2;
    const FIXED32: u32 = 5;
}

/// A span. Numbers that are zero, and texts that are empty, are not there.
pub(super) struct SpanFrame<'a> {
    pub(super) order: FieldOrder,
    pub(super) trace_id: Id<16>,
    pub(super) span_id: Id<8>,
    pub(super) trace_state: &'a [u8],
    pub(super) parent: Id<8>,
    pub(super) flags: u32,
    pub(super) name: &'a [u8],
    pub(super) kind: u32,
    pub(super) start: u64,
    pub(super) end: u64,
    pub(super) attributes: Run<'a>,
    pub(super) dropped_attributes: u32,
    pub(super) events: Run<'a>,
    pub(super) dropped_events: u32,
    pub(super) links: Run<'a>,
    pub(super) dropped_links: u32,
    pub(super) status: Option<StatusFrame<'a>>,
}

/// The status of a span.
pub(super) struct StatusFrame<'a> {
    pub(super) message: &'a [u8],
    pub(super) code: u32,
}

/// An event of a span.
pub(super) struct EventFrame<'a> {
    pub(super) time: u64,
    pub(super) name: &'a [u8],
    pub(super) attributes: Run<'a>,
    pub(super) dropped: u32,
}

/// A link of a span.
pub(super) struct LinkFrame<'a> {
    pub(super) trace_id: Id<16>,
    pub(super) span_id: Id<8>,
    pub(super) trace_state: &'a [u8],
    pub(super) attributes: Run<'a>,
    pub(super) dropped: u32,
    pub(super) flags: u32,
}

/// An attribute.
pub(super) struct KeyValue<'a> {
    pub(super) key: &'a [u8],
    pub(super) value: Option<&'a [u8]>,
}

/// An attribute's value.
pub(super) enum Value<'a> {
    /// Of a type that is kept as bytes.
    Text(ValueKind, &'a [u8]),
    Bool(bool),
    /// The bits of a number of this type.
    Bits(ValueKind, u64),
    /// None, for one reason or the other.
    None(ValueKind),
}

use FieldOrder::{Ascending, Descending};

impl<'a> SpanFrame<'a> {
    /// The span in the bytes of its field, key and length included.
    pub(super) fn read(field: &'a [u8]) -> Option<Self> {
        let mut outer = Reader::new(field);
        let message = outer.message(key::SPAN)??;
        outer.end()?;
        let r = &mut Reader::new(message);
        // Every span has the id of its trace: first in the one order, last in the other.
        let span = if message.first() == Some(&key::TRACE_ID) {
            Self::ascending(r)?
        } else {
            Self::descending(r)?
        };
        r.end()?;
        let has_ids =
            span.trace_id.presence == Presence::Full && span.span_id.presence == Presence::Full;
        (has_ids && span.kind <= 5).then_some(span)
    }

    fn ascending(r: &mut Reader<'a>) -> Option<Self> {
        Some(Self {
            order: Ascending,
            trace_id: r.id(key::TRACE_ID)?,
            span_id: r.id(key::SPAN_ID)?,
            trace_state: r.text(key::TRACE_STATE)?,
            parent: r.id(key::PARENT_ID)?,
            name: r.text(key::NAME)?,
            kind: r.number(key::KIND)?,
            start: r.time(key::START)?,
            end: r.time(key::END)?,
            attributes: r.run(key::ATTRIBUTE)?,
            dropped_attributes: r.number(key::DROPPED_ATTRIBUTES)?,
            events: r.run(key::EVENT)?,
            dropped_events: r.number(key::DROPPED_EVENTS)?,
            links: r.run(key::LINK)?,
            dropped_links: r.number(key::DROPPED_LINKS)?,
            status: StatusFrame::read(Ascending, r)?,
            flags: r.fixed32(&key::FLAGS)?,
        })
    }

    fn descending(r: &mut Reader<'a>) -> Option<Self> {
        Some(Self {
            order: Descending,
            status: StatusFrame::read(Descending, r)?,
            dropped_links: r.number(key::DROPPED_LINKS)?,
            links: r.run(key::LINK)?,
            dropped_events: r.number(key::DROPPED_EVENTS)?,
            events: r.run(key::EVENT)?,
            dropped_attributes: r.number(key::DROPPED_ATTRIBUTES)?,
            attributes: r.run(key::ATTRIBUTE)?,
            end: r.time(key::END)?,
            start: r.time(key::START)?,
            kind: r.number(key::KIND)?,
            name: r.text(key::NAME)?,
            flags: r.fixed32(&key::FLAGS)?,
            parent: r.id(key::PARENT_ID)?,
            trace_state: r.text(key::TRACE_STATE)?,
            span_id: r.id(key::SPAN_ID)?,
            trace_id: r.id(key::TRACE_ID)?,
        })
    }
}

impl<'a> StatusFrame<'a> {
    fn read(order: FieldOrder, span: &mut Reader<'a>) -> Option<Option<Self>> {
        let Some(message) = span.message(key::STATUS)? else { return Some(None) };
        let r = &mut Reader::new(message);
        let status = match order {
            Ascending => {
                Self { message: r.text(key::STATUS_MESSAGE)?, code: r.number(key::STATUS_CODE)? }
            }
            Descending => {
                Self { code: r.number(key::STATUS_CODE)?, message: r.text(key::STATUS_MESSAGE)? }
            }
        };
        r.end()?;
        (status.code <= 2).then_some(Some(status))
    }
}

impl<'a> EventFrame<'a> {
    pub(super) fn read(order: FieldOrder, message: &'a [u8]) -> Option<Self> {
        let r = &mut Reader::new(message);
        let event = match order {
            Ascending => Self {
                time: r.time(key::EVENT_TIME)?,
                name: r.text(key::EVENT_NAME)?,
                attributes: r.run(key::EVENT_ATTRIBUTE)?,
                dropped: r.number(key::EVENT_DROPPED)?,
            },
            Descending => Self {
                dropped: r.number(key::EVENT_DROPPED)?,
                attributes: r.run(key::EVENT_ATTRIBUTE)?,
                name: r.text(key::EVENT_NAME)?,
                time: r.time(key::EVENT_TIME)?,
            },
        };
        r.end()?;
        Some(event)
    }
}

impl<'a> LinkFrame<'a> {
    pub(super) fn read(order: FieldOrder, message: &'a [u8]) -> Option<Self> {
        let r = &mut Reader::new(message);
        let link = match order {
            Ascending => Self {
                trace_id: r.id(key::TRACE_ID)?,
                span_id: r.id(key::SPAN_ID)?,
                trace_state: r.text(key::TRACE_STATE)?,
                attributes: r.run(key::LINK_ATTRIBUTE)?,
                dropped: r.number(key::LINK_DROPPED)?,
                flags: r.fixed32(&[key::LINK_FLAGS])?,
            },
            Descending => Self {
                flags: r.fixed32(&[key::LINK_FLAGS])?,
                dropped: r.number(key::LINK_DROPPED)?,
                attributes: r.run(key::LINK_ATTRIBUTE)?,
                trace_state: r.text(key::TRACE_STATE)?,
                span_id: r.id(key::SPAN_ID)?,
                trace_id: r.id(key::TRACE_ID)?,
            },
        };
        r.end()?;
        Some(link)
    }
}

impl<'a> KeyValue<'a> {
    #[inline]
    pub(super) fn read(order: FieldOrder, message: &'a [u8]) -> Option<Self> {
        let r = &mut Reader::new(message);
        let key_value = match order {
            Ascending => Self { key: r.text(key::KEY)?, value: r.message(key::VALUE)? },
            Descending => Self { value: r.message(key::VALUE)?, key: r.text(key::KEY)? },
        };
        r.end()?;
        Some(key_value)
    }
}

impl<'a> Value<'a> {
    /// The value of an attribute. Encoders write the value's field even when it is a default, as
    /// it tells the type.
    #[inline]
    pub(super) fn read(message: Option<&'a [u8]>) -> Option<Self> {
        let Some(message) = message else { return Some(Self::None(ValueKind::Absent)) };
        let Some((key, rest)) = message.split_first() else {
            return Some(Self::None(ValueKind::Empty));
        };
        let r = &mut Reader::new(rest);
        let value = match *key {
            key::STRING => Self::Text(ValueKind::String, r.bytes()?),
            key::BOOL => Self::Bool(match r.varint()? {
                0 => false,
                1 => true,
                _ => return None,
            }),
            key::INT => Self::Bits(ValueKind::Int, r.varint()?),
            key::DOUBLE => Self::Bits(ValueKind::Double, u64::from_le_bytes(r.array()?)),
            key::ARRAY => Self::Text(ValueKind::Array, r.bytes()?),
            key::MAP => Self::Text(ValueKind::Map, r.bytes()?),
            key::BYTES => Self::Text(ValueKind::Bytes, r.bytes()?),
            _ => return None,
        };
        r.end()?;
        Some(value)
    }
}
