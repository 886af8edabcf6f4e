//! Traces as real systems send them, from a seed.
//!
//! What is generated was chosen before any engine was measured with it, by what instrumentation
//! libraries and reports of real systems show; each file says where its choices come from. The
//! tests at the end hold the bytes to their checksums, so that nobody can make them easier to
//! store without being seen.

mod attributes;
mod events;
mod exports;
mod faults;
mod graph;
mod leaves;
mod messages;
mod random;
mod realistic;
mod resource;
mod shape;
mod statistics;
mod telemetrygen;
mod values;
mod world;

use opentelemetry_proto::tonic::common::v1::InstrumentationScope;
use opentelemetry_proto::tonic::resource::v1::Resource;
use prost::bytes::Bytes;

pub use exports::ExportSize;
use exports::Exporters;
pub use random::Random;
use realistic::Realistic;
pub use realistic::TRACES_PER_SECOND;
pub use resource::Instrument;
pub use shape::Draft;
pub use statistics::Statistics;
use telemetrygen::Telemetrygen;
pub use values::user_id;

/// What every run generates from.
pub const SEED: u64 = 0x5b00_7a11;
/// When the first trace begins, nanoseconds since the Unix epoch: always the same, so that the
/// bytes are.
pub const EPOCH: u64 = 1_790_000_000_000_000_000;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// The shop of `graph`.
    Realistic,
    /// What `telemetrygen traces` sends by default.
    Telemetrygen,
}

impl Shape {
    pub fn name(self) -> &'static str {
        match self {
            Self::Realistic => "realistic",
            Self::Telemetrygen => "telemetrygen",
        }
    }

    pub fn traffic(self, seed: u64, epoch: u64) -> Box<dyn Traffic> {
        match self {
            Self::Realistic => Box::new(Realistic::new(seed, epoch)),
            Self::Telemetrygen => Box::new(Telemetrygen::new(seed, epoch)),
        }
    }
}

/// Traces one after another, in the order of their starts.
pub trait Traffic {
    /// The next trace, whole.
    fn next(&mut self) -> Trace;
    /// The number of processes that export.
    fn processes(&self) -> usize;
    fn resource(&self, process: usize) -> Resource;
    fn scope(&self, process: usize, instrument: Instrument) -> InstrumentationScope;
    fn schema_url(&self) -> &'static str;
    /// The service that a process is an instance of.
    fn service(&self, process: usize) -> &'static str;
}

pub struct Trace {
    /// By the true time, nanoseconds since the Unix epoch. All later traces start later.
    pub start: u64,
    pub drafts: Vec<Draft>,
}

/// An encoded request.
pub struct Export {
    pub bytes: Bytes,
    pub spans: usize,
}

/// Generates whole traces until there are `spans` spans, shows each trace to `observe`, and gives
/// the exports to `sink` in the order in which a server would see them. Never holds more than
/// what is open at one moment.
pub fn generate<E>(
    traffic: &mut dyn Traffic,
    size: ExportSize,
    spans: usize,
    observe: &mut dyn FnMut(&dyn Traffic, &Trace),
    sink: &mut dyn FnMut(Export) -> Result<(), E>,
) -> Result<(), E> {
    let mut exporters = Exporters::new(traffic, size);
    let mut generated = 0;
    while generated < spans {
        let trace = traffic.next();
        generated += trace.drafts.len();
        observe(traffic, &trace);
        exporters.add(trace, sink)?;
    }
    exporters.finish(sink)
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use xxhash_rust::xxh3::Xxh3;

    use super::*;

    /// The checksum of the first requests, whose bytes are the same however many follow.
    fn checksum(shape: Shape, size: ExportSize) -> String {
        let (mut hash, mut left) = (Xxh3::new(), 32_768 / size.spans());
        let mut traffic = shape.traffic(SEED, EPOCH);
        generate(&mut *traffic, size, 40_000, &mut |_, _| {}, &mut |export| {
            if left > 0 {
                left -= 1;
                hash.update(&export.spans.to_le_bytes());
                hash.update(&export.bytes);
            }
            Ok::<_, Infallible>(())
        })
        .unwrap();
        assert_eq!(left, 0);
        format!("{:032x}", hash.digest128())
    }

    // A change of any of these makes figures before and after it incomparable: it needs a reason
    // that is not the figures.
    #[test]
    fn the_bytes_are_those_that_were_committed_before_anything_was_measured() {
        use ExportSize::{Collector, Sdk};
        let found = [
            checksum(Shape::Realistic, Sdk),
            checksum(Shape::Realistic, Collector),
            checksum(Shape::Telemetrygen, Sdk),
            checksum(Shape::Telemetrygen, Collector),
        ];
        assert_eq!(
            found,
            [
                "316a80144a8d92ef134f002c0ce07553",
                "f3a62805c8ed5e99e3b96678fbcba2df",
                "a8c8fbae7153fbea6f4957e0c412475d",
                "46a0b20ccdb45d5bca3b898459977084",
            ]
        );
    }

    #[test]
    fn a_realistic_span_has_eleven_attributes_on_average_of_97_keys_in_all() {
        let mut statistics = Statistics::default();
        let mut traffic = Shape::Realistic.traffic(SEED, EPOCH);
        generate(
            &mut *traffic,
            ExportSize::Sdk,
            200_000,
            &mut |traffic, trace| statistics.observe(traffic, trace),
            &mut |_| Ok::<_, Infallible>(()),
        )
        .unwrap();
        let average = statistics.attributes_per_span();
        assert!((10.8..11.2).contains(&average), "{average}");
        assert_eq!(
            statistics.keys().count(),
            97,
            "{:?}",
            statistics.keys().map(|(key, _)| key).collect::<Vec<_>>()
        );
    }

    #[test]
    fn no_span_has_a_key_twice() {
        let mut traffic = Shape::Realistic.traffic(SEED, EPOCH);
        for trace in (0..3_000).map(|_| traffic.next()) {
            for Draft { span, .. } in trace.drafts {
                let mut keys: Vec<_> = span.attributes.iter().map(|kv| &kv.key).collect();
                keys.sort_unstable();
                let all = keys.len();
                keys.dedup();
                assert_eq!(keys.len(), all, "{span:?}");
            }
        }
    }

    #[test]
    fn the_spans_of_a_trace_arrive_in_several_exports() {
        use prost::Message;
        use std::collections::{HashMap, HashSet};

        use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;

        let mut exports_of = HashMap::<Vec<u8>, HashSet<usize>>::new();
        let mut number = 0;
        let mut traffic = Shape::Realistic.traffic(SEED, EPOCH);
        generate(&mut *traffic, ExportSize::Sdk, 20_000, &mut |_, _| {}, &mut |export| {
            number += 1;
            let request = ExportTraceServiceRequest::decode(export.bytes).unwrap();
            let scopes = request.resource_spans.into_iter().flat_map(|r| r.scope_spans);
            let spans: Vec<_> = scopes.flat_map(|scope| scope.spans).collect();
            assert_eq!(spans.len(), export.spans);
            assert!(spans.len() <= 512);
            for span in spans {
                exports_of.entry(span.trace_id).or_default().insert(number);
            }
            Ok::<_, Infallible>(())
        })
        .unwrap();
        let exports: usize = exports_of.values().map(HashSet::len).sum();
        assert!(exports > 3 * exports_of.len(), "{exports} for {} traces", exports_of.len());
    }
}
