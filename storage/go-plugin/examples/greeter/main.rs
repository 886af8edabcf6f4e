//! A plugin that greets. It is what this crate's tests start, and what a host written in Go drives.

use std::process::ExitCode;

use go_plugin::{Error, Handshake, Plugin, hclog};
use tonic::service::Routes;
use tonic::{Request, Response, Status};
use tracing_subscriber::filter::LevelFilter;
use tracing_subscriber::prelude::*;

use greeter::greeter_server::{self, GreeterServer};

#[allow(clippy::all)]
mod greeter {
    include!("greeter.rs");
}

const HANDSHAKE: Handshake =
    Handshake { cookie_key: "GREETER_PLUGIN", cookie_value: "d3f40b3", versions: &[1, 2] };

/// Greets politely since version 2.
struct Greeter {
    word: &'static str,
}

#[tonic::async_trait]
impl greeter_server::Greeter for Greeter {
    async fn greet(&self, request: Request<String>) -> Result<Response<String>, Status> {
        let name = request.into_inner();
        assert!(!name.is_empty(), "nobody to greet");
        tracing::info!(word = self.word, letters = name.len(), "greeting");
        println!("greeted {name}");
        Ok(Response::new(format!("{}, {name}", self.word)))
    }
}

#[tokio::main]
async fn main() -> ExitCode {
    match run().await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // A host logs a line that begins so as an error, and others for debugging.
            eprintln!("[ERROR] {error}");
            ExitCode::FAILURE
        }
    }
}

async fn run() -> Result<(), Error> {
    let mut plugin = Plugin::start(&HANDSHAKE)?;
    hclog::log_panics();
    tracing_subscriber::registry().with(hclog::layer().with_filter(LevelFilter::INFO)).init();
    let word = if plugin.version() < 2 { "Hi" } else { "Good day" };
    if std::env::args().any(|argument| argument == "--tcp") {
        plugin = plugin.over_tcp();
    }
    let routes = Routes::new(GreeterServer::new(Greeter { word }));
    plugin.serve(routes, std::future::pending()).await
}
