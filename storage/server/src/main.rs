//! `spoor`: see the library of the same name.

mod malloc;

use std::process::ExitCode;

use tokio::signal::unix::{SignalKind, signal};

fn main() -> ExitCode {
    // Before there are threads.
    malloc::configure();
    run()
}

#[tokio::main]
async fn run() -> ExitCode {
    let (mut terminate, mut interrupt) =
        match (signal(SignalKind::terminate()), signal(SignalKind::interrupt())) {
            (Ok(terminate), Ok(interrupt)) => (terminate, interrupt),
            (Err(error), _) | (_, Err(error)) => {
                eprintln!("spoor: listening for signals: {error}");
                return ExitCode::FAILURE;
            }
        };
    let mut signalled = async move || {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    };
    let stopped = async move {
        signalled().await;
        // Whoever asks again doesn't want to wait for what is in flight.
        tokio::spawn(async move {
            signalled().await;
            eprintln!("spoor: stopped by a second signal");
            std::process::exit(1);
        });
    };
    spoor::run(std::env::args_os().skip(1).collect(), stopped).await
}
