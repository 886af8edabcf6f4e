use prost::Message;
use tonic::Extensions;

use super::Reader;
use crate::metrics::Rpc;

/// Clients accept no larger message unless they are told to: gRPC's default.
pub(crate) const UNARY_BYTES: usize = 4 << 20;

/// The longest key and length of an element of a repeated field below the number 16.
pub(crate) const HEADER: usize = 1 + 5;

impl Reader {
    /// Drops the elements that would make a unary answer to a request with these extensions 4 MiB
    /// or larger.
    pub(super) fn truncate<T: Message>(&self, extensions: &Extensions, elements: &mut Vec<T>) {
        let total = elements.len();
        keep_fitting(elements, UNARY_BYTES);
        let dropped = total - elements.len();
        if dropped > 0 {
            let rpc = extensions.get::<Rpc>().cloned().unwrap_or_default();
            tracing::warn!(%rpc, total, dropped, "left out what an answer has no room for");
            self.metrics.truncated(&rpc);
        }
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
