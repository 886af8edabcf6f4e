//! TLS of gRPC's listener: the files, read again when they change.

use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, UNIX_EPOCH};

use humantime_serde::re::humantime::format_rfc3339_seconds;
use ring::digest::{SHA256, digest};
use tokio::sync::watch;
use tokio::time::sleep;
use tokio_rustls::rustls::client::verify_server_cert_signed_by_trust_anchor;
use tokio_rustls::rustls::crypto::ring::default_provider;
use tokio_rustls::rustls::pki_types::pem::{self, PemObject};
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer, UnixTime};
use tokio_rustls::rustls::server::{
    NoServerSessionStorage, ParsedCertificate, WebPkiClientVerifier,
};
use tokio_rustls::rustls::version::{TLS12, TLS13};
use tokio_rustls::rustls::{CertificateError, Error, RootCertStore, ServerConfig};

use crate::config::Config;

/// How often the files are looked at: whoever renews a certificate in them tells nobody.
const LOOK_AGAIN: Duration = Duration::from_secs(2);

/// What new connections are taken with.
pub(crate) type Current = watch::Receiver<Arc<ServerConfig>>;

/// Where the certificate, its key, and the roots of clients' certificates are.
#[derive(Clone)]
struct Paths {
    certificate: PathBuf,
    key: PathBuf,
    client_ca: Option<PathBuf>,
}

/// The contents of the files, and a hash of them all.
struct Files {
    certificate: Vec<u8>,
    key: Vec<u8>,
    client_ca: Option<Vec<u8>>,
    hash: [u8; 32],
}

/// What the listener takes connections with, if it is to take TLS. It changes with the files for
/// as long as somebody has it.
///
/// # Errors
/// When a file can't be used.
pub(crate) async fn open(config: &Config) -> Result<Option<Current>, TlsError> {
    let (Some(certificate), Some(key)) = (&config.tls_certificate, &config.tls_key) else {
        return Ok(None);
    };
    let client_ca = config.tls_client_ca.clone();
    let paths = Paths { certificate: certificate.clone(), key: key.clone(), client_ca };
    let files = read(&paths).await?;
    let (sender, current) = watch::channel(paths.config(&files)?);
    tokio::spawn(follow(paths, files.hash, sender));
    Ok(Some(current))
}

/// Takes what the files have become. What can't be used is told of once, and changes nothing.
async fn follow(paths: Paths, hash: [u8; 32], sender: watch::Sender<Arc<ServerConfig>>) {
    let mut seen = Ok(hash);
    let look = async {
        loop {
            sleep(LOOK_AGAIN).await;
            let files = read(&paths).await;
            let found = files.as_ref().map(|files| files.hash).map_err(ToString::to_string);
            if found == seen {
                continue;
            }
            seen = found;
            match files.and_then(|files| paths.config(&files)) {
                Ok(config) => {
                    sender.send_replace(config);
                    tracing::info!("new connections get the TLS files as they are now");
                }
                Err(error) => tracing::warn!(%error, "new connections get the TLS files as before"),
            }
        }
    };
    tokio::select! {
        () = look => {}
        () = sender.closed() => {}
    }
}

async fn read(paths: &Paths) -> Result<Files, TlsError> {
    let paths = paths.clone();
    let read = tokio::task::spawn_blocking(move || paths.read()).await;
    read.expect("reading files does not panic")
}

impl Paths {
    fn read(&self) -> Result<Files, TlsError> {
        let read = |key, path: &Path| {
            fs::read(path).map_err(|error| TlsError::new(key, path, error.to_string()))
        };
        let certificate = read("tls_certificate", &self.certificate)?;
        let key = read("tls_key", &self.key)?;
        let client_ca =
            self.client_ca.as_deref().map(|path| read("tls_client_ca", path)).transpose()?;
        let all = [Some(&certificate), Some(&key), client_ca.as_ref()];
        let hashes = all.into_iter().flatten().map(|bytes| digest(&SHA256, bytes));
        let hashes: Vec<_> = hashes.flat_map(|hash| hash.as_ref().to_vec()).collect();
        let mut hash = [0; 32];
        hash.copy_from_slice(digest(&SHA256, &hashes).as_ref());
        Ok(Files { certificate, key, client_ca, hash })
    }

