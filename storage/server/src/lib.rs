//! `spoor`, the storage server: it takes traces as OTLP over gRPC and answers Jaeger's storage
//! APIs v1 and v2 on the same port. What keeps the spans is a [`spoor_store::Store`]; this crate
//! knows the engines only where it opens one (`engine`), and in the tools for their files
//! (`tools`). A Jaeger up to 1.57 can start it as a child process, which serves API v1 to it alone
//! (`sidecar`).
//!
//! # What a client can count on
//!
//! Every request is unary, but for API v1's stream of spans. A message's bytes are admitted against
//! a budget before they are buffered (`admission`), connections and reads are bounded in number,
//! and a client must keep a pace, so that no load makes the server grow beyond its configuration:
//!
//! | The client | gets |
//! | --- | --- |
//! | sends what is too large, damaged or cut short | `INVALID_ARGUMENT`, which no OTLP client retries |
//! | sends more than the server can take at present | `RESOURCE_EXHAUSTED` with `RetryInfo` |
//! | takes longer than `client_timeout` for 256 KiB that it sends or reads | `DEADLINE_EXCEEDED` |
//! | takes half a second for that while others wait for its slot or its memory | `DEADLINE_EXCEEDED` |
//!
//! A response is compressed as its request was, as gRPC servers in Go do: a client on the same
//! machine that sends plainly is not made to pay for gzip.

mod about;
mod admin;
mod admission;
pub mod config;
mod connection;
mod descriptors;
mod engine;
mod grpc;
mod healthcheck;
mod identity;
mod metrics;
mod read;
mod routes;
mod server;
mod sidecar;
mod tls;
mod tools;
mod traced;
mod v1;
mod write;

use std::ffi::OsString;
use std::future::Future;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::{Parser, Subcommand};

use config::Config;
pub use server::{Server, StartError};
use telemetry::InitError;
pub use tls::TlsError;
use tokio_util::sync::CancellationToken;

/// How long the export of the last log records and spans may hold up the end.
const FLUSH_DEADLINE: Duration = Duration::from_secs(2);

/// The exit code for bad usage or configuration: `EX_USAGE` of BSD's sysexits.
const EXIT_USAGE: u8 = 64;

/// Keeps traces for Jaeger: takes OTLP, answers Jaeger's storage APIs v1 and v2.
#[derive(Debug, Parser)]
#[command(
    name = "spoor",
    version,
    arg_required_else_help = true,
    args_conflicts_with_subcommands = true
)]
struct Arguments {
    #[command(subcommand)]
    command: Option<Command>,
    /// Alone, as Jaeger up to 1.57 starts its sidecar: a TOML file of configuration keys, or empty.
    #[arg(long, value_name = "FILE")]
    config: Option<OsString>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Serves reads and writes until told to stop.
    Serve(config::Flags),
    /// Asks a running server whether it is ready; exits 0 if it is, else 1.
    Healthcheck {
        /// What to ask.
        #[arg(default_value = "http://127.0.0.1:17272/readyz")]
        url: http::Uri,
    },
    #[command(flatten)]
    Tool(tools::Tool),
}

/// Runs the program: `args` are its arguments without its name. Serving ends, after draining,
/// when `shutdown` is done, and so do the tools, `check` and `stats` with the process. The sidecar
/// ends by its own rules.
pub async fn run(args: Vec<OsString>, shutdown: impl Future<Output = ()> + Send) -> ExitCode {
    let name = OsString::from("spoor");
    match Arguments::try_parse_from(std::iter::once(name).chain(args)) {
        Ok(Arguments { command: Some(command), .. }) => run_command(command, shutdown).await,
        Ok(Arguments { command: None, config }) => {
            sidecar::run(config.filter(|path| !path.is_empty()).map(PathBuf::from)).await
        }
        Err(error) => {
            // Help and version are errors to clap too, and go to stdout.
            let code = if error.use_stderr() { EXIT_USAGE } else { 0 };
            error.print().ok();
            ExitCode::from(code)
        }
    }
}

async fn run_command(command: Command, shutdown: impl Future<Output = ()> + Send) -> ExitCode {
    match command {
        Command::Serve(flags) => Box::pin(serve(&flags, shutdown)).await,
        Command::Healthcheck { url } => match healthcheck::check(&url).await {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => fail(&format!("asking {url}: {error}"), 1),
        },
        Command::Tool(tool) => match run_tool(tool, shutdown).await {
            Ok(code) => code,
            Err(error) => fail(&error, 1),
        },
    }
}

/// Runs a tool until it is done or `shutdown` is. Then a snapshot removes what it made; the others
/// end in the midst of their work, which is safe at any moment.
async fn run_tool(
    tool: tools::Tool,
    shutdown: impl Future<Output = ()> + Send,
) -> Result<ExitCode, String> {
    let leaves_something = matches!(tool, tools::Tool::Snapshot { .. });
    let stopped = CancellationToken::new();
    let is_stopped = stopped.clone();
    let run = move || tools::run(&tool, &|| is_stopped.is_cancelled());
    let mut running = tokio::task::spawn_blocking(run);
    let ran = tokio::select! {
        ran = &mut running => ran,
        () = shutdown => {
            if !leaves_something {
                tools::clear_line();
                eprintln!("spoor: stopped by a signal");
                // A runtime waits for its threads.
                std::process::exit(1);
            }
            stopped.cancel();
            running.await
        }
    };
    ran.unwrap_or_else(|error| Err(error.to_string()))
}

async fn serve(flags: &config::Flags, shutdown: impl Future<Output = ()> + Send) -> ExitCode {
    let mut config = match Config::load(flags, std::env::vars_os()) {
        Ok(config) => config,
        Err(error) => return fail(&error.to_string(), EXIT_USAGE),
    };
    let name = telemetry::service_name("spoor");
    let init = if config.tracing { telemetry::init_continuing } else { telemetry::init_logs };
    let telemetry = match init(&name, config.log_format, config.log.clone()) {
        Ok(telemetry) => Some(telemetry),
        // Of the program that runs this as a part of itself.
        Err(InitError::AlreadyInitialized) => None,
        Err(error) => return fail(&error.to_string(), EXIT_USAGE),
    };
    descriptors::share_out(&mut config);
    let ended = match Server::bind(config).await {
        Ok(server) => {
            server.serve(shutdown).await.map_err(|error| format!("serving gRPC: {error}"))
        }
        Err(error) => Err(error.to_string()),
    };
    if let Some(telemetry) = telemetry {
        telemetry.shutdown(FLUSH_DEADLINE);
    }
    match ended {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => fail(&error, 1),
    }
}

fn fail(message: &str, code: u8) -> ExitCode {
    eprintln!("spoor: {message}");
    ExitCode::from(code)
}
