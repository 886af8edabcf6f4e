//! Command line and environment.

use std::env;
use std::ffi::{OsStr, OsString};
use std::net::SocketAddr;

use clap::builder::Resettable;
use clap::{CommandFactory, FromArgMatches, Parser, Subcommand};
use reqwest::Url;
use telemetry::LogFormat;

use crate::mode::Mode;

/// An instrumented service that calls others like it.
#[derive(Debug, Parser)]
#[command(name = "demo", version, no_binary_name = true, args_conflicts_with_subcommands = true)]
pub(crate) struct Args {
    #[command(subcommand)]
    pub command: Option<Command>,

    /// Name of the service in telemetry [env: OTEL_SERVICE_NAME] [default: app-a]
    // Not by clap: the variable is only one of two that can name it.
    #[arg(long)]
    pub name: Option<String>,

    /// Address to serve HTTP and gRPC on
    #[arg(long, env = "LISTEN", value_name = "ADDR", default_value = "127.0.0.1:8000")]
    pub listen: SocketAddr,

    /// Service to ask for IO tasks, over HTTP [default: http://127.0.0.1:8001]
    #[arg(long, env, value_name = "URL", value_parser = http_url)]
    target_one: Option<Url>,

    /// Service to ask for CPU tasks, over gRPC [default: http://127.0.0.1:8002]
    #[arg(long, env, value_name = "URL", value_parser = http_url)]
    target_two: Option<Url>,

    /// Short for --target-one http://HOST:8000, which wins
    #[arg(long, env, value_name = "HOST", value_parser = host)]
    target_one_host: Option<Url>,

    /// Short for --target-two http://HOST:8000, which wins
    #[arg(long, env, value_name = "HOST", value_parser = host)]
    target_two_host: Option<Url>,

    /// Short for variables of OpenTelemetry, which win: jaeger-grpc, jaeger-http,
    /// otel-collector-grpc or otel-collector-http
    #[arg(long, env)]
    pub mode: Option<Mode>,

    /// Tells which payments are refused at first
    #[arg(long, env, value_name = "NUMBER", default_value_t = 1)]
    pub payment_seed: u64,

    /// Faults from the start on: a JSON array of what the admin endpoint takes
    #[arg(long, env, value_name = "JSON", default_value = "", hide_default_value = true)]
    pub faults: String,

    /// Address to switch faults at, if there is a token in the variable ADMIN_TOKEN
    #[arg(long, env, value_name = "ADDR", default_value = "127.0.0.1:8100")]
    pub admin_listen: SocketAddr,

    /// Form of a log line: text or json
    #[arg(long, env, value_name = "FORMAT", default_value = "text")]
    pub log_format: LogFormat,
}

impl Args {
    /// Reads the arguments, and of the variables those that are not empty: Compose passes one that
    /// nobody has set as an empty one.
    pub fn read(args: Vec<OsString>) -> Result<Self, clap::Error> {
        let is_empty = |name: &OsStr| env::var_os(name).is_some_and(|value| value.is_empty());
        let command = Self::command().mut_args(|arg| match arg.get_env().is_some_and(is_empty) {
            true => arg.env(Resettable::Reset),
            false => arg,
        });
        Self::from_arg_matches(&command.try_get_matches_from(args)?)
    }

    pub fn target_one(&self) -> Url {
        target([&self.target_one, &self.target_one_host], 8001)
    }

    pub fn target_two(&self) -> Url {
        target([&self.target_two, &self.target_two_host], 8002)
    }
}

/// The first that is given, else that port of this machine.
fn target(given: [&Option<Url>; 2], port: u16) -> Url {
    let default = || format!("http://127.0.0.1:{port}").parse().expect("it is a URL");
    given.into_iter().flatten().next().cloned().unwrap_or_else(default)
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Ask a running service whether it is healthy: exits 0 if so, else 1
    Healthcheck {
        /// What to ask
        #[arg(value_parser = http_url, default_value = "http://127.0.0.1:8000/healthz")]
        url: Url,
    },
}

fn http_url(text: &str) -> Result<Url, String> {
    let url = text.parse::<Url>().map_err(|error| error.to_string())?;
    if url.scheme() != "http" {
        return Err(format!("expected an http URL, not {}", url.scheme()));
    }
    // Logs, spans and answers name the URL: it must hold nothing secret.
    if !url.username().is_empty() || url.password().is_some() || url.query().is_some() {
        return Err("expected a URL without user, password and query".to_owned());
    }
    Ok(url)
}

/// The port is the one that every service has in a container.
fn host(text: &str) -> Result<Url, String> {
    let url = http_url(&format!("http://{text}:8000"))?;
    if url.path() != "/" || url.fragment().is_some() {
        return Err("expected a host alone".to_owned());
    }
    Ok(url)
}
