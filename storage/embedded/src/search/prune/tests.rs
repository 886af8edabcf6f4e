use spoor_store::filter::{Attribute, Constant, Field, Filter, Level, Operand, Predicate};

use super::*;
use crate::block::{BlockIndex, EncodedBlock};
use crate::disk::{Disk, SimulatedDisk};
use crate::segment::{Catalogue, NewSegment, SegmentWriter};

const PATH: &str = "segment-1";
const SECOND: i128 = 1_000_000_000;

/// A segment of blocks with these entries, whose spans may last as long as any.
fn segment(blocks: &[Vec<u64>]) -> SimulatedDisk {
    let disk = SimulatedDisk::new(1);
    let new = NewSegment { number: 1, level: 0, arrival_min: 0, arrival_max: 0 };
    let mut writer = SegmentWriter::create(&disk, "", new).unwrap();
    for entries in blocks {
        let index = BlockIndex {
            offset: 0,
            len: 1,
            rows: 1,
            traces: 1,
            min_start: 0,
            max_start: 0,
            min_duration: 0,
            max_duration: i64::MAX,
        };
        writer.push(&EncodedBlock { bytes: vec![0], index, entries: entries.clone() }).unwrap();
    }
    let nothing = Catalogue::default();
    writer.finish(&mut nothing.operations(), &mut nothing.attributes()).unwrap();
    disk
}

/// The same segment as one of version 1, but for its header.
fn of_version_1(disk: &SimulatedDisk) {
    let mut bytes = disk.contents(PATH).unwrap();
    let trailer = bytes.len() - 20;
    let len = u32::from_le_bytes(bytes[trailer..trailer + 4].try_into().unwrap()) as usize;
    bytes[trailer + 4..trailer + 8].copy_from_slice(&1_u32.to_le_bytes());
    let checksum = crc32fast::hash(&bytes[bytes.len() - len..trailer + 8]);
    bytes[trailer + 8..trailer + 12].copy_from_slice(&checksum.to_le_bytes());
    disk.create(PATH).unwrap().append(&bytes).unwrap();
}

fn passing(disk: &SimulatedDisk, condition: &Condition) -> Vec<usize> {
    let segment = Segment::open(disk, PATH).unwrap();
    passing_blocks(&segment, condition, &|| false).iter().collect()
}

fn text_form(text: &str) -> Values {
    Values::TextForm(text.to_owned())
}

fn attribute(level: Level, key: &str, text: &str) -> Condition {
    Condition::Attribute { level, key: key.to_owned(), values: text_form(text) }
}

fn service(name: &str) -> Condition {
    Condition::Field { field: Field::ResourceService, values: text_form(name) }
}

fn service_entry(name: &str) -> u64 {
    entries::field_entry(Field::ResourceService, name).unwrap()
}

fn at_least(nanos: i128) -> Condition {
    Condition::Range { field: Field::SpanDuration, min: nanos, max: i128::MAX }
}

/// The entries of a service whose longest span lasts so many nanoseconds.
fn lasting(name: &str, nanos: u64) -> Vec<u64> {
    let last = entries::duration_step(nanos).unwrap();
    let steps = (entries::LEAST_STEP..=last).map(|step| entries::duration_entry(step, name));
    steps.chain([service_entry(name)]).collect()
}

#[test]
fn a_block_without_an_attributes_key_is_ruled_out() {
    let value = |level| entries::attribute_entry(level, "k", "v");
    let key = |level| entries::key_entry(level, "k");
    let disk = segment(&[
        vec![value(Level::Span), key(Level::Span)],
        // As if other entries had set the bits of this one.
        vec![value(Level::Span)],
        vec![value(Level::Resource), key(Level::Span)],
        vec![key(Level::Resource)],
    ]);
    let span = attribute(Level::Span, "k", "v");
    assert_eq!(passing(&disk, &span), [0]);
    let any = Condition::Or(vec![span.clone(), attribute(Level::Resource, "k", "v")]);
    assert_eq!(passing(&disk, &any), [0]);
    // Of another block nobody knows what it has besides.
    assert_eq!(passing(&disk, &Condition::Not(Box::new(span.clone()))), [0, 1, 2, 3]);
    of_version_1(&disk);
    assert_eq!(passing(&disk, &span), [0, 1]);
    assert_eq!(passing(&disk, &any), [0, 1, 2]);
}

