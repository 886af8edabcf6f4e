use std::io::{self, Read};

use bytes::Bytes;
use http::HeaderMap;
use tokio::sync::OwnedSemaphorePermit;
use tonic::Status;
use tonic::metadata::MetadataValue;

use super::message::too_large;
use super::{Budget, GRPC_ACCEPT_ENCODING, GRPC_ENCODING};

/// The least number of bytes by which the output grows.
const MIN_STEP: usize = 64 << 10;

/// The largest window that a zstd message may ask for, as a power of two: 8 MiB, which every
/// decoder should support (RFC 8878, section 3.1.1.1.2).
const MAX_ZSTD_WINDOW_LOG: u32 = 23;

#[derive(Clone, Copy, Debug)]
pub(super) enum Encoding {
    Gzip,
    Zstd,
}

impl Encoding {
    /// How the message is compressed, if it is.
    pub(super) fn of(headers: &HeaderMap) -> Result<Option<Self>, Status> {
        match headers.get(GRPC_ENCODING).map(|value| value.as_bytes()) {
            None | Some(b"identity") => Ok(None),
            Some(b"gzip") => Ok(Some(Self::Gzip)),
            Some(b"zstd") => Ok(Some(Self::Zstd)),
            Some(other) => {
                let other = String::from_utf8_lossy(other);
                let reason = format!("the grpc-encoding {other} is none of identity, gzip, zstd");
                let mut status = Status::unimplemented(reason);
                // The server must tell what it takes (gRPC's compression document).
                let supported = MetadataValue::from_static("identity,gzip,zstd");
                status.metadata_mut().insert(GRPC_ACCEPT_ENCODING, supported);
                Err(status)
            }
        }
    }

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Gzip => "gzip",
            Self::Zstd => "zstd",
        }
    }

    /// Decompresses no more than `max_bytes`, admitting the output's bytes as it grows.
    pub(super) fn decompress(
        self,
        bytes: &[u8],
        max_bytes: usize,
        budget: &Budget,
    ) -> Result<(Bytes, OwnedSemaphorePermit), Status> {
        match self {
            Self::Gzip => {
                grow(flate2::bufread::MultiGzDecoder::new(bytes), bytes.len(), max_bytes, budget)
            }
            Self::Zstd => {
                let mut decoder =
                    zstd::Decoder::with_buffer(bytes).map_err(|error| damaged(&error))?;
                decoder.window_log_max(MAX_ZSTD_WINDOW_LOG).map_err(|error| damaged(&error))?;
                grow(decoder, bytes.len(), max_bytes, budget)
            }
        }
    }
}

fn grow(
    mut from: impl Read,
    compressed: usize,
    max_bytes: usize,
    budget: &Budget,
) -> Result<(Bytes, OwnedSemaphorePermit), Status> {
    let mut out = Vec::new();
    let mut permit = budget.take_now(0)?;
    loop {
        // One byte beyond the limit tells that it is passed.
        let room = max_bytes + 1 - out.len();
        let step = out.len().max(4 * compressed).max(MIN_STEP).min(room);
        permit.merge(budget.take_now(step.min(max_bytes - out.len()))?);
        out.reserve_exact(step);
        let read = from
            .by_ref()
            .take(step as u64)
            .read_to_end(&mut out)
            .map_err(|error| damaged(&error))?;
        if out.len() > max_bytes {
            return Err(too_large(max_bytes));
        }
        if read < step {
            return Ok((out.into(), permit));
        }
    }
}

fn damaged(error: &io::Error) -> Status {
    Status::invalid_argument(format!("decompressing the request: {error}"))
}
