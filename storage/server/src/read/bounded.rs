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
    /// Drops the elements that would make a unary answer 4 MiB or larger.
    pub(super) fn truncate<T: Message>(&self, rpc: &'static str, elements: &mut Vec<T>) {
        let total = elements.len();
        keep_fitting(elements, UNARY_BYTES);
        let dropped = total - elements.len();
        if dropped > 0 {
            tracing::warn!(rpc, total, dropped, "left out what an answer has no room for");
            self.metrics.truncated(rpc);
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

/// Keeps the elements that together make a message shorter than `limit` bytes. One that doesn't
/// fit takes nothing from those behind it.
fn keep_fitting<T: Message>(elements: &mut Vec<T>, limit: usize) {
    let mut bytes = 0;
    elements.retain(|element| {
        let with = bytes + HEADER + element.encoded_len();
        let fits = with < limit;
        if fits {
            bytes = with;
        }
        fits
    });
}

#[cfg(test)]
mod tests {
    use spoor_proto::storage::GetServicesResponse;

    use super::*;

    #[test]
    fn elements_that_fit_make_a_message_below_the_limit() {
        let all: Vec<_> = (0..100).map(|i| format!("service-{i}").repeat(i)).collect();
        for limit in [1, 10, 100, 1000, 10_000, 100_000] {
            let mut services = all.clone();
            keep_fitting(&mut services, limit);
            let dropped: Vec<_> = all.iter().filter(|name| !services.contains(name)).collect();
            let kept = services.len();
            let bytes = GetServicesResponse { services }.encoded_len();
            assert!(bytes < limit);
            let slack = HEADER * (kept + 1);
            assert!(dropped.iter().all(|name| bytes + name.encoded_len() + slack >= limit));
        }
    }

    #[test]
    fn an_element_that_never_fits_takes_nothing_from_the_others() {
        let mut services = ["first", &"x".repeat(1000), "last"].map(str::to_owned).to_vec();
        keep_fitting(&mut services, 1000);
        assert_eq!(services, ["first", "last"]);
    }
}
