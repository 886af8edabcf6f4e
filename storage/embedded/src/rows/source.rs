//! What rows are read through: `Rows` in memory, and blocks that were read from disk.

use super::{EventTemplate, LinkTemplate, Origin, Template};

/// What codes stand for. A code that stands for nothing gives none: a block may be damaged.
pub trait Tables {
    /// The template of a span.
    fn template(&self, code: u32) -> Option<&Template>;
    /// The template of an event.
    fn event_template(&self, code: u32) -> Option<&EventTemplate>;
    /// The template of a link.
    fn link_template(&self, code: u32) -> Option<&LinkTemplate>;
    /// What encloses a span.
    fn origin(&self, code: u32) -> Option<&Origin>;
    /// Text, or the bytes of a value.
    fn text(&self, code: u32) -> Option<&[u8]>;
}

/// Rows that can be put together to spans again.
pub trait Source: Tables {
    /// The fixed part of a span, or none if there is no such row.
    fn span(&self, row: u32) -> Option<SpanParts>;

    /// The words of a span in the order that [`super::for_each_part`] gives, wherever they end;
    /// `buffer` may be used to gather them. Empty if there is no such row.
    fn words<'s>(&'s self, row: u32, buffer: &'s mut Vec<u32>) -> &'s [u32];
}

/// The fixed part of a span.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SpanParts {
    /// The trace's id.
    pub trace_id: [u8; 16],
    /// The span's id.
    pub span_id: [u8; 8],
    /// The parent's id; zeros when the template has none.
    pub parent_id: [u8; 8],
    /// Nanoseconds since the Unix epoch; zero when the field is not there.
    pub start: u64,
    /// Nanoseconds since the Unix epoch; zero when the field is not there.
    pub end: u64,
    /// The template's code.
    pub template: u32,
    /// The origin's code.
    pub origin: u32,
    /// The text code of the name; the text is empty when the field is not there.
    pub name: u32,
}

/// Why a span could not be put together: its row tells of something that is not there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum RebuildError {
    /// No such row.
    Row(u32),
    /// No template of a span, an event or a link has this code.
    Template(u32),
    /// No origin has this code.
    Origin(u32),
    /// No text has this code.
    Text(u32),
    /// The row has fewer words than its template takes.
    Words,
}

impl std::fmt::Display for RebuildError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("cannot put a span together: ")?;
        match self {
            Self::Row(row) => write!(f, "there is no row {row}"),
            Self::Template(code) => write!(f, "there is no template {code}"),
            Self::Origin(code) => write!(f, "there is no origin {code}"),
            Self::Text(code) => write!(f, "there is no text {code}"),
            Self::Words => f.write_str("it has fewer values than its template"),
        }
    }
}

impl std::error::Error for RebuildError {}
