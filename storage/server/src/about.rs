//! What anyone may ask about the server itself: health and reflection.

use std::sync::Arc;

use http::Request;
use spoor_embedded::Demand;
use tokio::sync::Semaphore;
use tonic::body::Body;
use tonic::service::{LayerExt, Routes};
use tonic_health::pb::health_server::{Health, HealthServer};
use tonic_reflection::server::Builder;
use tower::{Layer, ServiceExt};

use crate::admission::{Admission, Budget, MAX_OPEN, Slots};

/// The answers that go on at one time: who watches health gets one for as long as he likes.
const MAX_ANSWERS: usize = MAX_OPEN;

/// The request that takes a place for as long as its client likes.
const WATCH: &str = "/grpc.health.v1.Health/Watch";

/// Adds both, within bounds of their own as wide as those for others that anyone may ask; who
/// watches takes no place of who checks. Reflection (v1 and v1alpha) describes the services of these names and health to tools such as
/// grpcurl.
pub(crate) fn add(
    routes: Routes,
    anyone: &Admission,
    health: HealthServer<impl Health>,
    services: &[&'static str],
) -> Routes {
    let own = |streamed| Admission {
        budget: Budget::new(anyone.budget.total()),
        open: Arc::new(Semaphore::new(MAX_OPEN)),
        slots: Some(Slots::new(MAX_ANSWERS, "too many answers go on", Demand::default())),
        streamed,
        ..anyone.clone()
    };
    let reflection = own(true);
    let descriptors = || {
        let builder = Builder::configure()
            .register_encoded_file_descriptor_set(spoor_proto::FILE_DESCRIPTOR_SET)
            .register_encoded_file_descriptor_set(tonic_health::pb::FILE_DESCRIPTOR_SET)
            .with_service_name(tonic_health::pb::health_server::SERVICE_NAME);
        let named = services.iter().filter(|name| !name.is_empty());
        named.fold(builder, |builder, name| builder.with_service_name(*name))
    };
    let v1 = descriptors().build_v1().expect("the descriptors were encoded at build time");
    let v1alpha =
        descriptors().build_v1alpha().expect("the descriptors were encoded at build time");
    let watch = own(false).layer(health.clone());
    let watch = watch.map_request(|request: Request<axum::body::Body>| request.map(Body::new));
    let routes = routes
        .add_service(own(false).named_layer(health))
        .add_service(reflection.named_layer(v1))
        .add_service(reflection.named_layer(v1alpha));
    routes.into_axum_router().route_service(WATCH, watch).into()
}
