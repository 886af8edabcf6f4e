//! A damaged segment with right checksums is an error, or answers.
#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::{fuzz_mutator, fuzz_target};
use spoor_embedded::bitmap::Bitmap;
use spoor_embedded::segment::{AttributeKey, OperationKey, Segment, SortedKeys};
use spoor_fuzz::file::disk;
use spoor_fuzz::{golden, mutated_input, segment};

/// A list of a few bytes may tell of many keys.
const MOST_KEYS: usize = 10_000;

fuzz_target!(|bytes: &[u8]| {
    let disk = disk([("segment", bytes)]);
    let Ok(segment) = Segment::open(&disk, "segment") else { return };
    let mut flaws = 0;
    segment.check(|_| flaws += 1);
    let blocks = segment.blocks().len();
    let all = Bitmap::all(blocks);
    let found = segment.candidates(&[0, 1, u64::MAX, 0xda01_7441_9027_6c50], &all);
    assert!(found.blocks.iter().all(|found| found.len() == blocks));
    let numbers: Vec<u32> = (0..blocks as u32).collect();
    if let Ok(filters) = segment.filters(&numbers, |_| {}) {
        assert_eq!(filters.len(), blocks);
    }
    for block in numbers {
        if let Ok(reader) = segment.block(block) {
            drop((reader.check(), reader.trace_ids()));
        }
        drop(segment.read_block(block));
    }
    let mut services = Vec::new();
    let told = segment.for_each_service(|service| {
        services.push(service.to_owned());
        services.len() < 8
    });
    if told.is_ok() {
        for service in &services {
            let mut left = MOST_KEYS;
            drop(segment.for_each_operation(service, None, |_, _| {
                left -= 1;
                left > 0
            }));
        }
    }
    for (list, is_operations) in [(segment.operations(), true), (segment.attributes(), false)] {
        let Ok(mut list) = list else { continue };
        let mut last: Option<Vec<u8>> = None;
        for _ in 0..MOST_KEYS {
            let Ok(true) = list.advance() else { break };
            // A check tells of keys that are out of order.
            assert!(flaws > 0 || last.is_none_or(|last| *last < *list.key()));
            let mut again = Vec::new();
            if is_operations && let Some(key) = OperationKey::decode(list.key()) {
                key.encode(&mut again);
            } else if !is_operations && let Some(key) = AttributeKey::decode(list.key()) {
                key.encode(&mut again);
            }
            assert!(again.is_empty() || again == list.key());
            last = Some(list.key().to_vec());
        }
        if let Some(last) = last {
            drop((list.seek(&last), list.seek(&[]), list.seek(&[0xff])));
        }
    }
});

fuzz_mutator!(|data: &mut [u8], size: usize, max_size: usize, seed: u32| {
    static SEEDS: LazyLock<Vec<Vec<u8>>> = LazyLock::new(golden::segments);
    mutated_input(data, size, max_size, seed, &SEEDS, |bytes, random| {
        let mut segment = segment::Segment::decode(bytes)?;
        segment.mutate(random);
        Some(segment.encode())
    })
});
