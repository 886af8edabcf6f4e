//! URLs as attributes: without what must not be stored.

use http::Uri;

/// Query keys whose values are credentials or signatures: the list of the conventions for `url.full`
/// and `url.query`, in which case matters.
const SECRET_KEYS: [&str; 5] =
    ["X-Amz-Signature", "X-Amz-Credential", "X-Amz-Security-Token", "sig", "X-Goog-Signature"];

const REDACTED: &str = "REDACTED";

/// The URL, with user, password and signatures replaced.
pub(super) fn redacted(uri: &Uri) -> String {
    let mut url = String::new();
    if let (Some(scheme), Some(authority)) = (uri.scheme_str(), uri.authority()) {
        url = format!("{scheme}://");
        let host = match authority.as_str().rsplit_once('@') {
            Some((_, host)) => {
                url.push_str(&format!("{REDACTED}:{REDACTED}@"));
                host
            }
            None => authority.as_str(),
        };
        url.push_str(host);
    }
    url.push_str(uri.path());
    if let Some(query) = uri.query() {
        url.push('?');
        url.push_str(&redacted_query(query));
    }
    url
}

/// The query, with signatures replaced.
pub(super) fn redacted_query(query: &str) -> String {
    let pairs: Vec<String> = query
        .split('&')
        .map(|pair| match pair.split_once('=') {
            Some((key, _)) if SECRET_KEYS.contains(&key) => format!("{key}={REDACTED}"),
            _ => pair.to_owned(),
        })
        .collect();
    pairs.join("&")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_is_recorded_without_credentials_or_signatures() {
        for (url, expected) in [
            ("http://127.0.0.1:8001/io_task?a=1", "http://127.0.0.1:8001/io_task?a=1"),
            ("https://me:pass@shop.example/x", "https://REDACTED:REDACTED@shop.example/x"),
            ("https://s.example/o?sig=abc&b=2", "https://s.example/o?sig=REDACTED&b=2"),
            ("http://s.example", "http://s.example/"),
        ] {
            assert_eq!(redacted(&url.parse().unwrap()), expected);
        }
        for key in [
            "X-Amz-Signature",
            "X-Amz-Credential",
            "X-Amz-Security-Token",
            "sig",
            "X-Goog-Signature",
        ] {
            let url = format!("https://s.example/o?a=1&{key}=abc&b=2").parse().unwrap();
            let expected = format!("https://s.example/o?a=1&{key}=REDACTED&b=2");
            assert_eq!(redacted(&url), expected);
        }
    }
}
