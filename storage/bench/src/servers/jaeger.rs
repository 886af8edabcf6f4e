//! How Jaeger 2 is started, over each of its stores. Its configuration is in the YAML files
//! beside this one.

use std::ffi::OsString;
use std::net::TcpListener;
use std::path::Path;

use anyhow::{Context, Result};

use super::Launch;

/// The ports of writes and of reads.
type Ports = (u16, u16);

pub fn memory(program: &Path, directory: &Path, traces: usize) -> Result<(Launch, Ports)> {
    let own = vec![("MAX_TRACES", traces.to_string().into())];
    launch(program, directory, include_str!("memory.yaml"), own)
}

pub fn badger(
    program: &Path,
    directory: &Path,
    store: &Path,
    sync: bool,
) -> Result<(Launch, Ports)> {
    let own = vec![("DIRECTORY", store.into()), ("CONSISTENCY", sync.to_string().into())];
    launch(program, directory, include_str!("badger.yaml"), own)
}

pub fn over_spoor(program: &Path, directory: &Path, spoor: u16) -> Result<(Launch, Ports)> {
    let own = vec![("SPOOR_PORT", spoor.to_string().into())];
    launch(program, directory, include_str!("spoor.yaml"), own)
}

fn launch(
    program: &Path,
    directory: &Path,
    configuration: &str,
    mut environment: Vec<(&'static str, OsString)>,
) -> Result<(Launch, Ports)> {
    let [write, read] = free_ports()?;
    let path = directory.join("jaeger.yaml");
    std::fs::write(&path, configuration).context("writing Jaeger's configuration")?;
    environment.push(("WRITE_PORT", write.to_string().into()));
    environment.push(("READ_PORT", read.to_string().into()));
    let arguments = vec!["--config".into(), path.into()];
    Ok((Launch { program: program.to_owned(), arguments, environment }, (write, read)))
}

pub fn free_ports() -> Result<[u16; 2]> {
    let [a, b] = [TcpListener::bind("127.0.0.1:0")?, TcpListener::bind("127.0.0.1:0")?];
    Ok([a.local_addr()?.port(), b.local_addr()?.port()])
}
