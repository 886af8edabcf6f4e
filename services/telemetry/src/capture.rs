//! Headers that spans record: those that somebody lists.

use std::sync::Arc;

use http::{HeaderMap, HeaderName, HeaderValue, header};
use opentelemetry::{Array, Key, KeyValue, StringValue, Value};

use crate::InitError;
use crate::attributes::MAX_LENGTH;
use crate::environment::{self, Lookup, unexpected};

/// One side's headers of one direction.
#[derive(Clone, Copy, Debug)]
pub struct List {
    /// Lists their names, in any case, with commas between them.
    pub variable: &'static str,
    /// What comes before a name in its attribute's.
    pub prefix: &'static str,
}

pub(crate) const HTTP_SERVER_REQUEST: List = List {
    variable: "OTEL_INSTRUMENTATION_HTTP_CAPTURE_HEADERS_SERVER_REQUEST",
    prefix: "http.request.header",
};
pub(crate) const HTTP_SERVER_RESPONSE: List = List {
    variable: "OTEL_INSTRUMENTATION_HTTP_CAPTURE_HEADERS_SERVER_RESPONSE",
    prefix: "http.response.header",
};
pub(crate) const HTTP_CLIENT_REQUEST: List = List {
    variable: "OTEL_INSTRUMENTATION_HTTP_CAPTURE_HEADERS_CLIENT_REQUEST",
    prefix: "http.request.header",
};
pub(crate) const HTTP_CLIENT_RESPONSE: List = List {
    variable: "OTEL_INSTRUMENTATION_HTTP_CAPTURE_HEADERS_CLIENT_RESPONSE",
    prefix: "http.response.header",
};
// The names for requests are Java's, and those for responses follow from them.
pub(crate) const GRPC_SERVER_REQUEST: List = List {
    variable: "OTEL_INSTRUMENTATION_GRPC_CAPTURE_METADATA_SERVER_REQUEST",
    prefix: "rpc.request.metadata",
};
pub(crate) const GRPC_SERVER_RESPONSE: List = List {
    variable: "OTEL_INSTRUMENTATION_GRPC_CAPTURE_METADATA_SERVER_RESPONSE",
    prefix: "rpc.response.metadata",
};
pub(crate) const GRPC_CLIENT_REQUEST: List = List {
    variable: "OTEL_INSTRUMENTATION_GRPC_CAPTURE_METADATA_CLIENT_REQUEST",
    prefix: "rpc.request.metadata",
};
pub(crate) const GRPC_CLIENT_RESPONSE: List = List {
    variable: "OTEL_INSTRUMENTATION_GRPC_CAPTURE_METADATA_CLIENT_RESPONSE",
    prefix: "rpc.response.metadata",
};

const LISTS: [List; 8] = [
    HTTP_SERVER_REQUEST,
    HTTP_SERVER_RESPONSE,
    HTTP_CLIENT_REQUEST,
    HTTP_CLIENT_RESPONSE,
    GRPC_SERVER_REQUEST,
    GRPC_SERVER_RESPONSE,
    GRPC_CLIENT_REQUEST,
    GRPC_CLIENT_RESPONSE,
];

/// They let whoever reads a trace act as the user; no list is a reason to store them.
const CREDENTIALS: [HeaderName; 4] =
    [header::AUTHORIZATION, header::COOKIE, header::PROXY_AUTHORIZATION, header::SET_COOKIE];

const MAX_NAMES: usize = 32;
/// What a name or a value takes in OTLP beside its bytes, about.
const FRAME: usize = 8;

/// Refuses a list that could not be followed.
pub(crate) fn check(lookup: Lookup<'_>) -> Result<(), InitError> {
    LISTS.iter().try_for_each(|list| read(list, lookup).map(drop))
}

/// The names that a list has.
fn read(list: &List, lookup: Lookup<'_>) -> Result<Vec<HeaderName>, InitError> {
    let Some(value) = lookup(list.variable) else { return Ok(Vec::new()) };
    let names: Option<Vec<HeaderName>> =
        value.split(',').map(|name| name.trim().parse().ok()).collect();
    // A star may be in a name; who writes one means what other languages take it for.
    names.filter(|names| names.len() <= MAX_NAMES && !value.contains('*')).ok_or_else(|| {
        unexpected(list.variable, &value, "at most 32 names of headers, without wildcards")
    })
}

/// The headers that are recorded, and the attributes that they become.
#[derive(Clone, Debug, Default)]
pub(crate) struct Captured(Vec<(HeaderName, Key)>);

impl Captured {
    /// Those that the variable lists. Of one that cannot be followed there are none: who set it has
    /// been told by [`check`].
    pub fn from_environment(list: &List) -> Self {
        Self::new(list, read(list, &environment::process).unwrap_or_default())
    }

