//! Searching the rows of a head.

mod slots;

use std::collections::HashMap;
use std::ops::Range;
use std::sync::Arc;

use spoor_store::filter::{Field, Level};
use spoor_store::otlp::{AnyValue, KeyValue, SpanInTrace, SpanKind};
use spoor_store::{SpanId, SpanKey, TraceId, TraceRank};

use super::evaluate::Table;
use crate::bitmap::Bitmap;
use crate::block::{Sought, status_name, with_origin, with_span};
use crate::rows::{Origin, Part, RebuildError, Rows, Slot, Template, for_each_part, put_span};
use crate::tenant::Head;
use slots::WantedSlots;

/// Some rows of a head.
///
/// Nobody may write as long as they are looked at. So what takes longer than that is done between
/// the looks.
pub(super) struct Step<'h> {
    head: &'h Head,
    range: Range<u32>,
}

/// How many bytes of spans are copied at a look.
const COPIED_BYTES: usize = 256 << 10;

impl<'h> Step<'h> {
    pub(super) fn new(head: &'h Head, range: Range<u32>) -> Self {
        Self { head, range }
    }

    /// The rows for which this holds.
    fn filter(&self, mut holds: impl FnMut(u32) -> bool) -> Bitmap {
        let mut matching = Bitmap::none(self.range.len());
        for row in self.range.clone().filter(|row| holds(*row)) {
            matching.insert((row - self.range.start) as usize);
        }
        matching
    }

    fn by_template(&self, rows: &Rows, matches: impl Fn(&Template) -> bool) -> Bitmap {
        let matching: Vec<bool> =
            (0..rows.templates()).map(|code| matches(rows.template(code))).collect();
        self.filter(|row| matching[rows.span(row).template as usize])
    }

    fn by_name(&self, rows: &Rows, sought: Sought<'_>) -> Bitmap {
        let mut known = HashMap::new();
        match sought {
            Sought::TextForm(name) => match rows.find_text(name.as_bytes()) {
                Some(code) => self.filter(|row| rows.span(row).name == code),
                None => Bitmap::none(self.range.len()),
            },
            // Few names are those of many spans.
            Sought::Passing(passes) => self.filter(|row| {
                *known.entry(rows.span(row).name).or_insert_with_key(|code| {
                    let name = str::from_utf8(rows.text(*code));
                    name.is_ok_and(|name| passes(AnyValue::String(name)))
                })
            }),
        }
    }

    fn by_origin(&self, rows: &Rows, matches: impl Fn(&Origin) -> bool) -> Bitmap {
        let matching: Vec<bool> =
            (0..rows.origins()).map(|code| matches(rows.origin(code))).collect();
        self.filter(|row| matching[rows.span(row).origin as usize])
    }

    /// The rows with a wanted value in one of the span's own slots.
    fn by_span_attribute(&self, rows: &Rows, wanted: &WantedSlots<'_>) -> Bitmap {
        // Where the values with this key are, by template.
        let places: Vec<Vec<(usize, Slot)>> = (0..rows.templates())
            .map(|code| wanted.places(&rows.template(code).attributes))
            .collect();
        self.filter(|row| {
            let places = &places[rows.span(row).template as usize];
            let words = || rows.words(row);
            places.iter().any(|(at, slot)| wanted.is(rows, *slot, &words()[*at..]))
        })
    }

    /// The rows with a wanted value in a slot of one of their events or links.
    fn by_inner_attribute(
        &self,
        rows: &Rows,
        wanted: &WantedSlots<'_>,
        level: crate::rows::Level,
    ) -> Bitmap {
        self.filter(|row| {
            let code = rows.span(row).template;
            let template = rows.template(code);
            let has_some = match level {
                crate::rows::Level::Event => template.has_events,
                _ => template.has_links,
            };
            has_some && !template.is_raw && Self::has_inner(rows, row, code, wanted, level)
        })
    }

