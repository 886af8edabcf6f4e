//! HTTP/2's frames (RFC 9113, section 6), as bytes.

use bytes::{BufMut, Bytes, BytesMut};

pub(crate) const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
const HEADER: usize = 9;

pub(crate) const DATA: u8 = 0;
pub(crate) const HEADERS: u8 = 1;
pub(crate) const RST_STREAM: u8 = 3;
pub(crate) const SETTINGS: u8 = 4;
pub(crate) const PING: u8 = 6;
pub(crate) const WINDOW_UPDATE: u8 = 8;
pub(crate) const CONTINUATION: u8 = 9;

/// `END_STREAM` of a request's or an answer's frames, and `ACK` of others.
pub(crate) const END: u8 = 1;
pub(crate) const END_HEADERS: u8 = 4;

/// Appends a frame.
pub(crate) fn put(out: &mut BytesMut, kind: u8, flags: u8, stream: u32, payload: &[u8]) {
    out.put_uint(payload.len() as u64, 3);
    out.put_u8(kind);
    out.put_u8(flags);
    out.put_u32(stream);
    out.put_slice(payload);
}

/// The preface with the settings that a client must send, with its streams' window if that is not
/// the usual one.
pub(crate) fn begin(window: Option<u32>) -> BytesMut {
    const INITIAL_WINDOW_SIZE: u16 = 4;
    let mut out = BytesMut::from(PREFACE);
    let mut settings = BytesMut::new();
    if let Some(window) = window {
        settings.put_u16(INITIAL_WINDOW_SIZE);
        settings.put_u32(window);
    }
    put(&mut out, SETTINGS, 0, 0, &settings);
    out
}

/// A request's header block (RFC 7541): nothing indexed but what always is.
pub(crate) fn request(path: &str) -> BytesMut {
    let mut out = BytesMut::new();
    // `:method: POST` and `:scheme: http`.
    out.put_slice(&[0x83, 0x86]);
    let mut named = |name: &[u8], value: &str| {
        out.put_slice(name);
        out.put_u8(value.len() as u8);
        out.put_slice(value.as_bytes());
    };
    named(&[0x04], path);
    named(&[0x01], "localhost");
    named(&[0x0f, 0x10], "application/grpc");
    named(b"\x00\x02te", "trailers");
    out
}

/// A header with a value of so many bytes, at least 127.
pub(crate) fn large_header(len: usize) -> BytesMut {
    let mut out = BytesMut::from(&b"\x00\x01x\x7f"[..]);
    let mut rest = len - 127;
    while rest >= 128 {
        out.put_u8((rest % 128) as u8 | 128);
        rest /= 128;
    }
    out.put_u8(rest as u8);
    out.put_bytes(b'x', len);
    out
}

/// A message of gRPC.
pub fn message(bytes: &[u8]) -> Bytes {
    let mut out = announced(bytes.len() as u32);
    out.put_slice(bytes);
    out.freeze()
}

/// The beginning of a message of so many bytes.
pub(crate) fn announced(len: u32) -> BytesMut {
    let mut out = BytesMut::new();
    out.put_u8(0);
    out.put_u32(len);
    out
}

/// A frame that came.
pub(crate) struct Frame {
    pub(crate) kind: u8,
    pub(crate) flags: u8,
    pub(crate) stream: u32,
    pub(crate) payload: Bytes,
}

/// Takes a frame off the front, if it has come whole.
pub(crate) fn take(read: &mut BytesMut) -> Option<Frame> {
    let header = read.first_chunk::<HEADER>()?;
    let len = u32::from_be_bytes([0, header[0], header[1], header[2]]) as usize;
    let stream = u32::from_be_bytes([header[5], header[6], header[7], header[8]]);
    let (kind, flags) = (header[3], header[4]);
    if read.len() < HEADER + len {
        return None;
    }
    let payload = read.split_to(HEADER + len).freeze().slice(HEADER..);
    Some(Frame { kind, flags, stream, payload })
}
