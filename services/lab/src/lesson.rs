//! `lab lesson`: the lessons of `docs/lessons`, run as their pages say.
//!
//! The commands that are run and the claims that are checked are those of the page itself, so that
//! what a reader is told and what is tested cannot differ.

mod amount;
mod cause;
mod claim;
mod condition;
mod evidence;
mod page;
mod pages;
mod place;
mod prove;
mod runner;
mod shell;

use std::io::stdout;
use std::process::ExitCode;
use std::time::{Duration, SystemTime};

use anyhow::{Context, bail};
use clap::Subcommand;

use crate::interrupt::Interrupt;
use crate::output::Output;
use crate::with::{self, With};
use page::Page;
use place::Place;
use runner::Outcome;

pub use condition::{Conditions, Of};

/// How far back `check` looks for what somebody's commands have led to.
const CHECKED: Duration = Duration::from_secs(3600);

/// What to do with the lessons.
#[derive(clap::Args)]
pub struct Arguments {
    #[command(subcommand)]
    action: Action,
}

#[derive(Subcommand)]
enum Action {
    /// Tell which lessons there are
    List,
    /// Run the commands of lessons, and check what their pages say of telemetry
    Run(Run),
    /// Check only what a page says, after its commands were typed by hand
    Check(Check),
    /// Show for each claim of lessons that it fails once its cause is taken away, each in a lab of its
    /// own
    Prove(Prove),
}

#[derive(clap::Args)]
struct Run {
    /// Which lessons
    #[arg(value_name = "NUMBER", required_unless_present = "all", conflicts_with = "all")]
    numbers: Vec<u32>,
    /// All of them
    #[arg(long)]
    all: bool,
    /// Fail if a lesson is left out, for lack of what it needs
    #[arg(long)]
    complete: bool,
    /// The parts that the lab has besides its services and storage; if none runs, one with these is
    /// started
    #[arg(long, value_enum, value_delimiter = ',', value_name = "PART,...")]
    with: Vec<With>,
    /// Ask the parts by their names, from a container beside them
    #[arg(long)]
    inside: bool,
}

#[derive(clap::Args)]
struct Check {
    /// Which lesson
    #[arg(value_name = "NUMBER")]
    number: u32,
    /// The variables that its claims name, such as TRACE=4bf92f3577b34da6a3ce929d0e0e4736
    #[arg(value_name = "NAME=VALUE", value_parser = assignment)]
    values: Vec<(String, String)>,
    /// Ask the parts by their names, from a container beside them
    #[arg(long)]
    inside: bool,
}

#[derive(clap::Args)]
struct Prove {
    /// Which lessons; all of them if none is given
    #[arg(value_name = "NUMBER")]
    numbers: Vec<u32>,
    /// The parts that each lab has besides its services and storage
    #[arg(long, value_enum, value_delimiter = ',', value_name = "PART,...")]
    with: Vec<With>,
}

fn assignment(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once('=').ok_or("expected NAME=VALUE")?;
    Ok((name.to_owned(), value.to_owned()))
}

/// Does it. Succeeds when every claim is as it must be, and nothing was left out that may not be.
///
/// # Errors
/// When a page or an argument makes no sense, or there is no lab.
pub async fn run(Arguments { action }: Arguments) -> anyhow::Result<ExitCode> {
    let pages = pages::all()?;
    let output = Output::new(stdout());
    let mut interrupt = Interrupt::new().context("listening for signals")?;
    let work = async {
        match action {
            Action::List => {
                list(&pages, &output);
                Ok(true)
            }
            Action::Run(arguments) => run_lessons(&pages, arguments, &output).await,
            Action::Check(arguments) => check(&pages, arguments, &output).await,
            Action::Prove(Prove { numbers, with }) => {
                with::check(&with)?;
                prove::run(&chosen(&pages, &numbers)?, &with, &output).await
            }
        }
    };
    // Whatever was started ends with its owner.
    let good = tokio::select! {
        good = Box::pin(work) => good,
        () = interrupt.next() => Err(anyhow::Error::msg("interrupted")),
    };
    output.print(String::new()).await;
    Ok(if good? { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn list(pages: &[Page], output: &Output) {
    for page in pages {
        let needs = page.needs.iter().map(|need| need.name()).collect::<Vec<_>>().join(", ");
        let needs = if needs.is_empty() { String::new() } else { format!("  needs {needs}") };
        output.offer(format!("{:2}  {:46}  {:10}{needs}\n", page.number, page.title, page.time));
    }
}

/// The pages with these numbers, or all without any.
fn chosen<'a>(pages: &'a [Page], numbers: &[u32]) -> anyhow::Result<Vec<&'a Page>> {
    if numbers.is_empty() {
        return Ok(pages.iter().collect());
    }
    let find = |number: &u32| {
        let page = pages.iter().find(|page| page.number == *number);
        page.with_context(|| format!("there is no lesson {number}, but 1 to {}", pages.len()))
    };
    numbers.iter().map(find).collect()
}

async fn run_lessons(pages: &[Page], arguments: Run, output: &Output) -> anyhow::Result<bool> {
    let Run { numbers, complete, with, inside, .. } = arguments;
    let pages = chosen(pages, &numbers)?;
    with::check(&with)?;
    if with.contains(&With::Grafana) {
        bail!("no lesson needs Grafana: leave it out of --with");
    }
    let place = Place::find(&with, inside).await?;
    output.offer(match place.is_own() {
        true => "no lab runs: this one is the lessons' own, and ends with them\n".to_owned(),
        false => {
            format!("the lab with app-a at {}\n", place.addresses.url(crate::ports::known::ENTRY))
        }
    });
    let mut rows = Vec::new();
    let mut good = true;
    for page in pages {
        let missing = place.missing(&page.needs);
        let came = if missing.is_empty() {
            output.offer(format!("\nlesson {}: {} ({})\n", page.number, page.title, page.time));
            let outcome = Box::pin(runner::run(page, &place, None, output)).await?;
            good &= outcome.is_good();
            told(&outcome)
        } else {
            good &= !complete;
            format!("left out: needs {}", missing.join(", "))
        };
        rows.push(format!("{:2}  {:46}  {came}\n", page.number, page.title));
    }
    output.offer("\n".to_owned());
    rows.into_iter().for_each(|row| output.offer(row));
    Ok(good)
}

async fn check(pages: &[Page], arguments: Check, output: &Output) -> anyhow::Result<bool> {
    let Check { number, values, inside } = arguments;
    let page = chosen(pages, &[number])?[0];
    for name in page.variables() {
        if !values.iter().any(|(given, value)| given == name && !value.is_empty()) {
            bail!("checking lesson {number}: {name} is missing; give it as {name}=VALUE");
        }
    }
    let place = Place::of_environment(inside)?;
    let value =
        |name: &str| values.iter().find(|(given, _)| given == name).map(|(_, it)| it.clone());
    let since = SystemTime::now() - CHECKED;
    let outcome = Box::pin(runner::check(page, &place, value, since, output)).await?;
    output.offer(format!("{}\n", told(&outcome)));
    Ok(outcome.is_good())
}

fn told(outcome: &Outcome) -> String {
    let Outcome { failed, judged, broken } = outcome;
    match broken {
        Some(step) => format!("BROKEN at {step:?}"),
        None if failed.is_empty() => format!("{judged} of {judged} claims hold"),
        None => format!("FAILED: {} of {judged} claims hold", judged - failed.len()),
    }
}
