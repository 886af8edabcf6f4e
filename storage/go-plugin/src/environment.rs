use std::env;
use std::path::PathBuf;

/// What a host asks of its plugin, in environment variables. An empty one is as good as none.
#[derive(Debug, Default)]
pub struct Environment {
    /// The versions of the plugin's protocol that the host speaks, separated by commas.
    pub versions: Option<String>,
    /// The certificate by which AutoMTLS would know the host.
    pub client_certificate: Option<String>,
    /// Whether the host would serve and dial through the plugin's own listener.
    pub multiplex: Option<String>,
    pub min_port: Option<String>,
    pub max_port: Option<String>,
    pub socket_directory: Option<PathBuf>,
    pub socket_group: Option<String>,
}

pub const MIN_PORT: &str = "PLUGIN_MIN_PORT";
pub const MAX_PORT: &str = "PLUGIN_MAX_PORT";

impl Environment {
    pub fn read() -> Self {
        Self {
            versions: variable("PLUGIN_PROTOCOL_VERSIONS"),
            client_certificate: variable("PLUGIN_CLIENT_CERT"),
            multiplex: variable("PLUGIN_MULTIPLEX_GRPC"),
            min_port: variable(MIN_PORT),
            max_port: variable(MAX_PORT),
            socket_directory: env::var_os("PLUGIN_UNIX_SOCKET_DIR")
                .filter(|value| !value.is_empty())
                .map(PathBuf::from),
            socket_group: variable("PLUGIN_UNIX_SOCKET_GROUP"),
        }
    }
}

fn variable(name: &str) -> Option<String> {
    env::var(name).ok().filter(|value| !value.is_empty())
}
