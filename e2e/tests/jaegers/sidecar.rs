//! Jaeger 1.57, the last that starts its storage as a child process, and spoor as that.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use e2e::{cargo_program, eventually};
use serde_json::json;
use tempfile::TempDir;

use super::call::Call;
use super::jaeger::Jaeger;
use super::page::{self, blocks, replaced};

const CALL: Call = Call { shop: "shop", id: 1 };

/// The sidecar's directory and configuration.
struct Store {
    data: PathBuf,
    config: PathBuf,
    _folder: TempDir,
}

impl Store {
    fn new() -> Self {
        let folder = TempDir::new().unwrap();
        let (data, config) = (folder.path().join("data"), folder.path().join("spoor.toml"));
        fs::create_dir(&data).unwrap();
        let [keys] = blocks(page::SIDECAR, "toml");
        let keys = replaced(&keys, &[("/var/lib/spoor", data.to_str().unwrap())]);
        fs::write(&config, keys).unwrap();
        Self { data, config, _folder: folder }
    }

    /// Starts a Jaeger with its sidecar. Jaeger is killed when dropped, unlike the sidecar.
    async fn jaeger(&self) -> anyhow::Result<Jaeger> {
        let [line] = blocks(page::SIDECAR, "sh");
        let program = cargo_program("spoor")?;
        let line = replaced(
            &line,
            &[
                ("/usr/local/bin/spoor", program.to_str().unwrap()),
                ("/etc/spoor.toml", self.config.to_str().unwrap()),
            ],
        );
        Jaeger::one("sidecar-jaeger", &line).await
    }

    /// Waits until nobody has it open, and expects it to be sound.
    async fn is_closed(&self) {
        let spoor = cargo_program("spoor").unwrap();
        let output = eventually("the sidecar has ended", async || {
            let output = Command::new(&spoor).arg("check").arg(&self.data).output()?;
            // 1: it cannot be checked, for another process has it open.
            Ok((output.status.code() != Some(1)).then_some(output))
        })
        .await
        .unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
    }
}

#[tokio::test]
#[ignore = "needs Go; run by .ci/run"]
async fn jaeger_writes_searches_reads_and_archives_and_its_end_is_the_sidecars() {
    let store = Store::new();
    let jaeger = store.jaeger().await.unwrap();
    CALL.send(jaeger.otlp, None).await.unwrap();
    jaeger.api.finds_and_archives(CALL).await;

    drop(jaeger);

    store.is_closed().await;
    let another = Store::new();
    fs::rename(store.data.join("archive"), another.data.join("archive")).unwrap();
    let jaeger = another.jaeger().await.unwrap();
    jaeger.api.has_it_in_the_archive_alone(CALL).await;
}

#[tokio::test]
#[ignore = "needs Go; run by .ci/run"]
async fn a_second_jaeger_on_the_same_store_is_told_of_the_remote_server() {
    let store = Store::new();
    let jaeger = store.jaeger().await.unwrap();

    let Err(error) = store.jaeger().await else { panic!("two have one store open") };

    let error = format!("{error:#}");
    for words in ["[ERROR]", "has it open", "spoor serve", "--grpc-storage.server"] {
        assert!(error.contains(words), "{words} in {error}");
    }
    CALL.send(jaeger.otlp, None).await.unwrap();
    let [front, back] = CALL.services();
    jaeger.api.gives("services", &[], json!([back, front])).await;
}
