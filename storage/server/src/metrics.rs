//! What the server counts. Names and units follow Prometheus's conventions.

use std::collections::HashSet;
use std::fmt;
use std::sync::{Arc, LazyLock, Mutex, PoisonError};
use std::time::Instant;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeLabelSet, EncodeMetric, text};
use prometheus_client::metrics::counter::{ConstCounter, Counter};
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::{ConstGauge, Gauge};
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::{Registry, Unit};
use prost::Message;
use prost_types::FileDescriptorSet;
use spoor_store::Store;
use spoor_store::ingest::Written;
use tonic::Code;

use crate::admission::Budget;
use crate::config::Config;
use crate::engine::Engine;

/// The services that have series of their own; the spans of further ones are counted together.
const MAX_SERVICES: usize = 200;
/// A service with a longer name has no series of its own either.
const MAX_SERVICE_NAME: usize = 128;
/// The label of what has none of its own.
const OTHER: &str = "other";

/// A gauge's unit, in which the name then ends.
const BYTES: Option<&Unit> = Some(&Unit::Bytes);

/// Seconds: from a span's write to a search of everything.
const DURATION_BUCKETS: [f64; 13] =
    [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0, 25.0];

/// Every method of ours and of health, as `package.Service/Method`.
static RPCS: LazyLock<HashSet<String>> = LazyLock::new(|| {
    let mut rpcs = HashSet::new();
    for set in [spoor_proto::FILE_DESCRIPTOR_SET, tonic_health::pb::FILE_DESCRIPTOR_SET] {
        let set =
            FileDescriptorSet::decode(set).expect("the descriptors were encoded at build time");
        for file in &set.file {
            for service in &file.service {
                rpcs.extend(service.method.iter().map(|method| {
                    format!("{}.{}/{}", file.package(), service.name(), method.name())
                }));
            }
        }
    }
    rpcs
});

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Service {
    service: String,
}

/// The method that a request calls, as `package.Service/Method`. It is found among the request's
/// extensions.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(crate) struct Rpc {
    rpc: &'static str,
}

impl Default for Rpc {
    fn default() -> Self {
        Self { rpc: OTHER }
    }
}

impl fmt::Display for Rpc {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.rpc)
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct RpcCode {
    rpc: &'static str,
    code: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Reason {
    reason: &'static str,
}

/// The counters, and the registry that shows them.
#[derive(Debug)]
pub(crate) struct Metrics {
    registry: Registry,
    services: Mutex<HashSet<String>>,
    accepted: Family<Service, Counter>,
    rejected: Family<Service, Counter>,
    late: Family<Service, Counter>,
    requests: Family<RpcCode, Counter>,
    durations: Family<Rpc, Histogram>,
    truncated: Family<Rpc, Counter>,
    refused: Family<Reason, Counter>,
    connections: Gauge,
}

impl Metrics {
    /// Those of the server and its store.
    pub(crate) fn new(engine: &Engine, writes: Budget, config: &Config) -> Self {
        let mut registry = Registry::with_prefix("spoor");
        let version = vec![("version", env!("CARGO_PKG_VERSION"))];
        registry.register("build", "The program that runs", Info::new(version));
        Self::of(registry, engine, Some(writes), config)
    }

    /// Those of the archive and its listener, whose writes in flight are among the others.
    pub(crate) fn of_archive(engine: &Engine, config: &Config) -> Self {
        Self::of(Registry::with_prefix("spoor_archive"), engine, None, config)
    }

    fn of(
        mut registry: Registry,
        engine: &Engine,
        writes: Option<Budget>,
        config: &Config,
    ) -> Self {
        let accepted = Family::<Service, Counter>::default();
        registry.register("spans_accepted", "Spans kept", accepted.clone());
        let rejected = Family::<Service, Counter>::default();
        registry.register("spans_rejected", "Spans refused one by one", rejected.clone());
        let late = Family::<Service, Counter>::default();
        let help = "Spans kept that arrived more than a minute after their end";
        registry.register("spans_late", help, late.clone());
        let requests = Family::<RpcCode, Counter>::default();
        registry.register("requests", "Requests ended, by gRPC status code", requests.clone());
        let durations =
            Family::<Rpc, Histogram>::new_with_constructor(|| Histogram::new(DURATION_BUCKETS));
        let help = "Time from a request's headers to the end of its answer";
        registry.register_with_unit("request_duration", help, Unit::Seconds, durations.clone());
        let truncated = Family::<Rpc, Counter>::default();
        let help = "Unary answers with something left out to stay below 4 MiB";
        registry.register("answers_truncated", help, truncated.clone());
        let refused = Family::<Reason, Counter>::default();
        let help = "Callers refused for their certificate, their token or their tenant";
        registry.register("refused_callers", help, refused.clone());
        let connections = Gauge::default();
        let mut limits = vec![("store_limit", "The most bytes held", BYTES, engine.max_bytes)];
        // An archive may have no listener.
        if writes.is_some() || config.archive_listen.is_some() {
            registry.register("connections", "gRPC connections open", connections.clone());
            let help = "The most gRPC connections open";
            limits.push(("connections_limit", help, None, config.max_connections));
        }
        if writes.is_some() {
            let help = "The most bytes of export requests in flight";
            limits.push(("export_inflight_limit", help, BYTES, config.max_inflight_bytes));
        }
        engine.register_metrics(&mut registry);
        let store = Arc::clone(&engine.store);
        registry.register_collector(Box::new(Observed { store, writes, limits }));
        let services = Mutex::default();
        Self {
            registry,
            services,
            accepted,
            rejected,
            late,
            requests,
            durations,
            truncated,
            refused,
            connections,
        }
    }

    /// All metrics of these in OpenMetrics' text format.
    pub(crate) fn encode<'a>(
        all: impl IntoIterator<Item = &'a Arc<Self>>,
    ) -> Result<String, fmt::Error> {
        let mut out = String::new();
        for metrics in all {
            text::encode_registry(&mut out, &metrics.registry)?;
        }
        text::encode_eof(&mut out)?;
        Ok(out)
    }

    pub(crate) fn written(&self, written: &Written) {
        for (name, counts) in &written.services {
            let service = Service { service: self.service_label(name) };
            self.accepted.get_or_create(&service).inc_by(counts.accepted);
            self.rejected.get_or_create(&service).inc_by(counts.refused);
            self.late.get_or_create(&service).inc_by(counts.late);
        }
    }

    /// Counts an answer of this method that has something left out.
    pub(crate) fn truncated(&self, rpc: &Rpc) {
        self.truncated.get_or_create(rpc).inc();
    }

    /// Counts a caller that was not let in.
    pub(crate) fn refused(&self, reason: &'static str) {
        self.refused.get_or_create(&Reason { reason }).inc();
    }

    /// Counts a connection as open until what is returned is dropped.
    pub(crate) fn connection(&self) -> OpenConnection {
        self.connections.inc();
        OpenConnection(self.connections.clone())
    }

    fn service_label(&self, name: &str) -> String {
        let mut services = self.services.lock().unwrap_or_else(PoisonError::into_inner);
        let known = services.contains(name)
            || services.len() < MAX_SERVICES
                && name.len() <= MAX_SERVICE_NAME
                && services.insert(name.to_owned());
        if known { name } else { OTHER }.to_owned()
    }
}

