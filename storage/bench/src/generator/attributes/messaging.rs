use super::{Attributes, address_of};
use crate::generator::world::Pod;

/// A record of a Kafka topic.
#[derive(Clone)]
pub struct Message {
    pub topic: &'static str,
    pub id: String,
    pub key: String,
    pub partition: usize,
    pub offset: i64,
    pub size: i64,
}

/// The producer's span.
pub fn produced(message: &Message, pod: &Pod) -> Attributes {
    let mut attributes = common(message, pod);
    attributes.text("messaging.operation.name", "send").text("messaging.operation.type", "send");
    attributes
}

/// The consumer's span; a batch has no message of its own, only a number of them.
pub fn consumed(message: &Message, batch: Option<i64>, pod: &Pod) -> Attributes {
    let mut attributes = common(message, pod);
    attributes
        .text("messaging.operation.name", if batch.is_some() { "poll" } else { "process" })
        .text("messaging.operation.type", if batch.is_some() { "receive" } else { "process" })
        .text("messaging.consumer.group.name", pod.service().name);
    if let Some(messages) = batch {
        attributes.int("messaging.batch.message_count", messages);
    }
    attributes
}

fn common(message: &Message, pod: &Pod) -> Attributes {
    let broker = format!("kafka-{}", message.partition % 3);
    let mut attributes = Attributes::default();
    attributes
        .text("messaging.system", "kafka")
        .text("messaging.destination.name", message.topic)
        .text("messaging.destination.partition.id", message.partition.to_string())
        .text("messaging.client.id", format!("{}-{}", pod.service().name, pod.name.len() % 2 + 1))
        .text("messaging.message.id", &message.id)
        .int("messaging.message.body.size", message.size)
        .int("messaging.kafka.offset", message.offset)
        .text("messaging.kafka.message.key", &message.key)
        .text("server.address", &broker)
        .int("server.port", 9092)
        .text("network.peer.address", address_of(&broker));
    attributes
}
