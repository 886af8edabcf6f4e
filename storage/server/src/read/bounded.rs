use prost::Message;
use spoor_store::CHUNK_BYTES;

use super::Reader;

/// Clients accept no larger message unless they are told to: gRPC's default.
const UNARY_BYTES: usize = 4 << 20;

/// The size that a message of a stream stays below, unless it has a single element.
const STREAM_BYTES: usize = CHUNK_BYTES / 2;

/// The longest key and length of an element of a repeated field below the number 16.
const HEADER: usize = 1 + 5;

impl Reader {
    /// Drops the last elements of a unary answer, so that it stays below 4 MiB.
    pub(super) fn truncate<T: Message>(&self, rpc: &'static str, elements: &mut Vec<T>) {
        let fitting = fitting(elements, UNARY_BYTES);
        if fitting < elements.len() {
            tracing::warn!(rpc, total = elements.len(), kept = fitting, "cut an answer short");
            self.metrics.truncated(rpc);
            elements.truncate(fitting);
        }
    }
}

/// The elements of one message of a stream.
#[derive(Debug)]
pub(super) struct Batch<T> {
    elements: Vec<T>,
    bytes: usize,
}

impl<T> Default for Batch<T> {
    fn default() -> Self {
        Self { elements: Vec::new(), bytes: 0 }
    }
}

impl<T: Message> Batch<T> {
    /// Adds an element, or gives it back when the batch is full. An empty batch takes any.
    pub(super) fn add(&mut self, element: T) -> Option<T> {
        self.bytes += HEADER + element.encoded_len();
        if self.bytes >= STREAM_BYTES && !self.elements.is_empty() {
            return Some(element);
        }
        self.elements.push(element);
        None
    }

    pub(super) fn into_elements(self) -> Vec<T> {
        self.elements
    }
}

/// The number of elements that make a message shorter than `limit` bytes.
fn fitting<T: Message>(elements: &[T], limit: usize) -> usize {
    let mut bytes = 0;
    let over = elements.iter().position(|element| {
        bytes += HEADER + element.encoded_len();
        bytes >= limit
    });
    over.unwrap_or(elements.len())
}

#[cfg(test)]
mod tests {
    use spoor_proto::storage::GetServicesResponse;

    use super::*;

    #[test]
    fn elements_that_fit_make_a_message_below_the_limit() {
        let services: Vec<_> = (0..100).map(|i| format!("service-{i}").repeat(i)).collect();
        for limit in [1, 10, 100, 1000, 10_000, 100_000] {
            let kept = fitting(&services, limit);
            let of = |kept: usize| GetServicesResponse { services: services[..kept].to_vec() };
            assert!(of(kept).encoded_len() < limit);
            let slack = 2 * HEADER * (kept + 1);
            assert!(kept == services.len() || of(kept + 1).encoded_len() + slack >= limit);
        }
    }
}
