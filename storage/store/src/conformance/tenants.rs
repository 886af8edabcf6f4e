//! Tenants and purging.

use super::fixtures::{Span, of_service, request, resource_spans, span, span_id};
use super::probe::Probe;
use super::{Outcome, expect};
use crate::{LegacyQuery, TimeRange};

rules![
    a_tenant_reads_only_its_own,
    a_purge_forgets_everything_of_its_tenant,
    a_purge_leaves_other_tenants_alone,
];

/// A trace of two spans in which `caller` calls `called`.
async fn write_call(probe: &Probe, trace: u64, caller: &str, called: &str) -> Outcome {
    let child = Span { parent_span_id: span_id(1), ..span(trace, 2) };
    let spans = [resource_spans(caller, [span(trace, 1)]), resource_spans(called, [child])];
    probe.write(request(spans)).await.map(drop)
}

/// Expects that the tenant has what [`write_call`] wrote and nothing else.
async fn expect_one_call(probe: &Probe, trace: u64, caller: &str, called: &str) -> Outcome {
    let what = |read| format!("{read} of tenant {:?}", probe.tenant.name());
    let query = LegacyQuery::default();
    expect(&what("spans"), probe.spans(trace).await?.len(), 2)?;
    expect(&what("found traces"), probe.find(&query).await?, vec![trace])?;
    expect(&what("found ids"), probe.find_ids(&query).await?.len(), 1)?;
    let summaries = probe.find_summaries(&query).await?;
    let roots: Vec<_> = summaries.iter().map(|found| found.root_service.as_str()).collect();
    expect(&what("summaries"), roots, vec![caller])?;
    let names = vec![caller.to_owned(), called.to_owned()];
    expect(&what("services"), probe.services().await?, names)?;
    expect(&what("operations"), probe.operations(called, None).await?.len(), 1)?;
    let calls = vec![(caller.to_owned(), called.to_owned(), 1)];
    expect(&what("calls"), probe.calls(TimeRange::default()).await?, calls)
}

async fn a_tenant_reads_only_its_own(probe: Probe) -> Outcome {
    // One trace id for both, and one trace of each alone.
    let (one, two) = (probe.of_tenant("one"), probe.of_tenant("two"));
    write_call(&one, 1, "a", "b").await?;
    write_call(&two, 1, "c", "d").await?;
    expect_one_call(&one, 1, "a", "b").await?;
    expect_one_call(&two, 1, "c", "d").await?;
    expect("operations of another tenant", one.operations("c", None).await?, vec![])?;
    expect("traces of another tenant", one.find(&of_service("c")).await?, vec![])?;
    // Neither the default tenant nor one of a similar name is any of them.
    for outsider in [probe.clone(), probe.of_tenant("on"), probe.of_tenant("One")] {
        expect("spans of an outsider", outsider.spans(1).await?.len(), 0)?;
        expect("services of an outsider", outsider.services().await?, vec![])?;
    }
    Ok(())
}

async fn a_purge_forgets_everything_of_its_tenant(probe: Probe) -> Outcome {
    write_call(&probe, 1, "a", "b").await?;
    probe.purge().await?;
    let query = LegacyQuery::default();
    expect("spans", probe.spans(1).await?.len(), 0)?;
    expect("found traces", probe.find(&query).await?, vec![])?;
    expect("found ids", probe.find_ids(&query).await?, vec![])?;
    expect("summaries", probe.find_summaries(&query).await?, vec![])?;
    expect("services", probe.services().await?, vec![])?;
    expect("operations", probe.operations("a", None).await?, vec![])?;
    expect("calls", probe.calls(TimeRange::default()).await?, vec![])?;
    // What comes after a purge is kept again, and nothing from before it returns.
    write_call(&probe, 1, "c", "d").await?;
    expect_one_call(&probe, 1, "c", "d").await
}

async fn a_purge_leaves_other_tenants_alone(probe: Probe) -> Outcome {
    let other = probe.of_tenant("other");
    write_call(&probe, 1, "a", "b").await?;
    write_call(&other, 1, "a", "b").await?;
    probe.purge().await?;
    expect_one_call(&other, 1, "a", "b").await
}
