//! Going through a page: its commands are run, and its claims are judged.

use std::time::{Duration, SystemTime};

use anyhow::{Context, bail};
use tokio::time::Instant;

use super::cause::Change;
use super::claim::{self, Claim};
use super::evidence::{Evidence, Seen};
use super::page::{Need, Page, Stated, Step, Work};
use super::place::Place;
use super::shell::{Shell, trace_id};
use crate::doctor::lab::Lab;
use crate::output::Output;

/// How long what a claim is about may take to arrive.
const DEADLINE: Duration = Duration::from_secs(40);
/// The same for a claim whose cause was taken away: longer than what arrives takes.
const VAIN_DEADLINE: Duration = Duration::from_secs(12);
/// After its commands nothing more comes of a lesson's requests: services send each second, and who
/// stands between them and the storage waits less.
const SETTLED: Duration = Duration::from_secs(3);
/// How much of a line of an answer is shown.
const SHOWN: usize = 400;
/// How many lines of an answer are shown.
const SHOWN_LINES: usize = 40;

/// How long the commands of a step may take.
const STEP_DEADLINE: Duration = Duration::from_secs(60);
/// The same where a program is built with all that it depends on.
const BUILD_DEADLINE: Duration = Duration::from_secs(900);

/// What came of a lesson.
#[derive(Default)]
pub struct Outcome {
    /// The lines of claims that did not hold.
    pub failed: Vec<usize>,
    /// How many claims were judged.
    pub judged: usize,
    /// The step whose commands failed, which ends the lesson.
    pub broken: Option<String>,
    /// What the lab lacks, and the steps that were left out for it.
    pub left_out: Vec<(String, Vec<String>)>,
}

impl Outcome {
    pub fn is_good(&self) -> bool {
        self.failed.is_empty() && self.broken.is_none() && self.left_out.is_empty()
    }

    /// Whether this step is to be left out, for lack of what it needs.
    fn leaves_out(&mut self, step: &Step, place: &Place) -> bool {
        let missing = place.missing(&step.needs).join(", ");
        if missing.is_empty() {
            return false;
        }
        let heading = step.heading.clone();
        match self.left_out.last_mut().filter(|(lack, _)| *lack == missing) {
            Some((_, headings)) if headings.contains(&heading) => {}
            Some((_, headings)) => headings.push(heading),
            None => self.left_out.push((missing, vec![heading])),
        }
        true
    }
}

/// Goes through the page. With a change, the claim on that line is expected to fail.
///
/// # Errors
/// When the shell cannot be talked to, or a fault not be switched on.
pub async fn run(
    page: &Page,
    place: &Place,
    change: Option<&Stated>,
    output: &Output,
) -> anyhow::Result<Outcome> {
    let evidence = evidence(place, SystemTime::now(), output)?;
    let mut shell = Shell::start(&place.variables()?).await?;
    let without = change.map(|stated| &stated.without);
    if let Some(Change::Fault { service, spec }) = without {
        place.fault(service, spec).await?;
    }
    let patience = if page.needs.contains(&Need::Cargo) { BUILD_DEADLINE } else { STEP_DEADLINE };
    let mut outcome = Outcome::default();
    let mut ended = Instant::now();
    let mut last = "";
    for step in &page.steps {
        if outcome.leaves_out(step, place) {
            continue;
        }
        match &step.work {
            Work::Run(commands) => {
                let commands =
                    without.map_or_else(|| commands.clone(), |it| it.of_commands(commands));
                let heading = &step.heading;
                if last != heading {
                    output.offer(format!("\n{heading}\n"));
                }
                last = heading;
                for line in commands.lines() {
                    output.offer(format!("  $ {line}\n"));
                }
                let mut lines = 0;
                let ran = shell.run(&commands, patience, |line| {
                    lines += 1;
                    show(line, lines, output);
                });
                let ran = ran.await.with_context(|| format!("running {heading:?} of a lesson"))?;
                ended = Instant::now();
                if let Some(problem) = ran.problem {
                    output.offer(format!("  BROKEN  {heading:?}: {problem}\n"));
                    outcome.broken = Some(heading.clone());
                    return Ok(outcome);
                }
                if let Some(id) = trace_id(&ran.output) {
                    shell.set("TRACE", id).await?;
                    output.offer(format!("  TRACE={id}\n"));
                }
            }
            Work::Check(claims) => {
                for stated in claims {
                    let mut values = Vec::new();
                    for name in claim::variables(&stated.text) {
                        values.push((name, shell.value(name).await?));
                    }
                    let value = |name: &str| {
                        values.iter().find(|(known, _)| *known == name).map(|(_, it)| it.clone())
                    };
                    let is_vain = change.is_some_and(|change| change.line == stated.line);
                    let patience = if is_vain { VAIN_DEADLINE } else { DEADLINE };
                    let began = Instant::now();
                    let judged = judge(&evidence, stated, value, ended, patience);
                    let seen = Box::pin(judged).await;
                    outcome.take(stated, &seen, began.elapsed(), output);
                }
            }
        }
    }
    Ok(outcome)
}

