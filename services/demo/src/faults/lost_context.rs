//! A hop at which trace and baggage get lost.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::HeaderMap;
use axum::middleware::Next;
use axum::response::Response;
use opentelemetry::global::get_text_map_propagator;
use opentelemetry::propagation::Extractor;

use super::{Faults, Kind, Scope};
use crate::routes::operation;
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
        let headers = Headers(request.headers());
        let context = get_text_map_propagator(|propagator| propagator.extract(&headers));
        let tier = Tier::in_baggage(&context);
        let scope = Scope { operation: operation(&request), tier };
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

struct Headers<'a>(&'a HeaderMap);

impl Extractor for Headers<'_> {
    fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name)?.to_str().ok()
    }

    fn keys(&self) -> Vec<&str> {
        self.0.keys().map(|name| name.as_str()).collect()
    }
}
