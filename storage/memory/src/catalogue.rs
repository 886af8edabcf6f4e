use std::collections::HashMap;

use spoor_store::Operation;
use spoor_store::otlp::{SpanInTrace, SpanKind};

/// The services and operations of the spans held, counted by span, so that they vanish with
/// their last one.
#[derive(Debug, Default)]
pub(crate) struct Catalogue {
    spans: HashMap<String, HashMap<String, HashMap<SpanKind, usize>>>,
    bytes: usize,
}

/// What a name takes besides its text: its entry and the map behind it.
pub(crate) const NAME_OVERHEAD: usize = 256;

impl Catalogue {
    pub(crate) fn add(&mut self, span: &SpanInTrace<'_>) {
        let service = span.resource.service_name();
        if service.is_empty() {
            return;
        }
        let operations = entry(&mut self.spans, service, &mut self.bytes);
        let kinds = entry(operations, span.span.name, &mut self.bytes);
        *kinds.entry(span.span.kind).or_default() += 1;
    }

    pub(crate) fn remove<'a>(&mut self, spans: impl Iterator<Item = SpanInTrace<'a>>) {
        for span in spans {
            let service = span.resource.service_name();
            // Without a name it was not added.
            let Some(operations) = self.spans.get_mut(service) else { continue };
            let Some(kinds) = operations.get_mut(span.span.name) else { continue };
            let Some(count) = kinds.get_mut(&span.span.kind) else { continue };
            *count -= 1;
            if *count > 0 {
                continue;
            }
            kinds.remove(&span.span.kind);
            if kinds.is_empty() {
                operations.remove(span.span.name);
                self.bytes -= name_bytes(span.span.name);
            }
            if operations.is_empty() {
                self.spans.remove(service);
                self.bytes -= name_bytes(service);
            }
        }
    }

    /// What the catalogue takes, in bytes.
    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }

    pub(crate) fn services(&self) -> Vec<String> {
        let mut services: Vec<_> = self.spans.keys().cloned().collect();
        services.sort_unstable();
        services
    }

    pub(crate) fn operations(&self, service: &str, wanted: Option<SpanKind>) -> Vec<Operation> {
        let mut operations: Vec<_> = self
            .spans
            .get(service)
            .into_iter()
            .flatten()
            .flat_map(|(name, kinds)| kinds.keys().map(move |kind| (name, *kind)))
            .filter(|(_, kind)| wanted.is_none_or(|wanted| wanted == *kind))
            .map(|(name, kind)| Operation { name: name.clone(), kind })
            .collect();
        operations.sort_unstable();
        operations
    }
}

/// The entry of a name, which is copied and added to `bytes` only when it is new.
fn entry<'m, V: Default>(
    map: &'m mut HashMap<String, V>,
    name: &str,
    bytes: &mut usize,
) -> &'m mut V {
    if !map.contains_key(name) {
        map.insert(name.to_owned(), V::default());
        *bytes += name_bytes(name);
    }
    map.get_mut(name).expect("the name was inserted if it was not there")
}

fn name_bytes(name: &str) -> usize {
    NAME_OVERHEAD + name.len()
}