/// Judges the claims alone, of somebody who has typed the commands.
///
/// # Errors
/// When the storage server's address is none, or a variable of a claim has no value.
pub async fn check(
    page: &Page,
    place: &Place,
    value: impl Fn(&str) -> Option<String>,
    since: SystemTime,
    output: &Output,
) -> anyhow::Result<Outcome> {
    let mut outcome = Outcome::default();
    let mut claims = Vec::new();
    for step in &page.steps {
        if !step.claims().is_empty() && !outcome.leaves_out(step, place) {
            claims.extend(step.claims());
        }
    }
    for name in claims.iter().flat_map(|stated| claim::variables(&stated.text)) {
        if value(name).is_none_or(|value| value.is_empty()) {
            bail!("checking lesson {}: {name} is missing; give it as {name}=VALUE", page.number);
        }
    }
    let evidence = evidence(place, since, output)?;
    let began = Instant::now();
    for stated in claims {
        // Who types takes longer than telemetry.
        let ended = began.checked_sub(SETTLED).unwrap_or(began);
        let seen = Box::pin(judge(&evidence, stated, &value, ended, VAIN_DEADLINE)).await;
        outcome.take(stated, &seen, began.elapsed(), output);
    }
    Ok(outcome)
}

fn evidence<'a>(
    place: &'a Place,
    since: SystemTime,
    output: &'a Output,
) -> anyhow::Result<Evidence<'a>> {
    let lab = Lab::new(&place.addresses, &place.with, DEADLINE, output);
    Evidence::new(lab, since).context("finding the lab's telemetry")
}

async fn judge(
    evidence: &Evidence<'_>,
    stated: &Stated,
    value: impl Fn(&str) -> Option<String>,
    ended: Instant,
    patience: Duration,
) -> Seen {
    let claim = claim::expand(&stated.text, value).and_then(|text| Claim::read(&text));
    match claim {
        Ok(claim) => evidence.judge(&claim, ended + SETTLED, Instant::now() + patience).await,
        Err(text) => Seen { holds: false, text },
    }
}

impl Outcome {
    fn take(&mut self, stated: &Stated, seen: &Seen, time: Duration, output: &Output) {
        self.judged += 1;
        let text = &stated.text;
        output.offer(match seen.holds {
            true => format!("  ok      {:4.1} s  {text}  ({})\n", time.as_secs_f64(), seen.text),
            false => {
                self.failed.push(stated.line);
                let (subject, expected) = text.rsplit_once(": ").unwrap_or((text, ""));
                let time = time.as_secs_f64();
                format!(
                    "  FAILED  {time:4.1} s  {subject}\n          expected  {expected}\n          \
                     seen      {}\n",
                    seen.text
                )
            }
        });
    }
}

fn show(line: &str, number: usize, output: &Output) {
    let cut = line.char_indices().nth(SHOWN).map_or(line.len(), |(index, _)| index);
    let more = if cut < line.len() { " …" } else { "" };
    match number {
        ..=SHOWN_LINES => output.offer(format!("  {}{more}\n", &line[..cut])),
        _ if number == SHOWN_LINES + 1 => output.offer("  … and more lines\n".to_owned()),
        _ => {}
    }
}
