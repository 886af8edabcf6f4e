use super::certificates::{Authority, Issued};
use super::{PATH, client, connect, put, served};
use crate::support::{Call, Program, eventually, frame};

#[tokio::test]
async fn files_that_change_are_taken_without_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let (old, new) = (Authority::new("old"), Authority::new("new"));
    let (old_clients, new_clients) = (Authority::new("old clients"), Authority::new("new clients"));
    let (old_client, new_client) = (old_clients.client(), new_clients.client());
    put(folder.path(), &old.server());
    let ca = folder.path().join("clients.pem");
    std::fs::write(&ca, &old_clients.certificate).unwrap();
    let path = |key: &str, name: &str| format!("{key}={}", folder.path().join(name).display());
    let settings = [
        path("tls_certificate", "server.pem"),
        path("tls_key", "server.key"),
        path("tls_client_ca", "clients.pem"),
        "client_timeout=1h".to_owned(),
    ];
    let mut program = Program::start(&settings.each_ref().map(String::as_str)).await;
    let grpc = program.grpc;
    let config = |servers, own| client(servers, Some(own), None);
    assert!(served(grpc, config(&old, &old_client)).await);
    let stream = connect(grpc, config(&old, &old_client)).await.unwrap();
    let mut open = Call::over(stream, PATH, &[]).await.unwrap();

    // Broken ones are told of, and change nothing.
    let broken = Issued { certificate: "no certificate".to_owned(), ..new.server() };
    put(folder.path(), &broken);
    let line = program.logs("as before").await;
    assert!(line.contains("tls_certificate") && line.contains("server.pem"), "{line}");
    assert!(served(grpc, config(&old, &old_client)).await);
    let Issued { certificate, key } = new.server();
    let half = certificate[..certificate.len() / 2].to_owned();
    put(folder.path(), &Issued { certificate: half, key });
    let line = program.logs("as before").await;
    assert!(line.contains("tls_certificate") && line.contains("damaged"), "{line}");
    assert!(served(grpc, config(&old, &old_client)).await);
    std::fs::remove_file(folder.path().join("server.key")).unwrap();
    let line = program.logs("as before").await;
    assert!(line.contains("tls_key") && line.contains("server.key"), "{line}");
    assert!(served(grpc, config(&old, &old_client)).await);

    put(folder.path(), &new.server());
    let taken = || async { served(grpc, config(&new, &old_client)).await.then_some(()) };
    eventually("the new certificate is shown", taken).await;
    assert!(!served(grpc, config(&old, &old_client)).await);

    std::fs::write(&ca, &new_clients.certificate).unwrap();
    let taken = || async { served(grpc, config(&new, &new_client)).await.then_some(()) };
    eventually("the new authority is asked", taken).await;
    assert!(!served(grpc, config(&new, &old_client)).await);

    // What was open goes on.
    open.send(frame(0, b""));
    assert_eq!(open.end().await.code, tonic::Code::Ok);
}
