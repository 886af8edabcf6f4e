//! A known number of requests, and what Prometheus must count of them, however their service
//! exports its spans.

use anyhow::Context;
use e2e::{Client, Counts, Delays, NativeLab, eventually};

/// Sends requests of which each service gets another number, and compares every counter.
pub async fn is_exact(lab: &NativeLab, client: &Client) -> anyhow::Result<()> {
    // The chains of the others pass app-d, which fails.
    client.send_to_each(&[0, 2]).await?;
    let delays = Delays::make(client).await?;
    equals_what_was_sent(lab, client).await?;
    delays.are_in(Delays::buckets(&lab.prometheus()).await?)
}

/// All calls and all edges that Prometheus has are those that were sent.
pub async fn equals_what_was_sent(lab: &NativeLab, client: &Client) -> anyhow::Result<()> {
    let (sent, nothing) = (client.sent(), Counts::default());
    let mut counted = Counts::default();
    let equal = eventually("what is counted is what was sent", async || {
        counted = Counts::read(&lab.prometheus()).await?.since(&nothing);
        Ok((counted == sent).then_some(()))
    });
    let equal = equal.await;
    equal.with_context(|| format!("{counted:?} are counted, and sent {sent:?}"))
}
