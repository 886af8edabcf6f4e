//! Spoor killed under load.

use anyhow::ensure;
use e2e::eventually;

use crate::exporter::Exporter;
use crate::kept::{self, CHAIN, ITEM};
use crate::lab::Lab;
use crate::tier::BASE;
use crate::traffic::{Traffic, failed};

/// Requests a second.
const RATE: u32 = 10;
/// Traces that spoor acknowledges from its start, or its last one, to a kill.
const TRACES: usize = 1_000;

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs a Docker engine with the images of .env; run by .ci/run"]
async fn a_killed_spoor_comes_back_with_all_that_it_acknowledged() {
    let lab = Lab::new(BASE).unwrap();
    lab.up().unwrap();
    loses_nothing_by_kills(&lab, 2).await.unwrap();
}

/// Kills spoor so often while exports go straight to it and requests' spans through Jaeger. Each
/// span that it acknowledged must be there in the end, and each of the requests. Gives how many
/// traces it acknowledged, and how many spans the requests made.
pub async fn loses_nothing_by_kills(lab: &Lab, kills: u32) -> anyhow::Result<(usize, usize)> {
    let traffic = Traffic::start(lab, RATE, &[ITEM, CHAIN]);
    let exporter = Exporter::start(&lab.url("STORAGE_PORT"));
    for _ in 0..kills {
        exporter.advances_by(TRACES).await?;
        lab.compose(&["kill", "--signal", "KILL", "spoor"])?;
        lab.compose(&["start", "spoor"])?;
        lab.is_healthy("spoor").await?;
    }
    exporter.advances_by(TRACES).await?;
    let requests = traffic.stop().await;
    let failed = failed(&requests);
    ensure!(failed.is_empty(), "{failed:#?}");
    let acknowledged = exporter.has_lost_nothing().await?;

    let requests: Vec<_> = requests.iter().collect();
    let mut last = String::new();
    let spans = eventually("Jaeger wrote all that the services sent", async || {
        // It answers with an error while it connects again.
        let missing = kept::missing_spans(lab, &requests).await;
        last = format!("{missing:?}");
        Ok(missing.ok().and_then(|(missing, spans)| (missing == 0).then_some(spans)))
    });
    let spans = spans.await;
    Ok((acknowledged, spans.map_err(|error| error.context(last))?))
}
