use std::collections::BTreeSet;
use std::path::Path;

use spoor_embedded::block::Column;
use spoor_embedded::disk::RealDisk;
use spoor_embedded::segment::Segment;

use crate::generation::{Generation, files};

pub fn open(path: &Path) -> Segment {
    let disk = RealDisk::open(path.parent().unwrap()).unwrap();
    Segment::open(&disk, path.file_name().unwrap().to_str().unwrap()).unwrap()
}

#[test]
fn the_latest_generation_has_every_column() {
    assert_has_every_column(&Generation::latest().store());
}

/// Checks that segments of a store have the 31 columns of the format and attributes of each level.
pub fn assert_has_every_column(store: &Path) {
    let mut found = BTreeSet::new();
    for path in files(store, "segment-") {
        let segment = open(&path);
        for block in 0..segment.blocks().len() as u32 {
            for (column, len) in segment.block(block).unwrap().columns() {
                assert!(len > 0);
                found.insert(match column {
                    Column::Attribute { level, .. } => format!("attributes, {level:?}"),
                    fixed => format!("{fixed:?}"),
                });
            }
        }
    }
    assert_eq!(found.len(), 31 + 3, "{found:?}");
}
