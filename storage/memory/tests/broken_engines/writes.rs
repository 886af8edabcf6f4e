//! Faults of writing.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::trace::v1::ScopeSpans;
use spoor_store::ingest::{Refusal, Written, split};
use spoor_store::otlp::wire::Fields;
use spoor_store::{Store, Tenant, WriteError};

use crate::Case;
use crate::engine::{Fault, SOUND, edit_resource_spans, edit_spans};

pub fn faults() -> Vec<Case> {
    let mut faults = acceptance();
    faults.extend(exactness());
    faults
}

fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_nanos() as u64
}

fn acceptance() -> Vec<Case> {
    vec![
        // Writes trace by trace, slowly.
        (
            &["a_request_appears_wholly_or_not_at_all"],
            Fault {
                write: |engine, tenant, request| {
                    Box::pin(async move {
                        let batch = split(&request, now())?;
                        let fragments: Vec<_> =
                            batch.traces().flat_map(|trace| trace.fragments()).collect();
                        for fragment in fragments {
                            engine.sound.write(tenant, fragment).await?;
                            tokio::time::sleep(Duration::from_millis(1)).await;
                        }
                        Ok(batch.written())
                    })
                },
                ..SOUND
            },
        ),
        // Drops a request that it has seen.
        (
            &["a_retry_keeps_a_second_copy"],
            Fault {
                write: |engine, tenant, request| {
                    Box::pin(async move {
                        let written = split(&request, now())?.written();
                        let seen = (tenant.clone(), request.clone());
                        if engine.requests.lock().unwrap().contains(&seen) {
                            return Ok(written);
                        }
                        engine.requests.lock().unwrap().push(seen);
                        engine.sound.write(tenant, request).await
                    })
                },
                ..SOUND
            },
        ),
        // Loses what is written to a trace for the third time.
        (
            &["a_trace_written_in_parts_is_read_whole"],
            Fault {
                write: |engine, tenant, request| {
                    Box::pin(async move {
                        let batch = split(&request, now())?;
                        let kept = batch.traces().filter(|trace| {
                            let mut seen = engine.requests.lock().unwrap();
                            let id = trace.trace_id().as_bytes().to_vec().into();
                            let this = (tenant.clone(), id);
                            seen.push(this.clone());
                            seen.iter().filter(|seen| **seen == this).count() < 3
                        });
                        let kept: Vec<_> = kept.flat_map(|trace| trace.fragments()).collect();
                        let kept = kept.concat();
                        engine.sound.write(tenant, kept.into()).await?;
                        Ok(batch.written())
                    })
                },
                ..SOUND
            },
        ),
        (
            &["late_spans_are_counted"],
            Fault { written: |written| each_count(written, |counts| counts.late = 0), ..SOUND },
        ),
        (
            &["usage_tells_what_is_held"],
            Fault { usage: |usage| usage.spans = usage.traces, ..SOUND },
        ),
        (
            &["a_bad_id_refuses_its_span_with_a_reason"],
            Fault {
                written: |written| {
                    written.first_refusal = written.first_refusal.map(|_| Refusal::TraceId);
                },
                ..SOUND
            },
        ),
        // Keeps nothing of a request with a bad span.
        (
            &["good_spans_beside_refused_ones_are_kept"],
            Fault {
                write: |engine, tenant, request| {
                    Box::pin(async move {
                        let written = split(&request, now())?.written();
                        if written.first_refusal.is_some() {
                            return Ok(written);
                        }
                        engine.sound.write(tenant, request).await
                    })
                },
                ..SOUND
            },
        ),
        (
            &["what_became_of_spans_is_counted_by_service"],
            Fault {
                written: |written| {
                    each_count(written, |counts| counts.accepted += counts.refused);
                },
                ..SOUND
            },
        ),
        (
            &["a_malformed_request_is_refused_as_such"],
            Fault {
                write: |engine, tenant, request| {
                    Box::pin(async move {
                        let written = engine.sound.write(tenant, request).await;
                        let unavailable = |error: WriteError| error.to_string();
                        written.map_err(|error| WriteError::Unavailable(unavailable(error)))
                    })
                },
                ..SOUND
            },
        ),
        // Keeps what it could decode of a broken request.
        (
            &["a_malformed_request_leaves_nothing_behind"],
            Fault {
                write: |engine, tenant, request| {
                    Box::pin(async move {
                        let written = engine.sound.write(tenant, request.clone()).await;
                        if written.is_err() {
                            for field in Fields::of(&request).flatten() {
                                let part = request.slice_ref(field.raw);
                                let _ = engine.sound.write(tenant, part).await;
                            }
                        }
                        written
                    })
                },
                ..SOUND
            },
        ),
        // Takes names of tenants that differ in case for one.
        (
            &["a_tenant_reads_only_its_own"],
            Fault { tenant: |tenant| Tenant::new(&tenant.name().to_lowercase()), ..SOUND },
        ),
        // Remembers the services.
        (
            &["a_purge_forgets_everything_of_its_tenant"],
            Fault {
                purge: |engine, tenant| {
                    Box::pin(async move {
                        let services = engine.sound.services(tenant).await.unwrap();
                        engine.services.lock().unwrap().insert(tenant.clone(), services);
                        engine.sound.purge(tenant).await
                    })
                },
                services: |engine, tenant| {
                    Box::pin(async move {
                        let mut services = engine.sound.services(tenant).await?;
                        let remembered = engine.services.lock().unwrap();
                        services.extend(remembered.get(tenant).into_iter().flatten().cloned());
                        Ok(services)
                    })
                },
                ..SOUND
            },
        ),
        // Purges the only other tenant too.
        (
            &["a_purge_leaves_other_tenants_alone", "usage_tells_what_is_held"],
            Fault {
                purge: |engine, tenant| {
                    Box::pin(async move {
                        engine.sound.purge(&Tenant::new("other")).await?;
                        engine.sound.purge(tenant).await
                    })
                },
                ..SOUND
            },
        ),
    ]
}

