//! Where the programs are that a run needs, built if they are not there yet.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};
use clap::ValueEnum;

use crate::servers::{Engine, Kind, Programs};

/// What all commands have in common.
#[derive(Clone, clap::Args)]
pub struct Options {
    /// The spoor program. [default: built beside this one]
    #[arg(long, global = true)]
    spoor: Option<PathBuf>,
    /// A key of spoor's configuration with a value, as spoor takes it. May be given many times.
    #[arg(long = "set", global = true, value_name = "KEY=VALUE")]
    settings: Vec<String>,
    /// The engine of spoor to measure.
    #[arg(long, global = true, value_enum, default_value = "embedded")]
    engine: Engine,
    /// The Jaeger program. [default: what `e2e/programs jaeger` builds]
    #[arg(long, global = true)]
    jaeger: Option<PathBuf>,
    /// Measure spoor alone.
    #[arg(long, global = true)]
    without_jaeger: bool,
    /// The stores of Jaeger to measure.
    #[arg(long, global = true, value_enum, value_delimiter = ',', default_values_t = Peer::ALL)]
    peers: Vec<Peer>,
    /// Where stores have their directories, on a disk. [default: the directory for temporary files]
    #[arg(long, global = true)]
    directory: Option<PathBuf>,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Peer {
    Memory,
    Badger,
    BadgerSynced,
    Spoor,
}

impl Peer {
    const ALL: [Self; 4] = [Self::Memory, Self::Badger, Self::BadgerSynced, Self::Spoor];
}

pub struct Setup {
    pub programs: Programs,
    pub engine: Engine,
    peers: Vec<Peer>,
}

impl Options {
    /// Finds and builds the programs; Jaeger only if the command knows peers.
    pub fn prepare(self, knows_peers: bool) -> Result<Setup> {
        let spoor = match self.spoor {
            Some(program) => program,
            None => build_spoor()?,
        };
        let jaeger = match (self.jaeger, knows_peers && !self.without_jaeger) {
            (_, false) => None,
            (Some(program), true) => Some(program),
            (None, true) => Some(build_jaeger()?),
        };
        let peers = if jaeger.is_some() { self.peers } else { Vec::new() };
        let place = self.directory.unwrap_or_else(std::env::temp_dir);
        Ok(Setup {
            programs: Programs { spoor, settings: self.settings, jaeger, place },
            engine: self.engine,
            peers,
        })
    }
}

impl Setup {
    /// Ours: the engine that is measured and, beside a durable one, the one in memory.
    pub fn ours(&self) -> Vec<Kind> {
        let mut kinds = vec![Kind::Spoor(self.engine)];
        if self.engine != Engine::Memory {
            kinds.push(Kind::Spoor(Engine::Memory));
        }
        kinds
    }

    /// Those that end with what they hold.
    pub fn in_memory_peers(&self) -> Vec<Kind> {
        let has_memory = self.peers.contains(&Peer::Memory);
        if has_memory { vec![Kind::JaegerMemory] } else { Vec::new() }
    }

    /// Those that take longer, or that are a path of two.
    pub fn slow_peers(&self) -> Vec<Kind> {
        let slow = self.peers.iter().filter_map(|peer| match peer {
            Peer::Memory => None,
            Peer::Badger => Some(Kind::JaegerBadger(false)),
            Peer::BadgerSynced => Some(Kind::JaegerBadger(true)),
            Peer::Spoor => Some(Kind::JaegerSpoor(self.engine)),
        });
        slow.collect()
    }
}

/// Builds spoor by the cargo that runs this program, and tells where it is.
fn build_spoor() -> Result<PathBuf> {
    if let Some(cargo) = std::env::var_os("CARGO") {
        run(Command::new(cargo).args(["build", "--quiet", "--release", "-p", "spoor"]))?;
    }
    let own = std::env::current_exe().context("looking for this program")?;
    // target/PROFILE/spoor-bench
    let target = own.ancestors().nth(2).context("looking for the build's directory")?;
    let spoor = target.join("release/spoor");
    ensure!(spoor.exists(), "{} is not there: build it with cargo", spoor.display());
    Ok(spoor)
}

fn build_jaeger() -> Result<PathBuf> {
    let path = run(Command::new(repository().join("e2e/programs")).arg("jaeger"))?;
    Ok(path.trim().into())
}

fn run(command: &mut Command) -> Result<String> {
    command.current_dir(repository()).stderr(std::process::Stdio::inherit());
    let output = command.output().with_context(|| format!("running {command:?}"))?;
    ensure!(output.status.success(), "{command:?} ended with {}", output.status);
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

fn repository() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."))
}
