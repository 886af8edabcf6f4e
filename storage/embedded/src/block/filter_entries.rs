//! The entries of a block's filter besides those of the values in columns.

use hashbrown::HashSet;
use spoor_store::TraceId;
use spoor_store::filter::{Field, Level};
use spoor_store::otlp::{KeyValue, SpanKind, text_of};

use super::attributes::filter_level;
use super::entries::{AttributeEntries, attribute_entry, field_entry, trace_entries};
use super::gather::Gathered;
use super::origins::{EMPTY_SPAN, with_span};
use super::tables::Tables;
use crate::rows::{self, Rows, Template, ValueKind};

/// Adds the entries of traces, of fields, of what encloses spans, of attributes without a value
/// and of spans that are kept as they came.
pub(crate) fn add(rows: &Rows, gathered: &Gathered<'_>, entries: &mut Vec<u64>) {
    let ids = gathered.traces.ids.iter().filter_map(|id| TraceId::from_slice(id));
    entries.extend(ids.flat_map(|id| trace_entries(&id)));
    let names =
        gathered.names.texts.iter().filter_map(|code| str::from_utf8(rows.text(*code)).ok());
    entries.extend(names.filter_map(|name| field_entry(Field::SpanName, name)));

    // Many templates and origins have the same of all else.
    let mut few = HashSet::new();
    for span in &gathered.tables.spans {
        let kind = SpanKind::from_number(span.template.kind.into());
        few.extend(field_entry(Field::SpanKind, kind.field_name()));
        few.extend(field_entry(Field::SpanStatus, status_name(&span.template)));
    }
    for resource in &gathered.origins.resources {
        with_span(resource, &[], &EMPTY_SPAN, |span| {
            few.extend(field_entry(Field::ResourceService, span.resource.service_name()));
            few.extend(span.resource.attributes().map(|own| entry(Level::Resource, own)));
        });
    }
    for scope in &gathered.origins.scopes {
        with_span(&[], scope, &EMPTY_SPAN, |span| {
            few.extend(field_entry(Field::ScopeName, span.scope.name()));
            few.extend(field_entry(Field::ScopeVersion, span.scope.version()));
            few.extend(span.scope.attributes().map(|own| entry(Level::Scope, own)));
        });
    }
    for (level, slot) in slots_without_values(&gathered.tables) {
        let key = &gathered.tables.keys[gathered.tables.slots[slot as usize].key as usize];
        few.insert(AttributeEntries::new(filter_level(level), key).entry(&[]));
    }
    for raw in &gathered.raw {
        with_span(&[], &[], raw, |span| {
            let span = span.span;
            few.extend(span.attributes().map(|own| entry(Level::Span, own)));
            let of_events = span.events().flat_map(|event| event.attributes());
            few.extend(of_events.map(|own| entry(Level::Event, own)));
            let of_links = span.links().flat_map(|link| link.attributes());
            few.extend(of_links.map(|own| entry(Level::Link, own)));
        });
    }
    entries.extend(few);
}

fn entry(level: Level, attribute: KeyValue<'_>) -> u64 {
    attribute_entry(level, attribute.key(), &text_of(attribute.value()))
}

/// The name of the status that spans of a template have.
pub(crate) fn status_name(template: &Template) -> &'static str {
    use spoor_store::otlp::StatusCode;
    match template.status.map_or(0, |status| status.code) {
        1 => StatusCode::Ok,
        2 => StatusCode::Error,
        _ => StatusCode::Unset,
    }
    .field_name()
}

/// The slots whose values take no bytes, so that no column has them.
fn slots_without_values(tables: &Tables) -> HashSet<(rows::Level, u32)> {
    use rows::Level::{Event, Link, Span};
    let spans = tables.spans.iter().map(|shaped| (Span, &shaped.slots));
    let events = tables.events.iter().map(|shaped| (Event, &shaped.slots));
    let links = tables.links.iter().map(|shaped| (Link, &shaped.slots));
    spans
        .chain(events)
        .chain(links)
        .flat_map(|(level, slots)| slots.iter().map(move |slot| (level, *slot)))
        .filter(|(_, slot)| {
            let kind = tables.slots[*slot as usize].kind;
            matches!(kind, ValueKind::Absent | ValueKind::Empty)
        })
        .collect()
}
