//! The tenants of a store, and what they hold together.

use std::io::ErrorKind;
use std::sync::{Arc, PoisonError};

use spoor_store::{Tenant, WriteError};

use super::Shared;
use super::tenant_name::{TENANT, encode_name};
use crate::error::OpenError;
use crate::metrics::Holdings;
use crate::tenant;

impl Shared {
    pub(super) fn get(&self, tenant: &Tenant) -> Option<Arc<tenant::Tenant>> {
        self.tenants.read().unwrap_or_else(PoisonError::into_inner).get(tenant).cloned()
    }

    pub(super) fn all(&self) -> Vec<Arc<tenant::Tenant>> {
        let tenants = self.tenants.read().unwrap_or_else(PoisonError::into_inner);
        tenants.values().cloned().collect()
    }

    pub(super) fn holdings(&self) -> Holdings {
        let none = Holdings { read_bytes: self.reads.granted() as u64, ..Holdings::default() };
        self.all().iter().map(|tenant| tenant.holdings()).fold(none, |sum, it| Holdings {
            read_bytes: sum.read_bytes,
            log_bytes: sum.log_bytes + it.log_bytes,
            segment_bytes: sum.segment_bytes + it.segment_bytes,
            segments: sum.segments + it.segments,
            heads: sum.heads + it.heads,
            head_bytes: sum.head_bytes + it.head_bytes,
        })
    }

    /// The tenant, with a new directory if it has none.
    pub(super) async fn get_or_make(
        self: &Arc<Self>,
        tenant: &Tenant,
    ) -> Result<Arc<tenant::Tenant>, WriteError> {
        if let Some(tenant) = self.get(tenant) {
            return Ok(tenant);
        }
        let _making = self.making.lock().await;
        // Another write may have made it meanwhile.
        if let Some(tenant) = self.get(tenant) {
            return Ok(tenant);
        }
        let served = self.options.served.has(tenant);
        if !served || self.all().len() >= self.options.tenants {
            // Nothing of the others, not even how many there are.
            let reason = "the store takes no further tenant".to_owned();
            return Err(WriteError::TooLarge(reason));
        }
        let (shared, name) = (Arc::clone(self), tenant.clone());
        let made = tokio::task::spawn_blocking(move || shared.make(&name)).await;
        let made = made.map_err(|error| error.to_string());
        let made = made.and_then(|made| made.map_err(|error| error.to_string()));
        made.map_err(|error| WriteError::Unavailable(format!("making a tenant: {error}")))
    }

    fn make(&self, name: &Tenant) -> Result<Arc<tenant::Tenant>, OpenError> {
        let dir = format!("{TENANT}{}", encode_name(name.name()));
        match self.disk.create_dir(&dir) {
            Err(error) if error.kind() != ErrorKind::AlreadyExists => return Err(error.into()),
            _ => self.disk.sync_dir("")?,
        }
        let (disk, clock) = (Arc::clone(&self.disk), Arc::clone(&self.clock));
        let (metrics, demand) = (Arc::clone(&self.metrics), self.reads.demand());
        let tenant = tenant::Tenant::open(disk, &dir, &self.options, clock, metrics, demand)?;
        let tenant = Arc::new(tenant);
        let mut tenants = self.tenants.write().unwrap_or_else(PoisonError::into_inner);
        tenants.insert(name.clone(), Arc::clone(&tenant));
        Ok(tenant)
    }
}
