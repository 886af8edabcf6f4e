//! A hop at which trace and baggage get lost.

use std::collections::HashMap;
use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderName};
use axum::middleware::Next;
use axum::response::Response;
use opentelemetry::Context;
use opentelemetry::global::get_text_map_propagator;

use super::{Faults, Kind, Scope};
use crate::routes::{PLACE, operation};
use crate::tier::Tier;

/// Begins the names of Jaeger's headers for baggage: they are many, and no propagator lists them.
const JAEGER_BAGGAGE: &str = "uberctx-";

/// Outside the layers of telemetry, which then find nothing to continue.
pub(crate) async fn lose_context(
    State(faults): State<Arc<Faults>>,
    mut request: Request,
    next: Next,
) -> Response {
    if faults.has(Kind::LostContext) {
        let operation = operation(&request);
        // An order's is in its body, which is not read yet.
        let is_order = operation == PLACE;
        let tier = if is_order { None } else { Tier::in_baggage(&caller(request.headers())) };
        let scope = Scope { operation, tier };
        if !faults.struck(Kind::LostContext, &scope).is_empty() {
            remove_context(request.headers_mut());
        }
    }
    next.run(request).await
}

fn remove_context(headers: &mut HeaderMap) {
    get_text_map_propagator(|propagator| {
        for name in propagator.fields() {
            headers.remove(name);
        }
    });
    let baggage = headers.keys().filter(|name| name.as_str().starts_with(JAEGER_BAGGAGE));
    for name in baggage.cloned().collect::<Vec<_>>() {
        headers.remove(name);
    }
}

/// What the headers tell of the caller. Several of one name are one list, as telemetry reads them.
fn caller(headers: &HeaderMap) -> Context {
    let joined = |name: &HeaderName| {
        let values = headers.get_all(name).iter().filter_map(|value| value.to_str().ok());
        (name.to_string(), values.collect::<Vec<_>>().join(","))
    };
    let joined: HashMap<_, _> = headers.keys().map(joined).collect();
    get_text_map_propagator(|propagator| propagator.extract(&joined))
}
