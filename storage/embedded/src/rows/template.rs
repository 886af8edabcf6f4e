//! What spans have in common whose fields are the same ones, with values of the same types.

/// The order in which an encoder writes the fields of every message of a span.
///
/// The numbers of this and the other enums here are part of the disk format.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum FieldOrder {
    /// By field number: prost, Java, Python, gogo.
    #[default]
    Ascending = 0,
    /// From the last field of the proto file to the first: the Collector's pdata, and so Jaeger,
    /// which fill their buffer from its end. In the proto file, `flags` follow the parent's id.
    Descending = 1,
}

/// Whether an id is there.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Presence {
    /// The field is not there.
    #[default]
    Absent = 0,
    /// The field is there without a byte, as pdata writes it when there is no id.
    Empty = 1,
    /// The field holds as many bytes as the id has.
    Full = 2,
}

/// The type of an attribute's value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(u8)]
pub enum ValueKind {
    /// The `KeyValue` has no value.
    Absent = 0,
    /// UTF-8 text.
    String = 1,
    /// A truth value.
    Bool = 2,
    /// A whole number.
    Int = 3,
    /// A floating-point number.
    Double = 4,
    /// An `ArrayValue`, kept as its bytes.
    Array = 5,
    /// A `KeyValueList`, kept as its bytes.
    Map = 6,
    /// Raw bytes.
    Bytes = 7,
    /// The value is there, but of no type.
    Empty = 8,
}

/// One attribute of a message, without its value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Slot {
    /// The key's text code.
    pub key: u32,
    /// The value's type.
    pub kind: ValueKind,
}

/// A span's status message, without its text.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Status {
    /// OTLP's number of the status, at most 2.
    pub code: u8,
    /// Whether it has a text.
    pub has_message: bool,
}

/// What a span tells besides its words, its ids, its times and its name.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Template {
    /// Whether the span is kept as it came: it has one word, the text code of its whole field,
    /// key and length included. Then only `kind` and the status code tell something besides.
    pub is_raw: bool,
    /// The order of the fields in all of its messages.
    pub order: FieldOrder,
    /// OTLP's number of the span's kind, at most 5.
    pub kind: u8,
    /// The span's flags.
    pub flags: u32,
    /// The status, if its field is there.
    pub status: Option<Status>,
    /// Whether the parent's id is there.
    pub parent: Presence,
    /// Whether there is a trace state.
    pub has_trace_state: bool,
    /// Whether there is a number of dropped attributes, events and links, in this order.
    pub dropped: [bool; 3],
    /// Whether there are events.
    pub has_events: bool,
    /// Whether there are links.
    pub has_links: bool,
    /// The attributes in the span's order.
    pub attributes: Vec<Slot>,
}

/// What an event tells besides its words. Its fields are in its span's order.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct EventTemplate {
    /// Whether there is a number of dropped attributes.
    pub has_dropped: bool,
    /// The attributes in the event's order.
    pub attributes: Vec<Slot>,
}

/// What a link tells besides its words. Its fields are in its span's order.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct LinkTemplate {
    /// Whether the id of the trace is there.
    pub trace_id: Presence,
    /// Whether the id of the span is there.
    pub span_id: Presence,
    /// Whether there is a trace state.
    pub has_trace_state: bool,
    /// Whether there is a number of dropped attributes.
    pub has_dropped: bool,
    /// The attributes in the link's order.
    pub attributes: Vec<Slot>,
}

/// What encloses a span: the messages around it without what they enclose, as they came.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Origin {
    /// The `ResourceSpans` message without its scope spans.
    pub resource: Vec<u8>,
    /// The `ScopeSpans` message without its spans.
    pub scope: Vec<u8>,
    /// The name of the resource's service; empty if it has none.
    pub service: String,
}

impl FieldOrder {
    /// The order with this number.
    pub fn from_number(number: u8) -> Option<Self> {
        [Self::Ascending, Self::Descending].into_iter().find(|order| *order as u8 == number)
    }
}

impl Presence {
    /// The presence with this number.
    pub fn from_number(number: u8) -> Option<Self> {
        [Self::Absent, Self::Empty, Self::Full].into_iter().find(|is| *is as u8 == number)
    }
}

impl ValueKind {
    /// All types, by number.
    pub const ALL: [Self; 9] = [
        Self::Absent,
        Self::String,
        Self::Bool,
        Self::Int,
        Self::Double,
        Self::Array,
        Self::Map,
        Self::Bytes,
        Self::Empty,
    ];

    /// The type with this number.
    pub fn from_number(number: u8) -> Option<Self> {
        Self::ALL.get(usize::from(number)).copied()
    }

    /// Whether values of this type are bytes: their word is a text code.
    pub fn is_text(self) -> bool {
        matches!(self, Self::String | Self::Array | Self::Map | Self::Bytes)
    }

    /// The number of words that a value of this type takes.
    pub fn words(self) -> usize {
        match self {
            Self::Absent | Self::Empty => 0,
            Self::String | Self::Bool | Self::Array | Self::Map | Self::Bytes => 1,
            Self::Int | Self::Double => 2,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_lead_back_to_what_they_are_of() {
        for number in 0..=u8::MAX {
            assert!(ValueKind::from_number(number).is_none_or(|kind| kind as u8 == number));
            assert!(Presence::from_number(number).is_none_or(|is| is as u8 == number));
            assert!(FieldOrder::from_number(number).is_none_or(|order| order as u8 == number));
        }
        assert!(
            ValueKind::ALL.iter().all(|kind| ValueKind::from_number(*kind as u8) == Some(*kind))
        );
    }
}
