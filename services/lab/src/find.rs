//! `lab find`: traces by what their spans have.

use std::io::stdout;
use std::process::ExitCode;
use std::time::{Duration, SystemTime};

use traces::{Page, Storage, Summary, Window};

use crate::addresses::Addresses;
use crate::lesson::{Conditions, Of};
use crate::output::Output;
use crate::ports::known::STORAGE;

/// What to look for, and where.
#[derive(clap::Args)]
pub struct Arguments {
    /// What one span of the trace must have, such as 'service = app-d and duration >= 300 ms'
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
    let page = Page { size: limit.max(1), ..Page::default() };
    let mut found = storage.summaries(Window::last(last), conditions.filter(), page).await?.found;
    found.retain(|summary| conditions.meet_root(&summary.root_service, &summary.root_operation));
    let text = match found.is_empty() {
        true => format!("no such trace in the last {}\n", humantime::format_duration(last)),
        false => found.iter().map(line).collect(),
    };
    Output::new(stdout()).print(text).await;
    Ok(ExitCode::SUCCESS)
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
