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

impl Config {
    /// Of a lab that is a storage server alone, where the doctor finds nothing.
    pub fn new(listen: SocketAddr, storage: &str) -> Self {
        Self {
            listen,
            storage: storage.to_owned(),
            services: Vec::new(),
            admin_token: None,
            load: None,
            lines: None,
            prometheus: None,
            loki: None,
            links: Links::default(),
            doctor: Arc::new(|| Box::pin(async { r#"{"ok":true,"links":[]}"#.to_owned() })),
        }
    }
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
    /// Loki, which has no page of its own: a browser shows what its API answers.
    pub loki: Option<String>,
    /// Grafana, where Loki's lines are looked at, too.
    pub grafana: Option<String>,
}

/// Examines the lab, and returns `lab doctor --json`.
pub type Doctor = Arc<dyn Fn() -> BoxFuture<'static, String> + Send + Sync>;
