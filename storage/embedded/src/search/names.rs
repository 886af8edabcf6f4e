//! The services and their operations.

use std::collections::{BTreeSet, HashSet};

use spoor_store::otlp::SpanKind;
use spoor_store::{Operation, ReadError};
use tracing::info_span;

use super::{STEP, unavailable};
use crate::budget::{Grant, List};
use crate::tenant::{Head, Snapshot};

/// What a name takes besides its bytes, in a set that is never full.
const AROUND_NAME: usize = 64;

/// Names that were found, while there is memory for them.
struct Names<'g, T> {
    names: BTreeSet<T>,
    held: List<'g>,
    ended: Result<(), ReadError>,
}

impl<'g, T: Ord> Names<'g, T> {
    fn new(grant: &'g Grant) -> Self {
        Self { names: BTreeSet::new(), held: grant.list(), ended: Ok(()) }
    }

    /// Adds a name of so many bytes. Tells whether there may be more.
    fn add(&mut self, name: T, bytes: usize) -> bool {
        if self.ended.is_ok() && self.names.insert(name) {
            self.ended = self.held.grow(AROUND_NAME + bytes);
        }
        self.ended.is_ok()
    }

    fn into_sorted(self) -> Result<Vec<T>, ReadError> {
        self.ended.map(|()| self.names.into_iter().collect())
    }
}

/// The names of the services that have spans.
pub(crate) fn services(snapshot: &Snapshot, grant: &Grant) -> Result<Vec<String>, ReadError> {
    let _stage = info_span!("read names").entered();
    let mut services = Names::new(grant);
    let mut add = |name: &str| name.is_empty() || services.add(name.to_owned(), name.len());
    for segment in &snapshot.segments {
        segment.for_each_service(&mut add).map_err(unavailable)?;
    }
    for (head, rows) in &snapshot.heads {
        for_each_operation(head, *rows, grant, |service, _, _| add(service))?;
    }
    services.into_sorted()
}

/// The operations of a service, of one kind or of every kind.
pub(crate) fn operations(
    snapshot: &Snapshot,
    grant: &Grant,
    service: &str,
    kind: Option<SpanKind>,
) -> Result<Vec<Operation>, ReadError> {
    let _stage = info_span!("read names").entered();
    let mut operations = Names::new(grant);
    if service.is_empty() {
        return Ok(Vec::new());
    }
    let mut add = |name: &str, kind| {
        operations
            .add(Operation { name: name.to_owned(), kind }, size_of::<Operation>() + name.len())
    };
    for segment in &snapshot.segments {
        segment.for_each_operation(service, kind, &mut add).map_err(unavailable)?;
    }
    for (head, rows) in &snapshot.heads {
        for_each_operation(head, *rows, grant, |of, name, of_kind| {
            of != service || kind.is_some_and(|kind| kind != of_kind) || add(name, of_kind)
        })?;
    }
    operations.into_sorted()
}

/// Tells the service, the name and the kind of spans, each combination at least once, for as long
/// as `tell` wants more.
fn for_each_operation(
    head: &Head,
    rows: u32,
    grant: &Grant,
    mut tell: impl FnMut(&str, &str, SpanKind) -> bool,
) -> Result<(), ReadError> {
    let (mut told, mut held) = (HashSet::new(), grant.list());
    for from in (0..rows).step_by(STEP as usize) {
        let guard = head.rows();
        for row in from..(from + STEP).min(rows) {
            let span = guard.span(row);
            if told.insert((span.origin, span.name, span.template)) {
                let name = std::str::from_utf8(guard.text(span.name)).unwrap_or_default();
                let kind = SpanKind::from_number(guard.template(span.template).kind.into());
                if !tell(&guard.origin(span.origin).service, name, kind) {
                    return Ok(());
                }
            }
        }
        held.resize(told.capacity() * size_of::<(u32, u32, u32)>())?;
    }
    Ok(())
}
