//! What was sent from here of late.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

use super::{Context, Exchange};

/// Requests that are remembered, each below 64 KiB.
const MOST: usize = 64;

/// The last requests and their answers.
#[derive(Default)]
pub(crate) struct Sent(Mutex<VecDeque<Entry>>);

struct Entry {
    /// Not known so far of one with a debug id.
    trace_id: Option<String>,
    exchange: Arc<Exchange>,
}

impl Sent {
    pub fn keep(&self, exchange: Arc<Exchange>) {
        let trace_id = match &exchange.request.context {
            Context::Own { trace_id, .. } => Some(trace_id.clone()),
            Context::Debug(_) => None,
        };
        let mut entries = self.lock();
        if entries.len() == MOST {
            entries.pop_front();
        }
        entries.push_back(Entry { trace_id, exchange });
    }

    /// The one that began this trace.
    pub fn of_trace(&self, trace_id: &str) -> Option<Arc<Exchange>> {
        let entries = self.lock();
        let mut found = entries.iter().filter(|it| it.trace_id.as_deref() == Some(trace_id));
        found.next_back().map(|it| it.exchange.clone())
    }

    /// The one with this debug id, sent at this time, is of this trace.
    pub fn found(&self, debug_id: &str, at: u64, trace_id: &str) {
        let mut entries = self.lock();
        let is_it = |it: &&mut Entry| {
            let exchange = &it.exchange;
            exchange.milliseconds() == at
                && exchange.request.context == Context::Debug(debug_id.to_owned())
        };
        if let Some(entry) = entries.iter_mut().find(is_it) {
            entry.trace_id = Some(trace_id.to_owned());
        }
    }

    fn lock(&self) -> MutexGuard<'_, VecDeque<Entry>> {
        // Each change leaves it whole.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Exchange {
    /// When it was sent, since the epoch.
    pub fn milliseconds(&self) -> u64 {
        let since = self.at.duration_since(UNIX_EPOCH).unwrap_or_default();
        u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
    }

    /// The same, the moment before which no span of it can have begun, up to a clock's error.
    pub fn since(milliseconds: u64) -> SystemTime {
        let since = std::time::Duration::from_millis(milliseconds.saturating_sub(1_000));
        UNIX_EPOCH.checked_add(since).unwrap_or(UNIX_EPOCH)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::super::{Answer, Request};
    use super::*;

    fn exchange(context: Context, at: u64) -> Arc<Exchange> {
        let request = Request {
            service: "app-a".to_owned(),
            method: reqwest::Method::GET,
            path: "/".to_owned(),
            url: String::new(),
            headers: Vec::new(),
            body: None,
            context,
        };
        let answer: Result<Answer, String> = Err(String::new());
        let at = UNIX_EPOCH + Duration::from_millis(at);
        Arc::new(Exchange { request, at, took: Duration::ZERO, answer })
    }

    fn own(trace_id: u64) -> Context {
        let trace_id = format!("{trace_id:032x}");
        Context::Own { trace_id, span_id: "1".to_owned(), sampled: true }
    }

    #[test]
    fn the_last_requests_are_found_by_their_trace_and_older_ones_are_forgotten() {
        let sent = Sent::default();
        for number in 0..=MOST as u64 {
            sent.keep(exchange(own(number), number));
        }
        let of = |number: u64| sent.of_trace(&format!("{number:032x}"));
        assert!(of(0).is_none());
        assert_eq!([1, MOST as u64].map(|it| of(it).unwrap().milliseconds()), [1, MOST as u64]);
    }

    #[test]
    fn a_request_with_a_debug_id_is_found_by_its_trace_once_that_is_known() {
        let sent = Sent::default();
        for at in [5, 6] {
            sent.keep(exchange(Context::Debug("ticket".to_owned()), at));
        }
        sent.found("ticket", 6, "abc");
        sent.found("other", 5, "def");
        assert_eq!(sent.of_trace("abc").unwrap().milliseconds(), 6);
        assert!(sent.of_trace("def").is_none());
    }
}
