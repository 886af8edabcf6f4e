//! Where the parts of a lab are found by whoever asks them.

use crate::ports::{Port, Ports, known};

/// The parts of one lab as seen from one place.
#[derive(Clone, Debug)]
pub enum Addresses {
    /// From this machine.
    Loopback(Ports),
    /// From a container beside the parts.
    Inside,
}

impl Addresses {
    /// Of a lab that runs on this machine, in containers or not: the ports that `lookup` has for
    /// their variables, or else the defaults.
    ///
    /// # Errors
    /// Every value that is no port.
    pub fn published(lookup: impl Fn(&str) -> Option<String>) -> anyhow::Result<Self> {
        Ok(Self::Loopback(Ports::published(&known::ALL, lookup)?))
    }

    /// Of the native lab on these ports.
    pub fn of(ports: &Ports) -> Self {
        Self::Loopback(ports.clone())
    }

    /// Of the containers of one Compose project, for one of them.
    pub fn inside() -> Self {
        Self::Inside
    }

    /// `http://host:port`.
    ///
    /// # Panics
    /// For a port of a part that this run of the native lab does not have.
    pub fn url(&self, port: Port) -> String {
        match self {
            Self::Loopback(ports) => format!("http://{}", ports.address(port)),
            Self::Inside => format!("http://{}", port.in_container()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_published_port_is_on_loopback_where_its_variable_says_or_at_its_default() {
        let lookup = |name: &str| (name == "LOKI_PORT").then(|| "4100".to_owned());
        let addresses = Addresses::published(lookup).unwrap();
        assert_eq!(addresses.url(known::LOKI), "http://127.0.0.1:4100");
        assert_eq!(addresses.url(known::APPS[3]), "http://127.0.0.1:8003");
    }

    #[test]
    fn a_published_port_that_is_none_is_named() {
        let problem = Addresses::published(|_| Some("loki".to_owned())).unwrap_err().to_string();
        assert!(problem.contains("LOKI_PORT=loki is no port"), "{problem}");
    }

    #[test]
    fn a_container_is_found_by_its_name_whatever_is_published() {
        let addresses = Addresses::inside();
        assert_eq!(addresses.url(known::APPS[3]), "http://app-d:8000");
        assert_eq!(addresses.url(known::JAEGER_OTLP_GRPC), "http://jaeger:4317");
        assert_eq!(addresses.url(known::COLLECTOR_HEALTH), "http://otel-collector:13134");
    }
}
