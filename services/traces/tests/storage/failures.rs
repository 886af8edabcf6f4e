//! What is said when there is no answer.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use tokio::net::TcpListener;
use tonic::Code;
use traces::{Error, Filter, Page, Storage};

use super::server::{TestServer, always, seconds, span};

fn code(error: &Error) -> Option<Code> {
    match error {
        Error::Server { cause, .. } => Some(cause.code()),
        _ => None,
    }
}

/// What each question fails with.
async fn errors(storage: &Storage) -> [Error; 5] {
    let page = Page { size: 1, ..Page::default() };
    [
        storage.trace("1").await.unwrap_err(),
        storage.summaries(always(), None, page).await.unwrap_err(),
        storage.spans(always(), None, 1).await.unwrap_err(),
        storage.services().await.unwrap_err(),
        storage.operations("a").await.unwrap_err(),
    ]
}

#[tokio::test]
async fn a_server_that_is_gone_is_named_with_what_was_asked() {
    let server = TestServer::start().await;
    let (storage, address) = (server.storage(), server.address);
    assert!(storage.services().await.is_ok());
    server.stop().await;
    for (error, asked) in
        errors(&storage).await.iter().zip(["a trace", "traces", "spans", "services", "operations"])
    {
        let text = error.to_string();
        assert!(
            text.starts_with(&format!("asking spoor on http://{address} for {asked}: ")),
            "{text}"
        );
        assert_eq!(code(error), Some(Code::Unavailable), "{text}");
        assert!(text.contains("refused"), "{text}");
    }
}

#[tokio::test]
async fn a_server_that_is_back_is_asked_again() {
    let server = TestServer::start().await;
    let (storage, port) = (server.storage(), server.address.port());
    assert!(storage.services().await.is_ok());
    server.stop().await;
    assert!(storage.services().await.is_err());
    let _server = TestServer::start_on(port).await;
    assert!(storage.services().await.is_ok());
}

#[tokio::test]
async fn a_server_that_does_not_answer_is_given_up() {
    let silent = TcpListener::bind(SocketAddr::from((Ipv4Addr::LOCALHOST, 0))).await.unwrap();
    let address = silent.local_addr().unwrap();
    let storage = Storage::new(&format!("http://{address}")).unwrap();
    let storage = storage.within(Duration::from_millis(50));
    for error in errors(&storage).await {
        assert_eq!(code(&error), Some(Code::DeadlineExceeded), "{error}");
        assert!(error.to_string().ends_with("not done in 50ms"), "{error}");
    }
}

#[tokio::test]
async fn an_id_that_is_none_is_not_asked_for() {
    // Where nobody is, so that asking would fail otherwise.
    let storage = Storage::new("http://127.0.0.1:1").unwrap();
    let error = storage.trace("app-a").await.unwrap_err();
    assert!(matches!(&error, Error::TraceId(id) if id == "app-a"), "{error}");
}

#[tokio::test]
async fn what_the_server_refuses_is_told_as_it_says_it() {
    let server = TestServer::start().await;
    server.write("a", vec![span(1, 1, 0)]).await;
    let storage = server.storage();
    let refused = async |filter, page| {
        let error = storage.summaries(always(), filter, page).await.unwrap_err();
        assert_eq!(code(&error), Some(Code::InvalidArgument), "{error}");
        error.to_string()
    };
    let page = |size, token: &str| Page { size, token: token.to_owned() };
    let text = refused(None, page(0, "")).await;
    assert!(text.contains("page_size"), "{text}");
    let text = refused(None, page(1, "no token")).await;
    assert!(text.contains("token"), "{text}");
    let text = refused(Some(Filter::kind("waiter")), page(1, "")).await;
    assert!(text.contains("waiter"), "{text}");
    let backwards = storage.spans(seconds(2, 1), None, 1).await.unwrap_err();
    assert_eq!(code(&backwards), Some(Code::InvalidArgument), "{backwards}");
}