    fn config(&self, files: &Files) -> Result<Arc<ServerConfig>, TlsError> {
        let of_certificate = |reason| TlsError::new("tls_certificate", &self.certificate, reason);
        let of_key = |reason| TlsError::new("tls_key", &self.key, reason);
        let chain = certificates(&files.certificate).map_err(of_certificate)?;
        let key = PrivateKeyDer::from_pem_slice(&files.key)
            .map_err(|error| of_key(why(&error, "private key")))?;
        warn_of_time(&self.certificate, &chain);
        let provider = Arc::new(default_provider());
        let config = ServerConfig::builder_with_provider(Arc::clone(&provider))
            .with_protocol_versions(&[&TLS13, &TLS12])
            .map_err(|error| of_certificate(error.to_string()))?;
        let config = match self.client_ca.as_deref().zip(files.client_ca.as_deref()) {
            None => config.with_no_client_auth(),
            Some((path, bytes)) => {
                let fault = |reason| TlsError::new("tls_client_ca", path, reason);
                let mut roots = RootCertStore::empty();
                for root in certificates(bytes).map_err(fault)? {
                    roots.add(root).map_err(|error| fault(error.to_string()))?;
                }
                let verifier = WebPkiClientVerifier::builder_with_provider(roots.into(), provider);
                let verifier = verifier.build().map_err(|error| fault(error.to_string()))?;
                config.with_client_cert_verifier(verifier)
            }
        };
        let mut config = config
            .with_single_cert(chain, key)
            .map_err(|error| of_key(format!("beside tls_certificate: {error}")))?;
        config.alpn_protocols = vec![b"h2".to_vec()];
        if self.client_ca.is_some() {
            // A session that is resumed would not ask again whether the certificate is valid still.
            config.session_storage = Arc::new(NoServerSessionStorage {});
            config.send_tls13_tickets = 0;
        }
        Ok(Arc::new(config))
    }
}

/// Warns if it is not the time of the certificate, which clients would not take.
fn warn_of_time(path: &Path, chain: &[CertificateDer<'_>]) {
    // Whoever issued it is unknown here: of what this tells, only the time says anything.
    let checked = chain.first().and_then(|certificate| {
        let certificate = ParsedCertificate::try_from(certificate).ok()?;
        let (roots, now) = (RootCertStore::empty(), UnixTime::now());
        verify_server_cert_signed_by_trust_anchor(&certificate, &roots, &[], now, &[]).err()
    });
    let date =
        |time: UnixTime| format_rfc3339_seconds(UNIX_EPOCH + Duration::from_secs(time.as_secs()));
    let fault = match checked {
        Some(Error::InvalidCertificate(CertificateError::ExpiredContext { not_after, .. })) => {
            format!("it has expired at {}", date(not_after))
        }
        Some(Error::InvalidCertificate(CertificateError::NotValidYetContext {
            not_before,
            ..
        })) => format!("it is not valid before {}", date(not_before)),
        _ => return,
    };
    let path = path.display();
    tracing::warn!(%path, "clients will not take the certificate (key tls_certificate): {fault}");
}

fn certificates(bytes: &[u8]) -> Result<Vec<CertificateDer<'static>>, String> {
    let all = CertificateDer::pem_slice_iter(bytes).collect::<Result<Vec<_>, _>>();
    match all {
        Ok(all) if all.is_empty() => Err("it has no certificate as PEM".to_owned()),
        Ok(all) => Ok(all),
        Err(error) => Err(why(&error, "certificate")),
    }
}

/// Nothing of the file's contents is in it: they may be a key.
fn why(error: &pem::Error, kind: &str) -> String {
    match error {
        pem::Error::NoItemsFound => format!("it has no {kind} as PEM"),
        _ => format!("its PEM of a {kind} is damaged"),
    }
}

/// A file that TLS needs can't be used.
#[derive(Debug)]
pub struct TlsError {
    key: &'static str,
    path: PathBuf,
    reason: String,
}

impl TlsError {
    fn new(key: &'static str, path: &Path, reason: String) -> Self {
        Self { key, path: path.to_owned(), reason }
    }
}

impl fmt::Display for TlsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { key, path, reason } = self;
        write!(f, "reading {} (key {key}): {reason}", path.display())
    }
}

impl std::error::Error for TlsError {}
