use super::*;
use crate::segment::directory::{Directory, Flaw, TRAILER};
use crate::segment::{Part, VERSION};

/// A disk with segment 1, and what is in it.
fn small() -> (SimulatedDisk, SegmentInfo, Vec<EncodedBlock>, Catalogue) {
    let (disk, blocks, catalogue) = (new_disk(), blocks(3, 3), catalogue());
    let info = write(&disk, 1, &blocks, &catalogue).unwrap();
    (disk, info, blocks, catalogue)
}

fn set_contents(disk: &SimulatedDisk, bytes: &[u8]) {
    disk.create(&path(1)).unwrap().append(bytes).unwrap();
}

#[test]
fn any_damaged_byte_costs_nothing_but_its_block() {
    let (disk, info, blocks, catalogue) = small();
    for offset in 0..info.bytes {
        for mask in [0x01, 0x80, 0xff] {
            disk.flip(&path(1), offset as usize, mask).unwrap();
            let segment = Segment::open(&disk, &path(1)).unwrap();
            assert_has(&segment, &info, &blocks, &catalogue);
            let mut in_block = false;
            for (number, block) in (0..).zip(&blocks) {
                let index = &segment.blocks()[number as usize];
                let is_here = (index.offset..index.offset + u64::from(index.len)).contains(&offset);
                in_block |= is_here;
                assert_eq!(segment.read_block(number).unwrap() == block.bytes, !is_here);
            }
            assert_eq!(damage(&segment).len(), usize::from(!in_block), "byte {offset}");
            disk.flip(&path(1), offset as usize, mask).unwrap();
        }
    }
}

#[test]
fn a_damaged_filter_page_is_told_and_rules_nothing_out() {
    let (disk, _, blocks, _) = small();
    let segment = Segment::open(&disk, &path(1)).unwrap();
    let everywhere = Bitmap::all(3);
    let stranger = [block(77, 1).entries[0]];
    assert!(segment.candidates(&stranger, &everywhere).blocks[0].is_empty());
    let filters = segment.directory().filters..segment.directory().catalogue();
    for offset in filters {
        disk.flip(&path(1), offset as usize, 0xff).unwrap();
    }
    let candidates = segment.candidates(&stranger, &everywhere);
    assert_eq!(candidates.blocks, [everywhere]);
    let error = candidates.unread.unwrap();
    assert!(matches!(error, SegmentError::Damaged { part: Part::FilterPage(0), .. }), "{error}");
    // A copy takes the damage as ones.
    let mut pages = 0;
    let filters = segment.filters(&[0, 1, 2], |_| pages += 1).unwrap();
    assert_eq!(pages, 2);
    let mut writer = SegmentWriter::create(&disk, DIR, new_segment(2)).unwrap();
    for (block, filter) in (0..).zip(filters.iter()) {
        writer.copy(&segment, block, filter).unwrap();
    }
    let nothing = Catalogue::default();
    writer.finish(&mut nothing.operations(), &mut nothing.attributes()).unwrap();
    let copy = Segment::open(&disk, &path(2)).unwrap();
    assert_finds(&copy, &blocks);
    assert_eq!(damage(&copy), [""; 0]);
}

#[test]
fn a_segment_cut_anywhere_is_told_so() {
    let (disk, info, ..) = small();
    let whole = disk.contents(&path(1)).unwrap();
    for len in 0..info.bytes {
        set_contents(&disk, &whole[..len as usize]);
        let error = Segment::open(&disk, &path(1)).unwrap_err();
        assert!(
            matches!(&error, SegmentError::CutShort { bytes, .. } if *bytes == len),
            "{len}: {error}"
        );
    }
}

#[test]
fn a_newer_segment_is_told_so() {
    let (disk, ..) = small();
    let mut bytes = disk.contents(&path(1)).unwrap();
    let end = bytes.len();
    bytes[end - TRAILER + 4] = 9;
    let len = u32::from_le_bytes(bytes[end - TRAILER..][..4].try_into().unwrap()) as usize;
    let checksum = crc32fast::hash(&bytes[end - len..end - 12]);
    bytes[end - 12..end - 8].copy_from_slice(&checksum.to_le_bytes());
    set_contents(&disk, &bytes);
    let error = Segment::open(&disk, &path(1)).unwrap_err();
    assert_eq!(
        error.to_string(),
        format!(
            "opening segment tenant/segment-1: its format has version 9, this program knows \
             {VERSION}: use a newer one"
        )
    );
}

#[test]
fn what_is_no_segment_is_told_so() {
    let (disk, ..) = small();
    set_contents(&disk, &[7; 1_000]);
    let error = Segment::open(&disk, &path(1)).unwrap_err();
    assert!(matches!(error, SegmentError::NotASegment { .. }), "{error}");
    let error = Segment::open(&disk, "tenant/segment-9").unwrap_err();
    assert!(matches!(error, SegmentError::Io { .. }), "{error}");
}

#[test]
fn damage_to_both_directories_is_told() {
    let (disk, info, ..) = small();
    let segment = Segment::open(&disk, &path(1)).unwrap();
    let copy_len = segment.directory().copy_len();
    for end in [info.bytes, info.bytes - copy_len] {
        disk.flip(&path(1), end as usize - 30, 1).unwrap();
    }
    let error = Segment::open(&disk, &path(1)).unwrap_err();
    assert!(matches!(error, SegmentError::Damaged { part: Part::Directory, .. }), "{error}");
}

#[test]
fn damage_to_both_catalogues_is_an_error_of_theirs() {
    let (disk, info, blocks, _) = small();
    let directory = Segment::open(&disk, &path(1)).unwrap().directory().clone();
    let place = directory.operations.offset as usize;
    disk.flip(&path(1), place, 1).unwrap();
    disk.flip(&path(1), place + directory.copy_len() as usize, 1).unwrap();
    let segment = Segment::open(&disk, &path(1)).unwrap();
    assert_eq!(segment.info(), &info);
    assert_finds(&segment, &blocks);
    let error = keys(&mut segment.operations().unwrap()).unwrap_err();
    assert!(matches!(error, SegmentError::Damaged { part: Part::Operations, .. }), "{error}");
    keys(&mut segment.attributes().unwrap()).unwrap();
    assert_eq!(damage(&segment).len(), 2);
}

#[test]
fn a_directory_that_is_sealed_but_makes_no_sense_is_refused() {
    let (disk, info, ..) = small();
    let segment = Segment::open(&disk, &path(1)).unwrap();
    let bytes = segment.directory().encode();
    assert_eq!(bytes.len(), Directory::encoded_len(info.blocks as usize));
    assert_eq!(Directory::decode(&bytes).as_ref(), Ok(segment.directory()));
    for offset in 0..bytes.len() - TRAILER {
        for mask in [0x01, 0x80, 0xff] {
            let mut changed = bytes.clone();
            changed[offset] ^= mask;
            let end = changed.len() - 12;
            let checksum = crc32fast::hash(&changed[..end]);
            changed[end..end + 4].copy_from_slice(&checksum.to_le_bytes());
            // Neither panics nor takes memory without bound; a value may differ.
            if let Err(flaw) = Directory::decode(&changed) {
                assert_eq!(flaw, Flaw::Damaged);
            }
        }
    }
}
