//! Ids: a trace's may have 8 bytes, and one of zeros is none.

/// A trace id of 16 bytes, or none. One of another length stays as it is, to be refused.
pub fn trace_id(bytes: &[u8]) -> Vec<u8> {
    match bytes {
        bytes if is_none(bytes) => Vec::new(),
        bytes if bytes.len() == 8 => [&[0; 8][..], bytes].concat(),
        bytes => bytes.to_vec(),
    }
}

/// A span id of 8 bytes, or none. One of another length stays as it is, to be refused.
pub(crate) fn span_id(bytes: &[u8]) -> Vec<u8> {
    if is_none(bytes) { Vec::new() } else { bytes.to_vec() }
}

fn is_none(bytes: &[u8]) -> bool {
    bytes.iter().all(|byte| *byte == 0)
}
