//! `lab up`: everything started, ready, watched and ended.

use std::io::stdout;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, bail};

use crate::children::Children;
use crate::interrupt::Interrupt;
use crate::logs::Logs;
use crate::once;
use crate::output::Output;
use crate::parts::{self, Parts, Plan};
use crate::ports::Ports;
use crate::ports::known::{CONSOLE, ENTRY, FAULTS, JAEGER_UI, LINES, LOAD};
use crate::program;
use crate::setting::Setting;
use crate::with::{self, With};

/// How long any request of the lab's own may take.
pub const REQUEST_DEADLINE: Duration = Duration::from_secs(30);

/// What to bring up, and for how long.
#[derive(clap::Args, Default)]
pub struct Arguments {
    /// Check the lab and end: show the trace of one request or, with a Collector, run the doctor. On
    /// free ports, whatever the variables say
    #[arg(long)]
    once: bool,
    /// The parts to add
    #[arg(long, value_enum, value_delimiter = ',', value_name = "PART,...")]
    with: Vec<With>,
    /// Show what the parts log, as it comes
    #[arg(long, conflicts_with = "once")]
    logs: bool,
    /// A variable of one part, whatever the lab would set; may be given many times
    #[arg(long, value_name = "PART:NAME=VALUE")]
    env: Vec<Setting>,
}

/// Runs the lab until an interrupt or, with `--once`, until it is checked.
///
/// # Errors
/// When a port is taken, a part fails or ends, or the check fails. No part runs any more then.
pub async fn run(Arguments { once, with, logs, env }: Arguments) -> anyhow::Result<ExitCode> {
    if with.contains(&With::Grafana) {
        bail!("Grafana runs in containers only: `docker compose up` has it");
    }
    with::check(&with)?;
    let programs = program::find_all(&with, |name| std::env::var_os(name))?;
    let ports = parts::ports(&with);
    let ports = match once {
        true => Ports::free(&ports)?,
        false => Ports::configured(&ports, |name| std::env::var(name).ok())?,
    };
    let plan = Plan { ports, programs, checked: once, admin_token: admin_token() };
    let mut interrupt = Interrupt::new().context("listening for signals")?;
    let parts = parts::parts(&plan, &env)?;
    let [backends, services] = [&parts.backends, &parts.services].map(Vec::len);

    let output = Output::new(stdout());
    let shown = logs;
    let logs = Logs::new((!once).then(|| output.clone()), shown, parts.name_width());
    // A proxy that is configured cannot reach loopback.
    let http = reqwest::Client::builder().no_proxy().timeout(REQUEST_DEADLINE);
    let http = http.build().context("making an HTTP client")?;
    let lines = plan.ports.address(LINES);
    let mut children = Children::new(logs.clone(), lines, http.clone()).await?;
    let outcome = tokio::select! {
        () = interrupt.next() => match once {
            true => Err(anyhow::Error::msg("interrupted")),
            false => Ok(()),
        },
        outcome = async {
            let (children, ports) = (&mut children, &plan.ports);
            match once {
                false => stay(children, parts, &plan, &with, &output).await,
                true if with.contains(&With::Collector) => {
                    once::examine(children, parts, ports, &with, &output).await
                }
                true => once::run(children, parts, ports, &logs, &http, &output).await,
            }
        } => outcome,
    };
    let stopped = async {
        children.stop(backends + services).await;
        // Who sends telemetry ends before who takes it.
        for kept in (0..=backends).rev() {
            children.stop(kept).await;
        }
    };
    tokio::select! {
        () = stopped => {}
        // Asked again: what still runs is killed.
        () = interrupt.next() => {}
    }
    drop(children);
    output.print(String::new()).await;
    outcome.map(|()| ExitCode::SUCCESS)
}

/// The shell's, or one that nobody can guess.
fn admin_token() -> String {
    let token = std::env::var("ADMIN_TOKEN").ok().filter(|token| !token.is_empty());
    token.unwrap_or_else(|| format!("{:032x}", rand::random::<u128>()))
}

/// Starts `parts` and waits until one ends, which none should.
async fn stay(
    children: &mut Children,
    parts: Parts,
    plan: &Plan,
    with: &[With],
    output: &Output,
) -> anyhow::Result<()> {
    let Plan { ports, admin_token, .. } = plan;
    // As it was started: nobody has it as a command yet.
    let lab = std::env::args().next().unwrap_or_else(|| "lab".to_owned());
    let mut summary = "\nThe lab is up.\n\n".to_owned();
    let width = parts.name_width();
    for part in parts.all() {
        for (index, (place, what)) in part.places.iter().enumerate() {
            let name = if index == 0 { part.name } else { "" };
            summary.push_str(&format!("  {name:width$}  {place:31}  {what}\n"));
        }
    }
    summary.push_str(&format!(
        "\nLook   http://{}: send a request, and see what becomes of it\n\
         Try    curl http://{}/chain\n",
        ports.address(CONSOLE),
        ports.address(ENTRY)
    ));
    let names = with.iter().map(|part| part.name()).collect::<Vec<_>>().join(",");
    summary.push_str(&match with.contains(&With::Jaeger) {
        true => format!(
            "Jaeger http://{}/trace/ID, with the trace_id that it answers\n\
             Check  {lab} doctor --with {names}\n",
            ports.address(JAEGER_UI)
        ),
        false => format!(
            "Jaeger `{lab} up --with jaeger` adds its UI; \
             `{lab} up --once` prints a trace as a tree\n\
             Check  {lab} doctor\n"
        ),
    });
    summary.push_str(&format!(
        "Load   comes by itself: LOAD_RATE requests a second, 0 for none; `curl -d rate=20 {}`\n\
         Faults curl -H 'Authorization: Bearer {admin_token}' http://{}/faults\n\
         Logs   `{lab} up --logs` shows them here as they come\n\
         End    Ctrl-C\n\n",
        ports.address(LOAD),
        ports.address(FAULTS[0]),
    ));
    parts.start(children).await?;
    output.print(summary).await;
    bail!(children.first_end().await)
}
