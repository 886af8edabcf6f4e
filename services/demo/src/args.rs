//! Command line and environment.

use std::net::SocketAddr;

use clap::{Parser, Subcommand};
use reqwest::Url;
use telemetry::LogFormat;

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

    /// Service to ask for IO tasks, over HTTP
    #[arg(long, env, value_name = "URL", value_parser = http_url)]
    #[arg(default_value = "http://127.0.0.1:8001")]
    pub target_one: Url,

    /// Service to ask for CPU tasks, over gRPC
    #[arg(long, env, value_name = "URL", value_parser = http_url)]
    #[arg(default_value = "http://127.0.0.1:8002")]
    pub target_two: Url,

    /// Form of a log line: text or json
    #[arg(long, env, value_name = "FORMAT", default_value = "text")]
    pub log_format: LogFormat,
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
