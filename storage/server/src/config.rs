//! The configuration: its keys, and the layers it comes from.

mod layers;

use std::fmt;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use bytesize::ByteSize;
use serde::{Deserialize, Deserializer, de};
use spoor_embedded::{MAX_REQUEST_BYTES, Options};
use telemetry::LogFormat;
use tracing_subscriber::filter::{LevelFilter, Targets};

pub use layers::Flags;

/// What a running server needs to know. Each field is a key of the TOML file, an environment
/// variable `SPOOR_<KEY>` and a flag `--set <key>=<value>`; the later of these wins.
///
/// Sizes are numbers of bytes or text such as `"16MiB"`; durations are text such as `"10s"`.
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
    #[serde(deserialize_with = "size")]
    pub max_request_bytes: usize,
    /// The bytes of export requests held at one time, before more are refused. At least twice
    /// `max_request_bytes`, for a compressed one counts with what it is decompressed to.
    #[serde(deserialize_with = "size")]
    pub max_inflight_bytes: usize,
    /// The greatest number of traces that a search answers with, or that are asked for by id.
    pub max_search_depth: usize,
    /// The gRPC connections open at one time, before further ones wait to be accepted.
    pub max_connections: usize,
    /// The number of reads answered at one time, before more are refused.
    pub max_concurrent_reads: usize,
    /// How long a client may take for each 256 KiB of a request that it sends, or of an answer
    /// that it reads, and for the rest; and to begin a connection. At most a day.
    #[serde(deserialize_with = "duration")]
    pub client_timeout: Duration,
    /// How long requests in flight may go on after the signal to stop. At most a day.
    #[serde(deserialize_with = "duration")]
    pub drain_timeout: Duration,
    /// What keeps the spans.
    #[serde(deserialize_with = "engine")]
    pub engine: Engine,
    /// The directory of the embedded engine's files, made if it is not there. Unless it is set,
    /// `spoor-data` in the working directory.
    pub data_dir: Option<PathBuf>,
    /// Whether the embedded engine's files are in a directory of their own inside of `data_dir`
    /// (of the system's temporary directory, unless that is set), which is removed at the end.
    pub ephemeral: bool,
    /// When the embedded engine acknowledges a write.
    #[serde(deserialize_with = "durability")]
    pub durability: Durability,
    /// How often what was written is synced to the disk when `durability` is `async`.
    #[serde(deserialize_with = "duration")]
    pub async_interval: Duration,
    /// The bytes of everything that the embedded engine has on the disk.
    #[serde(deserialize_with = "size")]
    pub disk_max_bytes: usize,
    /// The time after which the embedded engine deletes what arrived.
    #[serde(deserialize_with = "duration")]
    pub retention: Duration,
    /// The memory of the spans that are not in a segment yet, before they are written to one; at
    /// most 1 GiB.
    #[serde(deserialize_with = "size")]
    pub head_max_bytes: usize,
    /// The age at which they are written to one, however few they are.
    #[serde(deserialize_with = "duration")]
    pub head_max_age: Duration,
    /// The log of the spans that are not in a segment yet; at least 64 KiB.
    #[serde(deserialize_with = "size")]
    pub log_max_bytes: usize,
    /// How long a write waits for room in the head or on the disk, before it is refused.
    #[serde(deserialize_with = "duration")]
    pub write_wait: Duration,
    /// The memory of all queries that the embedded engine answers at one time.
    #[serde(deserialize_with = "size")]
    pub read_max_bytes: usize,
    /// The traces that the memory engine holds, before it forgets the oldest.
    pub memory_max_traces: usize,
    /// The bytes that the memory engine holds, before it forgets the oldest traces.
    #[serde(deserialize_with = "size")]
    pub memory_max_bytes: usize,
    /// What to log: a level, or targets with levels as `RUST_LOG` has them.
    #[serde(deserialize_with = "targets")]
    pub log: Targets,
    /// How to write a log event.
    #[serde(deserialize_with = "log_format")]
    pub log_format: LogFormat,
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
            client_timeout: Duration::from_secs(30),
            drain_timeout: Duration::from_secs(10),
            engine: Engine::Embedded,
            data_dir: None,
            ephemeral: false,
            durability: Durability::Sync,
            async_interval: Duration::from_secs(1),
            disk_max_bytes: 4 << 30,
            retention: Duration::from_secs(7 * 24 * 60 * 60),
            head_max_bytes: 24 << 20,
            head_max_age: Duration::from_secs(5 * 60),
            log_max_bytes: 48 << 20,
            write_wait: Duration::from_secs(5),
            read_max_bytes: 48 << 20,
            memory_max_traces: 100_000,
            memory_max_bytes: 256 << 20,
            log: Targets::new().with_default(LevelFilter::INFO),
            log_format: LogFormat::Text,
        }
    }
}

