//! How spoor is started, with either of its engines.

use std::path::Path;
use std::time::Duration;

use anyhow::Result;
use clap::ValueEnum;

use super::jaeger::free_ports;
use super::{Launch, Programs};

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Engine {
    Memory,
    Embedded,
}

impl Engine {
    /// How long nothing may happen before it is taken to be idle: longer than the age of a head.
    pub fn quiet(self) -> Duration {
        match self {
            Self::Memory => Duration::from_secs(1),
            Self::Embedded => Duration::from_secs(5),
        }
    }

    fn settings(self, store: &Path, traces: usize) -> Vec<String> {
        match self {
            // Room for everything: a store that forgets would be measured for what it lost.
            Self::Memory => {
                let traces = format!("memory_max_traces={traces}");
                vec!["engine=memory".to_owned(), traces, "memory_max_bytes=64GiB".to_owned()]
            }
            Self::Embedded => vec![
                "engine=embedded".to_owned(),
                format!("data_dir={}", store.display()),
                // Not the minutes of its default, so that all is in segments when the disk is
                // looked at. Under load a head is full long before.
                "head_max_age=3s".to_owned(),
            ],
        }
    }
}

/// The command, and the port of both reads and writes.
pub fn launch(
    programs: &Programs,
    engine: Engine,
    store: &Path,
    traces: usize,
) -> Result<(Launch, u16)> {
    let [port, admin] = free_ports()?;
    let mut arguments = vec![
        "serve".into(),
        "--listen".into(),
        format!("127.0.0.1:{port}").into(),
        "--admin-listen".into(),
        format!("127.0.0.1:{admin}").into(),
    ];
    for setting in engine.settings(store, traces).iter().chain(&programs.settings) {
        arguments.extend(["--set".into(), setting.into()]);
    }
    Ok((Launch { program: programs.spoor.clone(), arguments, environment: Vec::new() }, port))
}
