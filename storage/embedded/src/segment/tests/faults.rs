use super::*;
use crate::disk::Fault;

/// Enough that the writer writes more than once before it ends.
fn some_blocks() -> Vec<EncodedBlock> {
    let mut blocks = blocks(9, 20);
    blocks[4].bytes = vec![4; 100_000];
    blocks[4].index.len = 100_000;
    blocks
}

#[test]
fn a_failing_disk_leaves_a_whole_segment_or_none() {
    let (start, blocks, catalogue) = (new_disk(), some_blocks(), catalogue());
    let healthy = start.duplicate();
    let info = write(&healthy, 1, &blocks, &catalogue).unwrap();
    for call in start.calls()..healthy.calls() {
        for fault in Fault::ALL {
            let disk = start.duplicate();
            disk.fail_at(call, fault);
            let written = write(&disk, 1, &blocks, &catalogue);
            assert!(written.is_err(), "call {call}, {fault:?}");
            let left_by_create = call == start.calls() && fault == Fault::Late;
            assert!(disk.files().is_empty() || left_by_create, "call {call}, {fault:?}");
            // The next attempt, with the same number, succeeds.
            assert_eq!(write(&disk, 1, &blocks, &catalogue).unwrap(), info);
            let segment = Segment::open(&disk, &path(1)).unwrap();
            assert_has(&segment, &info, &blocks, &catalogue);
        }
        let disk = start.duplicate();
        disk.fail_from(call, Fault::Io);
        assert!(write(&disk, 1, &blocks, &catalogue).is_err());
    }
}

#[test]
fn a_finished_segment_survives_a_power_cut() {
    let (disk, blocks, catalogue) = (new_disk(), some_blocks(), catalogue());
    let info = write(&disk, 1, &blocks, &catalogue).unwrap();
    for seed in 0..20 {
        let disk = disk.power_cut(seed);
        let segment = Segment::open(&disk, &path(1)).unwrap();
        assert_has(&segment, &info, &blocks, &catalogue);
        assert_eq!(damage(&segment), [""; 0]);
    }
}

#[test]
fn a_writer_that_is_dropped_leaves_nothing() {
    let disk = new_disk();
    let mut writer = SegmentWriter::create(&disk, DIR, new_segment(1)).unwrap();
    writer.push(&some_blocks()[4]).unwrap();
    assert_eq!(disk.files(), ["tenant/tmp-1"]);
    assert_eq!((writer.blocks(), writer.bytes()), (1, 100_016));
    drop(writer);
    assert!(disk.files().is_empty());
}

#[test]
fn reads_that_fail_are_errors_and_never_wrong_answers() {
    let (disk, blocks, catalogue) = (new_disk(), some_blocks(), catalogue());
    write(&disk, 1, &blocks, &catalogue).unwrap();
    let everywhere = Bitmap::all(blocks.len());
    let start = disk.calls();
    let whole = read_all(&disk, &blocks, &everywhere).unwrap();
    let reads = disk.calls() - start;
    for call in 0..reads {
        disk.fail_at(disk.calls() + call, Fault::Io);
        match read_all(&disk, &blocks, &everywhere) {
            Err(error) => assert!(matches!(error, SegmentError::Io { .. }), "{error}"),
            Ok(read) => {
                // A list is there twice; a page of a filter rules nothing out.
                assert_eq!(read.keys, whole.keys);
                assert_eq!(read.bytes, whole.bytes);
                for (number, found) in read.found.iter().enumerate() {
                    assert!(found.contains(number));
                }
            }
        }
        disk.heal();
    }
}

struct Everything {
    bytes: Vec<Vec<u8>>,
    keys: Vec<Vec<u8>>,
    found: Vec<Bitmap>,
}

fn read_all(
    disk: &SimulatedDisk,
    blocks: &[EncodedBlock],
    within: &Bitmap,
) -> Result<Everything, SegmentError> {
    let segment = Segment::open(disk, &path(1))?;
    let numbers: Vec<u32> = (0..blocks.len() as u32).collect();
    segment.filters(&numbers, |error| panic!("{error}"))?;
    let first_hashes: Vec<u64> = blocks.iter().map(|block| block.entries[0]).collect();
    Ok(Everything {
        bytes: numbers
            .iter()
            .map(|number| segment.read_block(*number))
            .collect::<Result<_, _>>()?,
        keys: keys(&mut segment.operations()?)?,
        found: segment.candidates(&first_hashes, within).blocks,
    })
}
