//! Faults of reading by id, of chunks, and of what is told about traces.

use std::collections::HashSet;

use bytes::Bytes;
use spoor_store::otlp::spans_of;
use spoor_store::{CHUNK_BYTES, Store, TraceChunk};

use crate::Case;
use crate::engine::{Fault, SOUND};

pub fn faults() -> Vec<Case> {
    let mut faults = by_id();
    faults.extend(chunks());
    faults.extend(catalogue());
    faults.extend(summaries());
    faults
}

fn by_id() -> Vec<Case> {
    vec![
        // Believes the hints.
        (
            &["hints_never_change_an_answer"],
            Fault {
                chunks_by_id: |lookups, chunks| {
                    chunks.retain(|chunk| {
                        let mut lookups = lookups.iter();
                        let lookup = lookups.find(|lookup| lookup.trace_id == chunk.trace_id);
                        let hint = lookup.unwrap().hint;
                        spans_of(&chunk.data).any(|span| hint.contains(span.span.start))
                    });
                },
                ..SOUND
            },
        ),
        (
            &["traces_come_in_the_order_asked_for"],
            Fault { lookups: |lookups| lookups.sort_by_key(|lookup| lookup.trace_id), ..SOUND },
        ),
        // Answers an unknown id with an empty trace.
        (
            &["an_unknown_id_is_left_out"],
            Fault {
                chunks_by_id: |lookups, chunks| {
                    for lookup in lookups {
                        let trace_id = lookup.trace_id;
                        if chunks.iter().all(|chunk| chunk.trace_id != trace_id) {
                            chunks.push(TraceChunk { trace_id, data: Bytes::new() });
                        }
                    }
                },
                ..SOUND
            },
        ),
        (
            &["an_id_asked_for_twice_is_answered_once"],
            Fault {
                chunks_by_id: |lookups, chunks| {
                    let copies = lookups.iter().map(|lookup| {
                        let trace_id = lookup.trace_id;
                        chunks.iter().filter(move |chunk| chunk.trace_id == trace_id)
                    });
                    *chunks = copies.flatten().cloned().collect();
                },
                ..SOUND
            },
        ),
    ]
}

fn chunks() -> Vec<Case> {
    vec![
        (
            &["a_chunk_stays_below_its_limit_or_is_one_span"],
            Fault {
                chunks: |chunks| {
                    let traces = chunks.chunk_by(|a, b| a.trace_id == b.trace_id);
                    let whole = traces.map(|chunks| {
                        let data: Vec<_> = chunks.iter().map(|chunk| &*chunk.data).collect();
                        TraceChunk { trace_id: chunks[0].trace_id, data: data.concat().into() }
                    });
                    *chunks = whole.collect();
                },
                ..SOUND
            },
        ),
        // Ends with an empty chunk.
        (
            &["a_chunk_is_never_empty"],
            Fault {
                chunks: |chunks| {
                    let last = chunks.last().map(|chunk| chunk.trace_id);
                    let empty = |trace_id| TraceChunk { trace_id, data: Bytes::new() };
                    chunks.extend(last.map(empty));
                },
                ..SOUND
            },
        ),
        // Fills a chunk with spans of the next trace.
        (
            &["a_chunk_holds_spans_of_its_trace_alone"],
            Fault {
                chunks: |chunks| {
                    for index in 1..chunks.len() {
                        let joined = [&*chunks[index - 1].data, &*chunks[index].data].concat();
                        if (CHUNK_BYTES / 10..CHUNK_BYTES).contains(&joined.len()) {
                            chunks[index - 1].data = joined.into();
                        }
                    }
                },
                ..SOUND
            },
        ),
        // Sends the first chunk of each trace first.
        (
            &["the_chunks_of_a_trace_are_consecutive"],
            Fault {
                chunks: |chunks| {
                    let mut seen = HashSet::new();
                    chunks.sort_by_cached_key(|chunk| !seen.insert(chunk.trace_id));
                },
                ..SOUND
            },
        ),
    ]
}

fn catalogue() -> Vec<Case> {
    vec![
        // Asks once.
        (
            &["what_was_acknowledged_is_visible_to_every_read"],
            Fault {
                services: |engine, tenant| {
                    Box::pin(async move {
                        let services = engine.sound.services(tenant).await?;
                        let mut known = engine.services.lock().unwrap();
                        if services.is_empty() {
                            known.remove(tenant);
                            return Ok(services);
                        }
                        Ok(known.entry(tenant.clone()).or_insert(services).clone())
                    })
                },
                ..SOUND
            },
        ),
        (
            &["services_are_listed_once_and_sorted"],
            Fault {
                services: |engine, tenant| {
                    Box::pin(async move {
                        let mut services = engine.sound.services(tenant).await?;
                        services.sort_by_key(|service| service.to_lowercase());
                        Ok(services)
                    })
                },
                ..SOUND
            },
        ),
        (
            &["a_service_without_a_name_is_not_listed"],
            Fault {
                services: |engine, tenant| {
                    Box::pin(async move {
                        let mut services = engine.sound.services(tenant).await?;
                        for chunk in engine.traces(tenant).await? {
                            let mut spans = spans_of(&chunk.data);
                            if spans.any(|span| span.resource.service_name().is_empty()) {
                                services.insert(0, String::new());
                                break;
                            }
                        }
                        Ok(services)
                    })
                },
                ..SOUND
            },
        ),
        (
            &["operations_are_listed_once_and_sorted"],
            Fault {
                operations: |engine, tenant, service, kind| {
                    Box::pin(async move {
                        let mut found = engine.sound.operations(tenant, service, kind).await?;
                        found.sort_by_key(|operation| operation.kind);
                        Ok(found)
                    })
                },
                ..SOUND
            },
        ),
        (
            &["operations_are_listed_by_kind"],
            Fault {
                operations: |engine, tenant, service, _| {
                    engine.sound.operations(tenant, service, None)
                },
                ..SOUND
            },
        ),
        (
            &["operations_are_those_of_the_service"],
            Fault {
                operations: |engine, tenant, service, kind| {
                    Box::pin(async move {
                        let service = service.to_lowercase();
                        engine.sound.operations(tenant, &service, kind).await
                    })
                },
                ..SOUND
            },
        ),
    ]
}

fn summaries() -> Vec<Case> {
    vec![
        (
            &["the_three_searches_agree", "the_three_searches_agree_on_a_page"],
            Fault { summaries: |summaries| summaries.sort_by_key(|found| found.trace_id), ..SOUND },
        ),
        (
            &["a_summary_counts_spans_and_errors_by_service"],
            Fault {
                summaries: |summaries| {
                    for found in summaries {
                        found.services.retain(|service| !service.name.is_empty());
                    }
                },
                ..SOUND
            },
        ),
        // Takes a time of zero for none.
        (
            &["a_summary_spans_the_whole_time_of_its_trace"],
            Fault {
                summaries: |summaries| {
                    for found in summaries.iter_mut().filter(|found| found.start == 0) {
                        found.start = found.end;
                    }
                },
                ..SOUND
            },
        ),
        // Makes some span the root when none is.
        (
            &["the_root_is_the_earliest_span_without_a_parent"],
            Fault {
                summaries: |summaries| {
                    for found in summaries.iter_mut().filter(|found| found.root_service.is_empty())
                    {
                        found.root_service = found.services[0].name.clone();
                    }
                },
                ..SOUND
            },
        ),
        (
            &["an_orphan_is_a_span_whose_parent_is_missing"],
            Fault {
                summaries: |summaries| summaries.iter_mut().for_each(|found| found.orphans = 0),
                ..SOUND
            },
        ),
    ]
}
