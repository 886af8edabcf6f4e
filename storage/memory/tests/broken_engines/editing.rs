//! Queries that mean something else, as faults of searching need them.

use opentelemetry_proto::tonic::trace::v1::ResourceSpans;
use spoor_store::filter::{Attribute, Comparison, Constant, Field, Filter, Level, Operand};
use spoor_store::{FoundTrace, Store, Tenant, TraceQuery};

use crate::engine::{Answer, Engine};

/// Searches in edited spans.
pub fn search_edited<'a>(
    engine: &'a Engine,
    tenant: &'a Tenant,
    query: TraceQuery,
    edit: fn(&mut ResourceSpans),
) -> Answer<'a, Vec<FoundTrace>> {
    Box::pin(async move { engine.edited(tenant, edit).await?.find_trace_ids(tenant, query).await })
}

/// Searches with other names than the one asked for.
pub fn search_services<'a>(
    engine: &'a Engine,
    tenant: &'a Tenant,
    mut query: TraceQuery,
    wanted: fn(&str, &str) -> bool,
) -> Answer<'a, Vec<FoundTrace>> {
    Box::pin(async move {
        let services = engine.sound.services(tenant).await?;
        edit_filter(&mut query.filter, &mut |filter| {
            if let Some((Field::ResourceService, asked)) = field_equals(filter) {
                let names = services.iter().filter(|name| wanted(asked, name));
                *filter =
                    Filter::Or(names.map(|name| equals(Field::ResourceService, name)).collect());
            }
        });
        engine.sound.find_trace_ids(tenant, query).await
    })
}

/// Edits a filter from the inside out.
pub fn edit_filter(filter: &mut Filter, edit: &mut impl FnMut(&mut Filter)) {
    match filter {
        Filter::And(filters) | Filter::Or(filters) => {
            filters.iter_mut().for_each(|filter| edit_filter(filter, edit));
        }
        Filter::Not(filter) => edit_filter(filter, edit),
        _ => {}
    }
    edit(filter);
}

pub fn field_equals(filter: &Filter) -> Option<(Field, &str)> {
    match filter {
        Filter::Compare(
            Operand::Field(field),
            Comparison::Eq,
            Operand::Constant(Constant::TextForm(text)),
        ) => Some((*field, text)),
        _ => None,
    }
}

pub fn equals(field: Field, text: &str) -> Filter {
    let text = Operand::Constant(Constant::TextForm(text.to_owned()));
    Filter::Compare(Operand::Field(field), Comparison::Eq, text)
}

/// Also takes a span's own attribute for the field.
pub fn or_attribute(query: &mut TraceQuery, wanted: Field, key: &str) {
    edit_filter(&mut query.filter, &mut |filter| {
        if let Some((field, text)) = field_equals(filter)
            && field == wanted
        {
            let attribute = Attribute { key: key.to_owned(), level: Some(Level::Span) };
            let text = Operand::Constant(Constant::TextForm(text.to_owned()));
            let on_span = Filter::Compare(Operand::Attribute(attribute), Comparison::Eq, text);
            *filter = Filter::Or(vec![filter.clone(), on_span]);
        }
    });
}
