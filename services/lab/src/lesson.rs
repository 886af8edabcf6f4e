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
use crate::ports::known::ENTRY;
use page::{Need, Page};
use runner::Outcome;

pub use condition::{Conditions, Of};
pub use place::{PARTS, Place};

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
    /// Run the commands of lessons, and check what their pages say of telemetry. Succeeds when all of it
    /// holds, and none of it was left out
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
}

fn assignment(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once('=').ok_or("expected NAME=VALUE")?;
    Ok((name.to_owned(), value.to_owned()))
}

/// Does it. Succeeds when every claim is as it must be, and nothing was left out.
///
/// # Errors
/// When a page or an argument makes no sense, there is no lab, or it is interrupted. Whatever was
/// started has ended then.
pub async fn run(Arguments { action }: Arguments) -> anyhow::Result<ExitCode> {
    let pages = pages::all()?;
    let output = Output::new(stdout());
    let interrupt = &mut Interrupt::new().context("listening for signals")?;
    let good = match action {
        Action::List => {
            list(&pages, &output);
            Ok(true)
        }
        Action::Run(Run { numbers, .. }) => {
            run_lessons(&chosen(&pages, &numbers)?, interrupt, &output).await
        }
        Action::Check(arguments) => unless(interrupt, check(&pages, arguments, &output)).await,
        Action::Prove(Prove { numbers }) => {
            unless(interrupt, prove::run(&chosen(&pages, &numbers)?, &output)).await
        }
    };
    output.print(String::new()).await;
    Ok(if good? { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// The work, which an interrupt ends, with all that it has started.
async fn unless<T>(
    interrupt: &mut Interrupt,
    work: impl Future<Output = anyhow::Result<T>>,
) -> anyhow::Result<T> {
    tokio::select! {
        outcome = Box::pin(work) => outcome,
        () = interrupt.next() => bail!("interrupted"),
    }
}

fn list(pages: &[Page], output: &Output) {
    for page in pages {
        let names =
            |needs: &[Need]| needs.iter().map(|it| it.name()).collect::<Vec<_>>().join(", ");
        let mut needs = match &page.needs[..] {
            [] => String::new(),
            needs => format!("  needs {}", names(needs)),
        };
        let of_steps = page.needs_of_steps();
        if !of_steps.is_empty() {
            needs.push_str(&format!("  some steps {}", names(&of_steps)));
        }
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

async fn run_lessons(
    pages: &[&Page],
    interrupt: &mut Interrupt,
    output: &Output,
) -> anyhow::Result<bool> {
    let needed: Vec<_> = pages.iter().flat_map(|page| page.parts()).collect();
    let place = unless(interrupt, Place::find(&needed)).await?;
    output.offer(match place.is_own() {
        true => "no lab runs: this one is the lessons' own, and ends with them\n".to_owned(),
        false => format!("the lab with app-a at {}\n", place.addresses.url(ENTRY)),
    });
    let mut rows = Vec::new();
    let mut good = true;
    for page in pages {
        let missing = place.missing(&page.needs);
        good &= missing.is_empty();
        let came = if missing.is_empty() {
            output.offer(format!("\nlesson {}: {} ({})\n", page.number, page.title, page.time));
            let faults = place.faults().await?;
            let outcome = unless(interrupt, runner::run(page, &place, None, output)).await;
            // One that was not gone through to its end may have left something switched on.
            let tidied = place.end_faults_but(&faults).await;
            let outcome = outcome?;
            tidied?;
            good &= outcome.is_good();
            told(&outcome)
        } else {
            format!("LEFT OUT for lack of {}", missing.join(", "))
        };
        rows.push(format!("{:2}  {:46}  {came}\n", page.number, page.title));
    }
    output.offer("\n".to_owned());
    rows.into_iter().for_each(|row| output.offer(row));
    output.offer(remedy(pages, &place));
    Ok(good)
}

/// How to have the parts that are missing; nothing if none is.
fn remedy(pages: &[&Page], place: &Place) -> String {
    let mut parts: Vec<_> = pages.iter().flat_map(|page| page.parts()).collect();
    parts.retain(|part| !place.with.contains(part));
    parts.sort_unstable();
    parts.dedup();
    let names: Vec<_> = parts.iter().map(|part| part.name()).collect();
    match (names.is_empty(), place.is_own()) {
        (true, _) => String::new(),
        (false, true) => format!("\n`e2e/programs {}` builds what is missing\n", names.join(" ")),
        (false, false) => {
            let with: Vec<_> = place.with.iter().map(|part| part.name()).chain(names).collect();
            format!("\na lab that is up --with {} has what is missing\n", with.join(","))
        }
    }
}

async fn check(pages: &[Page], arguments: Check, output: &Output) -> anyhow::Result<bool> {
    let Check { number, values, inside } = arguments;
    let page = chosen(pages, &[number])?[0];
    let place = Place::of_environment(inside).await?;
    if !place.runs().await {
        let url = place.addresses.url(ENTRY);
        bail!("checking lesson {number}: no lab runs at {url}: start one, `cargo run --release`");
    }
    let missing = place.missing(&page.needs);
    // What only its commands need is of no matter any more.
    let needed = missing.into_iter().filter(|need| !["ADMIN_TOKEN", "cargo"].contains(need));
    let needed: Vec<_> = needed.collect();
    if !needed.is_empty() {
        bail!("checking lesson {number}: it needs {}", needed.join(", "));
    }
    let value =
        |name: &str| values.iter().find(|(given, _)| given == name).map(|(_, it)| it.clone());
    let since = SystemTime::now() - CHECKED;
    let outcome = runner::check(page, &place, value, since, output).await?;
    output.offer(format!("{}\n", told(&outcome)));
    Ok(outcome.is_good())
}

fn told(Outcome { failed, judged, broken, left_out }: &Outcome) -> String {
    let mut told = match broken {
        Some(step) => format!("BROKEN at {step:?}"),
        None if failed.is_empty() => format!("{judged} of {judged} claims hold"),
        None => format!("FAILED: {} of {judged} claims hold", judged - failed.len()),
    };
    for (lack, headings) in left_out {
        told.push_str(&format!("; LEFT OUT for lack of {lack}: {}", headings.join("; ")));
    }
    told
}
