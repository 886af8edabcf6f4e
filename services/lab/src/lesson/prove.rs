//! Whether claims can fail: each must, and it alone, once its cause is taken away.

use super::cause::Change;
use super::page::{Page, Stated};
use super::place::Place;
use super::runner;
use crate::output::Output;

/// Tries each claim of these pages in a lab of its own with the parts that they need. Succeeds when
/// each fails, and no other of its lesson.
///
/// # Errors
/// When a lab cannot be started.
pub async fn run(pages: &[&Page], output: &Output) -> anyhow::Result<bool> {
    let mut rows = Vec::new();
    let mut good = true;
    for page in pages {
        for stated in page.claims() {
            let problem = Box::pin(problem(page, stated, output)).await?;
            good &= problem.is_none();
            let place = format!("{}:{}", page.file, stated.line);
            let came = problem.unwrap_or_else(|| "fails, and it alone".to_owned());
            rows.push(format!("{place:32}  {}\n{:34}{came}\n", stated.text, ""));
        }
    }
    output.offer("\nwithout their cause\n\n".to_owned());
    rows.into_iter().for_each(|row| output.offer(row));
    Ok(good)
}

/// How it is not as it must be.
async fn problem(page: &Page, stated: &Stated, output: &Output) -> anyhow::Result<Option<String>> {
    output.offer(format!("\n{}:{} without its cause\n", page.file, stated.line));
    let settings: Vec<_> = match &stated.without {
        Change::Variable(setting) => vec![setting.clone()],
        _ => Vec::new(),
    };
    let mut with: Vec<_> = page.parts().collect();
    with.sort_unstable();
    with.dedup();
    let place = Place::start(&with, &settings).await?;
    let missing = place.missing(&page.needs);
    if !missing.is_empty() {
        return Ok(Some(format!("LEFT OUT: needs {}", missing.join(", "))));
    }
    let outcome = Box::pin(runner::run(page, &place, Some(stated), output)).await?;
    Ok(match (&outcome.broken, &outcome.failed[..]) {
        (Some(step), _) => Some(format!("BROKEN at {step:?}")),
        (None, [line]) if *line == stated.line => None,
        (None, []) => Some("HOLDS all the same".to_owned()),
        (None, lines) => {
            let lines = lines.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
            Some(format!("NOT IT ALONE: what fails is on the lines {lines}"))
        }
    })
}
