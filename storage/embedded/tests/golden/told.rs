//! All that a store tells, compared with what the memory engine tells of the same requests.

use rand::{SeedableRng, rngs::StdRng};
use spoor_store::{LegacyQuery, Store, Tenant, TimeRange, TraceLookup};

use crate::generation::{Request, tenants};
use crate::support::answers::{summaries, traces};
use crate::support::facts::Facts;
use crate::support::queries;

/// Random searches of each tenant.
const SEARCHES: u64 = 80;

/// Checks every answer of `ours` about the spans of these requests against those of `theirs`.
pub async fn assert_same(ours: &dyn Store, theirs: &dyn Store, requests: &[Request], when: &str) {
    for tenant in tenants() {
        let when = format!("tenant {:?}, {when}", tenant.name());
        assert_same_spans(ours, theirs, &tenant, &when).await;
        assert_same_names(ours, theirs, &tenant, &when).await;
        assert_same_searches(ours, theirs, &tenant, requests, &when).await;
    }
}

/// Every trace, found by search and by id; every span byte for byte.
async fn assert_same_spans(ours: &dyn Store, theirs: &dyn Store, tenant: &Tenant, when: &str) {
    let everything = LegacyQuery { depth: 100_000, ..LegacyQuery::default() };
    let everything = everything.compile(100_000).unwrap();
    let expected = traces(theirs.find_traces(tenant, everything.clone())).await.unwrap();
    assert!(!expected.is_empty(), "{when}");
    let found = traces(ours.find_traces(tenant, everything)).await.unwrap();
    assert!(found == expected, "{when}: other traces");
    let lookups: Vec<_> = expected
        .iter()
        .map(|(trace_id, _)| TraceLookup { trace_id: *trace_id, hint: TimeRange::default() })
        .collect();
    let mut found = traces(ours.get_traces(tenant, lookups)).await.unwrap();
    let mut expected = expected;
    found.sort_unstable();
    expected.sort_unstable();
    assert!(found == expected, "{when}: other traces by their ids");
}

async fn assert_same_names(ours: &dyn Store, theirs: &dyn Store, tenant: &Tenant, when: &str) {
    let services = theirs.services(tenant).await.unwrap();
    assert_eq!(ours.services(tenant).await.unwrap(), services, "{when}");
    for service in services {
        let expected = theirs.operations(tenant, &service, None).await.unwrap();
        assert_eq!(ours.operations(tenant, &service, None).await.unwrap(), expected, "{when}");
    }
    let expected = theirs.dependencies(tenant, TimeRange::default()).await.unwrap();
    let found = ours.dependencies(tenant, TimeRange::default()).await.unwrap();
    assert_eq!(found, expected, "{when}");
}

async fn assert_same_searches(
    ours: &dyn Store,
    theirs: &dyn Store,
    tenant: &Tenant,
    requests: &[Request],
    when: &str,
) {
    let mut random = StdRng::seed_from_u64(1);
    let mut facts = Facts::default();
    for (_, request) in requests.iter().filter(|(own, _)| own == tenant) {
        facts.add(request, &mut random);
    }
    let mut answered = 0;
    for number in 0..SEARCHES {
        let legacy = match number % 4 {
            0 => queries::long_spans(&facts, &mut random),
            _ => queries::query(&facts, &mut random),
        };
        let Ok(query) = legacy.compile(1_000) else { continue };
        let expected = summaries(theirs, tenant, &query).await.unwrap();
        let found = summaries(ours, tenant, &query).await.unwrap();
        assert_eq!(found, expected, "{when}: {legacy:?}");
        answered += u64::from(!expected.is_empty());
    }
    assert!(answered > SEARCHES / 4, "{when}: only {answered} searches found something");
}
