//! Opening a store.

use std::collections::HashMap;
use std::io;
use std::path::Path;
use std::sync::{Arc, RwLock};
use std::time::{SystemTime, UNIX_EPOCH};

use spoor_store::Tenant;
use tokio::sync::Mutex;

use super::directory::{create_durably, lock};
use super::{EmbeddedStore, Shared};
use crate::budget::ReadBudget;
use crate::disk::{Disk, MeteredDisk, RealDisk};
use crate::ephemeral::EphemeralDirectory;
use crate::error::OpenError;
use crate::metrics::Metrics;
use crate::options::Options;
use crate::tenant::{self, Clock};
use crate::tools::{self, TenantDir};

impl EmbeddedStore {
    /// Opens the store in a directory, which is made if it is not there.
    ///
    /// # Errors
    /// When another process has it open, the options contradict each other, or something in the
    /// directory cannot be used.
    pub fn open(directory: &Path, options: Options) -> Result<Self, OpenError> {
        create_durably(directory).map_err(|source| {
            let doing = format!("creating the directory {}", directory.display());
            io::Error::new(source.kind(), format!("{doing}: {source}"))
        })?;
        Self::open_in(RealDisk::open(directory)?, options, None)
    }

    /// Opens an empty store in a directory of its own inside of this one. It is removed once the
    /// store is closed; what a killed process leaves, when the next one is opened there.
    ///
    /// # Errors
    /// When the directory cannot be made, or as [`EmbeddedStore::open`].
    pub fn open_ephemeral(parent: &Path, options: Options) -> Result<Self, OpenError> {
        let ephemeral = EphemeralDirectory::create_in(parent)?;
        Self::open_in(RealDisk::open(ephemeral.path())?, options, Some(ephemeral))
    }

    fn open_in(
        disk: RealDisk,
        options: Options,
        ephemeral: Option<EphemeralDirectory>,
    ) -> Result<Self, OpenError> {
        let lock = lock(&disk)?;
        let now = || {
            let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_nanos();
            u64::try_from(now).unwrap_or(u64::MAX)
        };
        let mut shared = Shared::open(Arc::new(disk), options, Arc::new(now))?;
        (shared._lock, shared._ephemeral) = (Some(lock), ephemeral);
        Ok(Self { shared: Arc::new(shared) })
    }

    /// Opens the store on a disk that nobody else uses. `clock` tells the time in nanoseconds
    /// since the Unix epoch.
    ///
    /// # Errors
    /// As [`EmbeddedStore::open`].
    #[cfg(any(test, feature = "simulation"))]
    pub fn open_on(
        disk: Arc<dyn Disk>,
        options: Options,
        clock: impl Fn() -> u64 + Send + Sync + 'static,
    ) -> Result<Self, OpenError> {
        let shared = Shared::open(disk, options, Arc::new(clock))?;
        Ok(Self { shared: Arc::new(shared) })
    }
}

impl Shared {
    fn open(disk: Arc<dyn Disk>, options: Options, clock: Clock) -> Result<Self, OpenError> {
        options.check().map_err(OpenError::Options)?;
        let metrics = Arc::<Metrics>::default();
        let disk: Arc<dyn Disk> = Arc::new(MeteredDisk::new(disk, Arc::clone(&metrics)));
        let (bytes, wait) = (options.read_bytes, options.read_wait);
        let reads = Arc::new(ReadBudget::new(bytes, wait, Arc::clone(&metrics)));
        let mut tenants = HashMap::new();
        // Whoever made a tenant's directory may have ended before it was sure to last.
        disk.sync_dir("")?;
        let (served, others) = tools::tenants(disk.as_ref())?
            .into_iter()
            .partition::<Vec<_>, _>(|it| options.served.has(&Tenant::new(&it.name)));
        if served.len() > options.tenants {
            let (found, most) = (served.len(), options.tenants);
            let reason = format!("it has {found} tenants, more than the {most} that it may serve");
            return Err(OpenError::Options(reason));
        }
        for TenantDir { dir, .. } in others {
            tracing::warn!(dir, "left as it is, also by retention: its tenant is not served");
        }
        for TenantDir { name, dir } in served {
            let (disk, clock) = (Arc::clone(&disk), Arc::clone(&clock));
            let metrics = Arc::clone(&metrics);
            let demand = reads.demand();
            let tenant = tenant::Tenant::open(disk, &dir, &options, clock, metrics, demand)?;
            tenants.insert(Tenant::new(&name), Arc::new(tenant));
        }
        let (tenants, making) = (RwLock::new(tenants), Mutex::new(()));
        let (_lock, _ephemeral) = (None, None);
        Ok(Self { disk, options, clock, tenants, making, metrics, reads, _lock, _ephemeral })
    }
}
