//! Faults of what a query finds.

use opentelemetry_proto::tonic::common::v1::any_value::Value;
use spoor_store::filter::{Field, Filter, Level, Operand, Predicate};
use spoor_store::otlp::spans_of;
use spoor_store::{Store, TraceQuery};

use crate::Case;
use crate::editing::{
    edit_filter, equals, field_equals, or_attribute, search_edited, search_services,
};
use crate::engine::{Fault, SOUND, edit_resource_spans, everything, spans_mut};

pub fn faults() -> Vec<Case> {
    let mut faults = matching();
    faults.extend(attributes());
    faults
}

fn matching() -> Vec<Case> {
    vec![
        // Intersects the traces of each condition.
        (
            &["all_conditions_hold_on_one_span"],
            Fault {
                search: |engine, tenant, query| {
                    Box::pin(async move {
                        let Filter::And(conditions) = query.filter.clone() else {
                            return engine.sound.find_trace_ids(tenant, query).await;
                        };
                        let (start, after) = (query.start, query.after);
                        let every = TraceQuery { start, after, ..everything() };
                        let mut found = engine.sound.find_trace_ids(tenant, every.clone()).await?;
                        for filter in conditions {
                            let one = TraceQuery { filter, ..every };
                            let matching = engine.sound.find_trace_ids(tenant, one).await?;
                            found = matching
                                .into_iter()
                                .filter(|it| found.iter().any(|own| own.trace_id == it.trace_id))
                                .collect();
                        }
                        found.truncate(query.limit);
                        Ok(found)
                    })
                },
                ..SOUND
            },
        ),
        // Gives the matching spans alone.
        (
            &["a_matching_span_brings_its_whole_trace"],
            Fault {
                chunks_found: |query, chunks| {
                    let predicate = Predicate::compile(&query.filter).unwrap();
                    for chunk in chunks {
                        let matches: Vec<_> =
                            spans_of(&chunk.data).map(|span| predicate.matches(&span)).collect();
                        let mut matches = matches.into_iter();
                        chunk.data = edit_resource_spans(&chunk.data, |resource_spans| {
                            for scope_spans in &mut resource_spans.scope_spans {
                                scope_spans.spans.retain(|_| matches.next().unwrap());
                            }
                        });
                    }
                },
                ..SOUND
            },
        ),
        // Has wildcards.
        (
            &["text_matches_literally_and_as_a_whole"],
            Fault {
                search: |engine, tenant, query| {
                    search_services(engine, tenant, query, |asked, name| {
                        asked
                            .strip_suffix(".*")
                            .map_or(asked == name, |start| name.starts_with(start))
                    })
                },
                ..SOUND
            },
        ),
        // Finds parts of names.
        (
            &["text_matches_literally_and_as_a_whole"],
            Fault {
                search: |engine, tenant, query| {
                    search_services(engine, tenant, query, |asked, name| name.contains(asked))
                },
                ..SOUND
            },
        ),
        // Ignores case.
        (
            &["text_matches_literally_and_as_a_whole"],
            Fault {
                search: |engine, tenant, query| {
                    search_services(engine, tenant, query, |asked, name| {
                        name.eq_ignore_ascii_case(asked)
                    })
                },
                ..SOUND
            },
        ),
        // Searches service by service.
        (
            &["without_conditions_every_trace_matches"],
            Fault {
                query: |query| {
                    let named = Filter::Not(Box::new(equals(Field::ResourceService, "")));
                    query.filter = Filter::And(vec![query.filter.clone(), named]);
                },
                ..SOUND
            },
        ),
        (
            &["a_service_is_the_text_of_its_resources_name"],
            Fault {
                query: |query| or_attribute(query, Field::ResourceService, "service.name"),
                ..SOUND
            },
        ),
        // Ignores what it can't evaluate.
        (
            &["a_filter_beyond_the_engine_is_an_error"],
            Fault {
                query: |query| {
                    if Predicate::compile(&query.filter).is_err() {
                        query.filter = Filter::And(Vec::new());
                    }
                },
                ..SOUND
            },
        ),
    ]
}

