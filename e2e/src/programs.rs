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

/// The path of one of this workspace's programs, `demo`, `lab` or `spoor`, built as it is shipped.
///
/// # Errors
/// When it does not build.
pub fn cargo_program(package: &str) -> anyhow::Result<PathBuf> {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    // All packages, so that what they depend on has the features of `cargo run --release`, which
    // has built it already where the lab runs.
    command.args(["build", "--release", "--message-format=json"]);
    command.args(["-p", "demo", "-p", "lab", "-p", "spoor", "--bin", package]);
    // Of the test's own package, as cargo has told it: ring's build script would run again for them,
    // and all that needs ring would be built again.
    for (name, _) in std::env::vars_os() {
        let text = name.to_string_lossy();
        if text.starts_with("CARGO_PKG_") || text.starts_with("CARGO_MANIFEST_") {
            command.env_remove(name);
        }
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