/// An open connection.
#[derive(Debug)]
pub(crate) struct OpenConnection(Gauge);

impl Drop for OpenConnection {
    fn drop(&mut self) {
        self.0.dec();
    }
}

/// A request being answered. Dropping it counts it, so that none is left out however it ends.
#[derive(Debug)]
pub(crate) struct Request {
    metrics: Arc<Metrics>,
    rpc: Rpc,
    started: Instant,
    code: Code,
}

impl Request {
    /// A request to this HTTP path that begins now.
    pub(crate) fn begin(metrics: Arc<Metrics>, path: &str) -> Self {
        let rpc = RPCS.get(path.trim_start_matches('/'));
        let rpc = rpc.map(|rpc| Rpc { rpc }).unwrap_or_default();
        // What the client sees, should nothing else end the request.
        Self { metrics, rpc, started: Instant::now(), code: Code::Cancelled }
    }

    /// The method that it calls.
    pub(crate) fn rpc(&self) -> &Rpc {
        &self.rpc
    }

    /// Tells the status that the request ends with.
    pub(crate) fn ends_with(&mut self, code: Code) {
        self.code = code;
    }
}

impl Drop for Request {
    fn drop(&mut self) {
        let labels = RpcCode { rpc: self.rpc.rpc, code: format!("{:?}", self.code) };
        self.metrics.requests.get_or_create(&labels).inc();
        let duration = self.metrics.durations.get_or_create(&self.rpc);
        duration.observe(self.started.elapsed().as_secs_f64());
    }
}

/// What is looked up when the metrics are shown.
struct Observed {
    store: Arc<dyn Store>,
    writes: Option<Budget>,
    limits: Vec<Limit>,
}

/// A limit's name, help, unit and value.
type Limit = (&'static str, &'static str, Option<&'static Unit>, usize);

impl fmt::Debug for Observed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Observed").finish_non_exhaustive()
    }
}

impl Collector for Observed {
    fn encode(&self, mut encoder: DescriptorEncoder) -> fmt::Result {
        let usage = self.store.usage();
        let limits =
            self.limits.iter().map(|&(name, help, unit, value)| (name, help, unit, value as u64));
        let help = "Export requests' bytes in flight";
        let inflight = self.writes.iter().map(|it| ("export_inflight", help, BYTES, it.taken()));
        let gauges = [
            ("store_traces", "Traces held", None, usage.traces),
            ("store_spans", "Spans held", None, usage.spans),
            ("store_size", "Bytes held", BYTES, usage.bytes),
        ];
        for (name, help, unit, value) in gauges.into_iter().chain(inflight).chain(limits) {
            let gauge = ConstGauge::new(i64::try_from(value).unwrap_or(i64::MAX));
            let metric = encoder.encode_descriptor(name, help, unit, gauge.metric_type())?;
            gauge.encode(metric)?;
        }
        let evicted = ConstCounter::new(usage.evicted_traces);
        let help = "Traces given up for space";
        let metric =
            encoder.encode_descriptor("store_evicted_traces", help, None, evicted.metric_type())?;
        evicted.encode(metric)
    }
}
