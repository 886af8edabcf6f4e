//! A damaged manifest with right checksums is an error, or what is written as it was read.
#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::{fuzz_mutator, fuzz_target};
use spoor_embedded::fuzz::store_manifest_again;
use spoor_fuzz::file::disk;
use spoor_fuzz::{golden, manifest, mutated_input};

fuzz_target!(|bytes: &[u8]| {
    let disk = disk([("MANIFEST", bytes)]);
    if !store_manifest_again(&disk) {
        return;
    }
    let once = disk.contents("MANIFEST").expect("it was stored");
    assert!(store_manifest_again(&disk), "what was stored cannot be read");
    assert_eq!(disk.contents("MANIFEST").expect("it was stored"), once);
    // Varints may be longer than they must be.
    assert!(once.len() <= bytes.len() + 1);
});

fuzz_mutator!(|data: &mut [u8], size: usize, max_size: usize, seed: u32| {
    static SEEDS: LazyLock<Vec<Vec<u8>>> = LazyLock::new(golden::manifests);
    mutated_input(data, size, max_size, seed, &SEEDS, manifest::mutated)
});