    fn has_inner(
        rows: &Rows,
        row: u32,
        template: u32,
        wanted: &WantedSlots<'_>,
        level: crate::rows::Level,
    ) -> bool {
        let mut words = rows.words(row);
        let mut found = false;
        let read = for_each_part(rows, template, |part| {
            let (own, rest) = words.split_at_checked(part.words())?;
            if let Part::Value { level: at, slot, .. } = part {
                found |= at == level && wanted.has_key(slot) && wanted.is(rows, slot, own);
            }
            words = rest;
            let value = match own {
                [low, high] => u64::from(*low) | u64::from(*high) << 32,
                _ => own.first().map_or(0, |word| u64::from(*word)),
            };
            // Of attributes without a value only the templates tell.
            let slots = match (part, level) {
                (Part::EventTemplate, crate::rows::Level::Event) => {
                    &rows.event_template(value as u32).attributes[..]
                }
                (Part::LinkTemplate, crate::rows::Level::Link) => {
                    &rows.link_template(value as u32).attributes
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

    const HOLDS_UP_OTHERS: bool = true;

    fn rows(&self) -> usize {
        self.range.len()
    }

    fn raw(&self) -> Result<Bitmap, RebuildError> {
        let rows = self.head.rows();
        Ok(self.by_template(&rows, |template| template.is_raw))
    }

    fn attribute(
        &self,
        level: Level,
        key: &str,
        values: Sought<'_>,
    ) -> Result<Bitmap, RebuildError> {
        let rows = self.head.rows();
        let is = |own: KeyValue<'_>| own.has_key(key) && values.is(own.value());
        let wanted = || WantedSlots::new(&rows, key, values);
        let none = || Bitmap::none(self.range.len());
        Ok(match level {
            Level::Resource => self.by_origin(&rows, |origin| {
                with_origin(origin, |span| span.resource.attributes().any(is)) == Some(true)
            }),
            Level::Scope => self.by_origin(&rows, |origin| {
                with_origin(origin, |span| span.scope.attributes().any(is)) == Some(true)
            }),
            Level::Span => {
                wanted().map_or_else(none, |wanted| self.by_span_attribute(&rows, &wanted))
            }
            Level::Event => wanted().map_or_else(none, |wanted| {
                self.by_inner_attribute(&rows, &wanted, crate::rows::Level::Event)
            }),
            Level::Link => wanted().map_or_else(none, |wanted| {
                self.by_inner_attribute(&rows, &wanted, crate::rows::Level::Link)
            }),
        })
    }

    fn field(&self, field: Field, texts: Sought<'_>) -> Result<Option<Bitmap>, RebuildError> {
        let rows = self.head.rows();
        let is = |text: &str| texts.is(AnyValue::String(text));
        Ok(Some(match field {
            Field::SpanName => self.by_name(&rows, texts),
            Field::SpanKind => self.by_template(&rows, |template| {
                is(SpanKind::from_number(template.kind.into()).field_name())
            }),
            Field::SpanStatus => self.by_template(&rows, |template| is(status_name(template))),
            Field::ResourceService => self.by_origin(&rows, |origin| is(&origin.service)),
            Field::ScopeName => self.by_origin(&rows, |origin| {
                with_origin(origin, |span| is(span.scope.name())) == Some(true)
            }),
            Field::ScopeVersion => self.by_origin(&rows, |origin| {
                with_origin(origin, |span| is(span.scope.version())) == Some(true)
            }),
            _ => return Ok(None),
        }))
    }

    fn range(&self, field: Field, min: i128, max: i128) -> Result<Bitmap, RebuildError> {
        let rows = self.head.rows();
        Ok(self.filter(|row| {
            let span = rows.span(row);
            let (start, end) = (i128::from(span.start), i128::from(span.end));
            (min..=max).contains(&match field {
                Field::SpanStart => start,
                Field::SpanEnd => end,
                _ => end - start,
            })
        }))
    }

    fn trace(&self, id: &TraceId) -> Result<Bitmap, RebuildError> {
        let rows = self.head.rows();
        let mut matching = Bitmap::none(self.range.len());
        let own = rows.trace(id).map(|trace| rows.rows_of(trace));
        for row in own.into_iter().flatten().filter(|row| self.range.contains(row)) {
            matching.insert((row - self.range.start) as usize);
        }
        Ok(matching)
    }

    fn span(&self, id: &[u8; 8]) -> Result<Bitmap, RebuildError> {
        let rows = self.head.rows();
        Ok(self.filter(|row| rows.span(row).span_id == *id))
    }
}

impl super::Rows for Step<'_> {
    fn for_each(
        &self,
        rows: &Bitmap,
        mut tell: impl FnMut(u32, TraceRank),
    ) -> Result<(), RebuildError> {
        let own = self.head.rows();
        for row in rows.iter().map(|row| self.range.start + row as u32) {
            let span = own.span(row);
            tell(row, TraceRank { start: span.start, trace_id: own.trace_id(span.trace) });
        }
        Ok(())
    }

    fn for_each_key(
        &self,
        rows: &Bitmap,
        mut tell: impl FnMut(u32, SpanKey),
    ) -> Result<(), RebuildError> {
        let own = self.head.rows();
        for row in rows.iter().map(|row| self.range.start + row as u32) {
            let span = own.span(row);
            // A head's ids are those of spans that were taken.
            if let Some(span_id) = SpanId::from_slice(&span.span_id) {
                let (start, trace_id) = (span.start, own.trace_id(span.trace));
                let duration = i128::from(span.end) - i128::from(start);
                tell(row, SpanKey { start, duration, trace_id, span_id });
            }
        }
        Ok(())
    }

    fn read(
        &self,
        rows: &Bitmap,
        matches: impl Fn(SpanInTrace<'_>) -> bool,
    ) -> Result<Bitmap, RebuildError> {
        let mut matching = Bitmap::none(rows.len());
        let mut left = rows.iter().peekable();
        while left.peek().is_some() {
            for Copied { row, origin, span } in self.copy(&mut left)? {
                let is_match = with_span(&origin.resource, &origin.scope, &span, &matches);
                if is_match.ok_or(RebuildError::Row(self.range.start + row as u32))? {
                    matching.insert(row);
                }
            }
        }
        Ok(matching)
    }
}

/// A span, looked at no longer.
struct Copied {
    row: usize,
    origin: Arc<Origin>,
    span: Vec<u8>,
}

impl Step<'_> {
    /// The next of these rows with their origins and spans.
    fn copy(&self, left: &mut impl Iterator<Item = usize>) -> Result<Vec<Copied>, RebuildError> {
        let own = self.head.rows();
        let (mut copied, mut bytes) = (Vec::new(), 0);
        let mut origins = HashMap::new();
        while bytes < COPIED_BYTES
            && let Some(row) = left.next()
        {
            let number = self.range.start + row as u32;
            let mut span = Vec::new();
            put_span(&*own, number, &mut span)?;
            let origin = origins.entry(own.span(number).origin).or_insert_with_key(|code| {
                let origin = own.origin(*code);
                bytes += origin.resource.len() + origin.scope.len();
                Arc::new(origin.clone())
            });
            bytes += span.len() + size_of::<Copied>();
            copied.push(Copied { row, origin: Arc::clone(origin), span });
        }
        Ok(copied)
    }
}
