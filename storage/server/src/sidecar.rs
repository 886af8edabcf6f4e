//! The sidecar: Jaeger up to 1.57 starts this program as a child process, and calls storage API v1
//! by hashicorp/go-plugin.

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use go_plugin::{Handshake, Plugin, hclog};
use spoor_embedded::OpenError;
use tokio::signal::unix::{SignalKind, signal};
use tracing_subscriber::Layer;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

use crate::admission::Budget;
use crate::config::{Config, Flags};
use crate::engine::Engine;
use crate::metrics::Metrics;
use crate::routes::{self, Served};
use crate::{EXIT_USAGE, descriptors, fail, grpc};

/// What Jaeger and its plugins have agreed on.
const HANDSHAKE: Handshake =
    Handshake { cookie_key: "STORAGE_PLUGIN", cookie_value: "jaeger", versions: &[1] };

/// Serves the Jaeger that started this process, until it wants no more or is gone.
pub(crate) async fn run(config: Option<PathBuf>) -> ExitCode {
    let plugin = match Plugin::start(&HANDSHAKE) {
        Ok(plugin) => plugin,
        Err(go_plugin::Error::NoCookie) => {
            let reason = "without a command it is the sidecar of a Jaeger, which starts it by \
                          itself, with STORAGE_PLUGIN=jaeger in the environment; for any other \
                          there is spoor serve";
            return fail(reason, EXIT_USAGE);
        }
        Err(error) => return refuse(&error.to_string(), 1),
    };
    // From here on, so that it is not missed while the store is being opened.
    let mut terminations = match signal(SignalKind::terminate()) {
        Ok(terminations) => terminations,
        Err(error) => return refuse(&format!("listening for signals: {error}"), 1),
    };
    let terminated = async {
        terminations.recv().await;
    };
    let flags = Flags { config, ..Flags::default() };
    let config = match Config::load(&flags, std::env::vars_os()) {
        Ok(config) => config,
        Err(error) => return refuse(&error.to_string(), EXIT_USAGE),
    };
    if let Some(key) = config.identity_key() {
        let reason = "it serves the Jaeger alone that started it, which tells no tenant, token or \
                      certificate: that is for spoor serve";
        return refuse(&format!("the sidecar has no {key}, {reason}"), EXIT_USAGE);
    }
    if config.archive_listen.is_some() {
        let reason = "the sidecar has no archive_listen, it serves the archive to its Jaeger alone";
        return refuse(reason, EXIT_USAGE);
    }
    if config.tracing {
        let reason = "the sidecar has no tracing: that is for spoor serve";
        return refuse(reason, EXIT_USAGE);
    }
    hclog::log_panics();
    let log = hclog::layer().with_filter(config.log.clone());
    // What is there already is of the program that runs this as a part of itself.
    tracing_subscriber::registry().with(log).try_init().ok();
    match serve(plugin, config, terminated).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => refuse(&error, 1),
    }
}

async fn serve(
    plugin: Plugin,
    mut config: Config,
    terminated: impl Future<Output = ()>,
) -> Result<(), String> {
    descriptors::share_out(&mut config);
    let (engine, archive) = Engine::open_all(&config).await.map_err(|error| why_not(&error))?;
    let budget = Budget::new(config.max_inflight_bytes);
    let metrics = Arc::new(Metrics::new(&engine, budget.clone(), &config));
    let archive_metrics = archive.as_ref().map(|it| Arc::new(Metrics::of_archive(it, &config)));
    let routes = routes::sidecar(&Served {
        config: &config,
        budget: &budget,
        engine: &engine,
        metrics: &metrics,
        archive: archive.as_ref().zip(archive_metrics.as_ref()),
        draining: &plugin.stopping(),
    });
    tracing::info!(store = engine.place, "serving");
    let plugin = plugin.windows(grpc::STREAM_WINDOW, grpc::CONNECTION_WINDOW);
    plugin.serve(routes, terminated).await.map_err(|error| error.to_string())
}

fn why_not(error: &OpenError) -> String {
    match error {
        // A Jaeger that is split into a collector and a query service starts two.
        OpenError::Locked { .. } => format!(
            "{error}, and a sidecar shares its store with no other: run spoor serve on it, and \
             give each Jaeger --grpc-storage.server with its address instead of a plugin's binary"
        ),
        _ => error.to_string(),
    }
}

/// Tells why it ends. A host logs a line that begins so as an error, and others for debugging.
fn refuse(message: &str, code: u8) -> ExitCode {
    eprintln!("[ERROR] spoor: {message}");
    ExitCode::from(code)
}
