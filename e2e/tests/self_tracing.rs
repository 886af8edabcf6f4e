//! Reads are traced in the whole lab, and what is written of that makes no further span.

use std::time::Duration;

use anyhow::{Context, ensure};
use e2e::{Changes, NativeLab, eventually, http};
use tokio::time::sleep;

/// The spans of the callers, who export none.
const PARENT: &str = "00f067aa0ba902b7";
/// How many reads are made of each kind.
const ROUNDS: u32 = 10;
/// Many times what a span waits on its way into the store, so that one that makes another makes
/// some within it.
const QUIET: Duration = Duration::from_secs(20);

#[tokio::test]
#[ignore = "needs Go; run by .ci/run"]
async fn reads_are_traced_and_once_traffic_stops_no_further_span_is_written() -> anyhow::Result<()>
{
    let lab = NativeLab::up(Changes { load: Some("0"), ..Changes::default() }).await?;
    // Reads that are traced, among reads that are not and requests whose spans are written.
    for round in 0..ROUNDS {
        http().get(format!("{}/chain", lab.url("APP_A_PORT"))).send().await?.error_for_status()?;
        let jaeger = lab.url("JAEGER_UI_PORT");
        for (path, flags) in [
            ("api/v3/services", "00"),
            ("api/v3/services", "01"),
            ("api/traces?service=app-a&lookback=1h&limit=20", "01"),
        ] {
            let traceparent = format!("00-{}-{PARENT}-{flags}", trace(round));
            let read = http().get(format!("{jaeger}/{path}")).header("traceparent", traceparent);
            read.send().await?.error_for_status()?;
        }
    }
    for round in 0..ROUNDS {
        eventually("the reads are traced", async || {
            Ok(is_traced(&lab, round).await?.then_some(()))
        })
        .await?;
    }
    eventually("all is written that was under way", async || {
        let before = accepted(&lab).await?;
        sleep(QUIET / 4).await;
        Ok((accepted(&lab).await? == before).then_some(()))
    })
    .await?;

    let before = accepted(&lab).await?;
    // Time itself is the condition.
    sleep(QUIET).await;
    let after = accepted(&lab).await?;
    ensure!(before == after, "{before} spans became {after} without any traffic");
    Ok(())
}

fn trace(round: u32) -> String {
    format!("{:032x}", u128::MAX / 3 + u128::from(round))
}

/// Whether the two reads of this round are there, as spoor saw them: its spans below Jaeger's.
async fn is_traced(lab: &NativeLab, round: u32) -> anyhow::Result<bool> {
    let spans = lab.jaeger().trace(&trace(round)).await?;
    let mut reads: Vec<_> =
        spans.iter().filter(|span| span.service == "spoor" && span.is_server()).collect();
    if reads.len() < 2 {
        return Ok(false);
    }
    reads.sort_by_key(|span| span.start);
    let names: Vec<_> = reads.iter().map(|span| &*span.name).collect();
    let method = |name: &str| format!("jaeger.storage.v2.TraceReader/{name}");
    ensure!(names == [method("GetServices"), method("FindTraces")], "{names:?}");
    for read in reads {
        let caller = spans.iter().find(|span| span.id == read.parent);
        let Some(caller) = caller else { return Ok(false) };
        ensure!(caller.service == "jaeger", "the caller of {} is {caller:?}", read.name);
        ensure!(spans.iter().any(|span| span.parent == read.id), "{} has no stages", read.name);
    }
    Ok(true)
}

/// The spans that spoor has taken, of all services.
async fn accepted(lab: &NativeLab) -> anyhow::Result<f64> {
    let url = format!("{}/metrics", lab.url("STORAGE_ADMIN_PORT"));
    let text = http().get(url).send().await?.error_for_status()?.text().await?;
    let series = text.lines().filter(|line| line.starts_with("spoor_spans_accepted_total{"));
    let values = series.map(|line| {
        let value = line.rsplit(' ').next().context("finding a metric's value")?;
        value.parse::<f64>().context("reading a metric's value")
    });
    values.sum()
}
