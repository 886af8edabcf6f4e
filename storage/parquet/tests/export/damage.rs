//! What is damaged is left out, and told.

use std::path::Path;

use spoor_embedded::check::{Loss, check};

use super::files::ids;
use super::store::{Stopped, stopped};

/// Changes a byte.
fn flip(file: &Path, at: usize) {
    let mut bytes = std::fs::read(file).unwrap();
    bytes[at] ^= 0x10;
    std::fs::write(file, bytes).unwrap();
}

/// The spans that a check finds.
fn sound(stopped: &Stopped) -> u64 {
    check(&stopped.directory(), false, &mut |_| {}).unwrap().spans
}

#[tokio::test]
async fn a_damaged_block_costs_its_own_spans_alone_and_is_told() {
    let stopped = stopped().await;
    let segment = &stopped.files("segment-")[1];
    flip(segment, 200);
    let report = check(&stopped.directory(), false, &mut |_| {}).unwrap();
    let [finding] = &report.findings[..] else { panic!("{:?}", report.findings) };
    assert!(matches!(finding.loss, Loss::Spans(1..)), "{finding}");
    let (code, text) = stopped.export(&[]);
    assert_eq!(code, 2, "{text}");
    assert!(text.contains(&format!("left out: {finding}\n")), "{finding} in {text}");
    assert_eq!(ids(&stopped.out()).len() as u64, report.spans);
}

#[tokio::test]
async fn damaged_segments_and_logs_cost_what_is_in_them() {
    let stopped = stopped().await;
    let segment = &stopped.files("segment-")[0];
    let bytes = std::fs::read(segment).unwrap();
    std::fs::write(segment, &bytes[..bytes.len() / 2]).unwrap();
    let log = stopped.files("log-").pop().unwrap();
    flip(&log, 200);
    let (code, text) = stopped.export(&[]);
    assert_eq!(code, 2, "{text}");
    for file in [segment, &log] {
        let name = file.file_name().unwrap().to_str().unwrap();
        assert!(text.contains(&format!("left out: tenant-/{name}: ")), "{name} in {text}");
    }
    assert_eq!(ids(&stopped.out()).len() as u64, sound(&stopped));
}

#[tokio::test]
async fn a_store_whose_manifest_is_lost_is_not_exported() {
    let stopped = stopped().await;
    let manifest = stopped.directory().join("tenant-/MANIFEST");
    for reason in ["damaged", "not there"] {
        let (code, text) = match reason {
            "damaged" => {
                std::fs::write(&manifest, "nothing of the kind").unwrap();
                stopped.export(&[])
            }
            _ => {
                std::fs::remove_file(&manifest).unwrap();
                stopped.export(&[])
            }
        };
        assert!(code == 1 && text.contains(reason), "{reason}: {code} {text}");
        assert!(!stopped.out().exists());
    }
}
