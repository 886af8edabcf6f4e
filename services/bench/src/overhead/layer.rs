//! What stands before a service.

use opentelemetry::global;
use opentelemetry::propagation::TextMapCompositePropagator;
use opentelemetry_sdk::propagation::{BaggagePropagator, TraceContextPropagator};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Layer {
    None,
    /// Ours, with no meter provider.
    Telemetry,
    /// Ours, with the metric that it records of each call.
    TelemetryMeasured,
    /// What others have for the same: axum-tracing-opentelemetry, tonic-tracing-opentelemetry.
    Peer,
}

impl Layer {
    /// In the order of their turns.
    pub const ALL: [Self; 4] = [Self::None, Self::Telemetry, Self::TelemetryMeasured, Self::Peer];

    /// Makes the process's propagators those that the layer has in a service: telemetry's own,
    /// which are stricter, or the SDK's.
    pub fn set_propagators(self) {
        if let Self::Telemetry | Self::TelemetryMeasured = self {
            // They stay when the recording ends; whom its subscriber let through is forgotten.
            drop(telemetry::testing::record());
            tracing::callsite::rebuild_interest_cache();
        } else {
            global::set_text_map_propagator(TextMapCompositePropagator::new(vec![
                Box::new(TraceContextPropagator::new()),
                Box::new(BaggagePropagator::new()),
            ]));
        }
    }
}
