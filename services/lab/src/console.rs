//! `lab console`: the page on which a running lab is looked at, from the same places as the doctor.

use std::io::stderr;
use std::net::SocketAddr;
use std::panic::resume_unwind;
use std::sync::Arc;
use std::time::Duration;

use ::console::{Config, Doctor, Links, Service};
use anyhow::anyhow;
use tokio::runtime::Handle;
use tokio::sync::Mutex;
use tokio::task::spawn_blocking;

use crate::addresses::Addresses;
use crate::doctor;
use crate::output::Output;
use crate::ports::Ports;
use crate::ports::known::{self, APPS, FAULTS, GRAFANA, JAEGER_UI, LOAD, LOKI, PROMETHEUS};
use crate::ports::known::{CONSOLE, LINES, STORAGE};
use crate::with::{self, With};

/// How long an examination of the lab may take: less than the console gives a page.
const DEADLINE: Duration = Duration::from_secs(50);

/// Which lab to show, and where.
#[derive(clap::Args)]
pub struct Arguments {
    /// The parts that the lab has besides its services and storage
    #[arg(long, value_enum, value_delimiter = ',', value_name = "PART,...")]
    with: Vec<With>,
    /// Ask the parts by their names, from a container beside them
    #[arg(long)]
    inside: bool,
    /// Where to serve the page; without it on 127.0.0.1, at the port in CONSOLE_PORT or 8010
    #[arg(long, env = "CONSOLE_LISTEN", value_name = "ADDR")]
    listen: Option<SocketAddr>,
}

/// Serves the page until `shutdown` completes.
///
/// # Errors
/// When the arguments, or the variables of ports, make no sense, or the address cannot be listened
/// on.
pub async fn run(
    arguments: Arguments,
    shutdown: impl Future<Output = ()> + Send + 'static,
) -> anyhow::Result<()> {
    let lookup = |name: &str| std::env::var(name).ok();
    if arguments.listen.is_none() {
        // A port that is taken is told with its variable.
        Ports::configured(&[CONSOLE], lookup)?;
    }
    let config = config(arguments, lookup)?;
    Output::new(stderr()).print(format!("listening on http://{}\n", config.listen)).await;
    ::console::run(config, shutdown).await.map_err(|error| anyhow!(error))
}

/// What the console knows of the lab, with the variables that `lookup` has.
fn config(
    Arguments { with, inside, listen }: Arguments,
    lookup: impl Fn(&str) -> Option<String>,
) -> anyhow::Result<Config> {
    with::check(&with)?;
    let ports = Ports::published(&known::ALL, &lookup)?;
    // A browser is outside, wherever the console is.
    let published = Addresses::of(&ports);
    let addresses = if inside { Addresses::inside() } else { published.clone() };
    let own = |part, port| with.contains(&part).then(|| addresses.url(port));
    let link = |part, port| with.contains(&part).then(|| published.url(port));
    let services = APPS.into_iter().zip(FAULTS).map(|(app, faults)| Service {
        name: app.part.to_owned(),
        url: addresses.url(app),
        admin: addresses.url(faults),
    });
    Ok(Config {
        listen: listen.unwrap_or_else(|| ports.address(CONSOLE)),
        storage: addresses.url(STORAGE),
        services: services.collect(),
        admin_token: lookup("ADMIN_TOKEN").filter(|token| !token.is_empty()),
        load: Some(addresses.url(LOAD)),
        // Of containers, the engine has the lines.
        lines: (!inside).then(|| addresses.url(LINES)),
        prometheus: own(With::Prometheus, PROMETHEUS),
        loki: own(With::Loki, LOKI),
        links: Links {
            jaeger: link(With::Jaeger, JAEGER_UI),
            prometheus: link(With::Prometheus, PROMETHEUS),
            loki: link(With::Loki, LOKI),
            grafana: link(With::Grafana, GRAFANA),
        },
        doctor: doctor(addresses, with, DEADLINE),
    })
}

/// Examines the lab as `lab doctor --json` does, once at a time: of two, each would count the
/// other's requests.
fn doctor(addresses: Addresses, with: Vec<With>, deadline: Duration) -> Doctor {
    let progress = Output::new(stderr());
    let lab = Arc::new(Mutex::new((addresses, with, progress)));
    Arc::new(move || {
        let lab = lab.clone();
        Box::pin(async move {
            let lab = lab.lock_owned().await;
            let runtime = Handle::current();
            // On a thread of its own: what an examination holds cannot go from one to another.
            let examined = spawn_blocking(move || {
                let (addresses, with, progress) = &*lab;
                runtime.block_on(doctor::examine(addresses, with, deadline, progress)).json()
            });
            // One that has begun cannot be cancelled, so that nothing but a panic is an error.
            examined.await.unwrap_or_else(|error| resume_unwind(error.into_panic()))
        })
    })
}

