use std::path::PathBuf;
use std::process::{Command, Stdio};

use anyhow::{Context, ensure};

/// The path of a real program that the `programs` script knows, which builds it when its cache
/// lacks it (that takes minutes).
///
/// # Errors
/// When the script fails; it has told why on standard error.
pub fn real_program(name: &str) -> anyhow::Result<PathBuf> {
    let output = Command::new(concat!(env!("CARGO_MANIFEST_DIR"), "/programs"))
        .arg(name)
        .stderr(Stdio::inherit())
        .output()
        .context("starting e2e/programs")?;
    ensure!(output.status.success(), "building {name} with e2e/programs: {}", output.status);
    let path = String::from_utf8(output.stdout).context("reading the path of a real program")?;
    Ok(PathBuf::from(path.trim_end()))
}

/// The path of the program of a package of this workspace, built in this crate's own profile.
///
/// # Errors
/// When the package does not build, or has no program of its own name.
pub fn cargo_program(package: &str) -> anyhow::Result<PathBuf> {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.args(["build", "--message-format=json", "-p", package, "--bin", package]);
    if !cfg!(debug_assertions) {
        command.arg("--release");
    }
    let output = command.stderr(Stdio::inherit()).output().context("starting cargo")?;
    ensure!(output.status.success(), "building {package} with cargo: {}", output.status);
    // One JSON message a line; only a program's has an executable.
    String::from_utf8_lossy(&output.stdout)
        .lines()
        .filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok())
        .find_map(|message| message["executable"].as_str().map(PathBuf::from))
        .with_context(|| format!("finding the program that cargo built of {package}"))
}
