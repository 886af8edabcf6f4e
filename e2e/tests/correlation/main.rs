//! The whole native lab, of the real programs: whether each query has data, each number is true,
//! and each link leads from one signal to the next.

mod alert;
mod counting;
mod exposition;
mod links;
mod panels;
mod queries;
mod spm;
mod table;
mod truth;

use e2e::{Changes, Client, NativeLab};

use truth::Truth;

#[tokio::test]
#[ignore = "needs Go; run by .ci/run"]
async fn under_load_every_query_has_data_every_link_leads_there_and_every_panel_is_true() {
    // Else no log becomes a segment within minutes.
    let segments = ["spoor:SPOOR_HEAD_MAX_AGE=5s".to_owned()];
    let changes = Changes { load: Some("5"), environment: &segments, ..Changes::default() };
    let lab = NativeLab::up(changes).await.unwrap();
    let follow = async {
        queries::have_data(&lab).await?;
        links::lead_there(&lab).await
    };
    let (truth, ()) = tokio::try_join!(Truth::gather(&lab), follow).unwrap();
    panels::are_true(&lab, &truth).await.unwrap();
}

#[tokio::test]
#[ignore = "needs Go; run by .ci/run"]
async fn known_requests_are_counted_exactly_graphed_at_once_and_alerted_on() {
    // Whatever app-d calls first is not there: its /chain fails.
    let broken = ["app-d:TARGET_ONE=http://127.0.0.1:1".to_owned()];
    let changes = Changes { load: Some("0"), environment: &broken, ..Changes::default() };
    let lab = NativeLab::up(changes).await.unwrap();
    let client = Client::new(|port| lab.url(port), Some("app-d"));
    spm::is_graphed_at_once(&lab, &client).await.unwrap();
    counting::is_exact(&lab, &client).await.unwrap();
    let steady = spm::tells_the_true_rate(&lab, &client);
    tokio::try_join!(steady, alert::fires_and_clears(&lab, &client)).unwrap();
    // Nothing was counted twice, nor late.
    counting::equals_what_was_sent(&lab, &client).await.unwrap();
}
