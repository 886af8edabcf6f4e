//! The configuration: its keys, and the layers it comes from.

mod fault;
mod identity;
mod layers;
mod values;

use std::collections::BTreeSet;
use std::fmt;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use http::HeaderName;
use serde::Deserialize;
use spoor_embedded::Options;
use telemetry::LogFormat;
use tracing_subscriber::filter::{LevelFilter, Targets};

pub(crate) use fault::LOGS_ON_DISK;
pub use identity::TokenHash;
pub(crate) use identity::is_tenant_name;
pub use layers::Flags;

/// What a running server needs to know. Each field is a key of the TOML file, an environment
/// variable `SPOOR_<KEY>` and a flag `--set <key>=<value>`; the later of these wins.
///
/// Sizes are numbers of bytes or text such as `"16MiB"`; durations are text such as `"10s"`. A list
/// in a variable or a flag has commas between its elements.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Where to serve gRPC.
    pub listen: SocketAddr,
    /// Where to serve health, metrics and purging over HTTP.
    pub admin_listen: SocketAddr,
    /// Whether `POST /purge` on the admin listener deletes everything.
    pub purge: bool,
    /// The greatest size of an export request in bytes, decompressed.
    #[serde(deserialize_with = "values::size")]
    pub max_request_bytes: usize,
    /// The bytes of export requests held at one time, before more are refused. At least twice
    /// `max_request_bytes`, for a compressed one counts with what it is decompressed to.
    #[serde(deserialize_with = "values::size")]
    pub max_inflight_bytes: usize,
    /// The greatest number of traces that a search answers with, or that are asked for by id.
    pub max_search_depth: usize,
    /// The gRPC connections open at one time, before further ones wait to be accepted.
    pub max_connections: usize,
    /// The number of reads answered at one time, before more are refused.
    pub max_concurrent_reads: usize,
    /// How long the store may work at a read. At most a day.
    #[serde(deserialize_with = "values::duration")]
    pub read_timeout: Duration,
    /// How long a client may take for each 256 KiB of a request that it sends, or of an answer
    /// that it reads, and for the rest; and to begin a connection. At most a day.
    #[serde(deserialize_with = "values::duration")]
    pub client_timeout: Duration,
    /// How long requests in flight may go on after the signal to stop. At most a day.
    #[serde(deserialize_with = "values::duration")]
    pub drain_timeout: Duration,
    /// The metadata that tells a request's tenant; Jaeger's is `x-tenant`. Without it there is one
    /// tenant, and no request tells it.
    #[serde(deserialize_with = "identity::header")]
    pub tenant_header: Option<HeaderName>,
    /// The tenants that there may be, at least one; without the key, each that a request tells.
    #[serde(deserialize_with = "identity::tenants")]
    pub tenants: BTreeSet<String>,
    /// The SHA-256 of each token that lets its bearer read, in hexadecimal digits. If there are
    /// none, everybody may.
    #[serde(deserialize_with = "identity::hashes")]
    pub read_tokens: Vec<TokenHash>,
    /// The same for writes.
    #[serde(deserialize_with = "identity::hashes")]
    pub write_tokens: Vec<TokenHash>,
    /// The PEM file with the certificate of gRPC's listener, and those between it and its root.
    /// With it the listener takes TLS alone. It is read again when it changes, as the next two are.
    pub tls_certificate: Option<PathBuf>,
    /// The PEM file with the certificate's private key.
    pub tls_key: Option<PathBuf>,
    /// The PEM file with the roots of clients' certificates. With it every client needs one.
    pub tls_client_ca: Option<PathBuf>,
    /// What keeps the spans.
    #[serde(deserialize_with = "values::engine")]
    pub engine: Engine,
    /// The directory of the embedded engine's files, made if it is not there. Unless it is set,
    /// `spoor-data` in the working directory.
    pub data_dir: Option<PathBuf>,
    /// Whether the embedded engine's files are in a directory of their own inside of `data_dir`
    /// (of the system's temporary directory, unless that is set), which is removed at the end.
    pub ephemeral: bool,
    /// When the embedded engine acknowledges a write.
    #[serde(deserialize_with = "values::durability")]
    pub durability: Durability,
    /// How often what was written is synced to the disk when `durability` is `async`.
    #[serde(deserialize_with = "values::duration")]
    pub async_interval: Duration,
    /// The bytes of everything that the embedded engine has on the disk.
    #[serde(deserialize_with = "values::size")]
    pub disk_max_bytes: usize,
    /// The time after which the embedded engine deletes what arrived.
    #[serde(deserialize_with = "values::duration")]
    pub retention: Duration,
    /// Whether there is an archive: a second store, for the traces that people archive. The embedded
    /// engine's is in the folder `archive` of `data_dir`.
    pub archive: bool,
    /// Where to serve the archive over gRPC as a store like the other, for a Jaeger that takes it for
    /// a server of its own: by storage API v2, which knows no archive, and by v1 since 1.66.
    pub archive_listen: Option<SocketAddr>,
    /// The bytes of everything that the embedded engine's archive has on the disk.
    #[serde(deserialize_with = "values::size")]
    pub archive_disk_max_bytes: usize,
    /// The time after which the embedded engine's archive deletes what arrived.
    #[serde(deserialize_with = "values::duration")]
    pub archive_retention: Duration,
    /// Whether Jaeger is told to write by storage API v1's streams, which take many more spans a
    /// second, but acknowledge none before they end. It is never told so where there are tenants.
    pub streaming_writer: bool,
    /// The memory of the spans that are not in a segment yet, before they are written to one; at
    /// most 1 GiB.
    #[serde(deserialize_with = "values::size")]
    pub head_max_bytes: usize,
    /// The age at which they are written to one, however few they are.
    #[serde(deserialize_with = "values::duration")]
    pub head_max_age: Duration,
    /// The log of the spans that are not in a segment yet; at least 64 KiB.
    #[serde(deserialize_with = "values::size")]
    pub log_max_bytes: usize,
    /// How long a write waits for room in the head or on the disk, before it is refused.
    #[serde(deserialize_with = "values::duration")]
    pub write_wait: Duration,
    /// The memory of all queries that the embedded engine answers at one time.
    #[serde(deserialize_with = "values::size")]
    pub read_max_bytes: usize,
    /// The traces that the memory engine holds, before it forgets the oldest.
    pub memory_max_traces: usize,
    /// The bytes that the memory engine holds, before it forgets the oldest traces.
    #[serde(deserialize_with = "values::size")]
    pub memory_max_bytes: usize,
    /// What to log: a level, or targets with levels as `RUST_LOG` has them.
    #[serde(deserialize_with = "values::targets")]
    pub log: Targets,
    /// How to write a log event.
    #[serde(deserialize_with = "values::log_format")]
    pub log_format: LogFormat,
    /// Whether reads that come with a sampled trace are spans of it.
    pub tracing: bool,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            listen: (Ipv4Addr::LOCALHOST, 17271).into(),
            admin_listen: (Ipv4Addr::LOCALHOST, 17272).into(),
            purge: false,
            max_request_bytes: 16 << 20,
            max_inflight_bytes: 64 << 20,
            max_search_depth: 10_000,
            max_connections: 1000,
            max_concurrent_reads: 32,
            read_timeout: Duration::from_secs(60),
            client_timeout: Duration::from_secs(30),
            drain_timeout: Duration::from_secs(10),
            tenant_header: None,
            tenants: BTreeSet::new(),
            read_tokens: Vec::new(),
            write_tokens: Vec::new(),
            tls_certificate: None,
            tls_key: None,
            tls_client_ca: None,
            engine: Engine::Embedded,
            data_dir: None,
            ephemeral: false,
            durability: Durability::Sync,
            async_interval: Duration::from_secs(1),
            disk_max_bytes: 4 << 30,
            retention: Duration::from_secs(7 * 24 * 60 * 60),
            archive: false,
            archive_listen: None,
            archive_disk_max_bytes: 1 << 30,
            archive_retention: Duration::from_secs(10 * 31_557_600),
            streaming_writer: true,
            head_max_bytes: 24 << 20,
            head_max_age: Duration::from_secs(5 * 60),
            log_max_bytes: 48 << 20,
            write_wait: Duration::from_secs(5),
            read_max_bytes: 48 << 20,
            memory_max_traces: 100_000,
            memory_max_bytes: 256 << 20,
            log: Targets::new().with_default(LevelFilter::INFO),
            log_format: LogFormat::Text,
            tracing: false,
        }
    }
}

