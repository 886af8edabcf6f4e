//! The console at rest takes little memory.

use anyhow::{Context, ensure};
use e2e::{NativeLab, memory};

const MIB: f64 = 1024.0 * 1024.0;

pub fn is_little(lab: &NativeLab) -> anyhow::Result<()> {
    let memory = memory(lab.id())?;
    let console = memory.get("console").context("finding the console's process")? / MIB;
    println!("the console at rest: {console:.1} MiB");
    ensure!(console < 32.0, "the console takes {console:.1} MiB at rest");
    Ok(())
}
