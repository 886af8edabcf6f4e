//! A queue in the process, from placing an order to shipping it, by the
//! [messaging conventions](https://opentelemetry.io/docs/specs/semconv/messaging/messaging-spans/).
//!
//! Who takes an order out works for nobody who waits: its span begins a trace of its own, with a
//! link to the one that put the order in.

use std::sync::Arc;

use axum::http::Method;
use opentelemetry::Context;
use opentelemetry::trace::{SpanContext, TraceContextExt};
use opentelemetry_semantic_conventions::attribute::{
    MESSAGING_DESTINATION_NAME, MESSAGING_MESSAGE_ID, MESSAGING_OPERATION_NAME,
    MESSAGING_OPERATION_TYPE, MESSAGING_SYSTEM,
};
use serde_json::{Value, json};
use tokio::sync::mpsc;
use tracing::{Instrument, Span, info, info_span};
use tracing_opentelemetry::OpenTelemetrySpanExt;

use crate::error::Error;
use crate::peers::Peers;
use crate::stock::Shipment;
use crate::tier::Tier;

/// Orders that may be under way or wait to be shipped: fewer than the reservations that are kept, and
/// more than what comes while something takes long, since nothing but this is to fail of that.
const CAPACITY: usize = 512;
const NAME: &str = "orders";

/// Where orders are put in.
#[derive(Debug)]
pub(crate) struct Queue(mpsc::Sender<Message>);

/// Where they are taken out.
pub(crate) struct Orders(mpsc::Receiver<Message>);

#[derive(Debug)]
struct Message {
    order: String,
    tier: Tier,
    /// The span that put it in.
    sent_by: SpanContext,
}

/// A place in the queue that nobody else can take.
pub(crate) struct Place(mpsc::OwnedPermit<Message>);

pub(crate) fn queue() -> (Queue, Orders) {
    let (sender, receiver) = mpsc::channel(CAPACITY);
    (Queue(sender), Orders(receiver))
}

impl Queue {
    /// Fails if all places are taken.
    pub fn reserve(&self) -> Result<Place, Error> {
        let place = self.0.clone().try_reserve_owned();
        let busy = || format!("{CAPACITY} orders are under way or wait to be shipped");
        place.map(Place).map_err(|_| Error::Busy(busy()))
    }
}

impl Place {
    pub fn send(self, order: String, tier: Tier) {
        let span = info_span!("queue.send", otel.name = "send orders", otel.kind = "producer");
        describe(&span, "send", &order, tier);
        let sent_by = span.context().span().span_context().clone();
        self.0.send(Message { order, tier, sent_by });
    }
}

impl Orders {
    /// Has the first target ship each order, until there are no more and nobody can put one in.
    pub async fn ship(mut self, peers: Arc<Peers>) {
        while let Some(Message { order, tier, sent_by }) = self.0.recv().await {
            let span = info_span!(
                parent: None, "queue.process", otel.name = "process orders", otel.kind = "consumer"
            );
            span.add_link(sent_by);
            describe(&span, "process", &order, tier);
            // Fails only where telemetry is off.
            let _ = span.set_parent(tier.put(&Context::new()));
            ship(&peers, order).instrument(span).await;
        }
    }
}

async fn ship(peers: &Peers, order: String) {
    let body = json!(Shipment { order: order.clone() });
    let shipped = peers.ask::<Value>(Method::POST, &peers.target_one, "/shipments", Some(body), 0);
    match shipped.await {
        Ok(_) => info!(%order, "order processed"),
        Err(error) => {
            error.log();
            error.mark(&Span::current());
        }
    }
}

fn describe(span: &Span, operation: &'static str, order: &str, tier: Tier) {
    span.set_attribute(MESSAGING_SYSTEM, "in_process");
    span.set_attribute(MESSAGING_DESTINATION_NAME, NAME);
    span.set_attribute(MESSAGING_OPERATION_NAME, operation);
    span.set_attribute(MESSAGING_OPERATION_TYPE, operation);
    span.set_attribute(MESSAGING_MESSAGE_ID, order.to_owned());
    span.set_attribute("app.order.id", order.to_owned());
    tier.record(span);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_order_for_which_there_is_no_place_is_refused_until_there_is_one() {
        let (queue, _orders) = queue();
        let mut places: Vec<Place> = (0..CAPACITY).map(|_| queue.reserve().unwrap()).collect();
        assert!(matches!(queue.reserve(), Err(Error::Busy(_))));
        places.pop();
        assert!(queue.reserve().is_ok());
    }
}
