//! What a page that a browser shows may have sent.
//!
//! It can send requests to this machine, too. It is told by the `Origin` that the browser adds; one
//! that has its own name resolve to this machine's address, so as to be of the same origin, by that
//! name in `Host`. An address, `localhost` and the name of the part itself, by which others in the
//! same network of containers call it, are names that nobody else can have.

use std::net::IpAddr;

use http::Request;
use http::header::{HOST, ORIGIN};
use http::uri::Authority;

/// Whether a page may have had its browser send this to the part named `own`.
pub fn may_be_of_a_page<B>(request: &Request<B>, own: &str) -> bool {
    request.headers().contains_key(ORIGIN) || !is_to_this_machine(request, own)
}

/// Whether every name by which the request calls this machine is its own, or the part's.
pub fn is_to_this_machine<B>(request: &Request<B>, own: &str) -> bool {
    // HTTP/2 has it in the URI.
    let in_uri = request.uri().authority().cloned();
    let in_headers = request.headers().get_all(HOST).iter();
    let mut names = in_headers
        .map(|host| Authority::try_from(host.as_bytes()).ok())
        .chain(in_uri.map(Some))
        .peekable();
    names.peek().is_some() && names.all(|name| name.is_some_and(|name| is_own(name.host(), own)))
}

fn is_own(name: &str, own: &str) -> bool {
    // With a dot, it could be a name of the internet.
    let is_own = name.eq_ignore_ascii_case(own) && !own.contains('.');
    let address = name.trim_start_matches('[').trim_end_matches(']');
    is_own || name.eq_ignore_ascii_case("localhost") || address.parse::<IpAddr>().is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(uri: &str, hosts: &[&str]) -> Request<()> {
        let request = Request::get(uri);
        hosts.iter().fold(request, |request, host| request.header(HOST, *host)).body(()).unwrap()
    }

    #[test]
    fn addresses_localhost_and_the_own_name_are_this_machine() {
        for host in ["127.0.0.1:8010", "[::1]:8010", "localhost", "LOCALHOST:1", "console:8010"] {
            assert!(is_to_this_machine(&asked("/", &[host]), "console"), "{host}");
        }
        assert!(is_to_this_machine(&asked("http://127.0.0.1/", &[]), "console"));
    }

    #[test]
    fn another_name_anywhere_and_none_at_all_is_not() {
        let evil = "evil.example";
        for hosts in [&[][..], &[evil], &["localhost", evil], &[evil, "localhost"], &[""], &["a b"]]
        {
            assert!(!is_to_this_machine(&asked("/", hosts), "console"), "{hosts:?}");
        }
        let both = asked("http://evil.example/", &["localhost"]);
        assert!(!is_to_this_machine(&both, "console"));
        assert!(!is_to_this_machine(&asked("/", &[evil]), evil));
    }

    #[test]
    fn what_has_an_origin_is_of_a_page() {
        let mut request = asked("/", &["localhost"]);
        assert!(!may_be_of_a_page(&request, "console"));
        request.headers_mut().insert(ORIGIN, "null".parse().unwrap());
        assert!(may_be_of_a_page(&request, "console"));
    }
}
