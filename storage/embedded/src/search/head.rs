//! Searching the rows of a head.

use std::ops::Range;

use spoor_store::TraceId;
use spoor_store::filter::{Field, Level};
use spoor_store::otlp::{SpanInTrace, SpanKind, text_of};

use super::evaluate::Table;
use crate::bitmap::Bitmap;
use crate::block::{Wanted, status_name, with_origin, with_span};
use crate::rows::{
    self, Origin, Part, RebuildError, Rows, Slot, Template, for_each_part, put_span,
};

/// Some rows of a head.
pub(super) struct Step<'r> {
    rows: &'r Rows,
    range: Range<u32>,
}

impl<'r> Step<'r> {
    pub(super) fn new(rows: &'r Rows, range: Range<u32>) -> Self {
        Self { rows, range }
    }

    /// The rows for which this holds.
    fn filter(&self, mut holds: impl FnMut(u32) -> bool) -> Bitmap {
        let mut matching = Bitmap::none(self.range.len());
        for row in self.range.clone().filter(|row| holds(*row)) {
            matching.insert((row - self.range.start) as usize);
        }
        matching
    }

    fn by_template(&self, matches: impl Fn(&Template) -> bool) -> Bitmap {
        let matching: Vec<bool> =
            (0..self.rows.templates()).map(|code| matches(self.rows.template(code))).collect();
        self.filter(|row| matching[self.rows.span(row).template as usize])
    }

    fn by_origin(&self, matches: impl Fn(&Origin) -> bool) -> Bitmap {
        let matching: Vec<bool> =
            (0..self.rows.origins()).map(|code| matches(self.rows.origin(code))).collect();
        self.filter(|row| matching[self.rows.span(row).origin as usize])
    }

    /// The rows with a wanted value in one of the span's own slots.
    fn by_span_attribute(&self, wanted: &WantedSlots<'_>) -> Bitmap {
        // Where the values with this key are, by template.
        let places: Vec<Vec<(usize, Slot)>> = (0..self.rows.templates())
            .map(|code| wanted.places(&self.rows.template(code).attributes))
            .collect();
        self.filter(|row| {
            let places = &places[self.rows.span(row).template as usize];
            let words = || self.rows.words(row);
            places.iter().any(|(at, slot)| wanted.is(self.rows, *slot, &words()[*at..]))
        })
    }

    /// The rows with a wanted value in a slot of one of their events or links.
    fn by_inner_attribute(&self, wanted: &WantedSlots<'_>, level: rows::Level) -> Bitmap {
        self.filter(|row| {
            let code = self.rows.span(row).template;
            let template = self.rows.template(code);
            let has_some = match level {
                rows::Level::Event => template.has_events,
                _ => template.has_links,
            };
            has_some && !template.is_raw && self.has_inner(row, code, wanted, level)
        })
    }

    fn has_inner(
        &self,
        row: u32,
        template: u32,
        wanted: &WantedSlots<'_>,
        level: rows::Level,
    ) -> bool {
        let mut words = self.rows.words(row);
        let mut found = false;
        let read = for_each_part(self.rows, template, |part| {
            let (own, rest) = words.split_at_checked(part.words())?;
            if let Part::Value { level: at, slot, .. } = part {
                found |= at == level && wanted.has_key(slot) && wanted.is(self.rows, slot, own);
            }
            words = rest;
            let value = match own {
                [low, high] => u64::from(*low) | u64::from(*high) << 32,
                _ => own.first().map_or(0, |word| u64::from(*word)),
            };
            // Of attributes without a value only the templates tell.
            let slots = match (part, level) {
                (Part::EventTemplate, rows::Level::Event) => {
                    &self.rows.event_template(value as u32).attributes[..]
                }
                (Part::LinkTemplate, rows::Level::Link) => {
                    &self.rows.link_template(value as u32).attributes
                }
                _ => &[],
            };
            found |=
                slots.iter().any(|slot| wanted.has_key(*slot) && wanted.is_without_value(*slot));
            Some(value)
        });
        debug_assert!(read.is_ok(), "a head is not damaged");
        found
    }
}