impl Config {
    /// The key and the reason of the first value that can't be, alone or beside others.
    fn fault(&self) -> Option<(&'static str, String)> {
        // A gRPC frame's length has 32 bits; one bit less leaves room to add two of them.
        const MOST: usize = i32::MAX as usize;
        // Far from what overflows when it is added to the present time.
        const LONGEST: Duration = Duration::from_secs(24 * 60 * 60);
        let numbers = [
            ("max_request_bytes", self.max_request_bytes),
            ("max_inflight_bytes", self.max_inflight_bytes),
            ("max_search_depth", self.max_search_depth),
            ("max_concurrent_reads", self.max_concurrent_reads),
            ("max_connections", self.max_connections),
        ];
        let stores = [
            ("memory_max_traces", self.memory_max_traces),
            ("memory_max_bytes", self.memory_max_bytes),
            ("disk_max_bytes", self.disk_max_bytes),
            ("head_max_bytes", self.head_max_bytes),
            ("log_max_bytes", self.log_max_bytes),
        ];
        if let Some((key, _)) = numbers.iter().chain(&stores).find(|(_, value)| *value == 0) {
            return Some((key, "it must be above zero".to_owned()));
        }
        if let Some((key, _)) = numbers.iter().find(|(_, value)| *value > MOST) {
            return Some((key, format!("it must be at most {MOST}")));
        }
        let durations = [
            ("client_timeout", self.client_timeout),
            ("drain_timeout", self.drain_timeout),
            ("async_interval", self.async_interval),
            ("head_max_age", self.head_max_age),
            ("write_wait", self.write_wait),
        ];
        if let Some((key, _)) = durations.iter().find(|(_, value)| *value > LONGEST) {
            return Some((key, "it must be at most one day".to_owned()));
        }
        let above_zero = [
            ("client_timeout", self.client_timeout),
            ("async_interval", self.async_interval),
            ("head_max_age", self.head_max_age),
            ("retention", self.retention),
        ];
        if let Some((key, _)) = above_zero.iter().find(|(_, value)| value.is_zero()) {
            return Some((key, "it must be above zero".to_owned()));
        }
        if self.admin_listen == self.listen && self.listen.port() != 0 {
            return Some(("admin_listen", format!("{} is where gRPC is served", self.listen)));
        }
        if self.data_dir.as_ref().is_some_and(|path| path.as_os_str().is_empty()) {
            return Some(("data_dir", "it must name a directory".to_owned()));
        }
        if self.engine == Engine::Embedded && self.max_request_bytes > MAX_REQUEST_BYTES {
            let reason = format!("it must be at most {MAX_REQUEST_BYTES} with the embedded engine");
            return Some(("max_request_bytes", reason));
        }
        if self.read_max_bytes < Options::LEAST_READ_BYTES {
            let reason = format!("it must be at least {}", Options::LEAST_READ_BYTES);
            return Some(("read_max_bytes", reason));
        }
        if self.head_max_bytes > Options::MOST_HEAD_BYTES {
            let reason = format!("it must be at most {}", Options::MOST_HEAD_BYTES);
            return Some(("head_max_bytes", reason));
        }
        let (disk, log) = (self.disk_max_bytes, self.log_max_bytes);
        if log < LEAST_LOG_BYTES {
            let reason = format!("{log} bytes are less than the least, {LEAST_LOG_BYTES}");
            return Some(("log_max_bytes", reason));
        }
        // Heads, their segments and what is merged need space beside each other.
        if disk / LOGS_ON_DISK < log {
            let reason = format!(
                "{disk} bytes are less than {LOGS_ON_DISK} times log_max_bytes, {log}, which is \
                 what merging takes"
            );
            return Some(("disk_max_bytes", reason));
        }
        let (request, inflight) = (self.max_request_bytes, self.max_inflight_bytes);
        // Else a large one would never be admitted, and be tried again for ever.
        (inflight < 2 * request).then(|| {
            let reason = format!(
                "{inflight} bytes can't hold a request of max_request_bytes, {request}, both \
                 compressed and decompressed"
            );
            ("max_inflight_bytes", reason)
        })
    }
}

/// The least size of the log. The directory, of eight such, has room then for the reserve and the
/// manifest beside the spans.
const LEAST_LOG_BYTES: usize = 64 << 10;

/// The least size of the directory, in logs.
const LOGS_ON_DISK: usize = 8;

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

fn engine<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Engine, D::Error> {
    match String::deserialize(deserializer)?.as_str() {
        "memory" => Ok(Engine::Memory),
        "embedded" => Ok(Engine::Embedded),
        other => Err(expected("\"memory\" or \"embedded\"", other)),
    }
}

fn durability<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Durability, D::Error> {
    match String::deserialize(deserializer)?.as_str() {
        "sync" => Ok(Durability::Sync),
        "async" => Ok(Durability::Async),
        other => Err(expected("\"sync\" or \"async\"", other)),
    }
}

fn expected<E: de::Error>(expected: &str, found: &str) -> E {
    de::Error::custom(format!("expected {expected}, found {found:?}"))
}

fn size<'de, D: Deserializer<'de>>(deserializer: D) -> Result<usize, D::Error> {
    ByteSize::deserialize(deserializer)
        .ok()
        .and_then(|size| usize::try_from(size.0).ok())
        .ok_or_else(|| de::Error::custom("expected a number of bytes, such as \"16MiB\""))
}

fn duration<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
    humantime_serde::deserialize(deserializer)
        .map_err(|_| de::Error::custom("expected a duration, such as \"30s\""))
}

fn log_format<'de, D: Deserializer<'de>>(deserializer: D) -> Result<LogFormat, D::Error> {
    let name = String::deserialize(deserializer)?;
    name.parse().map_err(|error| de::Error::custom(format!("{error}, found {name:?}")))
}

fn targets<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Targets, D::Error> {
    String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
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