#[test]
fn a_structured_condition_is_ruled_out_by_its_key_and_by_its_values() {
    let operand = || Operand::Attribute(Attribute { key: "k".into(), level: Some(Level::Span) });
    let condition = |filter: Filter| {
        let predicate = Predicate::compile(&filter).unwrap();
        Condition::of(&filter, &predicate)
    };
    let value = |text| entries::attribute_entry(Level::Span, "k", text);
    let key = entries::key_entry(Level::Span, "k");
    let disk = segment(&[
        vec![key, value("v")],
        vec![key, value("w")],
        vec![key, value("x")],
        vec![value("v")],
        vec![],
    ]);
    let exists = condition(Filter::Exists(operand()));
    let matches = condition(Filter::Regex(operand(), "v".to_owned()));
    let texts = ["v", "w"].map(|text| Constant::String(text.to_owned()));
    let is_in = condition(Filter::In(operand(), texts.to_vec()));
    let is_not = condition(Filter::NotIn(operand(), texts.to_vec()));
    for condition in [&exists, &matches, &is_not] {
        assert_eq!(passing(&disk, condition), [0, 1, 2]);
    }
    assert_eq!(passing(&disk, &is_in), [0, 1]);
    of_version_1(&disk);
    for condition in [&exists, &matches, &is_not] {
        assert_eq!(passing(&disk, condition), [0, 1, 2, 3, 4]);
    }
    assert_eq!(passing(&disk, &is_in), [0, 1, 3]);
}

#[test]
fn a_block_in_which_the_service_never_lasts_so_long_is_ruled_out() {
    let second = SECOND as u64;
    let disk = segment(&[
        lasting("cart", second),
        lasting("cart", second / 2),
        [lasting("cart", second / 1_000), lasting("shop", 60 * second)].concat(),
        vec![service_entry("cart")],
    ]);
    let search = |nanos: i128| Condition::And(vec![service("cart"), at_least(nanos)]);
    // Half a second reaches the step of 2^28, a second that of 1.5 times 2^29.
    assert_eq!(passing(&disk, &search(SECOND)), [0]);
    assert_eq!(passing(&disk, &search(SECOND * 4 / 5)), [0]);
    assert_eq!(passing(&disk, &search(SECOND / 2)), [0, 1]);
    assert_eq!(passing(&disk, &search(1_000_000)), [0, 1, 2]);
    assert_eq!(passing(&disk, &search(65_536)), [0, 1, 2]);
    // What nearly every span reaches has no entry.
    for nanos in [65_535, 1, 0, -5] {
        assert_eq!(passing(&disk, &search(nanos)), [0, 1, 2, 3], "{nanos}");
    }
    of_version_1(&disk);
    assert_eq!(passing(&disk, &search(SECOND)), [0, 1, 2, 3]);
}

#[test]
fn a_service_and_a_duration_that_need_not_be_of_one_span_rule_out_nothing_together() {
    let disk = segment(&[vec![service_entry("cart")]]);
    let both = || vec![service("cart"), at_least(SECOND)];
    assert_eq!(passing(&disk, &Condition::And(both())), [0; 0]);
    assert_eq!(passing(&disk, &Condition::Or(both())), [0]);
    let not = Condition::Not(Box::new(Condition::And(both())));
    assert_eq!(passing(&disk, &not), [0]);
    let at_most = Condition::Range { field: Field::SpanDuration, min: i128::MIN, max: SECOND };
    assert_eq!(passing(&disk, &Condition::And(vec![service("cart"), at_most])), [0]);
    let cart_not_long = vec![service("cart"), Condition::Not(Box::new(at_least(SECOND)))];
    assert_eq!(passing(&disk, &Condition::And(cart_not_long)), [0]);
}

#[test]
fn the_longest_durations_are_searched_for_by_the_last_step() {
    let disk = segment(&[lasting("cart", i64::MAX as u64), lasting("cart", u64::MAX)]);
    let search = |nanos: i128| Condition::And(vec![service("cart"), at_least(nanos)]);
    assert_eq!(passing(&disk, &search(i64::MAX.into())), [0, 1]);
    for nanos in [u64::MAX.into(), i128::from(u64::MAX) + 1, i128::MAX] {
        assert_eq!(passing(&disk, &search(nanos)), [1], "{nanos}");
    }
}
