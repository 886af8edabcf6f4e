//! `demo`: see the library.

use std::process::ExitCode;

use tokio::signal::unix::{SignalKind, signal};

#[tokio::main]
async fn main() -> ExitCode {
    demo::run(std::env::args_os().skip(1).collect(), signals).await
}

/// From here on these signals end the program by this alone.
fn signals() -> impl Future<Output = ()> + Send {
    let mut terminate = signal(SignalKind::terminate()).expect("a runtime with signals runs");
    let mut interrupt = signal(SignalKind::interrupt()).expect("a runtime with signals runs");
    async move {
        tokio::select! { _ = terminate.recv() => {}, _ = interrupt.recv() => {} }
    }
}
