//! Every count, once: that the servers answer with what was sent, not how fast.

use std::time::Instant;

use anyhow::{Context, Result, ensure};

use crate::crowd;
use crate::generator::{ExportSize, Shape};
use crate::ingest::{self, CLIENTS};
use crate::load::{Load, Part};
use crate::opening;
use crate::queries::{self, Effort};
use crate::questions::{self, Kind as Asking};
use crate::servers::{Kind, Server};
use crate::setup::Setup;

const SPANS: usize = 20_000;
const LATER: usize = 5_000;
const KILLS: usize = 2;
const CROWD: usize = 200;

pub async fn run(setup: &Setup) -> Result<()> {
    let generate =
        |shape, size, spans, part| Load::generate(shape, size, spans, part, &setup.programs.place);
    let later = generate(Shape::Realistic, ExportSize::Sdk, LATER, Part::Later)?;
    let load = generate(Shape::Realistic, ExportSize::Sdk, SPANS, Part::Main)?;
    let mut kinds = setup.ours();
    // That peers answer alike shows that the numbers expected are right.
    kinds.extend(setup.in_memory_peers());
    kinds.extend(setup.slow_peers());
    // Twice the time of all others, for what differs in nothing but time.
    kinds.retain(|kind| *kind != Kind::JaegerBadger(true));
    for kind in kinds {
        check(setup, kind, &load, &later).await?;
    }
    for (shape, size) in [
        (Shape::Realistic, ExportSize::Collector),
        (Shape::Telemetrygen, ExportSize::Sdk),
        (Shape::Telemetrygen, ExportSize::Collector),
    ] {
        let load = generate(shape, size, SPANS, Part::Main)?;
        for kind in setup.ours() {
            check(setup, kind, &load, &later).await?;
        }
    }
    crowd::run(setup, CROWD, 5).await
}

async fn check(setup: &Setup, kind: Kind, load: &Load, later: &Load) -> Result<()> {
    let began = Instant::now();
    let traces = load.truth.traces + later.truth.traces;
    let mut server = Server::start(kind, &setup.programs, traces).await?;
    let sent = ingest::send(&server, load, 0..load.requests(), CLIENTS, None)
        .await
        .with_context(|| format!("loading {}; it wrote: {}", kind.name(), server.output()))?;
    ensure!(sent.spans == load.spans, "{} of {} spans were sent", sent.spans, load.spans);
    let mut questions = questions::questions(load);
    let asked = queries::measure(&server, &questions, Effort::CHECK).await?;
    let right = asked.iter().filter(|asked| asked.refused.is_none() && asked.wrong.is_none());
    print!(
        "{}, {}: {} of {} kinds of questions answered right",
        kind.name(),
        load.name(),
        right.count(),
        asked.len()
    );
    if kind.keeps() {
        opening::measure(&mut server, later, 0..later.requests(), KILLS).await?;
        // What came later is at another time, but has operations of its own.
        questions.retain(|asked| !matches!(asked.kind, Asking::Services | Asking::Operations));
        queries::measure(&server, &questions, Effort::CHECK).await?;
        print!(", and after {KILLS} kills");
    }
    println!(" ({:.1} s)", began.elapsed().as_secs_f64());
    Ok(())
}
