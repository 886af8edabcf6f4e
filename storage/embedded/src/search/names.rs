//! The services and their operations.

use std::collections::BTreeSet;

use spoor_store::otlp::SpanKind;
use spoor_store::{Operation, ReadError};

use super::{STEP, unavailable};
use crate::tenant::{Head, Snapshot};

/// The names of the services that have spans.
pub(crate) fn services(snapshot: &Snapshot) -> Result<Vec<String>, ReadError> {
    let mut services = BTreeSet::new();
    for segment in &snapshot.segments {
        services.extend(segment.services().map_err(unavailable)?);
    }
    for (head, rows) in &snapshot.heads {
        for_each_operation(head, *rows, |service, _, _| {
            if !services.contains(service) {
                services.insert(service.to_owned());
            }
        });
    }
    services.remove("");
    Ok(services.into_iter().collect())
}

/// The operations of a service, of one kind or of every kind.
pub(crate) fn operations(
    snapshot: &Snapshot,
    service: &str,
    kind: Option<SpanKind>,
) -> Result<Vec<Operation>, ReadError> {
    let mut operations = BTreeSet::new();
    if service.is_empty() {
        return Ok(Vec::new());
    }
    for segment in &snapshot.segments {
        operations.extend(segment.operations_of(service, kind).map_err(unavailable)?);
    }
    for (head, rows) in &snapshot.heads {
        for_each_operation(head, *rows, |of, name, of_kind| {
            if of == service && kind.is_none_or(|kind| kind == of_kind) {
                operations.insert(Operation { name: name.to_owned(), kind: of_kind });
            }
        });
    }
    Ok(operations.into_iter().collect())
}

/// Tells the service, the name and the kind of spans, each combination at least once.
fn for_each_operation(head: &Head, rows: u32, mut tell: impl FnMut(&str, &str, SpanKind)) {
    let mut told = std::collections::HashSet::new();
    for from in (0..rows).step_by(STEP as usize) {
        let guard = head.rows();
        for row in from..(from + STEP).min(rows) {
            let span = guard.span(row);
            if told.insert((span.origin, span.name, span.template)) {
                let name = std::str::from_utf8(guard.text(span.name)).unwrap_or_default();
                let kind = SpanKind::from_number(guard.template(span.template).kind.into());
                tell(&guard.origin(span.origin).service, name, kind);
            }
        }
    }
}
