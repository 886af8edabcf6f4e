//! The lab that lessons and scenarios are done with: one that runs, or one of its own.

use std::io::sink;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, bail};
use reqwest::{Client, RequestBuilder};
use serde_json::Value;

use super::page::Need;
use crate::addresses::Addresses;
use crate::children::Children;
use crate::doctor::api::{jaeger, loki, prometheus};
use crate::doctor::lab::Lab;
use crate::log_lines;
use crate::logs::Logs;
use crate::output::Output;
use crate::parts::{self, Plan};
use crate::ports::known::{APPS, CONSOLE, ENTRY, FAULTS, JAEGER_UI, LINES, LOKI};
use crate::ports::known::{OTLP_GRPC, PROMETHEUS, STORAGE};
use crate::ports::{Port, Ports, known};
use crate::program;
use crate::setting::Setting;
use crate::up::REQUEST_DEADLINE;
use crate::with::{self, With};

/// How long a lab that runs may take to say so.
const ANSWER_DEADLINE: Duration = Duration::from_secs(2);

/// How often a lab is tried to be started: a port that was free a moment ago may be that of somebody's
/// connection when its part comes to listen on it.
const STARTS: usize = 3;

/// What a lab of its own can have.
pub const PARTS: [With; 4] = [With::Jaeger, With::Collector, With::Prometheus, With::Loki];

/// One lab, and how it is reached.
pub struct Place {
    pub addresses: Addresses,
    pub with: Vec<With>,
    /// Whether a native lab keeps the lines of its parts.
    keeps_lines: bool,
    /// With which faults are switched, if it is known.
    admin_token: Option<String>,
    /// Of this machine, if the lab's ports are.
    ports: Option<Ports>,
    /// Of this repository, if this is run inside of it.
    repository: Option<PathBuf>,
    http: Client,
    /// Of a lab of its own; dropped, it ends.
    children: Option<Children>,
}

/// A fault that is on: the port of its service, and its id there.
pub type Fault = (Port, String);

impl Place {
    /// The lab that runs where the variables of ports say; if none does, one of its own, with those
    /// of these parts whose programs are there.
    ///
    /// # Errors
    /// When a variable of a port holds none, or a lab cannot be started.
    pub async fn find(wanted: &[With]) -> anyhow::Result<Self> {
        let place = Self::of_environment(false).await?;
        if place.runs().await {
            return Ok(place);
        }
        let mut with = Vec::new();
        for part in PARTS {
            let is_there = program::find_all(&[part], |name| std::env::var_os(name)).is_ok();
            with.push(part);
            if !wanted.contains(&part) || !is_there || with::check(&with).is_err() {
                with.pop();
            }
        }
        Self::start(&with, &[]).await
    }

    /// The lab where the variables of ports say, or beside this container, whether it runs or not,
    /// with the parts that answer.
    ///
    /// # Errors
    /// When a variable of a port holds none.
    pub async fn of_environment(inside: bool) -> anyhow::Result<Self> {
        let published = || Ports::published(&known::ALL, |name| std::env::var(name).ok());
        let ports = (!inside).then(published).transpose()?;
        let addresses = ports.as_ref().map_or_else(Addresses::inside, Addresses::of);
        let (with, keeps_lines) = found(&addresses).await;
        Ok(Self {
            addresses,
            with,
            keeps_lines,
            admin_token: std::env::var("ADMIN_TOKEN").ok().filter(|token| !token.is_empty()),
            ports,
            repository: repository(),
            http: http()?,
            children: None,
        })
    }

    /// A lab with these parts and variables, on free ports.
    ///
    /// # Errors
    /// When a program is missing, or a part fails.
    pub async fn start(with: &[With], settings: &[Setting]) -> anyhow::Result<Self> {
        for _ in 1..STARTS {
            if let Ok(place) = Box::pin(Self::start_once(with, settings)).await {
                return Ok(place);
            }
        }
        Box::pin(Self::start_once(with, settings)).await
    }

    async fn start_once(with: &[With], settings: &[Setting]) -> anyhow::Result<Self> {
        let programs = program::find_all(with, |name| std::env::var_os(name))?;
        let ports = Ports::free(&parts::ports(with))?;
        let admin_token = format!("{:032x}", rand::random::<u128>());
        let plan = Plan { ports, programs, checked: true, admin_token };
        let parts = parts::parts(&plan, settings)?;
        let http = http()?;
        let logs = Logs::new(None, false, parts.name_width());
        let mut children = Children::new(logs, plan.ports.address(LINES), http.clone()).await?;
        parts.start(&mut children).await.context("starting a lab")?;
        Ok(Self {
            addresses: Addresses::of(&plan.ports),
            with: with.to_vec(),
            keeps_lines: true,
            admin_token: Some(plan.admin_token),
            ports: Some(plan.ports),
            repository: repository(),
            http,
            children: Some(children),
        })
    }

