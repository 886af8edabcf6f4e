//! The plugin's side of [hashicorp/go-plugin] over gRPC, for plugins written with [tonic].
//!
//! A go-plugin host, such as Grafana, or Jaeger up to 1.57, starts its plugins as child processes
//! and calls them over gRPC. Besides the plugin's own services it expects what this crate does:
//!
//! - the cookie, the agreement on a version and the line that tells where the plugin listens,
//! - a unix socket in a directory of mode 0700, or a TCP port on loopback,
//! - `grpc.health.v1` that says that `plugin` serves, and go-plugin's own `plugin.GRPCController`,
//!   `plugin.GRPCStdio` and `plugin.GRPCBroker`,
//! - log lines as hclog writes them, see [`hclog`],
//! - that SIGINT, which a terminal sends to the host's children too, is left to the host.
//!
//! A plugin ends when its host asks for it, on SIGTERM, and, unlike one in Go, within a second
//! after its host is gone: when it has another parent, or nobody reads its standard output.
//!
//! Standard output is the host's: after the line it becomes a pipe, whose content goes to the host
//! by `plugin.GRPCStdio`. Until the host takes it, 1024 chunks of up to 4 KiB are kept, and what is
//! more is dropped. Standard error stays what it was.
//!
//! # What it is not
//! - A host, or net/rpc, go-plugin's older protocol.
//! - AutoMTLS: [`Plugin::start`] refuses it.
//! - Calls back into the host: the broker's stream is kept open, and what the host offers there is
//!   passed over. A host that insists on multiplexing is told that it cannot be had.
//! - gRPC reflection, which go-plugin has in Go: add it to the plugin's own services.
//! - Windows.
//!
//! # Limits
//! - A host that goes away to come back and attach again, as Nomad does, finds no plugin.
//! - Only what go-plugin calls "plugin" is healthy from the start; a store that takes long to open
//!   has a minute between the host's start of the process and [`Plugin::serve`].
//! - tonic's services take messages of up to 4 MiB unless told otherwise; a host's limit is 2 GiB.
//! - `PLUGIN_UNIX_SOCKET_GROUP` is a group's number, or a name in `/etc/group`.
//! - SIGKILL leaves the socket behind.
//!
//! # Example
//! ```no_run
//! use std::process::ExitCode;
//!
//! use go_plugin::{Handshake, Plugin, hclog};
//! use tonic::service::Routes;
//! use tracing_subscriber::prelude::*;
//!
//! const HANDSHAKE: Handshake = Handshake {
//!     cookie_key: "GREETER_PLUGIN",
//!     cookie_value: "d3f40b3",
//!     versions: &[1],
//! };
//!
//! #[tokio::main]
//! async fn main() -> ExitCode {
//!     match run().await {
//!         Ok(()) => ExitCode::SUCCESS,
//!         Err(error) => {
//!             // A host logs a line that begins so as an error, and others for debugging.
//!             eprintln!("[ERROR] {error}");
//!             ExitCode::FAILURE
//!         }
//!     }
//! }
//!
//! async fn run() -> Result<(), go_plugin::Error> {
//!     let plugin = Plugin::start(&HANDSHAKE)?;
//!     hclog::log_panics();
//!     tracing_subscriber::registry().with(hclog::layer()).init();
//!     // The plugin's own services.
//!     let routes = Routes::default();
//!     plugin.serve(routes, std::future::pending()).await
//! }
//! ```
//!
//! [hashicorp/go-plugin]: https://github.com/hashicorp/go-plugin
#![forbid(unsafe_code)]

mod environment;
mod error;
mod handshake;
pub mod hclog;
mod host;
mod listener;
mod plugin;
mod services;
mod stdout;

#[allow(missing_docs, dead_code, clippy::all)]
mod proto {
    include!("generated/plugin.rs");
}

pub use error::Error;
pub use handshake::Handshake;
pub use plugin::Plugin;
