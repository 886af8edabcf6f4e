//! The overlay that keeps fewer traces.

use e2e::ask::now;
use reqwest::StatusCode;
use tokio::time::{Duration, sleep};

use crate::lab::Lab;
use crate::prometheus::settled;
use crate::tier::TAIL_SAMPLING;
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
