use super::certificates::Authority;
use super::{client, files_in, put, served};
use crate::support::{TestServer, channel, export, span};
use spoor_proto::otlp::trace_service_client::TraceServiceClient;

#[tokio::test]
async fn the_archives_listener_takes_tls_alone_too() {
    let folder = tempfile::tempdir().unwrap();
    let authority = Authority::new("one");
    put(folder.path(), &authority.server());
    let files = files_in(folder.path(), false);
    let server = TestServer::start(|config| {
        files(config);
        config.archive = true;
        config.archive_listen = Some(config.listen);
    })
    .await;
    let archive = server.archive.unwrap();
    assert!(served(archive, client(&authority, None, None)).await);
    let mut plain = TraceServiceClient::new(channel(archive));
    plain.export(export("app", vec![span(1, 1)])).await.unwrap_err();
}
