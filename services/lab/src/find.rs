//! `lab find`: traces by what their spans have.

use std::io::stdout;
use std::process::ExitCode;
use std::time::{Duration, SystemTime};

use traces::{Error, Found, Page, Storage, Summary, Window};

use crate::addresses::Addresses;
use crate::lesson::{Conditions, Of};
use crate::output::Output;
use crate::ports::known::STORAGE;

/// How many traces the storage server is asked for at once where only their roots tell which are
/// meant.
const PAGE: u32 = 1_000;

/// What to look for, and where.
#[derive(clap::Args)]
pub struct Arguments {
    /// What one span of the trace must have, such as 'service = app-d and duration >= 300 ms': KEY = VALUE,
    /// with ` and ` between them. Keys are service, name, kind, status (= error alone), duration (by >= or
    /// <=), jaeger-debug-id, and each attribute whose name has a dot, such as app.customer.id; of the trace's
    /// first span root.service and root.name
    #[arg(value_name = "CONDITIONS", value_parser = conditions)]
    conditions: Conditions,
    /// How far back to look
    #[arg(long, value_name = "TIME", default_value = "1h", value_parser = humantime::parse_duration)]
    last: Duration,
    /// How many to tell at most, the latest first
    #[arg(long, value_name = "NUMBER", default_value_t = 10)]
    limit: u32,
    /// Ask the storage server by its name, from a container beside it
    #[arg(long)]
    inside: bool,
}

fn conditions(text: &str) -> Result<Conditions, String> {
    Conditions::read(text, Of::Traces)
}

/// Prints the traces that have such a span.
///
/// # Errors
/// When the variable of the port holds none, or nobody answers.
pub async fn run(arguments: Arguments) -> anyhow::Result<ExitCode> {
    let Arguments { conditions, last, limit, inside } = arguments;
    let addresses = match inside {
        true => Addresses::inside(),
        false => Addresses::published(|name| std::env::var(name).ok())?,
    };
    let storage = Storage::new(&addresses.url(STORAGE))?;
    let found = latest(&storage, Window::last(last), &conditions, limit.max(1)).await?;
    let text = match found.is_empty() {
        true => format!("no such trace in the last {}\n", humantime::format_duration(last)),
        false => found.iter().map(line).collect(),
    };
    Output::new(stdout()).print(text).await;
    Ok(ExitCode::SUCCESS)
}

/// The latest traces of the window that are meant, so many at most.
///
/// # Errors
/// When the server refuses.
pub async fn latest(
    storage: &Storage,
    window: Window,
    conditions: &Conditions,
    most: u32,
) -> Result<Vec<Summary>, Error> {
    let size = if conditions.are_of_roots() { PAGE } else { most };
    let mut page = Page { size, ..Page::default() };
    let mut meant = Vec::new();
    loop {
        let Found { found, next } = storage.summaries(window, conditions.filter(), page).await?;
        let found = found.into_iter();
        meant.extend(found.filter(|it| conditions.meet_root(&it.root_service, &it.root_operation)));
        if meant.len() >= most as usize || next.is_empty() {
            meant.truncate(most as usize);
            return Ok(meant);
        }
        page = Page { size, token: next };
    }
}

fn line(summary: &Summary) -> String {
    let Summary { trace_id, root_service, root_operation, start, duration, spans, errors, .. } =
        summary;
    let root = match root_service.is_empty() {
        true => "(its root is missing)".to_owned(),
        false => format!("{root_service}  {root_operation}"),
    };
    let begun = SystemTime::UNIX_EPOCH + Duration::from_nanos(*start);
    let begun = humantime::format_rfc3339_seconds(begun);
    let duration = *duration as f64 / 1e6;
    format!("{trace_id}  {begun}  {duration:9.1} ms  {spans:3} spans  {errors:2} errors  {root}\n")
}

#[cfg(test)]
mod tests {
    use clap::Args;

    use super::*;

    #[test]
    fn the_help_lists_every_key() {
        let mut command = Arguments::augment_args(clap::Command::new("find"));
        let help = command.render_long_help().to_string();
        let words: Vec<_> = help.split([' ', ',', ';', '\n']).collect();
        for key in Of::Traces.keys() {
            assert!(words.contains(key), "{key}: {help}");
        }
    }
}
