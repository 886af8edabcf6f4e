//! Who is let in, and what a browser is told.

use axum::body::Body;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE, HOST};
use axum::http::{Method, Request, StatusCode};

use super::stand::Stand;

const FORM: &str = "application/x-www-form-urlencoded";

#[tokio::test]
async fn a_host_is_an_address_or_a_name_that_nobody_else_can_have() {
    let stand = Stand::start().await;
    let asked = async |hosts: &[&str]| {
        let mut request = Request::get("/healthz");
        for host in hosts {
            request = request.header(HOST, *host);
        }
        stand.ask(request.body(Body::empty()).unwrap()).await.status
    };
    for own in
        ["127.0.0.1:8010", "[::1]:8010", "LOCALHOST", "localhost:1", "10.0.0.7", "console:8010"]
    {
        assert_eq!(asked(&[own]).await, StatusCode::OK, "{own}");
    }
    for foreign in
        ["evil.example", "localhost.evil.example:8010", "127.0.0.1.evil.example", "", "a b"]
    {
        assert_eq!(asked(&[foreign]).await, StatusCode::FORBIDDEN, "{foreign}");
    }
    assert_eq!(asked(&["localhost", "evil.example"]).await, StatusCode::FORBIDDEN);
    let in_uri = Request::get("http://evil.example/healthz").body(Body::empty()).unwrap();
    assert_eq!(stand.ask(in_uri).await.status, StatusCode::FORBIDDEN);
}

#[tokio::test]
async fn a_change_needs_the_token_in_the_form_or_in_the_header() {
    let stand = Stand::start().await;
    let token = stand.console.token.text().to_owned();
    let asked = async |kind: Option<&str>, header: Option<&str>, body: String| {
        let mut request = Request::post("/doctor");
        for (name, value) in [("content-type", kind), ("x-console-token", header)] {
            request = value.into_iter().fold(request, |request, it| request.header(name, it));
        }
        stand.ask(request.body(Body::from(body)).unwrap()).await.status
    };
    let form = format!("a=b&token={token}");
    assert_eq!(asked(Some(FORM), None, form.clone()).await, StatusCode::SEE_OTHER);
    assert_eq!(asked(None, Some(&token), String::new()).await, StatusCode::SEE_OTHER);
    for (kind, header, body) in [
        (Some(FORM), None, String::new()),
        (Some(FORM), None, format!("token={token}0")),
        (Some(FORM), None, format!("token={}&token={token}", "0".repeat(32))),
        (Some(FORM), None, "token=".to_owned()),
        (Some(FORM), Some("wrong"), form.clone()),
        // What another page can send without being asked whether it may.
        (Some("text/plain"), None, form),
        (None, Some(&token[..31]), String::new()),
    ] {
        assert_eq!(
            asked(kind, header, body.clone()).await,
            StatusCode::FORBIDDEN,
            "{header:?} {body}"
        );
    }
}

#[tokio::test]
async fn a_change_comes_from_a_page_of_ours_if_it_says_from_where() {
    let stand = Stand::start().await;
    let asked = async |headers: &[(&str, &str)]| {
        let mut request =
            Request::post("/doctor").header("x-console-token", stand.console.token.text());
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        stand.ask(request.body(Body::empty()).unwrap()).await.status
    };
    for own in [
        &[][..],
        &[("origin", "http://127.0.0.1:8010")],
        &[("origin", "http://127.0.0.1:8010"), ("sec-fetch-site", "same-origin")],
        &[("host", "localhost:8010"), ("origin", "http://localhost:8010")],
        &[("sec-fetch-site", "none")],
    ] {
        assert_eq!(asked(own).await, StatusCode::SEE_OTHER, "{own:?}");
    }
    for foreign in [
        &[("origin", "http://127.0.0.1:16686")][..],
        &[("origin", "https://127.0.0.1:8010")],
        &[("origin", "http://localhost:8010")],
        &[("origin", "null")],
        &[("origin", "http://127.0.0.1:8010"), ("origin", "http://evil.example")],
        &[("sec-fetch-site", "same-site")],
        &[("sec-fetch-site", "cross-site"), ("origin", "http://127.0.0.1:8010")],
    ] {
        assert_eq!(asked(foreign).await, StatusCode::FORBIDDEN, "{foreign:?}");
    }
}