    /// Whether somebody is there.
    pub async fn runs(&self) -> bool {
        let health = self.http.get(format!("{}/healthz", self.addresses.url(ENTRY)));
        let health = health.timeout(ANSWER_DEADLINE).send().await;
        health.is_ok_and(|answer| answer.status().is_success())
    }

    /// Whether it is one of its own.
    pub fn is_own(&self) -> bool {
        self.children.is_some()
    }

    /// What is needed and this lab does not have.
    pub fn missing(&self, needs: &[Need]) -> Vec<&'static str> {
        let lacks = |need: &&Need| match need {
            Need::Part(part) => !self.with.contains(part),
            Need::Logs => !self.keeps_lines && !self.with.contains(&With::Loki),
            Need::AdminToken => self.admin_token.is_none(),
            Need::Cargo => self.repository.is_none(),
        };
        needs.iter().filter(lacks).map(|need| need.name()).collect()
    }

    /// What the commands of pages find in their variables.
    ///
    /// # Errors
    /// When the path of this executable is unknown.
    pub fn variables(&self) -> anyhow::Result<Vec<(String, String)>> {
        let program = std::env::current_exe().context("looking for this executable")?;
        let mut variables = vec![("LAB_PROGRAM".to_owned(), program.display().to_string())];
        let mut set = |name: &str, value: String| variables.push((name.to_owned(), value));
        for (index, letter) in ["A", "B", "C", "D"].into_iter().enumerate() {
            set(&format!("APP_{letter}"), self.addresses.url(APPS[index]));
            set(&format!("ADMIN_{letter}"), self.addresses.url(FAULTS[index]));
        }
        let parts = [
            ("JAEGER", With::Jaeger, JAEGER_UI),
            ("PROMETHEUS", With::Prometheus, PROMETHEUS),
            ("LOKI", With::Loki, LOKI),
        ];
        for (name, part, port) in parts {
            if self.with.contains(&part) {
                set(name, self.addresses.url(port));
            }
        }
        set("CONSOLE", self.addresses.url(CONSOLE));
        set("OTLP", self.addresses.url(self.receiver()));
        if let Some(token) = &self.admin_token {
            set("ADMIN_TOKEN", token.clone());
        }
        // For `lab load` and others, which find the lab by these.
        for port in known::ALL {
            if let Some(address) = self.ports.as_ref().and_then(|ports| ports.get(port)) {
                set(port.variable, address.port().to_string());
            }
        }
        if let Some(repository) = &self.repository {
            set("REPOSITORY", repository.display().to_string());
        }
        Ok(variables)
    }

    /// Where a service of one's own sends its spans.
    fn receiver(&self) -> Port {
        match (self.with.contains(&With::Collector), self.with.contains(&With::Jaeger)) {
            (true, _) => OTLP_GRPC,
            (_, true) => Port { part: JAEGER_UI.part, ..OTLP_GRPC },
            _ => STORAGE,
        }
    }

    /// Switches on a fault of a service.
    ///
    /// # Errors
    /// When there is no such service, or it refuses.
    pub async fn fault(&self, service: &str, spec: &str) -> anyhow::Result<()> {
        let port = FAULTS.into_iter().find(|port| port.part == service);
        let port = port.with_context(|| format!("switching on a fault: no service {service}"))?;
        let request = self.http.post(format!("{}/faults", self.addresses.url(port)));
        let switching = format!("switching on a fault of {service}");
        self.send(request.body(spec.to_owned()), &switching).await.map(drop)
    }

    /// The faults that are on, but for those of an incident; none if they cannot be switched.
    ///
    /// # Errors
    /// When a service refuses to tell.
    pub async fn faults(&self) -> anyhow::Result<Vec<Fault>> {
        let mut faults = Vec::new();
        for port in FAULTS.into_iter().filter(|_| self.admin_token.is_some()) {
            let request = self.http.get(format!("{}/faults", self.addresses.url(port)));
            let told = self.send(request, &format!("asking {} for its faults", port.part)).await?;
            let told: Value = serde_json::from_str(&told).unwrap_or_default();
            let ids = told["faults"].as_array().cloned().unwrap_or_default();
            let ids = ids.iter().filter(|fault| fault["hidden"] != true);
            faults.extend(ids.map(|fault| (port, fault["id"].to_string())));
        }
        Ok(faults)
    }

    /// Ends every fault but these.
    ///
    /// # Errors
    /// When a service refuses.
    pub async fn end_faults_but(&self, kept: &[Fault]) -> anyhow::Result<()> {
        for (port, id) in self.faults().await? {
            if !kept.contains(&(port, id.clone())) {
                let url = format!("{}/faults/{id}", self.addresses.url(port));
                let ending = format!("ending a fault of {}", port.part);
                self.send(self.http.delete(url), &ending).await?;
            }
        }
        Ok(())
    }

    /// Sends what only who has the token may send, and returns what is answered.
    async fn send(&self, request: RequestBuilder, doing: &str) -> anyhow::Result<String> {
        let token = self.admin_token.as_deref().unwrap_or_default();
        let answer = request.bearer_auth(token).send().await.with_context(|| doing.to_owned())?;
        let status = answer.status();
        let text = answer.text().await.with_context(|| doing.to_owned())?;
        match status.is_success() {
            true => Ok(text),
            false => bail!("{doing}: {status}: {}", text.trim()),
        }
    }
}

