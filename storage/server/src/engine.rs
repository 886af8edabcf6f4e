//! The engine that the configuration names, with what the server knows of it beside the seam.

use std::sync::Arc;

use prometheus_client::registry::Registry;
use spoor_embedded::{EmbeddedStore, OpenError, Options};
use spoor_memory::{Limits, MemoryStore};
use spoor_store::Store;
use tokio::sync::watch;

use crate::config::{self, Config, Durability};

/// An engine that is open.
#[derive(Clone)]
pub(crate) struct Engine {
    pub(crate) store: Arc<dyn Store>,
    embedded: Option<Arc<EmbeddedStore>>,
    /// The most bytes that it holds.
    pub(crate) max_bytes: usize,
}

impl Engine {
    /// Opens it, which reads logs and may take a while.
    pub(crate) fn open(config: &Config) -> Result<Self, OpenError> {
        match config.engine {
            config::Engine::Memory => {
                let (traces, bytes) = (config.memory_max_traces, config.memory_max_bytes);
                let store = Arc::new(MemoryStore::new(Limits { traces, bytes }));
                Ok(Self { store, embedded: None, max_bytes: bytes })
            }
            config::Engine::Embedded => {
                let store = Arc::new(open_embedded(config)?);
                let embedded = Some(Arc::clone(&store));
                Ok(Self { store, embedded, max_bytes: config.disk_max_bytes })
            }
        }
    }

    /// Registers the metrics that only this engine has.
    pub(crate) fn register_metrics(&self, registry: &mut Registry) {
        if let Some(embedded) = &self.embedded {
            embedded.register_metrics(registry);
        }
    }

    /// Why it takes no writes at present, if that can be.
    pub(crate) fn read_only(&self) -> Option<watch::Receiver<Option<String>>> {
        self.embedded.as_ref().map(|embedded| embedded.read_only())
    }
}

fn open_embedded(config: &Config) -> Result<EmbeddedStore, OpenError> {
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
        write_wait: config.write_wait,
        ..Options::default()
    };
    if !config.ephemeral {
        return EmbeddedStore::open(&config.data_dir, options);
    }
    let temporary = std::env::temp_dir();
    let is_set = !config.data_dir.as_os_str().is_empty();
    EmbeddedStore::open_ephemeral(if is_set { &config.data_dir } else { &temporary }, options)
}
