//! The overlays that keep fewer traces.

use std::fs;
use std::path::PathBuf;

use anyhow::Context;
use e2e::ask::{ask, now};
use e2e::eventually;
use e2e::files::repository;
use reqwest::StatusCode;
use serde_json::{Value, json};
use tokio::time::{Duration, sleep};

use crate::lab::Lab;
use crate::prometheus::settled;
use crate::tier::{ADAPTIVE_SAMPLING, REMOTE_SAMPLING, TAIL_SAMPLING};
use crate::traffic::{Request, Traffic};
use crate::{counting, kept};

/// Requests a second, and for how long: enough for one in ten not to be none.
const RATE: u32 = 20;
const DURATION: Duration = Duration::from_secs(30);
const ERROR: &str = "/error_test";
const CALLS: &str = r#"sum(traces_span_metrics_calls_total{span_kind="SPAN_KIND_SERVER"})"#;

#[tokio::test(flavor = "multi_thread")]
#[ignore = "takes two minutes; run by .ci/full"]
async fn of_fewer_traces_the_metrics_are_complete_and_no_error_is_lost() {
    let lab = Lab::new(TAIL_SAMPLING).unwrap().load("0");
    lab.up().unwrap();
    counting::is_exact(&lab).await.unwrap();

    let prometheus = lab.prometheus();
    let calls = async || prometheus.value(CALLS, now()).await;
    let before = settled(calls).await.unwrap().unwrap();
    let traffic = Traffic::start(&lab, RATE, &["/items/1", "/items/1", ERROR]);
    sleep(DURATION).await;
    let requests = traffic.stop().await;
    let after = settled(calls).await.unwrap().unwrap();
    assert_eq!(after - before, requests.len() as f64);

    let (errors, others): (Vec<_>, Vec<_>) =
        requests.iter().partition(|request| request.path == ERROR);
    assert!(errors.iter().all(|error| error.answer == Ok(StatusCode::INTERNAL_SERVER_ERROR)));
    assert_eq!(kept(&lab, &errors).await.unwrap(), errors.len());
    let kept = kept(&lab, &others).await.unwrap();
    assert!((1..others.len() / 3).contains(&kept), "{kept} of {}", others.len());
}

/// Of how many requests there is a trace.
async fn kept(lab: &Lab, requests: &[&Request]) -> anyhow::Result<usize> {
    let mut kept = 0;
    for request in requests {
        kept += kept::spans(lab, &request.trace_id).await?;
    }
    Ok(kept)
}

#[tokio::test]
#[ignore = "takes two minutes; run by .ci/full"]
async fn an_edit_of_the_strategies_is_followed_while_all_runs() {
    let strategies = Edited::new("compose/jaeger/strategies.json").unwrap();
    let lab = Lab::new(REMOTE_SAMPLING).unwrap().load("0");
    lab.up().unwrap();
    chain_is_sampled(&lab, true).await.unwrap();
    let none = json!({"default_strategy": {"type": "probabilistic", "param": 0}});
    strategies.replace(&none.to_string()).unwrap();
    chain_is_sampled(&lab, false).await.unwrap();
    strategies.replace(&strategies.before).unwrap();
    chain_is_sampled(&lab, true).await.unwrap();
}

#[tokio::test]
#[ignore = "takes three minutes; run by .ci/full"]
async fn a_busy_operation_is_sampled_less_than_a_quiet_one() {
    let lab = Lab::new(ADAPTIVE_SAMPLING).unwrap().load("100");
    lab.up().unwrap();
    // Asked for three times as often as the other.
    let busy = eventually("the busy are sampled less", async || {
        let [busy, quiet] = probabilities(&lab, ["GET /io_task", "GET /error_test"]).await?;
        Ok(busy.zip(quiet).filter(|(busy, quiet)| *busy < 0.4 && busy < quiet))
    });
    busy.await.unwrap();
    eventually("the services follow", async || {
        let said = lab.compose(&["logs", "--no-log-prefix", "--no-color", "app-a"])?;
        let mut changes = said.lines().filter(|line| line.contains("sampling changed"));
        Ok(changes.any(|line| line.contains("GET /io_task")).then_some(()))
    })
    .await
    .unwrap();
}

/// With which probability app-a is told to sample operations, as far as it is told.
async fn probabilities(lab: &Lab, names: [&str; 2]) -> anyhow::Result<[Option<f64>; 2]> {
    let url = format!("{}/sampling", lab.url("SAMPLING_PORT"));
    let told = ask(&url, &[("service", "app-a")]).await?;
    let all = told["operationSampling"]["perOperationStrategies"].as_array();
    let all = all.cloned().unwrap_or_default();
    Ok(names.map(|name| {
        let found = all.iter().find(|strategy| strategy["operation"] == name)?;
        found["probabilisticSampling"]["samplingRate"].as_f64()
    }))
}

async fn chain_is_sampled(lab: &Lab, sampled: bool) -> anyhow::Result<()> {
    let url = format!("{}/chain", lab.url("APP_A_PORT"));
    eventually(&format!("a chain is sampled: {sampled}"), async || {
        let answer: Value = ask(&url, &[]).await?;
        Ok((answer["sampled"] == sampled).then_some(()))
    })
    .await
}

/// A file of this repository that is as before in the end.
struct Edited {
    path: PathBuf,
    before: String,
}

impl Edited {
    fn new(path: &str) -> anyhow::Result<Self> {
        let path = repository().join(path);
        let before = fs::read_to_string(&path).context("reading what is to be edited")?;
        Ok(Self { path, before })
    }

    /// As an editor does: by another file of that name.
    fn replace(&self, text: &str) -> anyhow::Result<()> {
        let new = self.path.with_extension("new");
        fs::write(&new, text)?;
        Ok(fs::rename(new, &self.path)?)
    }
}

impl Drop for Edited {
    fn drop(&mut self) {
        if let Err(error) = self.replace(&self.before) {
            eprintln!("{} is not as before: {error}", self.path.display());
        }
    }
}
