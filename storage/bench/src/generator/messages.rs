//! What goes through topics: the Java and .NET clients continue the sender's trace, Python's
//! reads in batches and links to the senders, as their instrumentation libraries do.

use opentelemetry_proto::tonic::trace::v1::span::{Link, SpanKind};

use super::attributes::{self, Attributes, Message};
use super::faults::Outcome;
use super::graph::{self, Endpoint, Language};
use super::resource::Instrument;
use super::shape::{Ended, REMOTE_PARENT, SAMPLED, Walk, Within};
use super::values::uuid;

const PARTITIONS: usize = 12;

/// A message that was sent, for a consumer that reads in batches.
pub struct Sent {
    pub trace: [u8; 16],
    pub span: [u8; 8],
    pub time: u64,
    pub message: Message,
    pub consumer: usize,
    pub endpoint: &'static Endpoint,
}

impl Walk<'_> {
    /// A trace that begins with a batch of messages, to whose senders it links.
    pub fn receive(&mut self, batch: &[Sent], start: u64) {
        let Some(last) = batch.last() else { return };
        let pod = self.world.pod_of(last.consumer, self.random);
        let here = Within { pod, span: self.random.bytes() };
        let start = batch.iter().map(|sent| sent.time).max().unwrap_or_default().max(start);
        let mut end = start + self.lasting(400.0);
        for sent in batch {
            end = self.consume(&sent.message, sent.endpoint, pod, Some(here.span), end).at;
        }
        let messages = Some(batch.len() as i64);
        let attributes = attributes::consumed(&last.message, messages, &self.world.pods[pod]);
        let name = format!("poll {}", last.message.topic);
        let mut draft = self.draft(here, None, name, SpanKind::Consumer, (start, end), attributes);
        draft.instrument = Instrument::Messaging;
        draft.span.links = batch
            .iter()
            .map(|sent| Link {
                trace_id: sent.trace.to_vec(),
                span_id: sent.span.to_vec(),
                flags: SAMPLED | REMOTE_PARENT,
                attributes: {
                    let mut attributes = Attributes::default();
                    attributes.int("messaging.kafka.offset", sent.message.offset);
                    attributes.into_vec()
                },
                ..Link::default()
            })
            .collect();
        self.drafts.push(draft);
    }

    /// A producer's span, and the consumers': the Java and .NET clients continue the trace,
    /// Python's reads in batches and links to it.
    pub(super) fn publish(&mut self, topic: &'static str, caller: Within, start: u64) -> Ended {
        let partition = self.random.below(PARTITIONS);
        let slot = partition + if topic == "orders" { 0 } else { PARTITIONS };
        self.offsets.resize(self.offsets.len().max(2 * PARTITIONS), 184_467_440);
        self.offsets[slot] += 1;
        let message = Message {
            topic,
            id: uuid(self.random),
            key: self.visit.order.clone(),
            partition,
            offset: self.offsets[slot],
            size: self.random.log_normal(900.0, 0.5) as i64,
        };
        let here = Within { pod: caller.pod, span: self.random.bytes() };
        let end = start + self.lasting(1_100.0);
        let attributes = attributes::produced(&message, &self.world.pods[caller.pod]);
        let name = format!("send {topic}");
        let parent = Some(caller.span);
        let mut draft =
            self.draft(here, parent, name, SpanKind::Producer, (start, end), attributes);
        draft.instrument = Instrument::Messaging;
        self.drafts.push(draft);
        for (service, endpoint) in graph::consumers(topic) {
            let arrival = end + self.lasting(4_000.0);
            let pod = self.world.pod_of(service, self.random);
            if self.world.pods[pod].language() == Language::Python {
                self.sent.push(Sent {
                    trace: self.trace,
                    span: here.span,
                    time: arrival,
                    message: message.clone(),
                    consumer: service,
                    endpoint,
                });
            } else {
                self.consume(&message, endpoint, pod, Some(here.span), arrival);
            }
        }
        Ended { at: end, outcome: Outcome::Done }
    }

    fn consume(
        &mut self,
        message: &Message,
        endpoint: &'static Endpoint,
        pod: usize,
        parent: Option<[u8; 8]>,
        start: u64,
    ) -> Ended {
        let here = Within { pod, span: self.random.bytes() };
        let before = self.lasting(endpoint.work);
        let (end, outcome) = self.steps(endpoint.steps, here, start + before);
        let own = &self.world.pods[pod];
        let mut attributes = attributes::consumed(message, None, own);
        attributes::of_endpoint(endpoint, &self.visit, &mut attributes, self.random);
        let name = format!("process {}", endpoint.name);
        let mut draft =
            self.draft(here, parent, name, SpanKind::Consumer, (start, end), attributes);
        draft.instrument = Instrument::Messaging;
        draft.span.flags |= REMOTE_PARENT;
        if let Outcome::Failed(fault) = outcome {
            self.fail(&mut draft, fault, false);
        }
        self.drafts.push(draft);
        Ended { at: end, outcome }
    }
}
