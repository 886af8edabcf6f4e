//! An instrumented service, four of which are the lab's `app-a` to `app-d`.
//!
//! Each answers HTTP and gRPC on one port and knows two others as its targets, so that one request
//! to `/chain` crosses four services and changes protocol twice, and one to `/orders` finds a shop,
//! its stock, prices and payments: roles that each service has, for whoever calls it. All that
//! concerns the propagation of telemetry is in the `telemetry` crate: nothing here reads or writes
//! one of its headers, but for a fault that loses them. `docs/demo.md` lists every span, and
//! `docs/faults.md` every fault that can be switched on.
//!
//! A number in a log line is an `i64`: of what is unsigned, the event of the span would have a text.

use std::ffi::OsString;
use std::fmt::Display;
use std::future::Future;
use std::process::ExitCode;
use std::time::Duration;

mod admin;
mod answer;
mod args;
mod cache;
mod chain;
mod chance;
mod database;
mod error;
mod faults;
mod grpc;
mod healthcheck;
mod mode;
mod orders;
mod payments;
mod peers;
mod pricing;
mod queue;
mod routes;
mod serve;
mod stock;
mod tier;
mod work;

use admin::Token;
use args::{Args, Command};
use faults::Faults;

/// The code of `src/generated` is committed, so that a build needs no `protoc`. After a change to
/// the `.proto` file, `UPDATE_GENERATED=1 cargo test -p demo` writes it anew.
#[allow(missing_docs, clippy::all)]
pub mod tasks {
    include!("generated/demo.v1.rs");
}

/// `EX_USAGE` of sysexits.h.
const BAD_CONFIGURATION: u8 = 64;

/// How long the export of the last spans may hold up the end.
const FLUSH_DEADLINE: Duration = Duration::from_secs(3);

/// Runs the program until what `shutdown` returns resolves; `args` are without the program's name.
/// `shutdown` is called when the program will not be started anew, as `MODE` may have it: what caught
/// signals before that would lose them.
///
/// It may run once per process, since telemetry is the process's. Exits 64 after one line about a
/// bad argument or variable, 1 if it cannot serve.
pub async fn run<F>(args: Vec<OsString>, shutdown: impl FnOnce() -> F) -> ExitCode
where
    F: Future<Output = ()> + Send + 'static,
{
    let args = match Args::read(args) {
        Ok(args) => args,
        Err(error) if !error.use_stderr() => {
            // Help or version, which were asked for; who closed the output wants no more of it.
            let _ = error.print();
            return ExitCode::SUCCESS;
        }
        Err(error) => {
            let message = error.to_string();
            let first_line = message.lines().next().unwrap_or_default();
            return fail(BAD_CONFIGURATION, first_line.trim_start_matches("error: "));
        }
    };
    if let Some(Command::Healthcheck { url }) = args.command {
        return match healthcheck::check(url).await {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => fail(1, error),
        };
    }

    if let Some(mode) = args.mode {
        match mode.unset() {
            Ok(unset) if unset.is_empty() => {}
            Ok(unset) => {
                let error = mode::start_anew(unset);
                return fail(1, format_args!("starting anew with what MODE is short for: {error}"));
            }
            Err(error) => return fail(BAD_CONFIGURATION, error),
        }
    }
    let shutdown = shutdown();
    let name = args.name.clone().unwrap_or_else(|| telemetry::service_name("app-a"));
    let version = telemetry::service_version();
    let faults = match faults::read_all(&args.faults, &name, version.as_deref()) {
        Ok(faults) => faults,
        Err(error) => return fail(BAD_CONFIGURATION, format_args!("reading FAULTS: {error}")),
    };
    let token = match Token::from_environment() {
        Ok(token) => token,
        Err(error) => return fail(BAD_CONFIGURATION, error),
    };
    let telemetry = match telemetry::init(&name, args.log_format) {
        Ok(telemetry) => telemetry,
        Err(error) => return fail(BAD_CONFIGURATION, error),
    };
    let faults = Faults::new(&name, version, faults);
    let result = serve::serve(name, args, faults, token, shutdown).await;
    telemetry.shutdown(FLUSH_DEADLINE);
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => fail(1, error),
    }
}

fn fail(code: u8, message: impl Display) -> ExitCode {
    eprintln!("error: {message}");
    ExitCode::from(code)
}
