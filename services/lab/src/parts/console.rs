//! The console.

use super::{Part, Plan, this_program};
use crate::ports::known::{self, CONSOLE};

/// What was needed for a page goes back to the system: without it, a console whose pages were looked
/// at rests at 33 MiB, with it at 24. As `compose/base.yaml` has it.
const MALLOC: &str = "glibc.malloc.arena_max=1:glibc.malloc.mmap_threshold=65536:\
                      glibc.malloc.trim_threshold=131072";

pub fn part(plan: &Plan) -> anyhow::Result<Part> {
    let name = CONSOLE.part;
    let mut command = this_program(name, "console")?;
    // Its doctor asks every part.
    let mut ports = known::ALL.to_vec();
    ports.retain(|port| plan.ports.get(*port).is_some());
    plan.set_ports(&mut command, &ports);
    let with: Vec<_> = plan.programs.keys().map(|part| part.name()).collect();
    if !with.is_empty() {
        command.args(["--with", &with.join(",")]);
    }
    command.env("CONSOLE_LISTEN", plan.address(CONSOLE)).env("ADMIN_TOKEN", &plan.admin_token);
    command.env("GLIBC_TUNABLES", MALLOC);
    let url = plan.url(CONSOLE);
    let ready = Some(format!("{url}/healthz"));
    let places = vec![(url, "the page to look at first")];
    Ok(Part { name, command, folder: None, ready, places })
}
