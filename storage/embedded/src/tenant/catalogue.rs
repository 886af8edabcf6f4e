//! What a segment's catalogue has of rows.

use std::collections::HashSet;

use spoor_store::filter::Level;
use spoor_store::otlp::{AnyValue, KeyValue, SpanKind};

use crate::block::{with_origin, with_span};
use crate::rows::{Rows, Slot, ValueKind, put_span};
use crate::segment::Catalogue;

/// Adds the operations and the attributes' keys of all rows.
pub(crate) fn add(rows: &Rows, catalogue: &mut Catalogue) {
    let mut operations = HashSet::new();
    for row in 0..rows.len() {
        let span = rows.span(row);
        let template = rows.template(span.template);
        if operations.insert((span.origin, span.name, template.kind)) {
            let name = std::str::from_utf8(rows.text(span.name)).unwrap_or_default();
            let kind = SpanKind::from_number(template.kind.into());
            catalogue.add_operation(&rows.origin(span.origin).service, name, kind);
        }
        if template.is_raw {
            add_raw(rows, row, catalogue);
        }
    }
    for code in 0..rows.templates() {
        add_slots(rows, Level::Span, &rows.template(code).attributes, catalogue);
    }
    for code in 0..rows.event_templates() {
        add_slots(rows, Level::Event, &rows.event_template(code).attributes, catalogue);
    }
    for code in 0..rows.link_templates() {
        add_slots(rows, Level::Link, &rows.link_template(code).attributes, catalogue);
    }
    for code in 0..rows.origins() {
        // What a head has was checked before.
        let _ = with_origin(rows.origin(code), |span| {
            for own in span.resource.attributes() {
                add_value(Level::Resource, own, catalogue);
            }
            for own in span.scope.attributes() {
                add_value(Level::Scope, own, catalogue);
            }
        });
    }
}

fn add_slots(rows: &Rows, level: Level, slots: &[Slot], catalogue: &mut Catalogue) {
    for slot in slots {
        let key = std::str::from_utf8(rows.text(slot.key)).unwrap_or_default();
        catalogue.add_attribute(level, key, slot.kind);
    }
}

/// Adds the keys of a span that is kept as it came.
fn add_raw(rows: &Rows, row: u32, catalogue: &mut Catalogue) {
    let mut span = Vec::new();
    let origin = rows.origin(rows.span(row).origin);
    if put_span(rows, row, &mut span).is_err() {
        return;
    }
    let _ = with_span(&origin.resource, &origin.scope, &span, |span| {
        for own in span.span.attributes() {
            add_value(Level::Span, own, catalogue);
        }
        for event in span.span.events() {
            for own in event.attributes() {
                add_value(Level::Event, own, catalogue);
            }
        }
        for link in span.span.links() {
            for own in link.attributes() {
                add_value(Level::Link, own, catalogue);
            }
        }
    });
}

fn add_value(level: Level, own: KeyValue<'_>, catalogue: &mut Catalogue) {
    let kind = match own.value() {
        AnyValue::Unset => ValueKind::Empty,
        AnyValue::String(_) => ValueKind::String,
        AnyValue::Bool(_) => ValueKind::Bool,
        AnyValue::Int(_) => ValueKind::Int,
        AnyValue::Double(_) => ValueKind::Double,
        AnyValue::Array(_) => ValueKind::Array,
        AnyValue::Map(_) => ValueKind::Map,
        AnyValue::Bytes(_) => ValueKind::Bytes,
    };
    catalogue.add_attribute(level, own.key(), kind);
}
