//! The first minute of the README.

use e2e::{Changes, NativeLab, eventually, http, readme};

#[tokio::test]
#[ignore = "needs Go; run by .ci/run"]
async fn the_first_request_of_the_readme_shows_why_it_took_so_long() {
    let lab = NativeLab::up(Changes::default()).await.unwrap();
    let url = readme::first_request(&lab).await.unwrap();
    eventually(
        "the page shows a failed payment, the pause after it, and what else there is",
        async || {
            let page = http().get(url.clone()).send().await?.text().await?;
            let shown = [
                "201 Created",
                "POST /payments</bdi></span> <span class=\"tag error\">",
                "place_order</bdi></span> <span class=\"tag gap\">",
                "Headers at each hop",
                "lines of this trace",
                "errors, durations",
            ];
            Ok(shown.iter().all(|text| page.contains(text)).then_some(()))
        },
    )
    .await
    .unwrap();
}
