//! Addresses of pages.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

/// All but what no part of a URL minds.
const ENCODED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// `?` and the parameters that are not empty; nothing without any.
pub(crate) fn query(parameters: &[(&str, &str)]) -> String {
    let given = parameters.iter().filter(|(_, value)| !value.is_empty());
    given.enumerate().fold(String::new(), |query, (place, (name, value))| {
        let before = if place == 0 { '?' } else { '&' };
        format!("{query}{before}{name}={}", utf8_percent_encode(value, ENCODED))
    })
}

/// The page of a trace by its id of hexadecimal digits.
pub(crate) fn trace(id: &str) -> String {
    format!("/trace/{}", utf8_percent_encode(id, ENCODED))
}

/// A span's row on that page.
pub(crate) fn span(trace_id: &str, id: &str) -> String {
    format!("{}{}#span-{id}", trace(trace_id), query(&[("span", id)]))
}

/// The span alone.
pub(crate) fn span_alone(trace_id: &str, id: &str) -> String {
    format!("{}/span/{}", trace(trace_id), utf8_percent_encode(id, ENCODED))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_cannot_leave_its_parameter() {
        let made = query(&[("service", "a&b=c#d/é"), ("none", ""), ("limit", "20")]);
        assert_eq!(made, "?service=a%26b%3Dc%23d%2F%C3%A9&limit=20");
        assert_eq!(query(&[("none", "")]), "");
        assert_eq!(trace("../x?y"), "/trace/..%2Fx%3Fy");
    }
}
