//! What happens within a span, and how a span fails.

use opentelemetry_proto::tonic::trace::v1::Status;
use opentelemetry_proto::tonic::trace::v1::span::Event;
use opentelemetry_proto::tonic::trace::v1::status::StatusCode;

use super::attributes::Attributes;
use super::faults::Fault;
use super::graph::{Endpoint, Language, Protocol};
use super::shape::{Draft, Walk};

impl Walk<'_> {
    /// Events that are no exceptions: a feature flag's evaluation, the messages of a call, and
    /// what a program notes.
    pub(super) fn add_events(&mut self, endpoint: &Endpoint, draft: &mut Draft) {
        let language = self.world.pods[draft.pod].language();
        let (start, end) = (draft.span.start_time_unix_nano, draft.span.end_time_unix_nano);
        let mut events = Vec::new();
        let mut note = |name: &str, share: f64, attributes: Attributes| {
            events.push(Event {
                time_unix_nano: start + ((end - start) as f64 * share) as u64,
                name: name.to_owned(),
                attributes: attributes.into_vec(),
                ..Event::default()
            });
        };
        if endpoint.name.ends_with("GetAds") || endpoint.name.ends_with("ListRecommendations") {
            let mut attributes = Attributes::default();
            let variant = if self.random.chance(0.1) { "treatment" } else { "control" };
            attributes
                .text(
                    "feature_flag.key",
                    format!("{}-ranking-v2", self.world.pods[draft.pod].service().name),
                )
                .text("feature_flag.result.variant", variant);
            note("feature_flag.evaluation", 0.1, attributes);
        }
        if language == Language::Python && endpoint.protocol == Protocol::Grpc {
            for (number, (direction, share)) in
                [("RECEIVED", 0.02), ("SENT", 0.97)].into_iter().enumerate()
            {
                let mut attributes = Attributes::default();
                attributes
                    .text("rpc.message.type", direction)
                    .int("rpc.message.id", number as i64 + 1)
                    .int(
                        "rpc.message.uncompressed_size",
                        self.random.log_normal(240.0, 0.6) as i64,
                    );
                note("message", share, attributes);
            }
        }
        if language == Language::Dotnet && endpoint.name.ends_with("GetCart") {
            note("Fetch cart", 0.05, Attributes::default());
        }
        draft.span.events = events;
    }

    /// Marks a span as failed. The exception is recorded where it is thrown, and told upwards by
    /// the status alone.
    pub(super) fn fail(&mut self, draft: &mut Draft, fault: Fault, is_thrown_here: bool) {
        let language = self.world.pods[draft.pod].language();
        let mut error = Attributes::default();
        error.text("error.type", fault.error_type());
        draft.span.attributes.extend(error.into_vec());
        draft.span.status =
            Some(Status { code: StatusCode::Error.into(), message: fault.message(self.random) });
        if is_thrown_here {
            let time = draft.span.end_time_unix_nano - 2_000;
            let event = fault.exception(language, &draft.span.name, time, self.random);
            draft.span.events.push(event);
        }
    }

    pub(super) fn has_failed_child(&self, parent: [u8; 8]) -> bool {
        let mut children =
            self.drafts.iter().rev().filter(|draft| draft.span.parent_span_id == parent);
        children.any(|draft| draft.span.status.as_ref().is_some_and(|status| status.code != 0))
    }
}