fn attributes() -> Vec<Case> {
    vec![
        // Does not look at events and links.
        (
            &[
                "an_attribute_matches_at_each_level",
                "conditions_may_hold_at_different_levels_of_a_span",
            ],
            Fault {
                search: |engine, tenant, query| {
                    search_edited(engine, tenant, query, |resource_spans| {
                        for span in spans_mut(resource_spans) {
                            span.events.clear();
                            span.links.clear();
                        }
                    })
                },
                ..SOUND
            },
        ),
        // Looks for all attributes in one place.
        (
            &["conditions_may_hold_at_different_levels_of_a_span"],
            Fault {
                query: |query| {
                    let Filter::And(conditions) = &mut query.filter else { return };
                    let at_levels = |filter: &mut Filter| match filter {
                        Filter::Or(levels) if levels.len() == 5 => Some(std::mem::take(levels)),
                        _ => None,
                    };
                    let by_attribute: Vec<_> =
                        conditions.iter_mut().filter_map(at_levels).collect();
                    if by_attribute.is_empty() {
                        return;
                    }
                    conditions.retain(|filter| !matches!(filter, Filter::Or(_)));
                    let at = |level: usize| {
                        Filter::And(by_attribute.iter().map(|at| at[level].clone()).collect())
                    };
                    conditions.push(Filter::Or((0..5).map(at).collect()));
                },
                ..SOUND
            },
        ),
        // Compares text with text alone.
        (
            &["an_attribute_matches_by_its_text"],
            Fault {
                search: |engine, tenant, query| {
                    search_edited(engine, tenant, query, |resource_spans| {
                        for span in spans_mut(resource_spans) {
                            span.attributes.retain(|attribute| {
                                let value = attribute.value.as_ref();
                                let value = value.and_then(|value| value.value.as_ref());
                                matches!(value, Some(Value::StringValue(_)))
                            });
                        }
                    })
                },
                ..SOUND
            },
        ),
        // Knows the first attribute of a key.
        (
            &["one_of_several_equal_keys_suffices"],
            Fault {
                search: |engine, tenant, query| {
                    search_edited(engine, tenant, query, |resource_spans| {
                        for span in spans_mut(resource_spans) {
                            span.attributes.dedup_by(|a, b| a.key == "key" && a.key == b.key);
                        }
                    })
                },
                ..SOUND
            },
        ),
        // Takes what is no error for a success.
        (
            &["error_asks_for_the_status"],
            Fault {
                query: |query| {
                    edit_filter(&mut query.filter, &mut |filter| {
                        if let Filter::Not(inner) = filter
                            && field_equals(inner) == Some((Field::SpanStatus, "error"))
                        {
                            *filter = equals(Field::SpanStatus, "ok");
                        }
                    });
                },
                ..SOUND
            },
        ),
        (
            &["span_status_and_kind_ask_for_the_fields"],
            Fault { query: |query| or_attribute(query, Field::SpanKind, "span.kind"), ..SOUND },
        ),
        (
            &["scope_name_and_version_ask_for_the_scope"],
            Fault { query: |query| or_attribute(query, Field::ScopeName, "scope.name"), ..SOUND },
        ),
        // Looks for an attribute of the resource on the span too.
        (
            &["the_resource_prefix_asks_for_the_resource_alone"],
            Fault {
                query: |query| {
                    let Filter::And(conditions) = &mut query.filter else { return };
                    for condition in conditions {
                        let mut on_span = condition.clone();
                        if let Filter::Compare(Operand::Attribute(attribute), ..) = &mut on_span {
                            attribute.level = Some(Level::Span);
                            *condition = Filter::Or(vec![condition.clone(), on_span]);
                        }
                    }
                },
                ..SOUND
            },
        ),
    ]
}
