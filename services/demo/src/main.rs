//! `demo`: see the library.

use std::process::ExitCode;

use tokio::signal::unix::{SignalKind, signal};

#[tokio::main]
async fn main() -> ExitCode {
    let mut terminate = signal(SignalKind::terminate()).expect("a runtime with signals runs");
    let mut interrupt = signal(SignalKind::interrupt()).expect("a runtime with signals runs");
    let shutdown = async move {
        tokio::select! { _ = terminate.recv() => {}, _ = interrupt.recv() => {} }
    };
    demo::run(std::env::args_os().skip(1).collect(), shutdown).await
}
