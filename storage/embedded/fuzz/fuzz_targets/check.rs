//! Whatever happened to a store's files: a check tells of it, a repair mends it, and then the
//! store opens and has no spans more than before.
#![no_main]

use std::path::Path;
use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use spoor_embedded::check::Loss;
use spoor_embedded::fuzz::check;
use spoor_fuzz::bytes::{take, varint};
use spoor_fuzz::file::disk;

/// A small golden store.
static STORE: LazyLock<Vec<(String, Vec<u8>)>> = LazyLock::new(|| {
    let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/golden/2/store");
    let tenant = "tenant-gr%c3%b6%c3%9fe%2f2";
    let files = golden.join(tenant).read_dir().expect("the golden store is there");
    let mut files: Vec<_> = files
        .map(|entry| {
            let path = entry.expect("it can be listed").path();
            let name = path.file_name().expect("it has a name").to_string_lossy().into_owned();
            (format!("{tenant}/{name}"), std::fs::read(path).expect("it can be read"))
        })
        .collect();
    files.sort_unstable();
    files
});

/// Edits of the files: which, where, how many bytes are replaced by how many others.
fn edited(mut edits: &[u8]) -> Vec<(String, Vec<u8>)> {
    let mut files = STORE.clone();
    let mut next = || {
        let (file, at) = (varint(&mut edits)? as usize, varint(&mut edits)? as usize);
        let (old, new) = (varint(&mut edits)? as usize, varint(&mut edits)? as usize);
        let len = new.min(edits.len());
        let new = take(&mut edits, len)?.to_vec();
        Some((file, at, old, new))
    };
    while let Some((file, at, old, new)) = next() {
        if files.is_empty() {
            break;
        }
        let at_file = file % files.len();
        let bytes = &mut files[at_file].1;
        let start = at % (bytes.len() + 1);
        let end = start.saturating_add(old).min(bytes.len());
        bytes.splice(start..end, new);
        if old > 1 << 20 {
            files.remove(at_file);
        }
    }
    files
}

fuzz_target!(|edits: &[u8]| {
    let files = edited(edits);
    let disk = disk(files.iter().map(|(path, bytes)| (&path[..], &bytes[..])));
    let Ok(found) = check(&disk, false) else { return };
    if files != *STORE {
        // A log's end may be cut off: a crash does that too.
        assert!(!found.findings.is_empty() || is_log_shorter(&files), "damage is not told of");
    }
    let Ok(repaired) = check(&disk, true) else { panic!("what can be checked can be repaired") };
    assert_eq!(repaired.findings, found.findings);
    let again = check(&disk, false).expect("what was repaired can be checked");
    let damage = again.findings.iter().filter(|finding| finding.loss != Loss::Leftover);
    assert_eq!(damage.count(), 0, "{:?}", again.findings);
    assert_eq!(again.spans, found.spans, "a repair keeps what is sound, and nothing else");
});

fn is_log_shorter(files: &[(String, Vec<u8>)]) -> bool {
    let bytes = |files: &[(String, Vec<u8>)]| -> usize {
        let logs = files.iter().filter(|(path, _)| path.contains("/log-"));
        logs.map(|(_, bytes)| bytes.len()).sum()
    };
    bytes(files) < bytes(&STORE)
}
