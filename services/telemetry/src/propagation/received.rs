//! A request's headers as propagators read them: nothing that a client could have made up to harm
//! whoever reads on, here or further down.

use std::cell::OnceCell;

use http::HeaderMap;
use opentelemetry::propagation::Extractor;

use super::baggage;

/// Headers whose values are one list, however many headers it came in, and how many bytes of it
/// are read: what is longer could not be sent on beside the rest, and would fail the call to come.
/// For the state it is four times the least that
/// [must be sent on](https://www.w3.org/TR/trace-context/#tracestate-limits).
const LISTS: [(&str, usize); 3] = [
    ("tracestate", 2048),
    ("baggage", baggage::MAX_LENGTH),
    ("jaeger-baggage", baggage::MAX_LENGTH),
];

/// The headers of a request. Of a header that is no list, two are none.
pub(super) struct Received<'a> {
    headers: &'a HeaderMap,
    /// The lists that came in several headers, from when they are asked for.
    joined: [OnceCell<String>; LISTS.len()],
}

impl<'a> Received<'a> {
    pub fn new(headers: &'a HeaderMap) -> Self {
        Self { headers, joined: [const { OnceCell::new() }; LISTS.len()] }
    }
}

impl Extractor for Received<'_> {
    fn get(&self, name: &str) -> Option<&str> {
        let values = self.headers.get_all(name);
        let mut each = values.iter();
        let first = each.next()?;
        let is_only = each.next().is_none();
        let Some(list) = LISTS.iter().position(|(list, _)| *list == name) else {
            return if is_only { first.to_str().ok() } else { None };
        };
        let value = if is_only {
            first.to_str().ok()?
        } else {
            self.joined[list].get_or_init(|| {
                let values: Vec<&str> = values.iter().filter_map(|it| it.to_str().ok()).collect();
                values.join(",")
            })
        };
        let (_, limit) = LISTS[list];
        (value.len() <= limit).then_some(value)
    }

    fn keys(&self) -> Vec<&str> {
        self.headers.keys().map(|name| name.as_str()).collect()
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn headers(headers: &[(&'static str, &str)]) -> HeaderMap {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.append(*name, HeaderValue::from_str(value).unwrap());
        }
        map
    }

    #[test]
    fn a_list_in_several_headers_is_one_and_a_value_twice_is_none() {
        let headers = headers(&[
            ("baggage", "user=alice"),
            ("baggage", "item=7"),
            ("tracestate", "a=1"),
            ("traceparent", "one"),
            ("traceparent", "one"),
            ("uber-trace-id", "one"),
        ]);
        let received = Received::new(&headers);
        let values = ["baggage", "tracestate", "traceparent", "uber-trace-id", "none"]
            .map(|name| received.get(name));
        assert_eq!(values, [Some("user=alice,item=7"), Some("a=1"), None, Some("one"), None]);
    }

    #[test]
    fn a_list_that_is_too_long_to_be_sent_on_is_none() {
        for (name, limit) in LISTS {
            for (length, is_read) in [(limit, true), (limit + 1, false)] {
                let one = headers(&[(name, &"x".repeat(length))]);
                let two = headers(&[(name, &"x".repeat(length - 10)), (name, &"x".repeat(9))]);
                for headers in [one, two] {
                    assert_eq!(Received::new(&headers).get(name).is_some(), is_read, "{name}");
                }
            }
        }
    }

    #[test]
    fn bytes_beyond_ascii_are_no_value() {
        let mut headers = HeaderMap::new();
        headers.append("traceparent", HeaderValue::from_bytes(b"\xff").unwrap());
        assert_eq!(Received::new(&headers).get("traceparent"), None);
    }
}