impl Table for Step<'_> {
    type Error = RebuildError;

    fn rows(&self) -> usize {
        self.range.len()
    }

    fn raw(&self) -> Result<Bitmap, RebuildError> {
        Ok(self.by_template(|template| template.is_raw))
    }

    fn attribute(&self, level: Level, key: &str, text: &str) -> Result<Bitmap, RebuildError> {
        let equal =
            |own: spoor_store::otlp::KeyValue<'_>| own.has_key(key) && text_of(own.value()) == text;
        let wanted = || WantedSlots::new(self.rows, key, text);
        let none = || Bitmap::none(self.range.len());
        Ok(match level {
            Level::Resource => self.by_origin(|origin| {
                with_origin(origin, |span| span.resource.attributes().any(equal)) == Some(true)
            }),
            Level::Scope => self.by_origin(|origin| {
                with_origin(origin, |span| span.scope.attributes().any(equal)) == Some(true)
            }),
            Level::Span => wanted().map_or_else(none, |wanted| self.by_span_attribute(&wanted)),
            Level::Event => wanted()
                .map_or_else(none, |wanted| self.by_inner_attribute(&wanted, rows::Level::Event)),
            Level::Link => wanted()
                .map_or_else(none, |wanted| self.by_inner_attribute(&wanted, rows::Level::Link)),
        })
    }

    fn field(&self, field: Field, text: &str) -> Result<Option<Bitmap>, RebuildError> {
        Ok(Some(match field {
            Field::SpanName => match self.rows.find_text(text.as_bytes()) {
                Some(code) => self.filter(|row| self.rows.span(row).name == code),
                None => Bitmap::none(self.range.len()),
            },
            Field::SpanKind => self.by_template(|template| {
                SpanKind::from_number(template.kind.into()).field_name() == text
            }),
            Field::SpanStatus => self.by_template(|template| status_name(template) == text),
            Field::ResourceService => self.by_origin(|origin| origin.service == text),
            Field::ScopeName => self.by_origin(|origin| {
                with_origin(origin, |span| span.scope.name() == text) == Some(true)
            }),
            Field::ScopeVersion => self.by_origin(|origin| {
                with_origin(origin, |span| span.scope.version() == text) == Some(true)
            }),
            _ => return Ok(None),
        }))
    }

    fn duration(&self, min: i128, max: i128) -> Result<Bitmap, RebuildError> {
        Ok(self.filter(|row| {
            let span = self.rows.span(row);
            (min..=max).contains(&(i128::from(span.end) - i128::from(span.start)))
        }))
    }
}

impl super::Rows for Step<'_> {
    fn for_each(
        &self,
        rows: &Bitmap,
        mut tell: impl FnMut(u64, TraceId),
    ) -> Result<(), RebuildError> {
        for row in rows.iter() {
            let span = self.rows.span(self.range.start + row as u32);
            tell(span.start, self.rows.trace_id(span.trace));
        }
        Ok(())
    }

    fn read(
        &self,
        rows: &Bitmap,
        matches: impl Fn(SpanInTrace<'_>) -> bool,
    ) -> Result<Bitmap, RebuildError> {
        let mut matching = Bitmap::none(rows.len());
        let mut span = Vec::new();
        for row in rows.iter() {
            let number = self.range.start + row as u32;
            span.clear();
            put_span(self.rows, number, &mut span)?;
            let origin = self.rows.origin(self.rows.span(number).origin);
            let is_match = with_span(&origin.resource, &origin.scope, &span, &matches);
            if is_match.ok_or(RebuildError::Row(number))? {
                matching.insert(row);
            }
        }
        Ok(matching)
    }
}

/// The slots with a key, and the values that have a text form.
struct WantedSlots<'t> {
    key: u32,
    text: &'t str,
    /// The code of the text itself, if there is one: most values are strings.
    code: Option<u32>,
}

impl<'t> WantedSlots<'t> {
    /// None if no slot has the key.
    fn new(rows: &Rows, key: &str, text: &'t str) -> Option<Self> {
        let key = rows.find_text(key.as_bytes())?;
        Some(Self { key, text, code: rows.find_text(text.as_bytes()) })
    }

    fn has_key(&self, slot: Slot) -> bool {
        slot.key == self.key
    }

    /// The slots with the key, and where their words are.
    fn places(&self, slots: &[Slot]) -> Vec<(usize, Slot)> {
        let mut at = 0;
        let mut places = Vec::new();
        for slot in slots {
            if self.has_key(*slot) {
                places.push((at, *slot));
            }
            at += slot.kind.words();
        }
        places
    }

    /// Whether the slot's attributes have no value, and the empty text form of that is wanted.
    fn is_without_value(&self, slot: Slot) -> bool {
        self.text.is_empty() && slot.kind.words() == 0
    }

    /// Whether the value that these words begin with has the text form.
    fn is(&self, rows: &Rows, slot: Slot, words: &[u32]) -> bool {
        use crate::rows::ValueKind::{Bool, Int, String};
        match (slot.kind, words) {
            (String, [code, ..]) => Some(*code) == self.code,
            (kind @ (Bool | Int), _) if !self.may_be(kind) => false,
            (kind, words) => match Wanted::of(kind, self.text) {
                None => false,
                Some(Wanted::Any) => true,
                Some(Wanted::Text { is_wanted, .. }) => {
                    words.first().is_some_and(|code| is_wanted(rows.text(*code)))
                }
                Some(Wanted::Number(is_wanted)) => match (kind.words(), words) {
                    (2, [low, high, ..]) => is_wanted(u64::from(*low) | u64::from(*high) << 32),
                    (_, [word, ..]) => is_wanted(u64::from(*word)),
                    _ => false,
                },
            },
        }
    }

    /// Whether the text looks like such a value; saves making ready for each row.
    fn may_be(&self, kind: crate::rows::ValueKind) -> bool {
        match kind {
            crate::rows::ValueKind::Bool => matches!(self.text, "true" | "false"),
            _ => self.text.starts_with(|first: char| first == '-' || first.is_ascii_digit()),
        }
    }
}
