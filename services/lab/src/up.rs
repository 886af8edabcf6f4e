//! `lab up`: everything started, ready, watched and ended.

use std::io::stdout;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, bail};
use clap::ValueEnum;

use crate::children::Children;
use crate::interrupt::Interrupt;
use crate::logs::Logs;
use crate::output::Output;
use crate::parts::{self, Parts};
use crate::ports::Ports;
use crate::ports::known::ENTRY;
use crate::{jaeger, once};

/// How long any request of the lab's own may take.
pub const REQUEST_DEADLINE: Duration = Duration::from_secs(30);

/// What to bring up, and for how long.
#[derive(clap::Args, Default)]
pub struct Arguments {
    /// Send one request, print its trace as a tree, check it, and end. On free ports
    #[arg(long)]
    once: bool,
    /// A part to add
    #[arg(long, value_enum, value_name = "PART")]
    with: Vec<With>,
    /// The Jaeger program [env: LAB_JAEGER] [default: on the PATH, or built by e2e/programs]
    #[arg(long, value_name = "PATH", requires = "with")]
    jaeger: Option<PathBuf>,
}

#[derive(Clone, Copy, PartialEq, ValueEnum)]
enum With {
    /// Jaeger, which takes the spans, keeps them in spoor, and shows them.
    Jaeger,
}

/// Runs the lab until an interrupt or, with `--once`, until its trace is checked.
///
/// # Errors
/// When a port is taken, a part fails or ends, or the check fails. No part runs any more then.
pub async fn run(arguments: Arguments) -> anyhow::Result<()> {
    let jaeger = match arguments.with.contains(&With::Jaeger) {
        true => Some(jaeger::find(arguments.jaeger, |name| std::env::var_os(name))?),
        false => None,
    };
    let ports = parts::ports(jaeger.is_some());
    let ports = match arguments.once {
        true => Ports::free(&ports)?,
        false => Ports::configured(&ports, |name| std::env::var(name).ok())?,
    };
    let parts = parts::parts(&ports, jaeger.as_deref())?;
    let backends = parts.backends.len();

    let mut interrupt = Interrupt::new().context("listening for signals")?;
    let output = Output::new(stdout());
    let logs = Logs::new((!arguments.once).then(|| output.clone()));
    // A proxy that is configured cannot reach loopback.
    let http = reqwest::Client::builder().no_proxy().timeout(REQUEST_DEADLINE);
    let http = http.build().context("making an HTTP client")?;
    let mut children = Children::new(logs.clone(), http.clone());
    let outcome = tokio::select! {
        () = interrupt.next() => match arguments.once {
            true => Err(anyhow::Error::msg("interrupted")),
            false => Ok(()),
        },
        outcome = async {
            match arguments.once {
                true => once::run(&mut children, parts, &ports, &logs, &http, &output).await,
                false => stay(&mut children, parts, &ports, &output).await,
            }
        } => outcome,
    };
    // Who sends telemetry ends before who takes it.
    let stopped = async {
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
    outcome
}

/// Starts `parts` and waits until one ends, which none should.
async fn stay(
    children: &mut Children,
    parts: Parts,
    ports: &Ports,
    output: &Output,
) -> anyhow::Result<()> {
    let mut summary = "\nThe lab is up.\n\n".to_owned();
    let mut ui = None;
    for part in parts.backends.into_iter().chain(parts.services) {
        for (index, (place, what)) in part.places.iter().enumerate() {
            let name = if index == 0 { part.name } else { "" };
            summary.push_str(&format!("  {name:6}  {place:31}  {what}\n"));
        }
        if part.name == jaeger::UI.part {
            ui = Some(format!("http://{}", ports.address(jaeger::UI)));
        }
        children.start(part).await?;
    }
    summary.push_str(&format!("\nTry    curl http://{}/chain\n", ports.address(ENTRY)));
    summary.push_str(&match ui {
        Some(ui) => format!("Look   {ui}/trace/ID, with the trace_id that it answers\n"),
        None => "Look   `lab up --with jaeger` adds Jaeger's UI; \
                 `lab up --once` prints a trace as a tree\n"
            .to_owned(),
    });
    summary.push_str("End    Ctrl-C\n\n");
    output.print(summary).await;
    bail!(children.first_end().await)
}
