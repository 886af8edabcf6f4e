//! What comes in pages.

use traces::{Filter, Page, Storage, Window};

use super::server::{TestServer, always, seconds, span};

/// The trace ids of each page; each trace has one span, in the second of its id.
async fn walk(
    storage: &Storage,
    window: Window,
    filter: Option<Filter>,
    size: u32,
) -> Vec<Vec<String>> {
    let (mut pages, mut token) = (Vec::new(), String::new());
    loop {
        let page = Page { size, token };
        let found = storage.summaries(window, filter.clone(), page).await.unwrap();
        pages.push(found.found.into_iter().map(|it| it.trace_id).collect());
        assert!(pages.len() < 20, "it does not end: {pages:?}");
        token = found.next;
        if token.is_empty() {
            return pages;
        }
    }
}

fn pages(pages: &[&[u128]]) -> Vec<Vec<String>> {
    pages.iter().map(|page| page.iter().map(|id| format!("{id:032x}")).collect()).collect()
}

async fn with_traces(count: u64) -> TestServer {
    let server = TestServer::start().await;
    for id in 1..=count {
        server.write("app-a", vec![span(id.into(), id, 0)]).await;
    }
    server
}

#[tokio::test]
async fn summaries_come_in_pages_the_latest_first_and_each_once() {
    let server = with_traces(5).await;
    let storage = server.storage();
    let walk = async |size| walk(&storage, always(), None, size).await;
    assert_eq!(walk(1).await, pages(&[&[5], &[4], &[3], &[2], &[1]]));
    assert_eq!(walk(2).await, pages(&[&[5, 4], &[3, 2], &[1]]));
    assert_eq!(walk(5).await, pages(&[&[5, 4, 3, 2, 1]]));
    assert_eq!(walk(100).await, pages(&[&[5, 4, 3, 2, 1]]));
}

#[tokio::test]
async fn a_window_is_from_its_first_moment_to_its_last() {
    let server = with_traces(5).await;
    let storage = server.storage();
    let walk = async |window| walk(&storage, window, None, 9).await;
    assert_eq!(walk(seconds(2, 4)).await, pages(&[&[4, 3, 2]]));
    assert_eq!(walk(seconds(3, 3)).await, pages(&[&[3]]));
    assert_eq!(walk(seconds(6, 9)).await, pages(&[&[]]));
    let found = storage.spans(seconds(2, 4), None, 9).await.unwrap();
    assert_eq!(found.iter().map(|it| it.id.as_str()).collect::<Vec<_>>(), ids(&[4, 3, 2]));
}

#[tokio::test]
async fn a_filter_holds_on_every_page() {
    let server = with_traces(3).await;
    server.write("app-b", vec![span(9, 9, 0), span(8, 8, 0)]).await;
    let filter = Some(Filter::service("app-a"));
    let found = walk(&server.storage(), always(), filter, 1).await;
    assert_eq!(found, pages(&[&[3], &[2], &[1]]));
}

fn ids(ids: &[u64]) -> Vec<String> {
    ids.iter().map(|id| format!("{id:016x}")).collect()
}

#[tokio::test]
async fn the_latest_spans_are_found_and_no_more_than_are_wanted() {
    let server = TestServer::start().await;
    server.write("app-a", (1..=5).map(|id| span(7, id, 0)).collect()).await;
    let storage = server.storage();
    let found = async |most| {
        let found = storage.spans(always(), None, most).await.unwrap();
        found.into_iter().map(|span| span.id).collect::<Vec<_>>()
    };
    assert_eq!(found(2).await, ids(&[5, 4]));
    assert_eq!(found(5).await, ids(&[5, 4, 3, 2, 1]));
    assert_eq!(found(100).await, ids(&[5, 4, 3, 2, 1]));
    assert_eq!(found(0).await, ids(&[]));
}