impl Config {
    /// The most tenants that there are at one time, each with the engine's limits to itself.
    pub(crate) fn most_tenants(&self) -> usize {
        match (&self.tenant_header, self.tenants.len()) {
            (None, _) => 1,
            (Some(_), 0) => Options::default().tenants,
            (Some(_), listed) => listed,
        }
    }

    /// The first key that is set of those that tell callers apart.
    pub(crate) fn identity_key(&self) -> Option<&'static str> {
        let keys = [
            ("tenant_header", self.tenant_header.is_some()),
            ("read_tokens", !self.read_tokens.is_empty()),
            ("write_tokens", !self.write_tokens.is_empty()),
            ("tls_certificate", self.tls_certificate.is_some()),
        ];
        keys.into_iter().find_map(|(key, is_set)| is_set.then_some(key))
    }
}

/// What keeps the spans.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Engine {
    /// Files in a directory: see `spoor_embedded`.
    Embedded,
    /// The memory of the process: a restart loses them.
    Memory,
}

/// When a write is acknowledged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Durability {
    /// Once it is on the disk.
    Sync,
    /// Once it is with the operating system.
    Async,
}

/// Why a configuration can't be used. Its text is one line that names the key, if it is about
/// one, and where its value came from.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ConfigError {
    /// The file can't be read, or is not TOML.
    File {
        /// The file.
        path: PathBuf,
        /// Why not.
        reason: String,
    },
    /// A key is unknown, or its value is bad.
    Setting {
        /// The key.
        key: String,
        /// The file, the environment variable or the flag.
        origin: String,
        /// What is wrong.
        reason: String,
    },
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File { path, reason } => {
                write!(f, "reading the configuration file {}: {reason}", path.display())
            }
            Self::Setting { key, origin, reason } => {
                write!(f, "reading the key {key} from {origin}: {reason}")
            }
        }
    }
}

impl std::error::Error for ConfigError {}