fn each_count(written: &mut Written, edit: fn(&mut spoor_store::ingest::SpanCounts)) {
    written.services.iter_mut().for_each(|(_, counts)| edit(counts));
}

fn exactness() -> Vec<Case> {
    vec![
        (
            &["every_field_comes_back"],
            Fault { request: |request| edit_spans(request, |span| span.flags = 0), ..SOUND },
        ),
        // Decodes and encodes.
        (
            &["unknown_fields_come_back"],
            Fault { request: |request| edit_resource_spans(&request, |_| {}), ..SOUND },
        ),
        // Has signed times.
        (
            &["odd_times_come_back"],
            Fault {
                request: |request| {
                    edit_spans(request, |span| {
                        for event in &mut span.events {
                            event.time_unix_nano = event.time_unix_nano.min(i64::MAX as u64);
                        }
                    })
                },
                ..SOUND
            },
        ),
        // Mends a span that is its own parent.
        (
            &["odd_names_and_parents_come_back"],
            Fault {
                request: |request| {
                    edit_spans(request, |span| {
                        if span.parent_span_id == span.span_id {
                            span.parent_span_id.clear();
                        }
                    })
                },
                ..SOUND
            },
        ),
        // Has one NaN.
        (
            &["attributes_of_every_kind_come_back"],
            Fault {
                request: |request| {
                    edit_spans(request, |span| {
                        let values = span.attributes.iter_mut().flat_map(|attribute| {
                            attribute.value.as_mut().and_then(|value| value.value.as_mut())
                        });
                        for value in values {
                            if let Value::DoubleValue(number) = value
                                && number.is_nan()
                            {
                                *number = f64::NAN;
                            }
                        }
                    })
                },
                ..SOUND
            },
        ),
        // Keeps attributes in a sorted map of lists.
        (
            &["keys_keep_their_order_and_their_copies"],
            Fault {
                request: |request| {
                    edit_spans(request, |span| {
                        span.attributes.sort_by(|a, b| a.key.cmp(&b.key));
                    })
                },
                ..SOUND
            },
        ),
        // Takes scopes of one name for one.
        (
            &["resources_and_scopes_stay_with_their_spans"],
            Fault {
                request: |request| {
                    if edit_resource_spans(&request, |_| {}) != request {
                        return request;
                    }
                    edit_resource_spans(&request, |resource_spans| {
                        let mut merged = Vec::<ScopeSpans>::new();
                        for scope_spans in std::mem::take(&mut resource_spans.scope_spans) {
                            let same = |other: &&mut ScopeSpans| other.scope == scope_spans.scope;
                            match merged.iter_mut().find(same) {
                                Some(other) => other.spans.extend(scope_spans.spans),
                                None => merged.push(scope_spans),
                            }
                        }
                        resource_spans.scope_spans = merged;
                    })
                },
                ..SOUND
            },
        ),
    ]
}
