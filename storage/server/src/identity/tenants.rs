use std::collections::BTreeSet;
use std::sync::Arc;

use http::{HeaderMap, HeaderName};
use spoor_store::Tenant;

use super::Refusal;
use crate::config::{Config, is_tenant_name};

/// The tenants that there may be.
#[derive(Clone, Debug)]
pub(crate) struct Tenants {
    /// The metadata that tells the tenant; none if there is only one.
    header: Option<HeaderName>,
    /// All of them; empty if any may be.
    names: Arc<BTreeSet<String>>,
}

impl Tenants {
    pub(crate) fn new(config: &Config) -> Self {
        let header = config.tenant_header.clone();
        Self { header, names: Arc::new(config.tenants.clone()) }
    }

    /// The tenant of this name, which is none if there is only one tenant.
    pub(crate) fn named(&self, name: Option<&str>) -> Option<Tenant> {
        match (&self.header, name) {
            (None, None) => Some(Tenant::default()),
            (Some(_), Some(name)) => {
                let known =
                    is_tenant_name(name) && (self.names.is_empty() || self.names.contains(name));
                known.then(|| Tenant::new(name))
            }
            _ => None,
        }
    }

    pub(super) fn of(&self, headers: &HeaderMap) -> Result<Tenant, Refusal> {
        let mut name = None;
        if let Some(header) = &self.header {
            let mut given = headers.get_all(header).iter();
            let value = given.next().ok_or(Refusal::MissingTenant)?;
            if given.next().is_some() {
                return Err(Refusal::RepeatedTenant);
            }
            name = Some(value.to_str().map_err(|_| Refusal::UnknownTenant)?);
        }
        self.named(name).ok_or(Refusal::UnknownTenant)
    }
}
