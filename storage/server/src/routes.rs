//! The gRPC services, with who may call them and the bounds of their requests.

use std::sync::Arc;

use spoor_proto::otlp::trace_service_server::TraceServiceServer;
use spoor_proto::storage::capabilities_server::CapabilitiesServer;
use spoor_proto::storage::dependency_reader_server::DependencyReaderServer;
use spoor_proto::storage::trace_reader_server::TraceReaderServer;
use spoor_proto::storage_v1::archive_span_reader_plugin_server::ArchiveSpanReaderPluginServer;
use spoor_proto::storage_v1::archive_span_writer_plugin_server::ArchiveSpanWriterPluginServer;
use spoor_proto::storage_v1::dependencies_reader_plugin_server::DependenciesReaderPluginServer;
use spoor_proto::storage_v1::plugin_capabilities_server::PluginCapabilitiesServer;
use spoor_proto::storage_v1::span_reader_plugin_server::SpanReaderPluginServer;
use spoor_proto::storage_v1::span_writer_plugin_server::SpanWriterPluginServer;
use spoor_proto::storage_v1::streaming_span_writer_plugin_server::StreamingSpanWriterPluginServer;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tonic::codec::CompressionEncoding::{Gzip, Zstd};
use tonic::service::{LayerExt, Routes};
use tonic_health::pb::health_server::{Health, HealthServer};

use crate::about;
use crate::admission::{Admission, Budget, MAX_OPEN, Slots};
use crate::config::Config;
use crate::engine::Engine;
use crate::identity::Identity;
use crate::metrics::Metrics;
use crate::read::Reader;
use crate::traced::TracedReads;
use crate::v1::{Archive, Capabilities, SpanReader, SpanWriter};
use crate::write::Writer;

/// The greatest size of a read's request; Jaeger's are below a kilobyte.
const MAX_READ_BYTES: usize = 1 << 20;
/// The bytes of all reads' requests in flight.
const MAX_READ_INFLIGHT_BYTES: usize = 16 << 20;
/// The same of a request that anyone may make, which is empty or names something, and of all of these.
const MAX_ANYONES_BYTES: usize = 1 << 10;
const MAX_ANYONES_INFLIGHT_BYTES: usize = 1 << 20;

/// A generated service behind its bounds, given as layers, the first outermost. The size was
/// checked before the service sees it.
macro_rules! bounded {
    ($layers:expr, $server:ident, $service:expr) => {
        $layers.named_layer(
            $server::new($service)
                .max_decoding_message_size(usize::MAX)
                .send_compressed(Gzip)
                .send_compressed(Zstd),
        )
    };
}

/// What is to be served.
pub(crate) struct Served<'a> {
    pub(crate) config: &'a Config,
    /// The bytes of writes in flight.
    pub(crate) budget: &'a Budget,
    pub(crate) engine: &'a Engine,
    pub(crate) metrics: &'a Arc<Metrics>,
    pub(crate) archive: Option<(&'a Engine, &'a Arc<Metrics>)>,
    /// Ends streams of spans, which clients would keep open for ever.
    pub(crate) draining: &'a CancellationToken,
}

impl Served<'_> {
    fn bounds(&self) -> Bounds {
        let Self { config, budget, engine, metrics, .. } = self;
        let processors = std::thread::available_parallelism().map_or(1, usize::from);
        let writes = Admission {
            metrics: Arc::clone(metrics),
            budget: Budget::clone(budget),
            max_bytes: config.max_request_bytes,
            weigh: <[u8]>::len,
            streamed: false,
            open: Arc::new(Semaphore::new(MAX_OPEN)),
            slots: None,
            decompressions: Arc::new(Semaphore::new(processors)),
            client_timeout: config.client_timeout,
            service_timeout: None,
        };
        let reads = Admission {
            budget: Budget::new(MAX_READ_INFLIGHT_BYTES),
            max_bytes: MAX_READ_BYTES,
            slots: Some(self.read_slots(engine)),
            service_timeout: Some(config.read_timeout),
            open: Arc::new(Semaphore::new(MAX_OPEN)),
            ..writes.clone()
        };
        let anyone = Admission {
            budget: Budget::new(MAX_ANYONES_INFLIGHT_BYTES),
            max_bytes: MAX_ANYONES_BYTES,
            open: Arc::new(Semaphore::new(MAX_OPEN)),
            ..writes.clone()
        };
        let writers = Identity::of_writers(config, metrics);
        let readers = Identity::of_readers(config, metrics);
        let traced = TracedReads::new(config.tracing);
        Bounds { writes: (writers, writes), reads: (readers, traced, reads), anyone }
    }

    /// The places of a store's reads, of which another store's take none.
    fn read_slots(&self, engine: &Engine) -> Slots {
        let none_free = "max_concurrent_reads reads are running";
        Slots::new(self.config.max_concurrent_reads, none_free, engine.read_demand())
    }

    /// A store's writer and reader.
    fn doors(&self, engine: &Engine, metrics: &Arc<Metrics>) -> (Writer, Reader) {
        let (store, metrics) = (Arc::clone(&engine.store), Arc::clone(metrics));
        let writer = Writer { store: Arc::clone(&store), metrics: Arc::clone(&metrics) };
        (writer, Reader { store, metrics, max_depth: self.config.max_search_depth })
    }
}

