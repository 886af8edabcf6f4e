//! The whole native lab, the incidents of its console, and whatever somebody may look at besides.

mod looked_at;

use std::time::{Duration, SystemTime};

use anyhow::{Context, bail, ensure};
use e2e::{Changes, NativeLab, SERVICES, eventually, http};
use incidents::control::{Faults, Load};
use serde_json::{Value, json};
use traces::Storage;

pub use looked_at::Names;

const TOKEN: &str = "a-token-of-the-tests";
const ADMIN_PORTS: [&str; 4] =
    ["APP_A_ADMIN_PORT", "APP_B_ADMIN_PORT", "APP_C_ADMIN_PORT", "APP_D_ADMIN_PORT"];
/// How much longer than it says an incident may take until it can be answered.
const LATE: Duration = Duration::from_secs(60);

pub struct Lab {
    native: NativeLab,
    names: Names,
}

/// An incident that can be answered.
pub struct Open {
    pub began: SystemTime,
    /// The service of whose orders it is.
    pub shop: String,
    /// Seconds that the time may be off.
    pub tolerance: u64,
}

impl Lab {
    pub async fn up() -> anyhow::Result<Self> {
        let told = SERVICES.iter().map(|(name, _)| *name).chain(["console"]);
        let environment: Vec<_> = told.map(|it| format!("{it}:ADMIN_TOKEN={TOKEN}")).collect();
        let changes = Changes { environment: &environment, load: Some("3"), ..Changes::default() };
        let native = NativeLab::up(changes).await?;
        let lab = Self { names: Names::default(), native };
        eventually("the load can be changed", async || Ok(lab.load().figures().await.ok())).await?;
        let names = Names::of(&lab).await?;
        Ok(Self { names, ..lab })
    }

    pub fn storage(&self) -> anyhow::Result<Storage> {
        Storage::new(&self.native.url("STORAGE_PORT")).context("naming the storage server")
    }

    pub fn faults(&self) -> Vec<Faults> {
        let ports = SERVICES.iter().zip(ADMIN_PORTS);
        ports
            .map(|((name, _), it)| Faults::new(name, &self.native.url(it), TOKEN, http()))
            .collect()
    }

    fn load(&self) -> Load {
        Load::new(&self.native.url("LOAD_PORT"), http())
    }

    /// What the console's API of incidents answers.
    pub async fn get(&self, path: &str) -> anyhow::Result<Value> {
        let url = format!("{}/api/incident{path}", self.native.url("CONSOLE_PORT"));
        Ok(http().get(url).send().await?.json().await?)
    }

    /// The same to what changes something. What is refused is an error, which is its reason.
    pub async fn post(&self, path: &str, body: Value) -> anyhow::Result<Value> {
        let console = self.native.url("CONSOLE_PORT");
        let token: Value = http().get(format!("{console}/api/token")).send().await?.json().await?;
        let token = token["token"].as_str().context("finding the token")?;
        let request = http().post(format!("{console}/api/incident{path}")).json(&body);
        let answer = request.header("x-console-token", token).send().await?;
        let is_done = answer.status().is_success();
        let answer: Value = answer.json().await?;
        if !is_done {
            bail!("{}", answer["error"].as_str().unwrap_or("no reason is told"));
        }
        Ok(answer)
    }

    /// The names of all scenarios.
    pub async fn scenarios(&self) -> anyhow::Result<Vec<String>> {
        let list = self.get("/scenarios").await?;
        let all = list["scenarios"].as_array().context("finding the scenarios")?;
        let names = all.iter().filter_map(|it| it["name"].as_str());
        Ok(names.map(str::to_owned).collect())
    }

    /// Begins a blind incident, and waits until there is enough of it to see.
    pub async fn begin(&self, name: &str, seed: u64) -> anyhow::Result<Open> {
        let run = json!({ "name": name, "seed": seed, "blind": true, "fast": true });
        let begun = self.post("/run", run).await?;
        let began = begun["incident"]["began"].as_str().context("it is told when it began")?;
        let left =
            begun["incident"]["ready_in"].as_u64().context("it is told how long it takes")?;
        let late = tokio::time::Instant::now() + Duration::from_secs(left) + LATE;
        let state = loop {
            let state = self.get("").await?;
            match state["status"].as_str() {
                Some("open") => break state,
                Some("begun") if tokio::time::Instant::now() < late => {}
                _ => bail!("it cannot be answered: {state}"),
            }
            tokio::time::sleep(Duration::from_millis(300)).await;
        };
        let story = state["incident"]["story"].as_str().context("it has a story")?;
        let at = story.find("app-").context("the story has a service")?;
        Ok(Open {
            began: humantime::parse_rfc3339(began)?,
            shop: story[at..at + "app-a".len()].to_owned(),
            tolerance: state["incident"]["tolerance"].as_u64().context("there is a tolerance")?,
        })
    }

    /// Checks that nobody learns which incident is under way.
    pub async fn tells_nothing(&self) -> anyhow::Result<()> {
        self.names.are_told_as_before(self).await?;
        let mut lists = Vec::new();
        for faults in self.faults() {
            let list = faults.list().await?;
            ensure!(list.iter().all(|it| it.hidden && it.spec.is_none()), "{list:?}");
            lists.push(list);
        }
        ensure!(lists[0].len() == 2 && lists.iter().all(|it| *it == lists[0]), "{lists:?}");
        Ok(())
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
}
