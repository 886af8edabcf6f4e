//! Spans as rows.

use std::collections::BTreeMap;
use std::fs::File;

use parquet::errors::Result;
use parquet::file::writer::SerializedFileWriter;
use spoor_store::otlp::{AnyValue, Event, KeyValue, Link, SpanInTrace, text_of};

use crate::column::{Counts, Leaf, Longs, Place, Texts};

/// The columns of a row group.
#[derive(Debug, Default)]
pub(crate) struct SpanColumns {
    tenant: Texts,
    trace_id: Texts,
    span_id: Texts,
    parent_span_id: Texts,
    trace_state: Texts,
    flags: Counts,
    service_name: Texts,
    name: Texts,
    kind: Texts,
    start_time: Longs,
    end_time: Longs,
    duration_ns: Longs,
    status_code: Texts,
    status_message: Texts,
    resource_attributes: Map,
    resource_schema_url: Texts,
    scope_name: Texts,
    scope_version: Texts,
    scope_attributes: Map,
    scope_schema_url: Texts,
    span_attributes: Map,
    dropped_attributes_count: Counts,
    events: Events,
    dropped_events_count: Counts,
    links: Links,
    dropped_links_count: Counts,
}

impl SpanColumns {
    /// Appends a row.
    pub(crate) fn push(&mut self, tenant: &str, it: &SpanInTrace<'_>) {
        let SpanInTrace { resource, scope, span } = it;
        let at = Place::default();
        self.tenant.push(tenant, at);
        self.trace_id.push_id(span.trace_id, at);
        self.span_id.push_id(span.span_id, at);
        self.parent_span_id.push_optional_id(span.parent().unwrap_or_default(), at);
        self.trace_state.push(span.trace_state(), at);
        self.flags.push(span.flags(), at);
        self.service_name.push(resource.service_name(), at);
        self.name.push(span.name, at);
        self.kind.push(span.kind.field_name(), at);
        self.start_time.push(timestamp(span.start), at);
        self.end_time.push(timestamp(span.end), at);
        self.duration_ns.push(i64::try_from(span.duration()).ok(), at);
        self.status_code.push(span.status.field_name(), at);
        self.status_message.push(span.status_message(), at);
        self.resource_attributes.push(resource.attributes(), at);
        self.resource_schema_url.push(resource.schema_url(), at);
        self.scope_name.push(scope.name(), at);
        self.scope_version.push(scope.version(), at);
        self.scope_attributes.push(scope.attributes(), at);
        self.scope_schema_url.push(scope.schema_url(), at);
        self.span_attributes.push(span.attributes(), at);
        self.dropped_attributes_count.push(span.dropped_attributes(), at);
        self.events.push(span.events(), at);
        self.dropped_events_count.push(span.dropped_events(), at);
        self.links.push(span.links(), at);
        self.dropped_links_count.push(span.dropped_links(), at);
    }

    /// What the rows take in memory.
    pub(crate) fn bytes(&mut self) -> usize {
        self.leaves().iter().map(|leaf| leaf.bytes()).sum()
    }

    /// Writes the rows as a row group, if there are any.
    pub(crate) fn write(&mut self, writer: &mut SerializedFileWriter<File>) -> Result<()> {
        if self.bytes() == 0 {
            return Ok(());
        }
        let mut group = writer.next_row_group()?;
        for leaf in self.leaves() {
            let column = group.next_column()?;
            let mut column = column.expect("the schema has a column for each of ours");
            leaf.write(&mut column)?;
            column.close()?;
        }
        group.close()?;
        Ok(())
    }