    pub fn new(list: &List, names: impl IntoIterator<Item = HeaderName>) -> Self {
        let mut captured: Vec<(HeaderName, Key)> = Vec::new();
        for name in names.into_iter().filter(|name| !CREDENTIALS.contains(name)).take(MAX_NAMES) {
            if captured.iter().all(|(known, _)| *known != name) {
                let key: Arc<str> = format!("{}.{name}", list.prefix).into();
                captured.push((name, key.into()));
            }
        }
        Self(captured)
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The attributes of these headers: as many, and of the last as much, as [`MAX_LENGTH`] bytes
    /// hold.
    pub fn of(&self, headers: &HeaderMap) -> impl Iterator<Item = KeyValue> {
        let mut left = MAX_LENGTH;
        self.0.iter().filter_map(move |(name, key)| {
            let values = headers.get_all(name).iter().filter(|value| !value.is_sensitive());
            let mut values = values.peekable();
            values.peek()?;
            left = left.checked_sub(key.as_str().len() + FRAME)?;
            let values: Vec<StringValue> =
                values.map_while(|value| text(value, &mut left)).collect();
            let is_there = !values.is_empty();
            is_there.then(|| KeyValue::new(key.clone(), Value::Array(Array::String(values))))
        })
    }
}

/// As much of the value as there is room left for; bytes that are no text are replaced.
fn text(value: &HeaderValue, left: &mut usize) -> Option<StringValue> {
    let room = left.checked_sub(FRAME)?;
    let bytes = value.as_bytes();
    let text = String::from_utf8_lossy(&bytes[..bytes.len().min(room)]);
    let text = &text[..text.floor_char_boundary(room)];
    *left = room - text.len();
    Some(text.to_owned().into())
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIST: List = HTTP_SERVER_REQUEST;

    fn read_as(value: &str) -> Result<Vec<HeaderName>, String> {
        let lookup = |name: &str| (name == LIST.variable).then(|| value.to_owned());
        check(&lookup).map_err(|error| error.to_string())?;
        read(&LIST, &lookup).map_err(|error| error.to_string())
    }

    fn recorded(names: &[&'static str], headers: &HeaderMap) -> Vec<String> {
        let names = names.iter().map(|name| HeaderName::from_static(name));
        let attributes = Captured::new(&LIST, names);
        attributes.of(headers).map(|it| format!("{}={}", it.key, it.value)).collect()
    }

    #[test]
    fn a_list_is_of_names_in_any_case() {
        assert_eq!(read(&LIST, &|_| None).unwrap(), [] as [HeaderName; 0]);
        assert_eq!(read_as("X-Request-Id, accept").unwrap(), ["x-request-id", "accept"]);
    }

    #[test]
    fn one_that_cannot_be_followed_is_an_error_that_names_it() {
        for value in ["x y", "accept,", "*", &["a"; 33].join(",")] {
            let error = read_as(value).unwrap_err();
            assert!(error.contains(LIST.variable) && error.contains(value), "{error}");
        }
    }

    #[test]
    fn a_header_is_recorded_with_every_value_and_one_that_is_not_there_is_not() {
        let mut headers = HeaderMap::new();
        headers.append("accept", HeaderValue::from_static("text/html"));
        headers.append("accept", HeaderValue::from_static("text/plain"));
        headers.append("x-other", HeaderValue::from_static("1"));
        assert_eq!(
            recorded(&["accept", "accept", "x-missing"], &headers),
            [r#"http.request.header.accept=["text/html","text/plain"]"#]
        );
    }

    #[test]
    fn a_credential_is_recorded_by_no_list() {
        let mut headers = HeaderMap::new();
        for name in CREDENTIALS {
            headers.append(name, HeaderValue::from_static("secret"));
        }
        let mut marked = HeaderValue::from_static("secret");
        marked.set_sensitive(true);
        headers.append("x-api-key", marked);
        let names = ["authorization", "cookie", "proxy-authorization", "set-cookie", "x-api-key"];
        assert_eq!(recorded(&names, &headers), [] as [&str; 0]);
    }

    #[test]
    fn bytes_that_are_no_text_are_replaced() {
        let mut headers = HeaderMap::new();
        headers.append("x-bytes", HeaderValue::from_bytes(b"\xff\xc3").unwrap());
        let [bytes] = recorded(&["x-bytes"], &headers).try_into().unwrap();
        assert!(bytes.ends_with("[\"\u{fffd}\u{fffd}\"]"), "{bytes}");
    }

    #[test]
    fn what_a_peer_sends_too_much_of_is_cut_off_and_what_is_listed_first_is_kept() {
        for (too_much, times) in [(&b"x"[..], 10_000), (b"\xff", 10_000), (b"", 0)] {
            let mut headers = HeaderMap::new();
            for name in ["x-first", "x-last"] {
                headers.append(name, HeaderValue::from_static("1"));
            }
            let long = HeaderValue::from_bytes(&too_much.repeat(times)).unwrap();
            (0..1_000).for_each(|_| _ = headers.append("x-long", long.clone()));
            let [first, long] =
                recorded(&["x-first", "x-long", "x-last"], &headers).try_into().unwrap();
            assert_eq!(first, "http.request.header.x-first=[\"1\"]");
            assert!((300..=1_024).contains(&long.len()), "{}: {long}", long.len());
        }
    }
}
