//! TLS of gRPC's listener, by certificates made here.

mod archive;
mod certificates;
mod handshakes;
mod reload;
mod starting;

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, RootCertStore, SupportedProtocolVersion};
use spoor::config::Config;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_rustls::rustls::{self, crypto::ring::default_provider};
use tonic::Code;

use crate::support::{Call, frame};
use certificates::{Authority, Issued};

const PATH: &str = "/jaeger.storage.v2.TraceReader/GetServices";

/// Sets the keys to files in a folder, whether they are there or not.
fn files_in(folder: &Path, clients: bool) -> impl FnOnce(&mut Config) {
    let [certificate, key, ca] =
        ["server.pem", "server.key", "clients.pem"].map(|name| folder.join(name));
    move |config| {
        config.tls_certificate = Some(certificate);
        config.tls_key = Some(key);
        config.tls_client_ca = clients.then_some(ca);
    }
}

fn put(folder: &Path, issued: &Issued) {
    std::fs::write(folder.join("server.pem"), &issued.certificate).unwrap();
    std::fs::write(folder.join("server.key"), &issued.key).unwrap();
}

/// A client that knows this authority alone.
fn client(
    server: &Authority,
    own: Option<&Issued>,
    versions: Option<&'static SupportedProtocolVersion>,
) -> ClientConfig {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(server.certificate.as_bytes()).unwrap()).unwrap();
    let builder = ClientConfig::builder_with_provider(Arc::new(default_provider()));
    let versions = versions.map_or(rustls::ALL_VERSIONS.to_vec(), |version| vec![version]);
    let builder = builder.with_protocol_versions(&versions).unwrap().with_root_certificates(roots);
    let mut config = match own {
        None => builder.with_no_client_auth(),
        Some(Issued { certificate, key }) => {
            let certificate = CertificateDer::from_pem_slice(certificate.as_bytes()).unwrap();
            let key = PrivateKeyDer::from_pem_slice(key.as_bytes()).unwrap();
            builder.with_client_auth_cert(vec![certificate], key).unwrap()
        }
    };
    config.alpn_protocols = vec![b"h2".to_vec()];
    config
}

async fn connect(
    address: SocketAddr,
    config: ClientConfig,
) -> std::io::Result<TlsStream<TcpStream>> {
    let stream = TcpStream::connect(address).await?;
    let name = ServerName::try_from("localhost").unwrap();
    TlsConnector::from(Arc::new(config)).connect(name, stream).await
}

/// Whether a call comes through. A server tells only after its handshake that it refuses a
/// certificate, as TLS 1.3 has it.
async fn served(address: SocketAddr, config: ClientConfig) -> bool {
    let Ok(stream) = connect(address, config).await else { return false };
    let Some(mut call) = Call::over(stream, PATH, &[]).await else { return false };
    call.send(frame(0, b""));
    call.try_end().await.is_some_and(|answer| answer.code == Code::Ok)
}
