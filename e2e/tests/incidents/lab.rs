//! The native lab without programs of others, and its controls.

use std::process::Command;

use anyhow::{Context, ensure};
use e2e::{Process, cargo_program, eventually, free_addresses, http};
use incidents::Incidents;
use incidents::control::{Faults, Load};
use traces::Storage;

const SERVICES: [&str; 4] = ["app-a", "app-b", "app-c", "app-d"];
const TOKEN: &str = "a-token-of-the-tests";
/// Those that such a lab listens on.
const PORTS: [&str; 13] = [
    "APP_A_PORT",
    "APP_B_PORT",
    "APP_C_PORT",
    "APP_D_PORT",
    "APP_A_ADMIN_PORT",
    "APP_B_ADMIN_PORT",
    "APP_C_ADMIN_PORT",
    "APP_D_ADMIN_PORT",
    "LOAD_PORT",
    "STORAGE_PORT",
    "STORAGE_ADMIN_PORT",
    "CONSOLE_PORT",
    "LINES_PORT",
];

pub struct Lab {
    process: Process,
    urls: Vec<String>,
}

impl Lab {
    pub async fn up() -> anyhow::Result<Self> {
        let addresses = free_addresses::<{ PORTS.len() }>();
        let mut command = Command::new(cargo_program("lab")?);
        command.args(["up", "--logs"]).env("ADMIN_TOKEN", TOKEN).env("LOAD_RATE", "3");
        for (variable, address) in PORTS.iter().zip(addresses) {
            command.env(variable, address.port().to_string());
        }
        let urls: Vec<_> = addresses.iter().map(|address| format!("http://{address}")).collect();
        let ready = format!("{}/healthz", urls[3]);
        let process = Process::start("lab", &mut command, &ready).await?;
        eventually("the lab is up", async || {
            Ok(process.output().contains("The lab is up.").then_some(()))
        })
        .await?;
        let lab = Self { process, urls };
        eventually("the load can be changed", async || Ok(lab.load().figures().await.ok())).await?;
        Ok(lab)
    }

    pub fn storage(&self) -> String {
        self.urls[9].clone()
    }

    pub fn faults(&self) -> Vec<Faults> {
        let services = SERVICES.iter().zip(&self.urls[4..]);
        services.map(|(name, url)| Faults::new(name, url, TOKEN, http())).collect()
    }

    fn load(&self) -> Load {
        Load::new(&self.urls[8], http())
    }

    pub fn incidents(&self) -> anyhow::Result<Incidents> {
        let storage = Storage::new(&self.storage()).context("naming the storage server")?;
        Ok(Incidents::new(incidents::Lab { storage, faults: self.faults(), load: self.load() }))
    }

    /// Checks that nothing of an incident is left.
    pub async fn is_as_before(&self) -> anyhow::Result<()> {
        for faults in self.faults() {
            let left = faults.list().await?;
            ensure!(left.is_empty(), "left at {}: {left:?}", faults.service());
        }
        let figures = self.load().figures().await?;
        ensure!((figures.rate, &*figures.mix) == (3.0, ""), "{} of {}", figures.rate, figures.mix);
        Ok(())
    }

    /// Checks that no part's log tells of a fault.
    pub fn tells_nothing(&self) -> anyhow::Result<()> {
        let output = self.process.output();
        let mut lines = output.lines().filter(|line| line.contains(" | "));
        let told = lines.find(|line| line.contains("fault begins") || line.contains("faults end"));
        ensure!(told.is_none(), "a log tells of a fault: {told:?}");
        Ok(())
    }
}
