use std::{fmt, io};

/// Why a plugin cannot start or go on. Each message is one line.
#[derive(Debug)]
#[non_exhaustive]
pub enum Error {
    /// The cookie is not in the environment: most often a person has started the program.
    NoCookie,
    /// The host asks for AutoMTLS.
    AutoMtls,
    /// The host speaks none of the plugin's versions.
    Versions {
        /// What the host speaks, as it says it.
        host: String,
        /// What the plugin speaks.
        plugin: &'static [u32],
    },
    /// A variable that the host sets has a value that cannot be used.
    Variable {
        /// Its name.
        name: &'static str,
        /// Its value.
        value: String,
    },
    /// No socket can be made, or no port is free.
    Listen {
        /// Where.
        at: String,
        /// Why not.
        source: io::Error,
    },
    /// The socket cannot be given to the group that the host wants.
    Group {
        /// The group.
        group: String,
        /// Why not.
        source: io::Error,
    },
    /// Signals cannot be handled.
    Signals(io::Error),
    /// The host cannot be told where the plugin listens, so it is gone.
    Announce(io::Error),
    /// The server failed.
    Serve(tonic::transport::Error),
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoCookie => write!(
                f,
                "this program is a plugin: run the program that uses it, which starts it by itself"
            ),
            Self::AutoMtls => {
                write!(f, "starting as a plugin: the host wants AutoMTLS, which is not supported")
            }
            Self::Versions { host, plugin } => write!(
                f,
                "starting as a plugin: the host speaks version {host:?} of the plugin's protocol, \
                 the plugin speaks {plugin:?}"
            ),
            Self::Variable { name, value } => {
                write!(f, "starting as a plugin: {name} is {value:?}, not a port")
            }
            Self::Listen { at, source } => write!(f, "listening for the host on {at}: {source}"),
            Self::Group { group, source } => {
                write!(f, "giving the plugin's socket to group {group}: {source}")
            }
            Self::Signals(error) => write!(f, "handling signals: {error}"),
            Self::Announce(error) => {
                write!(f, "telling the host where the plugin listens: {error}")
            }
            Self::Serve(error) => write!(f, "serving the host: {error}"),
        }
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Listen { source, .. } | Self::Group { source, .. } => Some(source),
            Self::Signals(error) | Self::Announce(error) => Some(error),
            Self::Serve(error) => Some(error),
            _ => None,
        }
    }
}
