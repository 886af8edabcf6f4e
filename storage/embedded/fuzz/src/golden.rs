//! The seeds: what golden files hold, also without compression, so that mutations reach it.

use std::fs;
use std::path::Path;

use crate::block::Block;
use crate::bytes::{take, u32_at};
use crate::segment::Segment;

pub fn manifests() -> Vec<Vec<u8>> {
    files("MANIFEST")
}

pub fn logs() -> Vec<Vec<u8>> {
    files("log-")
}

pub fn segments() -> Vec<Vec<u8>> {
    let mut segments = files("segment-");
    for at in 0..segments.len() {
        let segment = decode(&segments[at]);
        assert!(segment.encode() == segments[at], "a segment is taken apart and put together");
        segments.push(segment.unpacked().encode());
    }
    segments
}

pub fn blocks() -> Vec<Vec<u8>> {
    let mut blocks = Vec::new();
    for segment in files("segment-") {
        for bytes in decode(&segment).blocks() {
            let block = Block::decode(bytes).expect("golden blocks are sound");
            assert!(block.encode() == bytes, "a block is taken apart and put together");
            blocks.extend([bytes.to_vec(), block.unpacked().encode()]);
        }
    }
    blocks
}

pub fn requests() -> Vec<Vec<u8>> {
    let mut requests = Vec::new();
    for packed in files("requests") {
        let bytes = zstd::decode_all(&packed[..]).expect("golden requests are compressed");
        let mut rest = &bytes[..];
        while let Some(header) = take(&mut rest, 5) {
            let len = u32_at(header, 1).unwrap_or_default() as usize;
            requests.extend(take(&mut rest, len).map(<[u8]>::to_vec));
        }
    }
    requests
}

/// The golden files whose names begin so.
pub fn files(name: &str) -> Vec<Vec<u8>> {
    let mut files = Vec::new();
    read(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/golden"), name, &mut files);
    assert!(!files.is_empty(), "there is no golden file {name}");
    files
}

fn read(directory: &Path, name: &str, files: &mut Vec<Vec<u8>>) {
    for entry in fs::read_dir(directory).expect("golden files are there") {
        let path = entry.expect("a directory can be listed").path();
        if path.is_dir() {
            read(&path, name, files);
        } else if path.file_name().is_some_and(|own| own.to_string_lossy().starts_with(name)) {
            files.push(fs::read(path).expect("golden files can be read"));
        }
    }
}

fn decode(segment: &[u8]) -> Segment {
    Segment::decode(segment).expect("golden segments are sound")
}
