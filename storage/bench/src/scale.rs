//! Spoor alone with more and more spans: what a span costs must not depend on how many there are.

use anyhow::Result;

use crate::compare::Subject;
use crate::generator::{ExportSize, Shape};
use crate::load::{Load, Part};
use crate::queries::Effort;
use crate::questions;
use crate::report;
use crate::servers::{Engine, Kind};
use crate::setup::Setup;

const LATER: usize = 150_000;

pub async fn run(setup: &Setup, spans: &[usize], effort: Effort) -> Result<()> {
    let generate = |spans, part| {
        Load::generate(Shape::Realistic, ExportSize::Sdk, spans, part, &setup.programs.place)
    };
    let kind = Kind::Spoor(setup.engine);
    let later = generate(LATER, Part::Later)?;
    let (mut rows, mut answers, mut openings) = (Vec::new(), Vec::new(), Vec::new());
    for spans in spans {
        eprintln!("generating {spans} spans");
        let load = generate(*spans, Part::Main)?;
        eprintln!("{}, {spans} spans", kind.name());
        let questions = questions::questions(&load);
        let subject =
            Subject { load: &load, questions: &questions, later: &later, effort, limit: None };
        let observed = subject.observe(setup, kind).await?;
        let peak = observed.peak as f64 / (1 << 20) as f64;
        let name = format!("{spans} spans ({peak:.0} MiB with queries)");
        println!("{name}");
        for note in report::notes(&load, &[(&name, observed.asked.clone())]) {
            println!("{note}");
        }
        rows.push((name.clone(), observed.ingested));
        answers.push((name.clone(), observed.asked));
        openings.extend(observed.opening.map(|times| (name, times)));
    }
    println!("\n{}", report::ingest(kind.name(), rows.iter().map(|(name, run)| (&name[..], *run))));
    let answers: Vec<_> = answers.iter().map(|(name, asked)| (&name[..], asked.clone())).collect();
    println!("{}", report::queries(&answers));
    if setup.engine == Engine::Embedded {
        println!(
            "{}",
            report::opening(openings.iter().map(|(name, times)| (&name[..], times.clone())))
        );
    }
    Ok(())
}
