//! Whom the console asks, and where a browser finds the rest.

use std::net::SocketAddr;
use std::sync::Arc;

use futures::future::BoxFuture;

/// One lab. A part that is `None` is not there. URLs are `http://host:port`, without a slash at the
/// end.
pub struct Config {
    /// Where to listen.
    pub listen: SocketAddr,
    /// gRPC of the storage server.
    pub storage: String,
    /// What requests can be sent to.
    pub services: Vec<Service>,
    /// The secret with which faults are switched; without one they cannot be.
    pub admin_token: Option<String>,
    /// The lab's own load: its figures, and another rate.
    pub load: Option<String>,
    /// The lab's last log lines of its parts.
    pub lines: Option<String>,
    /// HTTP API of Prometheus.
    pub prometheus: Option<String>,
    /// HTTP API of Loki.
    pub loki: Option<String>,
    /// What else a browser can look at.
    pub links: Links,
    /// Examines the lab.
    pub doctor: Doctor,
}

/// A service of the demo system.
#[derive(Clone, Debug)]
pub struct Service {
    /// Its `service.name`.
    pub name: String,
    /// HTTP.
    pub url: String,
    /// HTTP of its faults.
    pub admin: String,
}

/// Pages of other parts, as a browser on this machine finds them.
#[derive(Clone, Debug, Default)]
pub struct Links {
    /// Jaeger's UI.
    pub jaeger: Option<String>,
    /// Prometheus.
    pub prometheus: Option<String>,
    /// Grafana, where Loki's lines are looked at, too.
    pub grafana: Option<String>,
}

/// Examines the lab, and returns `lab doctor --json`.
pub type Doctor = Arc<dyn Fn() -> BoxFuture<'static, String> + Send + Sync>;
