use super::*;
use crate::segment::{Filters, Merge, OperationKey};

const COUNTS: [u32; 8] = [0, 1, 7, 8, 9, 64, 128, 1_000];

#[test]
fn what_was_written_is_read() {
    for count in COUNTS {
        let (disk, blocks, catalogue) = (new_disk(), blocks(count, 6), catalogue());
        let info = write(&disk, 3, &blocks, &catalogue).unwrap();
        let segment = Segment::open(&disk, &path(3)).unwrap();
        assert_has(&segment, &info, &blocks, &catalogue);
        for (number, block) in (0..).zip(&blocks) {
            assert_eq!(segment.read_block(number).unwrap(), block.bytes);
        }
        assert_eq!(damage(&segment), [""; 0]);
        assert_eq!(disk.files(), [path(3)]);
        let rows = blocks.iter().map(|block| u64::from(block.index.rows)).sum::<u64>();
        assert_eq!((info.number, info.level, info.blocks, info.spans), (3, 2, count, rows));
        assert_eq!((info.arrival_min, info.arrival_max), (1_000, 2_000));
        assert_eq!(info.bytes, disk.size(&path(3)).unwrap());
    }
}

#[test]
fn few_blocks_are_candidates_for_what_they_do_not_have() {
    let (disk, blocks) = (new_disk(), blocks(128, 300));
    write(&disk, 1, &blocks, &catalogue()).unwrap();
    let segment = Segment::open(&disk, &path(1)).unwrap();
    let strangers = block(5_000, 2_000).entries;
    let candidates = segment.candidates(&strangers, &Bitmap::all(128));
    let passed: usize = candidates.blocks.iter().map(Bitmap::count).sum();
    let rate = passed as f64 / (128 * strangers.len()) as f64;
    assert!((0.004..0.016).contains(&rate), "{rate}");
}

#[test]
fn only_blocks_within_are_candidates() {
    let (disk, blocks) = (new_disk(), blocks(70, 20));
    write(&disk, 1, &blocks, &catalogue()).unwrap();
    let segment = Segment::open(&disk, &path(1)).unwrap();
    let mut within = Bitmap::none(70);
    within.insert(6);
    within.insert(69);
    for (number, block) in blocks.iter().enumerate() {
        for found in segment.candidates(&block.entries, &within).blocks {
            assert!(found.iter().all(|found| within.contains(found)));
            assert!(found.contains(number) || !within.contains(number));
        }
    }
    let nowhere = segment.candidates(&blocks[0].entries, &Bitmap::none(70)).blocks;
    assert!(nowhere.iter().all(Bitmap::is_empty));
}

#[test]
fn a_copied_block_keeps_its_bytes_and_its_filter() {
    for count in COUNTS {
        let (disk, blocks) = (new_disk(), blocks(count, 6));
        write(&disk, 1, &blocks, &catalogue()).unwrap();
        let source = Segment::open(&disk, &path(1)).unwrap();
        // Every other block, the last first, between new ones.
        let copied: Vec<u32> = (0..count).rev().step_by(2).collect();
        let filters = source.filters(&copied, |error| panic!("{error}")).unwrap();
        let mut writer = SegmentWriter::create(&disk, DIR, new_segment(2)).unwrap();
        let mut expected = Vec::new();
        for (number, filter) in copied.into_iter().zip(filters.iter()) {
            let mut built = Filters::default();
            built.push(&blocks[number as usize].entries);
            assert_eq!(filter, built.get(0));
            writer.copy(&source, number, filter).unwrap();
            expected.push(block(number, 6 * (number as usize % 3 + 1)));
            let new = block(number + 10_000, 70);
            writer.push(&new).unwrap();
            expected.push(new);
        }
        let mut operations = Merge::new([
            Box::new(source.operations().unwrap()) as Box<dyn SortedKeys>,
            Box::new(source.operations().unwrap()),
        ])
        .unwrap();
        let info = writer.finish(&mut operations, &mut source.attributes().unwrap()).unwrap();
        let segment = Segment::open(&disk, &path(2)).unwrap();
        assert_has(&segment, &info, &expected, &catalogue());
        for (number, block) in (0..).zip(&expected) {
            assert_eq!(segment.read_block(number).unwrap(), block.bytes);
        }
    }
}

#[test]
fn services_and_operations_are_found() {
    let disk = new_disk();
    write(&disk, 1, &blocks(1, 1), &catalogue()).unwrap();
    let segment = Segment::open(&disk, &path(1)).unwrap();
    assert_eq!(services(&segment), ["", "cart", "shop"]);
    let operations = |service, kind| {
        let operations = operations_of(&segment, service, kind);
        operations.into_iter().map(|found| (found.name, found.kind)).collect::<Vec<_>>()
    };
    let named = |name: &str, kind| (name.to_owned(), kind);
    assert_eq!(
        operations("cart", None),
        [
            named("GET /cart", SpanKind::Server),
            named("redis", SpanKind::Internal),
            named("redis", SpanKind::Client),
        ]
    );
    assert_eq!(operations("cart", Some(SpanKind::Client)), [named("redis", SpanKind::Client)]);
    assert_eq!(operations("shop", None), [named("", SpanKind::Consumer)]);
    assert_eq!(operations("car", None), []);
    assert_eq!(operations("zoo", None), []);
}

#[test]
fn a_large_catalogue_is_sought_and_read() {
    let mut catalogue = Catalogue::default();
    let long_name = "x".repeat(100_000);
    for service in 0..1_000 {
        for operation in 0..10 {
            let service = format!("service-{service}");
            catalogue.add_operation(&service, &format!("GET /{operation}"), SpanKind::Server);
        }
    }
    catalogue.add_operation("service-500", &long_name, SpanKind::Server);
    catalogue.add_operation("service-501", &long_name, SpanKind::Server);
    let disk = new_disk();
    write(&disk, 1, &[], &catalogue).unwrap();
    let segment = Segment::open(&disk, &path(1)).unwrap();
    let mut expected = Vec::new();
    let mut cursor = catalogue.operations();
    while cursor.advance().unwrap() {
        expected.push(cursor.key().to_vec());
    }
    let mut cursor = segment.operations().unwrap();
    assert_eq!(keys(&mut cursor).unwrap(), expected);
    // Forward, back, between keys, before the first, after the last.
    for at in [0, 9_000, 8_999, 1, 5_000, 5_001, 5_002, 10_001] {
        assert!(cursor.seek(&expected[at]).unwrap());
        assert_eq!(cursor.key(), expected[at]);
        let mut between = expected[at].clone();
        between.push(0);
        assert_eq!(cursor.seek(&between).unwrap(), at < 10_001);
        assert_eq!(Some(cursor.key()), expected.get(at + 1).map_or(Some(&[][..]), |key| Some(key)));
    }
    assert!(cursor.seek(b"").unwrap());
    assert_eq!(cursor.key(), expected[0]);
    assert_eq!(operations_of(&segment, "service-501", None).len(), 11);
    assert!(OperationKey::decode(&expected[0]).is_some());
    assert_eq!(services(&segment).len(), 1_000);
}
