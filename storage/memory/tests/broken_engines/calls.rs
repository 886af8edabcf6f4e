//! Faults of dependencies between services.

use std::collections::HashSet;

use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue, any_value::Value};
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans};
use spoor_store::otlp::{Span, spans_of};
use spoor_store::{Dependency, Store, Tenant, TimeRange};

use crate::Case;
use crate::engine::{Answer, Engine, Fault, SOUND};

/// The calls that there were if these were the spans.
fn calls_of_edited<'a>(
    engine: &'a Engine,
    tenant: &'a Tenant,
    range: TimeRange,
    mut edit: impl FnMut(&mut ScopeSpans) + Send + 'a,
) -> Answer<'a, Vec<Dependency>> {
    Box::pin(async move {
        let edit =
            |resource: &mut ResourceSpans| resource.scope_spans.iter_mut().for_each(&mut edit);
        engine.edited(tenant, edit).await?.dependencies(tenant, range).await
    })
}

pub fn faults() -> Vec<Case> {
    vec![
        (
            &["calls_between_two_services_are_counted_and_sorted"],
            Fault {
                dependencies: |engine, tenant, range| {
                    Box::pin(async move {
                        let mut calls = engine.sound.dependencies(tenant, range).await?;
                        calls.sort_by(|a, b| a.child.cmp(&b.child));
                        Ok(calls)
                    })
                },
                ..SOUND
            },
        ),
        // Counts a service that calls itself.
        (
            &[
                "a_call_within_a_service_is_not_counted",
                "a_shared_span_id_prefers_the_childs_own_service",
            ],
            Fault {
                dependencies: |engine, tenant, range| {
                    Box::pin(async move {
                        let mut calls = engine.sound.dependencies(tenant, range).await?;
                        for chunk in engine.traces(tenant).await? {
                            let services = || {
                                spans_of(&chunk.data).map(|span| {
                                    (span.span, span.resource.service_name().to_owned())
                                })
                            };
                            calls.extend(services().filter_map(|(child, service)| {
                                let own = |(span, name): (Span<'_>, String)| {
                                    Some(span.span_id) == child.parent() && name == service
                                };
                                services().any(own).then(|| Dependency {
                                    parent: service.clone(),
                                    child: service.clone(),
                                    calls: 1,
                                })
                            }));
                        }
                        Ok(calls)
                    })
                },
                ..SOUND
            },
        ),
        // Looks for parents within the range too.
        (
            &["a_call_counts_when_its_child_starts_within_the_range"],
            Fault {
                dependencies: |engine, tenant, range| {
                    calls_of_edited(engine, tenant, range, move |scope_spans| {
                        scope_spans.spans.retain(|span| range.contains(span.start_time_unix_nano));
                    })
                },
                ..SOUND
            },
        ),
        // Ends before the range's last nanosecond.
        (
            &["a_call_counts_when_its_child_starts_within_the_range"],
            Fault {
                dependencies: |engine, tenant, range| {
                    let range = TimeRange { max: range.max - 1, ..range };
                    engine.sound.dependencies(tenant, range)
                },
                ..SOUND
            },
        ),
        // Resolves a call when the child arrives.
        (
            &["a_parent_may_arrive_after_its_child"],
            Fault {
                dependencies: |engine, tenant, range| {
                    let mut arrived = HashSet::new();
                    calls_of_edited(engine, tenant, range, move |scope_spans| {
                        for span in &mut scope_spans.spans {
                            let trace = span.trace_id.clone();
                            if !arrived.contains(&(trace.clone(), span.parent_span_id.clone())) {
                                span.parent_span_id.clear();
                            }
                            arrived.insert((trace, span.span_id.clone()));
                        }
                    })
                },
                ..SOUND
            },
        ),
        // Looks for a parent in every trace.
        (
            &["a_missing_parent_makes_no_call"],
            Fault {
                dependencies: |engine, tenant, range| {
                    Box::pin(async move {
                        let all = engine.traces(tenant).await?;
                        let ids: HashSet<_> = all
                            .iter()
                            .flat_map(|chunk| spans_of(&chunk.data))
                            .map(|span| (span.span.trace_id, span.span.span_id))
                            .collect();
                        let move_to_parent = |scope_spans: &mut ScopeSpans| {
                            for span in &mut scope_spans.spans {
                                let parent = (&*span.trace_id, &*span.parent_span_id);
                                let mut others = ids.iter().filter(|(_, id)| *id == parent.1);
                                if let Some((trace, _)) = others.next()
                                    && !ids.contains(&parent)
                                {
                                    span.trace_id = trace.to_vec();
                                }
                            }
                        };
                        calls_of_edited(engine, tenant, range, move_to_parent).await
                    })
                },
                ..SOUND
            },
        ),
        // Gives a service without a name one.
        (
            &["a_span_without_a_service_makes_no_call"],
            Fault {
                dependencies: |engine, tenant, range| {
                    Box::pin(async move {
                        let unknown = Value::StringValue("unknown_service".to_owned());
                        let named = KeyValue {
                            key: "service.name".to_owned(),
                            value: Some(AnyValue { value: Some(unknown) }),
                            ..KeyValue::default()
                        };
                        let name = |resource_spans: &mut ResourceSpans| {
                            let resource = resource_spans.resource.get_or_insert_default();
                            resource.attributes.push(named.clone());
                        };
                        engine.edited(tenant, name).await?.dependencies(tenant, range).await
                    })
                },
                ..SOUND
            },
        ),
        // Knows one span of an id, the first.
        (
            &["a_shared_span_id_prefers_the_childs_own_service"],
            Fault {
                dependencies: |engine, tenant, range| {
                    let mut seen = HashSet::new();
                    calls_of_edited(engine, tenant, range, move |scope_spans| {
                        scope_spans.spans.retain(|span| {
                            seen.insert((span.trace_id.clone(), span.span_id.clone()))
                        });
                    })
                },
                ..SOUND
            },
        ),
    ]
}
