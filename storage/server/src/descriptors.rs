//! The limit of the descriptors that the process may have open: raised, and shared out.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use crate::admin;
use crate::config::{Config, Engine};

/// What is open beside gRPC's connections and the engine's segments.
const OTHERS: usize = 128 + admin::MAX_CONNECTIONS;
/// The bytes of a segment, at least, once many were merged.
const SEGMENT_BYTES: usize = 32 << 20;

/// Raises the soft limit to the hard one. If that has no room for the configured connections
/// beside the engine's files, there are to be fewer: else clients that do nothing could keep it
/// from beginning a log.
pub(crate) fn share_out(config: &mut Config) {
    let before = getrlimit(Resource::Nofile);
    let raised = Rlimit { current: before.maximum, ..before };
    let limit = match setrlimit(Resource::Nofile, raised) {
        Ok(()) => raised.current,
        // Some systems have a limit above the limits.
        Err(_) => before.current,
    };
    let Some(limit) = limit.and_then(|limit| usize::try_from(limit).ok()) else { return };
    // The archive has as many connections once it listens.
    let listeners = 1 + usize::from(config.archive_listen.is_some());
    let most = connections(limit, disk_bytes(config), listeners);
    if config.max_connections > most {
        tracing::warn!(
            max_connections = config.max_connections,
            lowered_to = most,
            limit,
            "the limit of open files (ulimit -Hn) has no room for so many connections"
        );
        config.max_connections = most;
    }
}

/// The bytes of all files, of which the archive, too, has as many open as it needs.
fn disk_bytes(config: &Config) -> usize {
    if config.engine == Engine::Memory {
        return 0;
    }
    let archive = if config.archive { config.archive_disk_max_bytes } else { 0 };
    config.disk_max_bytes.saturating_add(archive).saturating_mul(config.most_tenants())
}

/// The connections of each listener that there is room for beside what directories of this size may
/// have open; at least a quarter of all, for few directories have so much.
fn connections(limit: usize, disk_max_bytes: usize, listeners: usize) -> usize {
    let all = limit.saturating_sub(OTHERS + disk_max_bytes / SEGMENT_BYTES).max(limit / 4);
    (all / listeners).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_tenant_has_files() {
        let bytes = |change: fn(&mut Config)| {
            let mut config = Config::default();
            change(&mut config);
            disk_bytes(&config)
        };
        assert_eq!(bytes(|_| {}), 4 << 30);
        assert_eq!(bytes(|config| config.engine = Engine::Memory), 0);
        let any = |config: &mut Config| config.tenant_header = "x-tenant".parse().ok();
        assert_eq!(bytes(any), 16 * (4 << 30));
        let listed = |config: &mut Config| {
            config.archive = true;
            config.tenant_header = "x-tenant".parse().ok();
            config.tenants = ["acme", "globex"].map(str::to_owned).into();
        };
        assert_eq!(bytes(listed), 2 * (5 << 30));
    }

    #[test]
    fn connections_leave_room_for_files_but_have_a_quarter() {
        assert_eq!(connections(1024, 4 << 30, 1), 1024 - 288);
        assert_eq!(connections(1024, 4 << 30, 2), (1024 - 288) / 2);
        assert_eq!(connections(1024, 1 << 40, 1), 256);
        assert_eq!(connections(3, 1 << 40, 1), 1);
    }
}
