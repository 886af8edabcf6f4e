use spoor_embedded::check::check;

use crate::generation::{Generation, Request, open, tenants, write};
use crate::support::requests::Requests;
use crate::support::stores::memory;
use crate::told::assert_same;

/// Segments written after an upgrade: with those that are there, enough to be merged.
const SEGMENTS: usize = 8;

/// Today's engine goes on with a store of every generation: it writes to it, merges its segments
/// and opens it again, and tells all the time what the memory engine tells.
#[tokio::test(flavor = "multi_thread")]
async fn a_store_of_any_generation_is_gone_on_with() {
    for generation in Generation::all() {
        let at = |when: &str| format!("generation {}, {when}", generation.number);
        let copy = generation.copy();
        let expected = memory();
        let mut requests = generation.requests();
        write(&expected, &requests).await;
        let store = open(copy.path(), 48).unwrap();
        let mut random = Requests::new(u64::from(generation.number));
        assert_same(&store, &expected, &requests, &at("opened")).await;
        for _ in 0..SEGMENTS {
            let mut new: Vec<Request> = Vec::new();
            for tenant in tenants() {
                // Some of the golden requests again: their traces then lie in old and new files.
                let old = requests.iter().find(|(own, _)| *own == tenant).unwrap().clone();
                new.extend([(tenant, random.next()), old]);
            }
            write(&store, &new).await;
            write(&expected, &new).await;
            requests.extend(new);
            store.settle().await.unwrap();
        }
        assert_same(&store, &expected, &requests, &at("after merging")).await;
        drop(store);
        assert!(
            generation.store().join("tenant-").read_dir().unwrap().any(|entry| {
                let name = entry.unwrap().file_name();
                name.to_str().unwrap().starts_with("segment-")
                    && !copy.path().join("tenant-").join(name).exists()
            }),
            "{}",
            at("no golden segment was merged")
        );
        let report = check(copy.path(), false, &mut |_| {}).unwrap();
        assert_eq!(report.findings, [], "{}", at("checked"));
        let store = open(copy.path(), 48).unwrap();
        assert_same(&store, &expected, &requests, &at("opened again")).await;
    }
}