#[cfg(test)]
mod tests {
    use super::With::{Collector, Grafana, Jaeger, Loki, Prometheus};
    use super::*;

    fn configured(with: &[With], inside: bool, set: &[(&str, &str)]) -> anyhow::Result<Config> {
        let lookup = |name: &str| {
            let found = set.iter().find(|(variable, _)| *variable == name);
            found.map(|(_, value)| (*value).to_owned())
        };
        config(Arguments { with: with.to_vec(), inside, listen: None }, lookup)
    }

    #[test]
    fn of_a_lab_on_this_machine_each_part_is_at_its_variables_port() {
        let set = [("APP_B_PORT", "9001"), ("CONSOLE_PORT", "9010"), ("LINES_PORT", "9011")];
        let config = configured(&[Jaeger], false, &set).unwrap();
        assert_eq!(config.listen.to_string(), "127.0.0.1:9010");
        assert_eq!(config.storage, "http://127.0.0.1:17271");
        assert_eq!(config.load.unwrap(), "http://127.0.0.1:8089");
        assert_eq!(config.lines.unwrap(), "http://127.0.0.1:9011");
        let Service { name, url, admin } = &config.services[1];
        assert_eq!([name, url, admin], ["app-b", "http://127.0.0.1:9001", "http://127.0.0.1:8101"]);
        assert_eq!(config.services.len(), 4);
    }

    #[test]
    fn beside_the_containers_parts_are_asked_by_name_and_a_browser_is_led_to_published_ports() {
        let set = [("JAEGER_UI_PORT", "26686"), ("PROMETHEUS_PORT", "29090")];
        let all = [Jaeger, Collector, Prometheus, Loki, Grafana];
        let config = configured(&all, true, &set).unwrap();
        assert_eq!(config.storage, "http://spoor:17271");
        assert_eq!(config.services[3].url, "http://app-d:8000");
        assert_eq!(config.services[3].admin, "http://app-d:8100");
        assert_eq!(config.load.unwrap(), "http://load:8089");
        assert_eq!(config.lines, None);
        assert_eq!(config.prometheus.unwrap(), "http://prometheus:9090");
        assert_eq!(config.loki.unwrap(), "http://loki:3100");
        let Links { jaeger, prometheus, loki, grafana } = config.links;
        assert_eq!(jaeger.unwrap(), "http://127.0.0.1:26686");
        assert_eq!(prometheus.unwrap(), "http://127.0.0.1:29090");
        assert_eq!(loki.unwrap(), "http://127.0.0.1:3100");
        assert_eq!(grafana.unwrap(), "http://127.0.0.1:3000");
    }

    #[test]
    fn what_the_lab_has_not_is_neither_asked_nor_led_to() {
        let Config { prometheus, loki, links, admin_token, .. } =
            configured(&[], false, &[("ADMIN_TOKEN", "")]).unwrap();
        let Links { jaeger, prometheus: metrics, loki: lines, grafana } = links;
        let all = [prometheus, loki, jaeger, metrics, lines, grafana, admin_token];
        assert_eq!(all, [const { None }; 7]);
        let with_token = configured(&[], false, &[("ADMIN_TOKEN", "secret")]).unwrap();
        assert_eq!(with_token.admin_token.as_deref(), Some("secret"));
    }

    #[tokio::test]
    async fn the_lab_is_examined_as_by_the_doctor_of_the_command_line() {
        let addresses = Addresses::published(|_| Some("1".to_owned())).unwrap();
        let doctor = doctor(addresses, vec![Jaeger], Duration::from_millis(500));
        let report: serde_json::Value = serde_json::from_str(&doctor().await).unwrap();
        let links: Vec<_> = report["links"].as_array().unwrap().iter().collect();
        let names: Vec<_> = links.iter().map(|link| link["link"].as_str().unwrap()).collect();
        assert_eq!(names[..6], ["app-a", "app-b", "app-c", "app-d", "spoor", "jaeger"]);
        assert!(links[..6].iter().all(|link| link["status"] == "broken"), "{report:#}");
    }

    #[test]
    fn a_part_without_what_it_needs_and_a_port_that_is_none_are_refused() {
        let problem = configured(&[Loki], false, &[]).err().unwrap().to_string();
        assert!(problem.contains("--with loki needs collector"), "{problem}");
        let problem = configured(&[], true, &[("GRAFANA_PORT", "x")]).err().unwrap().to_string();
        assert!(problem.contains("GRAFANA_PORT=x is no port"), "{problem}");
    }
}
