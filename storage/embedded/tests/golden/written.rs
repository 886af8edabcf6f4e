//! What is written today is what the latest generation has: so a reader of its version reads it.
//!
//! Bytes are compared, except where Zstandard made them: which bytes those are is its own affair
//! and may change with its version, which is no change of our format. That they are read as what
//! they were made of, other tests show.

use std::fs;
use std::path::Path;

use spoor_embedded::block::{Encoder, Reader};
use spoor_embedded::disk::{Disk, RealDisk, SimulatedDisk};
use spoor_embedded::fuzz::store_manifest_again;
use spoor_embedded::log::{LogWriter, Record, Replayed, replay};
use spoor_embedded::rows::{Rows, traces_data};
use spoor_embedded::segment::{Filters, NewSegment, SegmentWriter};

use crate::columns::open;
use crate::generation::{Generation, files};

const ZSTD: [u8; 4] = [0x28, 0xb5, 0x2f, 0xfd];

/// Whether bytes are equal as far as Zstandard has no part in them. What comes behind the first
/// frame may have moved, so it is not compared.
fn is_same(ours: &[u8], golden: &[u8]) -> bool {
    let frame = |bytes: &[u8]| bytes.windows(4).position(|it| it == ZSTD);
    ours == golden || frame(ours).is_some() && frame(golden).is_some()
}

/// A block's columns with their bytes, and its directory's version.
fn columns<'b>(reader: &Reader, block: &'b [u8]) -> (u8, Vec<(String, &'b [u8])>) {
    let mut start = u32::from_le_bytes(block[5..9].try_into().unwrap()) as usize;
    let columns = reader.columns().map(|(column, len)| {
        let bytes = &block[start..start + len as usize];
        start += len as usize;
        (format!("{column:?}"), bytes)
    });
    let columns = columns.collect();
    assert_eq!(start, block.len());
    (block[4], columns)
}

#[test]
fn blocks_are_encoded_as_in_the_latest_generation() {
    let mut encoder = Encoder::new().unwrap();
    let (mut same, mut compressed) = (0, 0);
    for path in files(&Generation::latest().store(), "segment-") {
        let segment = open(&path);
        let numbers: Vec<u32> = (0..segment.blocks().len() as u32).collect();
        let filters = segment.filters(&numbers, |error| panic!("{error}")).unwrap();
        for (number, filter) in numbers.into_iter().zip(filters.iter()) {
            let reader = segment.block(number).unwrap();
            let golden = segment.read_block(number).unwrap();
            let read = reader.span_rows(0..reader.rows()).unwrap();
            let mut rows = Rows::new();
            for data in traces_data(&read, 0..reader.rows()).unwrap() {
                rows.append_traces_data(&data).unwrap();
            }
            let order: Vec<u32> = (0..rows.len()).collect();
            let ours = encoder.encode(&rows, &order).unwrap();

            let context = format!("block {number} of {}", path.display());
            let disk = SimulatedDisk::new(0);
            disk.create("block").unwrap().append(&ours.bytes).unwrap();
            let our_reader = Reader::open(disk.open("block").unwrap(), 0, ours.index.len).unwrap();
            let (version, columns_ours) = columns(&our_reader, &ours.bytes);
            let (golden_version, columns_golden) = columns(&reader, &golden);
            assert_eq!(version, golden_version, "{context}");
            assert_eq!(columns_ours.len(), columns_golden.len(), "{context}");
            for ((column, ours), (golden_column, golden)) in
                columns_ours.into_iter().zip(columns_golden)
            {
                assert_eq!(column, golden_column, "{context}");
                assert!(is_same(ours, golden), "{column} of {context}: {ours:x?}, {golden:x?}");
                if golden.windows(4).any(|it| it == ZSTD) { compressed += 1 } else { same += 1 }
            }
            let mut built = Filters::default();
            built.push(&ours.entries);
            assert_eq!(built.get(0), filter, "{context}");
            let mut index = segment.blocks()[number as usize];
            (index.offset, index.len) = (0, ours.index.len);
            assert_eq!(ours.index, index, "{context}");
        }
    }
    assert!(same > 2 * compressed, "{same} {compressed}");
}

#[test]
fn segments_are_laid_out_as_in_the_latest_generation() {
    for path in files(&Generation::latest().store(), "segment-") {
        let segment = open(&path);
        let info = segment.info();
        let new = NewSegment {
            number: info.number,
            level: info.level,
            arrival_min: info.arrival_min,
            arrival_max: info.arrival_max,
        };
        let disk = SimulatedDisk::new(0);
        let mut writer = SegmentWriter::create(&disk, "", new).unwrap();
        let blocks: Vec<u32> = (0..info.blocks).collect();
        let filters = segment.filters(&blocks, |error| panic!("{error}")).unwrap();
        for (block, filter) in blocks.into_iter().zip(filters.iter()) {
            writer.copy(&segment, block, filter).unwrap();
        }
        let (mut operations, mut attributes) =
            (segment.operations().unwrap(), segment.attributes().unwrap());
        writer.finish(&mut operations, &mut attributes).unwrap();
        let ours = disk.contents(&format!("segment-{}", info.number)).unwrap();
        let golden = fs::read(&path).unwrap();
        let lists = lists(&golden);
        assert_eq!(lists, self::lists(&ours), "{}", path.display());
        assert!(ours[..lists] == golden[..lists], "{}", path.display());
        assert!(is_same(&ours[lists..], &golden[lists..]), "{}", path.display());
    }
}

/// Where a segment's lists begin, by its directory.
fn lists(segment: &[u8]) -> usize {
    let trailer = segment.len() - 20;
    let len = u32::from_le_bytes(segment[trailer..trailer + 4].try_into().unwrap()) as usize;
    let directory = &segment[segment.len() - len..];
    u64::from_le_bytes(directory[64..72].try_into().unwrap()) as usize
}

#[test]
fn logs_are_written_as_in_the_latest_generation() {
    let logs = files(&Generation::latest().store(), "log-");
    assert!(logs.len() > 1);
    for path in logs {
        let golden = fs::read(&path).unwrap();
        let salt = u64::from_le_bytes(golden[12..20].try_into().unwrap());
        let disk = SimulatedDisk::new(0);
        let mut log = LogWriter::create(&disk, "log", salt).unwrap();
        let real = RealDisk::open(path.parent().unwrap()).unwrap();
        let read = replay(&real, path.file_name().unwrap().to_str().unwrap()).unwrap();
        let records: Vec<Replayed> = read.map(Result::unwrap).collect();
        assert!(!records.is_empty(), "{}", path.display());
        for Replayed { arrival, payload } in &records {
            log.append(&[Record { arrival: *arrival, payload }]).unwrap();
        }
        assert!(disk.contents("log").unwrap() == golden, "{}", path.display());
    }
}

#[test]
fn manifests_are_written_as_in_the_latest_generation() {
    for path in files(&Generation::latest().store(), "MANIFEST") {
        let golden = fs::read(&path).unwrap();
        let disk = SimulatedDisk::new(0);
        disk.create("MANIFEST").unwrap().append(&golden).unwrap();
        assert!(store_manifest_again(&disk));
        assert!(disk.contents("MANIFEST").unwrap() == golden, "{}", path.display());
    }
}

#[test]
fn a_generation_is_made_of_its_requests_alone() {
    // Nothing in a golden store depends on the place where it was made.
    for generation in Generation::all() {
        for path in files(&generation.store(), "") {
            let name = Path::new(&path).file_name().unwrap().to_str().unwrap();
            assert!(["MANIFEST", "log-", "segment-"].iter().any(|kind| name.starts_with(kind)));
        }
    }
}
