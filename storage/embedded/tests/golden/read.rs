use std::fs;

use spoor_embedded::check::check;

use crate::generation::{Generation, contents, files, open, root, write};
use crate::support::stores::memory;
use crate::told::assert_same;

#[tokio::test(flavor = "multi_thread")]
async fn every_generation_tells_what_was_written_to_it() {
    assert!(!Generation::all().is_empty());
    for generation in Generation::all() {
        let requests = generation.requests();
        let expected = memory();
        write(&expected, &requests).await;
        let copy = generation.copy();
        let store = open(copy.path(), 8_192).unwrap();
        assert_same(&store, &expected, &requests, &format!("generation {}", generation.number))
            .await;
    }
}

#[test]
fn a_check_finds_nothing_in_any_generation_and_changes_nothing() {
    for generation in Generation::all() {
        let copy = generation.copy();
        let report = check(copy.path(), true, &mut |_| {}).unwrap();
        assert_eq!(report.findings, [], "generation {}", generation.number);
        assert!(report.segments >= 4 && report.blocks > report.segments, "{report:?}");
        assert_eq!(contents(copy.path()), contents(&generation.store()));
    }
}

#[test]
fn golden_files_are_small() {
    for generation in Generation::all() {
        let files = files(&root().join(generation.number.to_string()), "");
        let bytes: u64 = files.iter().map(|path| fs::metadata(path).unwrap().len()).sum();
        assert!(bytes < 150 << 10, "generation {}: {bytes} bytes", generation.number);
    }
}