#[tokio::test]
async fn nothing_is_changed_by_a_get_and_no_method_goes_around_the_token() {
    let stand = Stand::start().await;
    for path in ["/send", "/faults/end"] {
        assert_eq!(stand.get(path).await.status, StatusCode::METHOD_NOT_ALLOWED, "{path}");
    }
    for method in [Method::POST, Method::PUT, Method::DELETE, Method::PATCH, Method::OPTIONS] {
        for path in ["/send", "/faults", "/faults/end", "/load", "/doctor", "/api/token"] {
            let request = Request::builder().method(&method).uri(path).body(Body::empty()).unwrap();
            assert_eq!(stand.ask(request).await.status, StatusCode::FORBIDDEN, "{method} {path}");
        }
    }
}

#[tokio::test]
async fn programs_are_told_the_token_and_no_other_origin_may_read_it() {
    let stand = Stand::start().await;
    let request = Request::get("/api/token").header("origin", "http://evil.example");
    let answer = stand.ask(request.body(Body::empty()).unwrap()).await;
    assert_eq!(answer.body, format!("{{\"token\":\"{}\"}}", stand.console.token.text()));
    assert!(answer.headers.keys().all(|name| !name.as_str().starts_with("access-control")));
    let other = Stand::start().await;
    assert_ne!(other.console.token.text(), stand.console.token.text());
}

#[tokio::test]
async fn every_answer_tells_the_browser_what_it_may_do() {
    let stand = Stand::start().await;
    let refused = Request::get("/").header(HOST, "evil.example").body(Body::empty()).unwrap();
    let mut answers = vec![stand.ask(refused).await];
    for path in ["/", "/search", "/none", "/trace/xyz", "/healthz", "/api/token", "/assets/0/x"] {
        answers.push(stand.get(path).await);
    }
    for answer in answers {
        for (name, expected) in [
            ("x-content-type-options", "nosniff"),
            ("x-frame-options", "DENY"),
            ("referrer-policy", "same-origin"),
            ("cross-origin-opener-policy", "same-origin"),
            ("cross-origin-resource-policy", "same-origin"),
            ("cache-control", "no-store"),
            (
                "content-security-policy",
                "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; \
                 connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
            ),
        ] {
            assert_eq!(answer.header(name), Some(expected), "{name}");
        }
    }
}

#[tokio::test]
async fn what_a_page_loads_is_kept_by_browsers_under_a_name_of_its_content() {
    let stand = Stand::start().await;
    let page = stand.page("/").await;
    let mut loaded = page.each("link", "href");
    loaded.extend(page.each("script", "src"));
    assert_eq!(loaded.len(), 3);
    for url in loaded {
        let answer = stand.get(&url).await;
        assert_eq!(answer.status, StatusCode::OK, "{url}");
        let kept = "public, max-age=31536000, immutable";
        assert_eq!(answer.header(CACHE_CONTROL.as_str()), Some(kept));
        assert!(answer.header(CONTENT_TYPE.as_str()).is_some());
        assert_eq!(answer.header("x-content-type-options"), Some("nosniff"));
        let other = url.replacen(|it: char| it.is_ascii_digit(), "x", 1);
        assert_eq!(stand.get(&other).await.status, StatusCode::NOT_FOUND, "{other}");
    }
}

#[tokio::test]
async fn bodies_and_addresses_are_bounded() {
    let stand = Stand::start().await;
    let long = "x".repeat(64 << 10);
    let answer = stand.post("/send", &format!("baggage={long}")).await;
    assert_eq!(answer.status, StatusCode::PAYLOAD_TOO_LARGE);
    let answer = stand.get(&format!("/search?service={}", &long[..17 << 10])).await;
    assert_eq!(answer.status, StatusCode::URI_TOO_LONG);
    assert_eq!(stand.get("/search?limit=20&limit=50").await.status, StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn what_is_not_there_is_said_as_text() {
    let stand = Stand::start().await;
    let answer = stand.get("/%3Cscript%3Ealert(1)%3C/script%3E").await;
    assert_eq!(answer.status, StatusCode::NOT_FOUND);
    assert_eq!(answer.page().all("script").len(), 1, "{}", answer.body);
}
