//! What `telemetrygen traces --rate 0` of the Collector's contrib repository (v0.145.0) sends by
//! default, through Go's SDK 1.39: a client's span `lets-go` and a server's `okey-dokey-0`, both
//! of one process, both of 123 µs, with two attributes each.

use opentelemetry_proto::tonic::common::v1::InstrumentationScope;
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace::v1::span::SpanKind;
use opentelemetry_proto::tonic::trace::v1::{Span, Status};

use super::attributes::Attributes;
use super::random::Random;
use super::resource::{Instrument, SCHEMA_URL};
use super::shape::SAMPLED;
use super::{Draft, Trace, Traffic};

const DURATION: u64 = 123_000;
/// The median of the time between two traces of one worker, nanoseconds: what making and queueing
/// two spans takes.
const INTERVAL: f64 = 9_000.0;

pub struct Telemetrygen {
    random: Random,
    now: u64,
}

impl Telemetrygen {
    pub fn new(seed: u64, epoch: u64) -> Self {
        Self { random: Random::new(seed), now: epoch }
    }

    fn span(&mut self, trace: [u8; 16], name: &str, kind: SpanKind, peer: &str) -> Span {
        let mut attributes = Attributes::default();
        attributes.text("network.peer.address", "1.2.3.4").text("peer.service", peer);
        Span {
            trace_id: trace.to_vec(),
            span_id: self.random.bytes::<8>().to_vec(),
            flags: SAMPLED,
            name: name.to_owned(),
            kind: kind.into(),
            start_time_unix_nano: self.now,
            end_time_unix_nano: self.now + DURATION,
            attributes: attributes.into_vec(),
            status: Some(Status::default()),
            ..Span::default()
        }
    }
}

impl Traffic for Telemetrygen {
    fn next(&mut self) -> Trace {
        self.now += self.random.log_normal(INTERVAL, 0.3) as u64;
        let trace = self.random.bytes();
        let root = self.span(trace, "lets-go", SpanKind::Client, "telemetrygen-server");
        let mut child = self.span(trace, "okey-dokey-0", SpanKind::Server, "telemetrygen-client");
        child.parent_span_id.clone_from(&root.span_id);
        let ended = self.now + DURATION;
        // The child ends first.
        let drafts =
            [child, root].map(|span| Draft { pod: 0, instrument: Instrument::App, ended, span });
        Trace { start: self.now, drafts: drafts.into() }
    }

    fn processes(&self) -> usize {
        1
    }

    fn resource(&self, _: usize) -> Resource {
        let mut attributes = Attributes::default();
        attributes.text("service.name", "telemetrygen");
        Resource { attributes: attributes.into_vec(), ..Resource::default() }
    }

    fn scope(&self, _: usize, _: Instrument) -> InstrumentationScope {
        InstrumentationScope { name: "telemetrygen".to_owned(), ..InstrumentationScope::default() }
    }

    fn schema_url(&self) -> &'static str {
        SCHEMA_URL
    }

    fn service(&self, _: usize) -> &'static str {
        "telemetrygen"
    }
}
