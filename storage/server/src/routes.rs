//! The gRPC services with the bounds of their requests.

use std::sync::Arc;

use spoor_proto::otlp::trace_service_server::TraceServiceServer;
use spoor_proto::storage::capabilities_server::CapabilitiesServer;
use spoor_proto::storage::dependency_reader_server::DependencyReaderServer;
use spoor_proto::storage::trace_reader_server::TraceReaderServer;
use tokio::sync::Semaphore;
use tonic::codec::CompressionEncoding::{Gzip, Zstd};
use tonic::service::{LayerExt, Routes};
use tonic_reflection::server::{Builder, v1, v1alpha};

use crate::admission::{Admission, Budget, Slots};
use crate::config::Config;
use crate::engine::Engine;
use crate::metrics::Metrics;
use crate::read::Reader;
use crate::write::Writer;

/// The greatest size of a read's request; Jaeger's are below a kilobyte.
const MAX_READ_BYTES: usize = 1 << 20;
/// The bytes of all reads' requests in flight.
const MAX_READ_INFLIGHT_BYTES: usize = 16 << 20;

/// A generated service behind its bounds. The size was checked before the service sees it.
macro_rules! bounded {
    ($admission:expr, $server:ident, $service:expr) => {
        $admission.named_layer(
            $server::new($service)
                .max_decoding_message_size(usize::MAX)
                .send_compressed(Gzip)
                .send_compressed(Zstd),
        )
    };
}

/// The services that write to the store and read from it.
pub(crate) fn storage(
    config: &Config,
    budget: Budget,
    engine: &Engine,
    metrics: &Arc<Metrics>,
) -> Routes {
    let processors = std::thread::available_parallelism().map_or(1, usize::from);
    let writes = Admission {
        metrics: Arc::clone(metrics),
        budget,
        max_bytes: config.max_request_bytes,
        slots: None,
        decompressions: Arc::new(Semaphore::new(processors)),
        client_timeout: config.client_timeout,
    };
    let reads = Admission {
        budget: Budget::new(MAX_READ_INFLIGHT_BYTES),
        max_bytes: MAX_READ_BYTES,
        slots: Some(Slots::new(config.max_concurrent_reads, engine.read_demand())),
        ..writes.clone()
    };
    let store = &engine.store;
    let writer = Writer { store: Arc::clone(store), metrics: Arc::clone(metrics) };
    let reader = Reader {
        store: Arc::clone(store),
        metrics: Arc::clone(metrics),
        max_depth: config.max_search_depth,
    };
    Routes::new(bounded!(writes, TraceServiceServer, writer))
        .add_service(bounded!(reads, TraceReaderServer, reader.clone()))
        .add_service(bounded!(reads, DependencyReaderServer, reader.clone()))
        .add_service(bounded!(reads, CapabilitiesServer, reader))
}

/// Describes the services to tools such as grpcurl.
pub(crate) fn reflection() -> v1::ServerReflectionServer<impl v1::ServerReflection> {
    descriptors().build_v1().expect("the descriptors were encoded at build time")
}

/// The same for tools that know only the older protocol.
pub(crate) fn reflection_v1alpha() -> v1alpha::ServerReflectionServer<impl v1alpha::ServerReflection>
{
    descriptors().build_v1alpha().expect("the descriptors were encoded at build time")
}

fn descriptors() -> Builder<'static> {
    Builder::configure()
        .register_encoded_file_descriptor_set(spoor_proto::FILE_DESCRIPTOR_SET)
        .register_encoded_file_descriptor_set(tonic_health::pb::FILE_DESCRIPTOR_SET)
}
