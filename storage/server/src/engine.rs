//! The engine that the configuration names, with what the server knows of it beside the seam.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use prometheus_client::registry::Registry;
use spoor_embedded::{Demand, EmbeddedStore, OpenError, Options, Served};
use spoor_memory::{Limits, MemoryStore};
use spoor_store::{Store, Tenant};
use tokio::sync::watch;

use crate::config::{self, Config, Durability, LOGS_ON_DISK};

/// The embedded engine's directory unless another is set, in the working directory.
const DATA_DIR: &str = "spoor-data";
/// The archive's directory, inside of that.
const ARCHIVE: &str = "archive";

/// An engine that is open.
#[derive(Clone)]
pub(crate) struct Engine {
    pub(crate) store: Arc<dyn Store>,
    embedded: Option<Arc<EmbeddedStore>>,
    /// Where the spans are kept, for people.
    pub(crate) place: String,
    /// The most bytes that it holds, of all tenants.
    pub(crate) max_bytes: usize,
}

impl Engine {
    /// Opens it, and the archive if there is to be one.
    pub(crate) async fn open_all(config: &Config) -> Result<(Self, Option<Self>), OpenError> {
        let main = config.clone();
        let archive = config.archive.then(|| archive(config));
        // It reads logs, and may take a while.
        let open = move || Ok((Self::open(&main)?, archive.as_ref().map(Self::open).transpose()?));
        let opened = tokio::task::spawn_blocking(open).await;
        opened.expect("opening an engine does not panic")
    }

    pub(crate) fn open(config: &Config) -> Result<Self, OpenError> {
        match config.engine {
            config::Engine::Memory => {
                let (traces, bytes) = (config.memory_max_traces, config.memory_max_bytes);
                let store = Arc::new(MemoryStore::new(Limits { traces, bytes }));
                Ok(Self { store, embedded: None, place: "memory".to_owned(), max_bytes: bytes })
            }
            config::Engine::Embedded => {
                let (store, directory) = open_embedded(config)?;
                let store = Arc::new(store);
                let embedded = Some(Arc::clone(&store));
                let place = directory.display().to_string();
                let max_bytes = config.disk_max_bytes.saturating_mul(config.most_tenants());
                Ok(Self { store, embedded, place, max_bytes })
            }
        }
    }

    /// Registers the metrics that only this engine has.
    pub(crate) fn register_metrics(&self, registry: &mut Registry) {
        if let Some(embedded) = &self.embedded {
            embedded.register_metrics(registry);
        }
    }

    /// The calls of reads that wait for what unread answers hold.
    pub(crate) fn read_demand(&self) -> Demand {
        self.embedded.as_ref().map_or_else(Demand::default, |embedded| embedded.read_demand())
    }

    /// Why it takes no writes at present, if that can be.
    pub(crate) fn read_only(&self) -> Option<watch::Receiver<Option<String>>> {
        self.embedded.as_ref().map(|embedded| embedded.read_only())
    }
}

/// The archive's configuration: a directory of its own inside of the other, and limits of its own.
fn archive(config: &Config) -> Config {
    let disk = config.archive_disk_max_bytes;
    Config {
        // One that is ephemeral has a directory of its own anyway.
        data_dir: match (&config.data_dir, config.ephemeral) {
            (directory, true) => directory.clone(),
            (directory, false) => {
                let directory = directory.as_deref().unwrap_or(Path::new(DATA_DIR));
                Some(directory.join(ARCHIVE))
            }
        },
        retention: config.archive_retention,
        disk_max_bytes: disk,
        log_max_bytes: config.log_max_bytes.min(disk / LOGS_ON_DISK),
        ..config.clone()
    }
}

/// Those whose requests are let in.
fn served(config: &Config) -> Served {
    match (&config.tenant_header, &config.tenants) {
        (None, _) => Served::Only([Tenant::default()].into()),
        (Some(_), any) if any.is_empty() => Served::Named,
        (Some(_), listed) => Served::Only(listed.iter().map(|name| Tenant::new(name)).collect()),
    }
}

/// Opens it. Gives the configured directory too.
fn open_embedded(config: &Config) -> Result<(EmbeddedStore, PathBuf), OpenError> {
    let options = Options {
        durability: match config.durability {
            Durability::Sync => spoor_embedded::Durability::Sync,
            Durability::Async => spoor_embedded::Durability::Async(config.async_interval),
        },
        head_bytes: config.head_max_bytes,
        log_bytes: config.log_max_bytes as u64,
        head_age: config.head_max_age,
        disk_bytes: config.disk_max_bytes as u64,
        retention: config.retention,
        served: served(config),
        write_wait: config.write_wait,
        read_bytes: config.read_max_bytes,
        ..Options::default()
    };
    let directory = match (&config.data_dir, config.ephemeral) {
        (Some(directory), _) => directory.clone(),
        (None, true) => std::env::temp_dir(),
        (None, false) => PathBuf::from(DATA_DIR),
    };
    // What is told of it must not depend on where this was started.
    let directory = std::path::absolute(directory)?;
    let store = match config.ephemeral {
        true => EmbeddedStore::open_ephemeral(&directory, options),
        false => EmbeddedStore::open(&directory, options),
    }?;
    Ok((store, directory))
}
