//! A burn-rate alert of the lab's own rules, in a second Prometheus over the same metrics, which
//! has seconds where the rules have minutes.

use std::fs;
use std::process::Command;
use std::time::Instant;

use anyhow::{Context, ensure};
use e2e::ask::{Prometheus, now};
use e2e::files::repository;
use e2e::{Client, NativeLab, Process, eventually, free_address, real_program};
use tempfile::TempDir;

/// What is changed in the rules' text.
const WINDOWS: [(&str, &str); 3] = [("[1m]", "[10s]"), ("[5m]", "[20s]"), ("[30m]", "[40s]")];
const ALERT: &str = "AvailabilityBudgetBurnsFast";
/// app-d, whose /chain fails.
const FAILING: usize = 3;

/// It is silent while requests succeed, fires while a third of them fails, names that service
/// alone, and clears when they succeed again.
pub async fn fires_and_clears(lab: &NativeLab, client: &Client) -> anyhow::Result<()> {
    let folder = TempDir::new().context("making a folder for Prometheus")?;
    let (prometheus, _process) = start(lab, &folder).await?;
    let ratio = r#"service_name:slo_errors_per_requests:ratio_rate5m{service_name="app-d"}"#;
    let rest = eventually("app-d's share of failures is known, and 0", async || {
        Ok(prometheus.value(ratio, now()).await?.filter(|ratio| *ratio == 0.0))
    });
    client.repeat_until(rest, 5.0, FAILING, &["/"]).await?;
    ensure!(firing(&prometheus).await?.is_empty(), "{ALERT} fires without a failure");

    let began = Instant::now();
    let fires = eventually("the alert fires", async || {
        Ok(Some(firing(&prometheus).await?).filter(|services| !services.is_empty()))
    });
    let services = client.repeat_until(fires, 15.0, FAILING, &["/chain", "/"]).await?;
    println!("{ALERT} fires after {:.1} s", began.elapsed().as_secs_f64());
    ensure!(services == ["app-d"], "{ALERT} fires for {services:?}");

    let began = Instant::now();
    let clears = eventually("the alert clears", async || {
        Ok(firing(&prometheus).await?.is_empty().then_some(()))
    });
    client.repeat_until(clears, 15.0, FAILING, &["/"]).await?;
    println!("{ALERT} clears after {:.1} s", began.elapsed().as_secs_f64());
    Ok(())
}

/// The services for which it fires.
async fn firing(prometheus: &Prometheus) -> anyhow::Result<Vec<String>> {
    let promql = format!("ALERTS{{alertname=\"{ALERT}\", alertstate=\"firing\"}}");
    let series = prometheus.query(&promql, now()).await?;
    let service = |labels: &e2e::ask::Labels| labels.get("service_name").cloned();
    series.iter().map(|one| service(&one.labels).context("finding the service")).collect()
}

/// Starts Prometheus over the lab's span metrics alone.
async fn start(lab: &NativeLab, folder: &TempDir) -> anyhow::Result<(Prometheus, Process)> {
    let path = |file: &str| folder.path().join(file);
    fs::create_dir(path("rules"))?;
    let source = repository().join("prometheus");
    let mut files = vec!["prometheus.yml".to_owned(), "flags".to_owned()];
    for rules in fs::read_dir(source.join("rules")).context("listing the rules")? {
        files.push(format!("rules/{}", rules?.file_name().to_string_lossy()));
    }
    for file in files {
        let mut text = fs::read_to_string(source.join(&file))?;
        if file == "rules/slo.yml" {
            for (window, short) in WINDOWS {
                ensure!(text.contains(window), "no rule has the window {window}");
                text = text.replace(window, short);
            }
        }
        fs::write(path(&file), text).with_context(|| format!("copying {file}"))?;
    }
    let target = lab.url("SPAN_METRICS_PORT").replace("http://", "");
    let labels = "{ job: span-metrics, __scrape_interval__: 2s, __scrape_timeout__: 2s }";
    fs::write(path("targets.yml"), format!("- targets: [\"{target}\"]\n  labels: {labels}\n"))?;

    let address = free_address();
    let mut command = Command::new(real_program("prometheus")?);
    command.arg(format!("@{}", path("flags").display()));
    command.arg(format!("--config.file={}", path("prometheus.yml").display()));
    command.arg(format!("--storage.tsdb.path={}", path("data").display()));
    command.arg(format!("--web.listen-address={address}"));
    let ready = format!("http://{address}/-/ready");
    let process = Process::start("prometheus", &mut command, &ready).await?;
    Ok((Prometheus(format!("http://{address}")), process))
}