    /// The columns in the schema's order.
    fn leaves(&mut self) -> Vec<&mut dyn Leaf> {
        let mut leaves: Vec<&mut dyn Leaf> = vec![
            &mut self.tenant,
            &mut self.trace_id,
            &mut self.span_id,
            &mut self.parent_span_id,
            &mut self.trace_state,
            &mut self.flags,
            &mut self.service_name,
            &mut self.name,
            &mut self.kind,
            &mut self.start_time,
            &mut self.end_time,
            &mut self.duration_ns,
            &mut self.status_code,
            &mut self.status_message,
        ];
        leaves.extend(self.resource_attributes.leaves());
        leaves.extend([
            &mut self.resource_schema_url as &mut dyn Leaf,
            &mut self.scope_name,
            &mut self.scope_version,
        ]);
        leaves.extend(self.scope_attributes.leaves());
        leaves.push(&mut self.scope_schema_url);
        leaves.extend(self.span_attributes.leaves());
        leaves.push(&mut self.dropped_attributes_count);
        leaves.extend(self.events.leaves());
        leaves.push(&mut self.dropped_events_count);
        leaves.extend(self.links.leaves());
        leaves.push(&mut self.dropped_links_count);
        leaves
    }
}

/// A map's columns.
#[derive(Debug, Default)]
struct Map {
    keys: Texts,
    values: Texts,
}

impl Map {
    /// Appends a map. It has a key once: the last value counts.
    fn push<'a>(&mut self, attributes: impl Iterator<Item = KeyValue<'a>>, at: Place) {
        let map: BTreeMap<&str, AnyValue<'_>> =
            attributes.map(|attribute| (attribute.key(), attribute.value())).collect();
        if map.is_empty() {
            self.leaves().into_iter().for_each(|leaf| leaf.push_none(at));
        }
        for (index, (key, value)) in map.into_iter().enumerate() {
            let at = at.element(index);
            self.keys.push(key, at);
            match value {
                AnyValue::Unset => self.values.push_none(at),
                value => self.values.push(&text_of(value), at.defined()),
            }
        }
    }

    fn leaves(&mut self) -> [&mut dyn Leaf; 2] {
        [&mut self.keys, &mut self.values]
    }
}

/// The columns of the list of events.
#[derive(Debug, Default)]
struct Events {
    time: Longs,
    name: Texts,
    attributes: Map,
    dropped_attributes_count: Counts,
}

impl Events {
    fn push<'a>(&mut self, events: impl Iterator<Item = Event<'a>>, at: Place) {
        let mut events = events.enumerate().peekable();
        if events.peek().is_none() {
            self.leaves().into_iter().for_each(|leaf| leaf.push_none(at));
        }
        for (index, event) in events {
            let at = at.element(index);
            self.time.push(timestamp(event.time()), at);
            self.name.push(event.name(), at);
            self.attributes.push(event.attributes(), at);
            self.dropped_attributes_count.push(event.dropped_attributes(), at);
        }
    }

    fn leaves(&mut self) -> [&mut dyn Leaf; 5] {
        let [keys, values] = self.attributes.leaves();
        [&mut self.time, &mut self.name, keys, values, &mut self.dropped_attributes_count]
    }
}

/// The columns of the list of links.
#[derive(Debug, Default)]
struct Links {
    trace_id: Texts,
    span_id: Texts,
    trace_state: Texts,
    flags: Counts,
    attributes: Map,
    dropped_attributes_count: Counts,
}

impl Links {
    fn push<'a>(&mut self, links: impl Iterator<Item = Link<'a>>, at: Place) {
        let mut links = links.enumerate().peekable();
        if links.peek().is_none() {
            self.leaves().into_iter().for_each(|leaf| leaf.push_none(at));
        }
        for (index, link) in links {
            let at = at.element(index);
            let (trace_id, span_id) = link.ids();
            self.trace_id.push_optional_id(trace_id, at);
            self.span_id.push_optional_id(span_id, at);
            self.trace_state.push(link.trace_state(), at);
            self.flags.push(link.flags(), at);
            self.attributes.push(link.attributes(), at);
            self.dropped_attributes_count.push(link.dropped_attributes(), at);
        }
    }

    fn leaves(&mut self) -> [&mut dyn Leaf; 7] {
        let [keys, values] = self.attributes.leaves();
        [
            &mut self.trace_id,
            &mut self.span_id,
            &mut self.trace_state,
            &mut self.flags,
            keys,
            values,
            &mut self.dropped_attributes_count,
        ]
    }
}

/// A time, unless it is too late for signed nanoseconds, the greatest of which is DuckDB's
/// infinity.
fn timestamp(nanoseconds: u64) -> Option<i64> {
    i64::try_from(nanoseconds).ok().filter(|time| *time < i64::MAX)
}
