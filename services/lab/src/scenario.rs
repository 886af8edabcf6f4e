//! `lab scenario`: incidents of a lab that runs. The console has them; this asks it.

mod all;
mod api;
mod show;

use std::io::{read_to_string, stdin, stdout};
use std::process::ExitCode;

use anyhow::{Context, bail};
use serde_json::{Value, json};

use crate::addresses::Addresses;
use crate::output::Output;
use crate::ports::known::CONSOLE;
use api::Api;

/// What to do.
#[derive(clap::Args)]
pub struct Arguments {
    #[command(subcommand)]
    command: Command,
    /// Ask the console by its name, from a container beside it
    #[arg(long, global = true)]
    inside: bool,
}

#[derive(clap::Subcommand)]
enum Command {
    /// Tell the scenarios that there are, and what an answer may say
    List,
    /// Begin an incident
    Run(Run),
    /// Tell how the incident stands
    Status,
    /// Say what is wrong. Succeeds when all of it is right
    Answer(Answer),
    /// Tell one more hint
    Hint,
    /// End the incident, and tell what it is
    Reveal,
    /// End the incident
    Stop,
}

#[derive(clap::Args)]
struct Run {
    /// Which scenario; without one any. `-` reads it from standard input: with --blind a name on the
    /// command line would be for everyone to see who lists processes
    name: Option<String>,
    /// Which of its incidents: the same seed is the same one; without one any
    #[arg(long, value_name = "NUMBER")]
    seed: Option<u64>,
    /// Tell nothing of it but that it is there
    #[arg(long)]
    blind: bool,
    /// As short as a program can take it: less than a minute until it can be answered, not four
    #[arg(long)]
    fast: bool,
    /// Each scenario, one after the other, and whether telemetry shows what it is; with seed 1
    /// unless another is given, and if no lab runs in one of its own
    #[arg(long, conflicts_with_all = ["name", "blind"])]
    all: bool,
}

#[derive(clap::Args)]
struct Answer {
    /// Why it goes wrong: a word of `lab scenario list`. For `nothing` nothing else is needed
    #[arg(long)]
    cause: String,
    /// The service in which it does
    #[arg(long, value_name = "NAME", default_value = "", hide_default_value = true)]
    service: String,
    /// The name of that one's SERVER span
    #[arg(long, value_name = "NAME", default_value = "", hide_default_value = true)]
    operation: String,
    /// Since when, in UTC: 20:15:30, or 2030-01-31T20:15:30Z
    #[arg(long, value_name = "TIME", default_value = "", hide_default_value = true)]
    since: String,
    /// For whom: everyone, bronze, silver or gold
    #[arg(long, value_name = "WHO", default_value = "", hide_default_value = true)]
    affected: String,
}

/// Asks the console. A wrong answer, and what telemetry does not show, is no success.
///
/// # Errors
/// When the console does not answer, or refuses, or an argument makes no sense.
pub async fn run(Arguments { command, inside }: Arguments) -> anyhow::Result<ExitCode> {
    let addresses = match inside {
        true => Addresses::inside(),
        false => Addresses::published(|name| std::env::var(name).ok())?,
    };
    let api = Api::new(addresses.url(CONSOLE))?;
    let output = Output::new(stdout());
    let mut right = true;
    let text = match command {
        Command::List => show::list(&api.get("/scenarios").await?),
        Command::Run(Run { all: true, seed, fast, .. }) => {
            right = all::run(seed.unwrap_or(1), fast, inside, &output).await?;
            String::new()
        }
        Command::Run(run) => show::state(&api.post("/run", run.read()?).await?),
        Command::Status => show::state(&api.get("").await?),
        Command::Answer(answer) => {
            let marked = api.post("/answer", answer.json()).await?;
            right = marked["right"] == true;
            show::marked(&marked)
        }
        Command::Hint => show::hints(&api.post("/hint", json!({})).await?),
        Command::Reveal => show::solution(&api.post("/reveal", json!({})).await?),
        Command::Stop => show::state(&api.post("/stop", json!({})).await?),
    };
    output.print(text).await;
    Ok(if right { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

impl Run {
    fn read(self) -> anyhow::Result<Value> {
        let Self { mut name, seed, blind, fast, .. } = self;
        if name.as_deref() == Some("-") {
            let text = read_to_string(stdin()).context("reading a name from standard input")?;
            name = Some(text.trim().to_owned());
        } else if name.is_some() && blind {
            bail!(
                "a name on the command line is for everyone to see: leave it out, and any scenario \
                 is begun, or give `-` and the name on standard input"
            );
        }
        Ok(json!({ "name": name, "seed": seed, "blind": blind, "fast": fast }))
    }
}

impl Answer {
    fn json(self) -> Value {
        let Self { cause, service, operation, since, affected } = self;
        json!({
            "cause": cause,
            "service": service,
            "operation": operation,
            "since": since,
            "affected": affected,
        })
    }
}
