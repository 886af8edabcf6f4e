//! Loki.

use std::path::Path;

use anyhow::Context;

use super::{Part, Plan, folder, foreign};
use crate::ports::known::{LOKI, LOKI_GRPC};

/// The file that the container has, with a variable for whatever differs here.
const CONFIGURATION: &str = include_str!("../../../../compose/loki/config.yaml");

pub fn part(plan: &Plan, program: &Path) -> anyhow::Result<Part> {
    let name = LOKI.part;
    let folder = folder(name)?;
    let configuration = folder.path().join("config.yaml");
    std::fs::write(&configuration, CONFIGURATION)
        .with_context(|| format!("writing {}", configuration.display()))?;
    let mut command = foreign(name, program, Some(&folder))?;
    command.args(["-config.expand-env=true", "-config.file"]).arg(configuration);
    command.env("LOKI_LISTEN_HOST", plan.host()).env("LOKI_DATA", folder.path().join("data"));
    plan.set_ports(&mut command, &[LOKI, LOKI_GRPC]);
    Ok(Part {
        name,
        command,
        folder: Some(folder),
        ready: Some(format!("{}/ready", plan.url(LOKI))),
        places: vec![(plan.url(LOKI), "the query API of logs; Loki has no page of its own")],
    })
}
