//! What is known of spans that were written, to ask for.

use rand::{RngExt, rngs::StdRng};
use spoor_store::TraceId;
use spoor_store::otlp::{SpanInTrace, spans_of, text_of};

/// What a query may ask of a span.
#[derive(Clone, Debug, Default)]
pub struct Fact {
    pub trace: Option<TraceId>,
    pub span: Vec<u8>,
    pub service: String,
    pub name: String,
    /// As a legacy query names them.
    pub attributes: Vec<(String, String)>,
    pub start: u64,
    pub duration: i128,
}

/// Some spans of those that were written.
#[derive(Default)]
pub struct Facts(Vec<Fact>);

impl Facts {
    /// Remembers some spans of an export request.
    pub fn add(&mut self, request: &[u8], random: &mut StdRng) {
        for span in spans_of(request) {
            let fact = Fact::of(&span);
            if self.0.len() < 200 {
                self.0.push(fact);
            } else if random.random_range(0..3) == 0 {
                let at = random.random_range(0..self.0.len());
                self.0[at] = fact;
            }
        }
    }

    pub fn any(&self, random: &mut StdRng) -> Fact {
        match self.0.len() {
            0 => Fact::default(),
            len => self.0[random.random_range(0..len)].clone(),
        }
    }
}

impl Fact {
    fn of(SpanInTrace { resource, scope, span }: &SpanInTrace<'_>) -> Self {
        let mut attributes = vec![
            ("span.kind".to_owned(), span.kind.field_name().to_ascii_uppercase()),
            ("span.status".to_owned(), span.status.field_name().to_owned()),
            ("scope.name".to_owned(), scope.name().to_owned()),
            ("scope.version".to_owned(), scope.version().to_owned()),
            ("error".to_owned(), "true".to_owned()),
            ("error".to_owned(), "F".to_owned()),
        ];
        for own in resource.attributes() {
            attributes.push((format!("resource.{}", own.key()), text_of(own.value()).into()));
            attributes.push((own.key().to_owned(), text_of(own.value()).into()));
        }
        let events = span.events().flat_map(|event| event.attributes());
        let links = span.links().flat_map(|link| link.attributes());
        for own in scope.attributes().chain(span.attributes()).chain(events).chain(links) {
            attributes.push((own.key().to_owned(), text_of(own.value()).into()));
        }
        Self {
            trace: TraceId::from_slice(span.trace_id),
            span: span.span_id.to_vec(),
            service: resource.service_name().to_owned(),
            name: span.name.to_owned(),
            attributes,
            start: span.start,
            duration: span.duration(),
        }
    }
}