/// Who may write and read, and the bounds.
struct Bounds {
    writes: (Identity, Admission),
    reads: (Identity, TracedReads, Admission),
    /// Of what anyone may ask, which takes nothing from the others: Jaeger asks for capabilities as
    /// it starts, when there is no user whose token and tenant it could send, and they tell of the
    /// server alone.
    anyone: Admission,
}

/// OTLP, storage API v2 and storage API v1, with the health of these services, and what describes
/// them.
pub(crate) fn storage(
    served: &Served<'_>,
    health: HealthServer<impl Health>,
    services: &[&'static str],
) -> Routes {
    let bounds = served.bounds();
    let Bounds { writes, reads, anyone } = &bounds;
    let (writer, reader) = served.doors(served.engine, served.metrics);
    let routes = Routes::new(bounded!(writes, TraceServiceServer, writer))
        .add_service(bounded!(reads, TraceReaderServer, reader.clone()))
        .add_service(bounded!(reads, DependencyReaderServer, reader.clone()))
        .add_service(bounded!(anyone, CapabilitiesServer, reader));
    about::add(add_v1(routes, &bounds, served, ""), anyone, health, services)
}

/// What Jaeger calls its sidecar for: storage API v1.
pub(crate) fn sidecar(served: &Served<'_>) -> Routes {
    add_v1(Routes::default(), &served.bounds(), served, "unspecified")
}

/// Adds the services of storage API v1. Without an archive, its services are not there, which gRPC
/// tells as `UNIMPLEMENTED`. `unset_kind` is that of an operation whose spans tell none: Jaeger 1.57
/// expects another than its successors.
fn add_v1(
    routes: Routes,
    Bounds { writes, reads, anyone }: &Bounds,
    served: &Served<'_>,
    unset_kind: &'static str,
) -> Routes {
    let (writer, reader) = served.doors(served.engine, served.metrics);
    let writer = SpanWriter { writer, draining: served.draining.clone() };
    let reader = SpanReader { reader, unset_kind };
    let (writers, admission) = writes.clone();
    let admission = Admission { weigh: jaeger_otlp::weight, ..admission };
    let writes = &(writers.clone(), admission.clone());
    let open = Arc::new(Semaphore::new(MAX_OPEN));
    let streams = (writers, Admission { streamed: true, open, ..admission });
    let capabilities = Capabilities {
        archive: served.archive.is_some(),
        // A stream is of one tenant, and Jaeger takes any of its open ones for any tenant's span.
        streaming_writer: served.config.streaming_writer && served.config.tenant_header.is_none(),
    };
    let routes = routes
        .add_service(bounded!(writes, SpanWriterPluginServer, writer.clone()))
        .add_service(bounded!(streams, StreamingSpanWriterPluginServer, writer))
        .add_service(bounded!(reads, SpanReaderPluginServer, reader.clone()))
        .add_service(bounded!(reads, DependenciesReaderPluginServer, reader))
        .add_service(bounded!(anyone, PluginCapabilitiesServer, capabilities));
    let Some((archive, metrics)) = served.archive else { return routes };
    let (writer, reader) = served.doors(archive, metrics);
    let slots = served.read_slots(archive);
    let (readers, traced, admission) = reads.clone();
    let reads = (readers, traced, Admission { slots: Some(slots), ..admission });
    let archive = Archive { reader, writer };
    routes
        .add_service(bounded!(writes, ArchiveSpanWriterPluginServer, archive.clone()))
        .add_service(bounded!(reads, ArchiveSpanReaderPluginServer, archive))
}
