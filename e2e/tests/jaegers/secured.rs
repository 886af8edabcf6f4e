//! Jaegers with two tenants, bearer tokens, certificates on both sides, and an archive, all at once.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::Command;

use e2e::free_addresses;
use reqwest::StatusCode;
use tempfile::TempDir;

use super::api::{Api, in_a_minute};
use super::call::Call;
use super::certificates::Authority;
use super::jaeger::Jaeger;
use super::page::{self, blocks, replaced};
use super::store::Store;

const ACME: Call = Call { shop: "acme", id: 0xaa };
const GLOBEX: Call = Call { shop: "globex", id: 0xbb };
/// Of a user who may archive.
const READS_AND_WRITES: &str = "token-of-alice";
const READS: &str = "token-of-bob";
const WRITES: &str = "token-of-jaeger";

/// The files of TLS, as the page names them.
struct Files(TempDir);

impl Files {
    fn new() -> Self {
        let files = Self(TempDir::new().unwrap());
        let servers = Authority::of_servers();
        servers.write(&files.path("ca.pem"));
        servers.issue(&files.path("server.pem"), &files.path("server.key"));
        let clients = Authority::of_clients();
        clients.write(&files.path("clients.pem"));
        clients.issue(&files.path("client.pem"), &files.path("client.key"));
        files
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn folder(&self) -> String {
        format!("{}/", self.0.path().display())
    }

    /// An empty store. For a Jaeger that writes without tokens, the last line is left out.
    async fn store(&self, writers_have_tokens: bool) -> Store {
        let [keys] = blocks(page::SECURED, "toml");
        let mut keys = replaced(
            &keys,
            &[
                ("/etc/spoor/", self.folder()),
                ("HASH OF A USER'S TOKEN", hash(READS_AND_WRITES)),
                ("HASH OF ANOTHER USER'S TOKEN", hash(READS)),
                ("HASH OF JAEGER'S TOKEN", hash(WRITES)),
            ],
        );
        if !writers_have_tokens {
            keys.truncate(keys.find("write_tokens").unwrap());
        }
        Store::start(&keys, "0.0.0.0:17273").await
    }
}

/// As the page makes it.
fn hash(token: &str) -> String {
    let [line, _] = blocks(page::SECURED, "sh");
    let output = Command::new("sh").args(["-c", &line]).env("TOKEN", token).output().unwrap();
    assert!(output.status.success());
    let text = String::from_utf8(output.stdout).unwrap();
    text.split_whitespace().next().unwrap().to_owned()
}

/// A Jaeger 2.13 that writes for both tenants.
struct Jaeger2 {
    jaeger: Jaeger,
    globex: SocketAddr,
}

impl Jaeger2 {
    async fn start(files: &Files, store: &Store, archive: &Store, token: &str) -> Self {
        let [configuration] = blocks(page::SECURED, "yaml");
        let [acme, globex, health] = free_addresses();
        let configuration = replaced(
            &configuration,
            &[
                ("/etc/jaeger/", files.folder()),
                ("spoor.example:17271", store.grpc.to_string()),
                ("spoor.example:17273", archive.archive.to_string()),
                ("127.0.0.1:4317", acme.to_string()),
                ("127.0.0.1:4319", globex.to_string()),
                ("127.0.0.1:13133", health.to_string()),
            ],
        );
        let environment = [("STORAGE_TOKEN", token)];
        let jaeger = Jaeger::two(&[configuration], &environment, [acme, health]).await.unwrap();
        Self { jaeger, globex }
    }
}

async fn jaeger_1_76(files: &Files, store: &Store, archive: &Store) -> Jaeger {
    let [_, line] = blocks(page::SECURED, "sh");
    let line = replaced(
        &line,
        &[
            ("/etc/jaeger/", files.folder()),
            ("spoor.example:17271", store.grpc.to_string()),
            ("spoor.example:17273", archive.archive.to_string()),
        ],
    );
    Jaeger::one("remote-jaeger", &line).await.unwrap()
}

/// Whatever is asked for, there is an error, and nothing of anybody's data.
async fn is_refused(api: &Api, status: StatusCode) {
    let [_, back] = ACME.services();
    let trace = format!("traces/{}", ACME.trace());
    for (path, parameters) in [
        ("services", vec![]),
        ("operations", vec![("service", &*back)]),
        ("traces", vec![("service", &*back)]),
        (&*trace, vec![]),
        ("dependencies", vec![("endTs", &*in_a_minute())]),
    ] {
        let (found, text) = api.answer(path, &parameters).await;
        assert_eq!(found, status, "{path}: {text}");
        assert!(!text.contains("acme-") && !text.contains("globex-"), "{path}: {text}");
    }
}

/// A tenant's users find their own call, and nothing of the other's; everybody else is refused.
async fn tenants_are_kept_apart(api: &Api) {
    for (tenant, own, others) in [("acme", ACME, GLOBEX), ("globex", GLOBEX, ACME)] {
        let user = api.by(Some(tenant), Some(READS_AND_WRITES));
        user.finds_and_archives(own).await;
        let reader = api.by(Some(tenant), Some(READS));
        reader.reads(own).await;
        let (status, text) = reader.answer(&format!("traces/{}", others.trace()), &[]).await;
        assert_eq!(status, StatusCode::NOT_FOUND, "{text}");
    }
    for token in [None, Some("token-of-nobody"), Some(WRITES)] {
        is_refused(&api.by(Some("acme"), token), StatusCode::INTERNAL_SERVER_ERROR).await;
    }
    let stranger = api.by(Some("initech"), Some(READS));
    is_refused(&stranger, StatusCode::INTERNAL_SERVER_ERROR).await;
    is_refused(&api.by(None, Some(READS)), StatusCode::UNAUTHORIZED).await;
}

/// Each tenant has its own call, in the archive.
async fn archives_are_kept_apart(api: &Api) {
    for (tenant, own, others) in [("acme", ACME, GLOBEX), ("globex", GLOBEX, ACME)] {
        let reader = api.by(Some(tenant), Some(READS));
        reader.has_it_in_the_archive_alone(own).await;
        let (status, text) = reader.answer(&format!("traces/{}", others.trace()), &[]).await;
        assert_eq!(status, StatusCode::NOT_FOUND, "{text}");
    }
}

#[tokio::test]
#[ignore = "needs Go; run by .ci/run"]
async fn jaeger_2_13_does_all_it_does_for_two_tenants_with_tokens_and_certificates() {
    let files = Files::new();
    let store = files.store(true).await;
    let Jaeger2 { jaeger, globex } = Jaeger2::start(&files, &store, &store, WRITES).await;
    ACME.send(jaeger.otlp, None).await.unwrap();
    GLOBEX.send(globex, None).await.unwrap();

    tenants_are_kept_apart(&jaeger.api).await;
    let reader = jaeger.api.by(Some("acme"), Some(READS));
    let (status, text) = reader.archive(ACME).await;
    assert_eq!(status, StatusCode::INTERNAL_SERVER_ERROR, "{text}");

    let empty = files.store(true).await;
    let another = Jaeger2::start(&files, &empty, &store, WRITES).await;
    archives_are_kept_apart(&another.jaeger.api).await;
}

#[tokio::test]
#[ignore = "needs Go; run by .ci/run"]
async fn jaeger_2_13_with_a_wrong_token_or_certificate_writes_and_reads_nothing() {
    let files = Files::new();
    let store = files.store(true).await;
    // A reader's token is not one to write with.
    for token in ["token-of-nobody", READS, ""] {
        let Jaeger2 { jaeger, .. } = Jaeger2::start(&files, &store, &store, token).await;
        ACME.send(jaeger.otlp, None).await.unwrap_err();
        let user = jaeger.api.by(Some("acme"), Some(READS));
        assert!(user.get("services", &[]).await.is_null());
    }

    Authority::of_clients().issue(&files.path("client.pem"), &files.path("client.key"));
    let Jaeger2 { jaeger, .. } = Jaeger2::start(&files, &store, &store, WRITES).await;
    ACME.send(jaeger.otlp, None).await.unwrap_err();
    let user = jaeger.api.by(Some("acme"), Some(READS));
    is_refused(&user, StatusCode::INTERNAL_SERVER_ERROR).await;
}

#[tokio::test]
#[ignore = "needs Go; run by .ci/run"]
async fn jaeger_1_76_does_all_it_does_for_two_tenants_with_tokens_and_certificates() {
    let files = Files::new();
    let store = files.store(false).await;
    let jaeger = jaeger_1_76(&files, &store, &store).await;
    for (call, tenant) in [(ACME, "acme"), (GLOBEX, "globex")] {
        call.send(jaeger.otlp, Some(tenant)).await.unwrap();
    }

    tenants_are_kept_apart(&jaeger.api).await;

    let empty = files.store(false).await;
    let another = jaeger_1_76(&files, &empty, &store).await;
    archives_are_kept_apart(&another.api).await;
}
