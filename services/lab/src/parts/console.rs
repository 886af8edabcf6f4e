//! The console.

use super::{Part, Plan, this_program};
use crate::ports::known::{self, CONSOLE};

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
    let url = plan.url(CONSOLE);
    let ready = Some(format!("{url}/healthz"));
    let places = vec![(url, "the page to look at first")];
    Ok(Part { name, command, folder: None, ready, places })
}
