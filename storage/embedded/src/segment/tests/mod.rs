mod damage;
mod faults;
mod round_trip;

use spoor_store::Operation;
use spoor_store::filter::Level;
use spoor_store::otlp::SpanKind;
use xxhash_rust::xxh3::xxh3_64;

use super::{Catalogue, NewSegment, Segment, SegmentError, SegmentInfo, SegmentWriter, SortedKeys};
use crate::bitmap::Bitmap;
use crate::block::{BlockIndex, EncodedBlock};
use crate::disk::{Disk, SimulatedDisk};
use crate::rows::ValueKind;

const DIR: &str = "tenant";

fn new_disk() -> SimulatedDisk {
    let disk = SimulatedDisk::new(1);
    disk.create_dir(DIR).unwrap();
    disk.sync_dir("").unwrap();
    disk
}

/// A block whose bytes mean nothing, different from that of any other number.
fn block(number: u32, entries: usize) -> EncodedBlock {
    let hash = |of: usize| xxh3_64(&[&number.to_le_bytes()[..], &of.to_le_bytes()].concat());
    let bytes: Vec<u8> = (0..30 + number as usize % 7).map(|at| hash(at) as u8).collect();
    let index = BlockIndex {
        offset: 0,
        len: bytes.len() as u32,
        rows: number + 10,
        traces: number + 1,
        min_start: hash(1),
        max_start: hash(2),
        min_duration: -i64::from(number),
        max_duration: i64::MAX,
    };
    EncodedBlock { bytes, index, entries: (0..entries).map(hash).collect() }
}

/// Blocks of three sizes in turns.
fn blocks(count: u32, entries: usize) -> Vec<EncodedBlock> {
    (0..count).map(|number| block(number, entries * (number as usize % 3 + 1))).collect()
}

fn catalogue() -> Catalogue {
    let mut catalogue = Catalogue::default();
    catalogue.add_operation("cart", "GET /cart", SpanKind::Server);
    catalogue.add_operation("cart", "redis", SpanKind::Client);
    catalogue.add_operation("cart", "redis", SpanKind::Internal);
    catalogue.add_operation("", "nobody's", SpanKind::Unspecified);
    catalogue.add_operation("shop", "", SpanKind::Consumer);
    catalogue.add_attribute(Level::Span, "http.route", ValueKind::String);
    catalogue.add_attribute(Level::Resource, "service.name", ValueKind::String);
    catalogue
}

fn new_segment(number: u64) -> NewSegment {
    NewSegment { number, level: 2, arrival_min: 1_000, arrival_max: 2_000 }
}

fn path(number: u64) -> String {
    format!("{DIR}/segment-{number}")
}

fn write(
    disk: &SimulatedDisk,
    number: u64,
    blocks: &[EncodedBlock],
    catalogue: &Catalogue,
) -> Result<SegmentInfo, SegmentError> {
    let mut writer = SegmentWriter::create(disk, DIR, new_segment(number))?;
    for block in blocks {
        writer.push(block)?;
    }
    writer.finish(&mut catalogue.operations(), &mut catalogue.attributes())
}

fn keys(cursor: &mut dyn SortedKeys) -> Result<Vec<Vec<u8>>, SegmentError> {
    let mut keys = Vec::new();
    while cursor.advance()? {
        keys.push(cursor.key().to_vec());
    }
    Ok(keys)
}

fn damage(segment: &Segment) -> Vec<String> {
    let mut damage = Vec::new();
    segment.check(|error| damage.push(error.to_string()));
    damage
}

/// What a test expects of a segment that it wrote.
#[track_caller]
fn assert_has(
    segment: &Segment,
    info: &SegmentInfo,
    blocks: &[EncodedBlock],
    catalogue: &Catalogue,
) {
    assert_eq!(segment.info(), info);
    assert_eq!(segment.blocks().len(), blocks.len());
    for (index, block) in segment.blocks().iter().zip(blocks) {
        assert_eq!(*index, BlockIndex { offset: index.offset, ..block.index });
    }
    assert_finds(segment, blocks);
    let all = |mut cursor: super::MemoryCursor<'_>| keys(&mut cursor).unwrap();
    assert_eq!(keys(&mut segment.operations().unwrap()).unwrap(), all(catalogue.operations()));
    assert_eq!(keys(&mut segment.attributes().unwrap()).unwrap(), all(catalogue.attributes()));
}

/// The filters miss no entry of any block.
#[track_caller]
fn assert_finds(segment: &Segment, blocks: &[EncodedBlock]) {
    let everywhere = Bitmap::all(blocks.len());
    for (number, block) in blocks.iter().enumerate() {
        let candidates = segment.candidates(&block.entries, &everywhere);
        assert!(candidates.blocks.iter().all(|blocks| blocks.contains(number)));
    }
}

fn services(segment: &Segment) -> Vec<String> {
    let mut services = Vec::new();
    let mut add = |name: &str| {
        services.push(name.to_owned());
        true
    };
    segment.for_each_service(&mut add).unwrap();
    services
}

fn operations_of(segment: &Segment, service: &str, kind: Option<SpanKind>) -> Vec<Operation> {
    let mut operations = Vec::new();
    let mut add = |name: &str, kind| {
        operations.push(Operation { name: name.to_owned(), kind });
        true
    };
    segment.for_each_operation(service, kind, &mut add).unwrap();
    operations
}
