//! The entries of a block's filter besides those of the values in columns.

use hashbrown::{HashMap, HashSet};
use spoor_store::TraceId;
use spoor_store::filter::{Field, Level};
use spoor_store::otlp::{KeyValue, SpanKind, text_of};

use super::attributes::filter_level;
use super::entries::{
    AttributeEntries, LEAST_STEP, duration_entry, duration_step, field_entry, trace_entries,
};
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
            few.extend(span.resource.attributes().flat_map(|own| entries_of(Level::Resource, own)));
        });
    }
    for scope in &gathered.origins.scopes {
        with_span(&[], scope, &EMPTY_SPAN, |span| {
            few.extend(field_entry(Field::ScopeName, span.scope.name()));
            few.extend(field_entry(Field::ScopeVersion, span.scope.version()));
            few.extend(span.scope.attributes().flat_map(|own| entries_of(Level::Scope, own)));
        });
    }
    for (level, slot) in slots_without_values(&gathered.tables) {
        let key = &gathered.tables.keys[gathered.tables.slots[slot as usize].key as usize];
        let mut of_key = AttributeEntries::new(filter_level(level), key);
        few.extend([of_key.key(), of_key.entry(&[])]);
    }
    for raw in &gathered.raw {
        with_span(&[], &[], raw, |span| {
            let span = span.span;
            few.extend(span.attributes().flat_map(|own| entries_of(Level::Span, own)));
            let of_events = span.events().flat_map(|event| event.attributes());
            few.extend(of_events.flat_map(|own| entries_of(Level::Event, own)));
            let of_links = span.links().flat_map(|link| link.attributes());
            few.extend(of_links.flat_map(|own| entries_of(Level::Link, own)));
        });
    }
    add_durations(gathered, &mut few);
    entries.extend(few);
}

fn entries_of(level: Level, attribute: KeyValue<'_>) -> [u64; 2] {
    let mut of_key = AttributeEntries::new(level, attribute.key().as_bytes());
    [of_key.key(), of_key.entry(text_of(attribute.value()).as_bytes())]
}

/// Adds the steps that the longest span of each service reaches.
fn add_durations(gathered: &Gathered<'_>, few: &mut HashSet<u64>) {
    // One that does not fit is told as less than zero, as one that ends before it starts.
    let has_greater = gathered.extent.max_duration > i64::MAX.into();
    let below_zero = if has_greater { u64::MAX } else { 0 };
    let mut longest = HashMap::<&str, u64>::new();
    for (origin, duration) in gathered.span_origins.iter().zip(&gathered.columns.durations) {
        let most = longest.entry(gathered.origins.services[*origin as usize]).or_default();
        *most = (*most).max(u64::try_from(*duration).unwrap_or(below_zero));
    }
    for (service, most) in longest {
        let reached = duration_step(most).map(|last| LEAST_STEP..=last);
        few.extend(reached.into_iter().flatten().map(|step| duration_entry(step, service)));
    }
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