fn http() -> anyhow::Result<Client> {
    // A proxy that is configured cannot reach loopback.
    let http = Client::builder().no_proxy().timeout(REQUEST_DEADLINE).build();
    http.context("making an HTTP client")
}

/// The parts that answer there, and whether a native lab keeps lines.
async fn found(addresses: &Addresses) -> (Vec<With>, bool) {
    let nobody = Output::new(sink());
    let lab = Lab::new(addresses, &[], ANSWER_DEADLINE, &nobody);
    let (jaeger, prometheus, loki, keeps_lines) = futures::join!(
        jaeger::page(&lab),
        prometheus::version(&lab),
        loki::version(&lab),
        log_lines::are_kept(&lab)
    );
    let answers = [
        (With::Jaeger, jaeger.is_ok()),
        // Which no lab has without it, and which anybody may ask.
        (With::Collector, prometheus.is_ok() || loki.is_ok()),
        (With::Prometheus, prometheus.is_ok()),
        (With::Loki, loki.is_ok()),
    ];
    let with = answers.into_iter().filter_map(|(part, answers)| answers.then_some(part));
    (with.collect(), keeps_lines)
}

/// The folder above this one that has the library for services.
fn repository() -> Option<PathBuf> {
    let here = std::env::current_dir().ok()?;
    let is_root = |folder: &&Path| folder.join("services/telemetry/Cargo.toml").is_file();
    here.ancestors().find(is_root).map(Path::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    const README: &str = include_str!("../../../../docs/lessons/README.md");

    #[test]
    fn the_names_that_a_reader_sets_by_hand_are_those_that_commands_find() {
        let place = || {
            let ports = Ports::published(&known::ALL, |_| None).unwrap();
            Place {
                addresses: Addresses::of(&ports),
                with: PARTS.to_vec(),
                keeps_lines: true,
                admin_token: Some(String::new()),
                ports: Some(ports),
                repository: Some(PathBuf::new()),
                http: Client::new(),
                children: None,
            }
        };
        let mut variables = place().variables().unwrap();
        // All others are of a lab with every part; this is of the one that is started first.
        variables.retain(|(name, _)| name != "OTLP");
        let [rust_alone, with_jaeger] = [vec![], vec![With::Jaeger]]
            .map(|with| Place { with, ..place() }.variables().unwrap())
            .map(|variables| variables.into_iter().find(|(name, _)| name == "OTLP").unwrap());
        let comment = with_jaeger.1.replace("127.0.0.1", "localhost");
        assert!(README.contains(&format!("# {comment} in a lab with Jaeger")), "{comment}");
        variables.push(rust_alone);
        let mut named = 0;
        for word in README.split_whitespace() {
            let Some((name, port)) = word.split_once("=http://localhost:") else { continue };
            let found = variables.iter().find(|(known, _)| known == name);
            assert_eq!(found.unwrap().1, format!("http://127.0.0.1:{port}"), "{name}");
            named += 1;
        }
        assert_eq!(named, 13);
        for name in ["ADMIN_TOKEN", "REPOSITORY"] {
            assert!(variables.iter().any(|(known, _)| known == name), "{name}");
            assert!(README.contains(&format!("{name}=")), "{name}");
        }
    }

    #[test]
    fn what_a_lab_lacks_is_named_in_the_order_of_the_page() {
        let mut place = Place {
            addresses: Addresses::inside(),
            with: vec![With::Jaeger],
            keeps_lines: false,
            admin_token: None,
            ports: None,
            repository: None,
            http: Client::new(),
            children: None,
        };
        let [loki, jaeger] = [With::Loki, With::Jaeger].map(Need::Part);
        let needs = [Need::Logs, loki, jaeger, Need::AdminToken, Need::Cargo];
        assert_eq!(place.missing(&needs), ["logs", "loki", "ADMIN_TOKEN", "cargo"]);
        place.keeps_lines = true;
        assert_eq!(place.missing(&needs[..1]), [""; 0]);
        (place.keeps_lines, place.with) = (false, vec![With::Loki]);
        assert_eq!(place.missing(&needs[..1]), [""; 0]);
    }
}
