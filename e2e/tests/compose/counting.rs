//! A known number of requests, and what Prometheus must count of them.

use e2e::{Client, Counts, Delays, more};

use crate::lab::Lab;
use crate::prometheus::settled;

/// Sends requests of which each service gets another number. All that Prometheus has more of them
/// is one call for each server span, with its status, one edge for each call among services, and
/// each delay in its buckets. Nothing else may send requests.
pub async fn is_exact(lab: &Lab) -> anyhow::Result<()> {
    let prometheus = lab.prometheus();
    let read = async || Ok((Counts::read(&prometheus).await?, Delays::buckets(&prometheus).await?));
    let (counts, buckets) = settled(read).await?;
    let client = Client::new(|port| lab.url(port), None);
    client.send_to_each(&[0, 1, 2, 3]).await?;
    let delays = Delays::make(&client).await?;
    let (counts_after, buckets_after) = settled(read).await?;
    assert_eq!(counts_after.since(&counts), client.sent());
    delays.are_in(more(&buckets, buckets_after))
}
