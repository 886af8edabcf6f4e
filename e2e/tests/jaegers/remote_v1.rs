//! Jaegers that read and write by storage API v1.

use super::call::Call;
use super::jaeger::Jaeger;
use super::page::{self, blocks, replaced};
use super::store::Store;

const CALL: Call = Call { shop: "shop", id: 1 };

async fn store() -> Store {
    let [keys] = blocks(page::REMOTE_V1, "toml");
    Store::start(&keys, "127.0.0.1:17273").await
}

async fn jaeger_1_76(store: &Store, archive: &Store) -> Jaeger {
    let [line, _] = blocks(page::REMOTE_V1, "sh");
    let (grpc, archive) = (store.grpc.to_string(), archive.archive.to_string());
    let line = replaced(&line, &[("127.0.0.1:17271", grpc), ("127.0.0.1:17273", archive)]);
    Jaeger::one("remote-jaeger", &line).await.unwrap()
}

#[tokio::test]
#[ignore = "needs Go; run by .ci/run"]
async fn jaeger_1_76_writes_searches_reads_and_archives() {
    let store_of_it = store().await;
    let jaeger = jaeger_1_76(&store_of_it, &store_of_it).await;
    CALL.send(jaeger.otlp, None).await.unwrap();
    jaeger.api.finds_and_archives(CALL).await;

    let empty = store().await;
    let another = jaeger_1_76(&empty, &store_of_it).await;
    another.api.has_it_in_the_archive_alone(CALL).await;
}

#[tokio::test]
#[ignore = "needs Go; run by .ci/run"]
async fn jaeger_1_57_does_so_too_and_finds_the_archive_at_the_same_port() {
    let store_of_it = store().await;
    let [_, line] = blocks(page::REMOTE_V1, "sh");
    let line = replaced(&line, &[("127.0.0.1:17271", store_of_it.grpc.to_string())]);
    let jaeger = Jaeger::one("sidecar-jaeger", &line).await.unwrap();
    CALL.send(jaeger.otlp, None).await.unwrap();
    jaeger.api.finds_and_archives(CALL).await;

    let empty = store().await;
    let newer = jaeger_1_76(&empty, &store_of_it).await;
    newer.api.has_it_in_the_archive_alone(CALL).await;
}
