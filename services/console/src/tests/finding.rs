//! Searching, and what a storage server that is away leaves.

use axum::http::StatusCode;
use opentelemetry_proto::tonic::trace::v1::span::SpanKind;

use super::stand::{Page, Stand, text};
use super::telemetry::{attribute, chain, id, of, span, string};

fn found(page: &Page) -> Vec<String> {
    let links = page.each("table.traces tbody a", "href");
    links.iter().map(|it| it.trim_start_matches("/trace/").to_owned()).collect()
}

#[tokio::test]
async fn a_search_finds_what_each_field_says() {
    let stand = Stand::start().await;
    stand.write(chain(1)).await;
    let mut other = span(2, 1, 0, SpanKind::Server, (0, 500));
    other.name = "POST /orders".to_owned();
    other.attributes.push(attribute("app.order.id", string("a=b c")));
    stand.write(vec![of("app-c", vec![other])]).await;
    let [one, two] = [1, 2].map(id);
    for (query, expected) in [
        ("", &[&*one, &*two][..]),
        ("service=app-c", &[&two]),
        ("service=app-b", &[&one]),
        ("service=none", &[]),
        ("operation=POST+%2Forders", &[&two]),
        ("attributes=app.order.id%3Da%3Db+c", &[&two]),
        ("attributes=service.name%3Dapp-c%0D%0Ahttp.request.method%3DGET", &[&two]),
        ("attributes=app.order.id%3Dother", &[]),
        ("min=200ms", &[&two]),
        ("max=99ms&service=app-b", &[&one]),
        ("errors=1", &[&one]),
        ("within=5m&limit=100", &[&one, &two]),
    ] {
        let mut ids = found(&stand.page(&format!("/search?{query}")).await);
        ids.sort();
        assert_eq!(ids, expected, "{query}");
    }
}

#[tokio::test]
async fn a_trace_id_leads_to_its_trace_and_nothing_else_leads_anywhere() {
    let stand = Stand::start().await;
    let answer = stand.get("/search?service=app-a&trace=+4B+").await;
    assert_eq!(answer.location(), "/trace/4B");
    for none in ["%2F%2Fevil.example", "xyz", "..%2F", "4b%0D%0Alocation:x"] {
        let answer = stand.get(&format!("/search?trace={none}")).await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{none}");
        assert!(text(answer.page().one(".problem")).starts_with("trace id: "), "{none}");
    }
}

#[tokio::test]
async fn of_many_services_some_are_proposed() {
    let stand = Stand::start().await;
    let all = (1..=600_u64).map(|number| {
        let span = span(number.into(), 1, 0, SpanKind::Server, (0, 1));
        of(&format!("service-{number}"), vec![span])
    });
    stand.write(all.collect()).await;
    let page = stand.page("/search?limit=20").await;
    assert_eq!(page.all("#service-list option").len(), 500);
}

#[tokio::test]
async fn every_trace_is_on_one_page_of_results() {
    let stand = Stand::start().await;
    let spans = (1..=45).map(|trace| span(trace, 1, 0, SpanKind::Server, (0, trace as u64)));
    stand.write(vec![of("app a&b", spans.collect())]).await;
    let mut path = "/search?service=app%20a%26b&limit=20".to_owned();
    let (mut ids, mut sizes) = (Vec::new(), Vec::new());
    loop {
        let page = stand.page(&path).await;
        sizes.push(found(&page).len());
        ids.extend(found(&page));
        match page.each("a[rel=next]", "href").pop() {
            Some(next) => path = next.trim_end_matches("#results").to_owned(),
            None => break,
        }
    }
    assert_eq!(sizes, [20, 20, 5]);
    ids.sort();
    assert_eq!(ids, (1..=45).map(id).collect::<Vec<_>>());
}

#[tokio::test]
async fn what_cannot_be_searched_for_is_told() {
    let stand = Stand::start().await;
    let answer = stand.get("/search?min=%3Cb%3E").await;
    assert_eq!(answer.status, StatusCode::BAD_REQUEST);
    let problem = text(answer.page().one(".problem"));
    assert!(problem.starts_with("at least: \"<b>\""), "{problem}");
    // Nor a page that the storage server never told of.
    let answer = stand.get("/search?service=app-a&next=%3Cb%3E").await;
    assert_eq!(answer.status, StatusCode::BAD_REQUEST);
    let page = answer.page();
    assert_eq!(text(page.one(".problem")), "next: these results have no such page");
    let first = page.one("#results ~ p a").attr("href").unwrap();
    assert!(first.starts_with("/search?service=app-a&") && !first.contains("next="), "{first}");
}

#[tokio::test]
async fn what_cannot_be_read_is_told_on_a_page_of_its_place() {
    let stand = Stand::start().await;
    for (path, place) in [
        ("/trace/%ff%fe", "/"),
        ("/trace/4b?looks=-1", "/"),
        ("/debug?id=x", "/"),
        ("/services?minutes=1&minutes=2", "/services"),
        ("/search?limit=20&limit=50", "/search"),
    ] {
        let answer = stand.get(path).await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{path}");
        let page = answer.page();
        assert_eq!(text(page.one("h1")), "That makes no sense", "{path}");
        assert!(!text(page.one(".problem")).is_empty(), "{path}");
        assert_eq!(page.each("[aria-current=page]", "href"), [place], "{path}");
    }
    let answer = stand.post("/faults/end", "id=%3Cb%3E").await;
    assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(text(answer.page().one(".problem")).contains("id: invalid digit"), "{}", answer.body);
}

#[tokio::test]
async fn a_storage_server_that_is_away_is_named_on_every_page() {
    let away = "http://127.0.0.1:9".to_owned();
    let stand = Stand::with(|config| config.storage = away).await;
    let id = id(1);
    for (path, status) in [
        ("/".to_owned(), StatusCode::OK),
        ("/search".to_owned(), StatusCode::BAD_GATEWAY),
        ("/services".to_owned(), StatusCode::OK),
        (format!("/trace/{id}"), StatusCode::BAD_GATEWAY),
        (format!("/trace/{id}/span/01"), StatusCode::BAD_GATEWAY),
        ("/debug?id=x&at=1".to_owned(), StatusCode::BAD_GATEWAY),
    ] {
        let answer = stand.get(&path).await;
        assert_eq!(answer.status, status, "{path}");
        let told = answer.page().text();
        assert!(told.contains("asking spoor on http://127.0.0.1:9 for "), "{path}: {told}");
    }
}

#[tokio::test]
async fn an_id_that_is_none_is_refused_and_one_that_is_not_there_explained() {
    let stand = Stand::start().await;
    for none in ["xyz", "0", "%22%3E%3Cscript%3E", &"4b".repeat(17)] {
        let answer = stand.get(&format!("/trace/{none}")).await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{none}");
        assert!(answer.page().text().contains("reading the trace id"), "{none}");
    }
    let answer = stand.get("/trace/4B").await;
    assert_eq!(answer.status, StatusCode::NOT_FOUND);
    assert!(answer.page().text().contains(&id(0x4b)), "{}", answer.body);
    stand.write(chain(0x4b)).await;
    let answer = stand.get("/trace/4B/span/ff").await;
    assert_eq!(answer.status, StatusCode::NOT_FOUND);
}
