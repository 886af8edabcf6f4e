//! The lab that a lesson is done with: one that runs, or one of its own.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, bail};

use super::page::Need;
use crate::addresses::Addresses;
use crate::children::Children;
use crate::logs::Logs;
use crate::parts::{self, Plan};
use crate::ports::known::{APPS, FAULTS, JAEGER_UI, LOKI, OTLP_GRPC, PROMETHEUS, STORAGE};
use crate::ports::{Port, Ports, known};
use crate::program;
use crate::setting::Setting;
use crate::up::REQUEST_DEADLINE;
use crate::with::With;

/// How long a lab that runs may take to say so.
const ANSWER_DEADLINE: Duration = Duration::from_secs(2);

/// How often a lab is tried to be started: a port that was free a moment ago may be that of somebody's
/// connection when its part comes to listen on it.
const STARTS: usize = 3;

/// One lab, and how it is reached.
pub struct Place {
    pub addresses: Addresses,
    pub with: Vec<With>,
    /// With which faults are switched, if it is known.
    pub admin_token: Option<String>,
    /// Of this machine, if the lab's ports are.
    ports: Option<Ports>,
    /// Of this repository, if this is run inside of it.
    repository: Option<PathBuf>,
    /// Of a lab of its own; dropped, it ends.
    children: Option<Children>,
}

impl Place {
    /// The lab that runs where the variables of ports say, with these parts; if none does, one of
    /// its own on free ports.
    ///
    /// # Errors
    /// When a variable of a port holds none, or a lab cannot be started.
    pub async fn find(with: &[With], inside: bool) -> anyhow::Result<Self> {
        let mut place = Self::of_environment(inside)?;
        with.clone_into(&mut place.with);
        if inside {
            return Ok(place);
        }
        let http = reqwest::Client::builder().no_proxy().timeout(ANSWER_DEADLINE);
        let http = http.build().context("making an HTTP client")?;
        let health = http.get(format!("{}/healthz", place.addresses.url(APPS[0]))).send().await;
        match health.is_ok_and(|answer| answer.status().is_success()) {
            true => Ok(place),
            false => Self::start(with, &[]).await,
        }
    }

    /// The lab where the variables of ports say, or beside this container, whether it runs or not,
    /// and whatever parts it has.
    ///
    /// # Errors
    /// When a variable of a port holds none.
    pub fn of_environment(inside: bool) -> anyhow::Result<Self> {
        let published = || Ports::published(&known::ALL, |name| std::env::var(name).ok());
        let ports = (!inside).then(published).transpose()?;
        Ok(Self {
            addresses: ports.as_ref().map_or_else(Addresses::inside, Addresses::of),
            with: Vec::new(),
            admin_token: std::env::var("ADMIN_TOKEN").ok().filter(|token| !token.is_empty()),
            ports,
            repository: repository(),
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
        let http = reqwest::Client::builder().no_proxy().timeout(REQUEST_DEADLINE);
        let http = http.build().context("making an HTTP client")?;
        let mut children = Children::new(Logs::new(None, false, parts.name_width()), http);
        parts.start(&mut children).await.context("starting a lab for the lesson")?;
        Ok(Self {
            addresses: Addresses::of(&plan.ports),
            with: with.to_vec(),
            admin_token: Some(plan.admin_token),
            ports: Some(plan.ports),
            repository: repository(),
            children: Some(children),
        })
    }

    /// Whether it is one of its own.
    pub fn is_own(&self) -> bool {
        self.children.is_some()
    }

    /// What the lesson needs and this lab does not have.
    pub fn missing(&self, needs: &[Need]) -> Vec<&'static str> {
        let lacks = |need: &&Need| match need {
            Need::Part(part) => !self.with.contains(part),
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
        set("OTLP", self.addresses.url(self.receiver()));
        set("LAB_INSIDE", if self.ports.is_some() { "" } else { "--inside" }.to_owned());
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
        let http = reqwest::Client::builder().no_proxy().timeout(REQUEST_DEADLINE);
        let http = http.build().context("making an HTTP client")?;
        let request = http.post(format!("{}/faults", self.addresses.url(port)));
        let request = request.bearer_auth(self.admin_token.as_deref().unwrap_or_default());
        let answer = request.body(spec.to_owned()).send().await;
        let answer = answer.with_context(|| format!("switching on a fault of {service}"))?;
        if !answer.status().is_success() {
            let reason = answer.text().await.unwrap_or_default();
            bail!("switching on a fault of {service}: {reason}");
        }
        Ok(())
    }
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
        let ports = Ports::published(&known::ALL, |_| None).unwrap();
        let place = Place {
            addresses: Addresses::of(&ports),
            with: vec![With::Jaeger, With::Collector, With::Prometheus, With::Loki],
            admin_token: Some(String::new()),
            ports: Some(ports),
            repository: Some(PathBuf::new()),
            children: None,
        };
        let variables = place.variables().unwrap();
        let mut named = 0;
        for word in README.split_whitespace() {
            let Some((name, port)) = word.split_once("=http://localhost:") else { continue };
            let found = variables.iter().find(|(known, _)| known == name);
            assert_eq!(found.unwrap().1, format!("http://127.0.0.1:{port}"), "{name}");
            named += 1;
        }
        assert_eq!(named, 12);
        for name in ["ADMIN_TOKEN", "REPOSITORY"] {
            assert!(variables.iter().any(|(known, _)| known == name), "{name}");
            assert!(README.contains(&format!("{name}=")), "{name}");
        }
    }

    #[test]
    fn what_a_lab_lacks_is_named_in_the_order_of_the_page() {
        let mut place = Place::of_environment(true).unwrap();
        place.with = vec![With::Jaeger];
        (place.admin_token, place.repository) = (None, None);
        let needs =
            [Need::Part(With::Loki), Need::Part(With::Jaeger), Need::AdminToken, Need::Cargo];
        assert_eq!(place.missing(&needs), ["loki", "ADMIN_TOKEN", "cargo"]);
    }
}
