//! Jaeger 2.13 reads and writes by storage API v2.

use e2e::free_addresses;

use super::call::Call;
use super::jaeger::Jaeger;
use super::page::{self, blocks, replaced};
use super::store::Store;

const CALL: Call = Call { shop: "shop", id: 1 };

async fn store() -> Store {
    let [keys] = blocks(page::REMOTE_V2, "toml");
    Store::start(&keys, "127.0.0.1:17273").await
}

async fn jaeger(store: &Store, archive: Option<&Store>) -> Jaeger {
    let [plain, with_archive] = blocks(page::REMOTE_V2, "yaml");
    let [otlp, otlp_http, health] = free_addresses();
    let mut files = vec![replaced(
        &plain,
        &[
            ("127.0.0.1:17271", store.grpc.to_string()),
            ("127.0.0.1:4317", otlp.to_string()),
            ("127.0.0.1:4318", otlp_http.to_string()),
            ("127.0.0.1:13133", health.to_string()),
        ],
    )];
    files.extend(
        archive.map(|store| {
            replaced(&with_archive, &[("127.0.0.1:17273", store.archive.to_string())])
        }),
    );
    Jaeger::two(&files, &[], [otlp, health]).await.unwrap()
}

#[tokio::test]
#[ignore = "needs Go; run by .ci/run"]
async fn jaeger_2_13_writes_searches_reads_and_archives() {
    let store_of_it = store().await;
    let with_archive = jaeger(&store_of_it, Some(&store_of_it)).await;
    CALL.send(with_archive.otlp, None).await.unwrap();
    with_archive.api.finds_and_archives(CALL).await;
    let without_archive = jaeger(&store_of_it, None).await;
    without_archive.api.reads(CALL).await;

    let empty = store().await;
    let another = jaeger(&empty, Some(&store_of_it)).await;
    another.api.has_it_in_the_archive_alone(CALL).await;
}
