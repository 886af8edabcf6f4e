//! Spans on four ways at once.

use crate::doctor::finds_the_lab_whole;
use crate::lab::Lab;
use crate::tier::EXPORT_MODES;
use crate::{counting, spm};

#[tokio::test]
#[ignore = "needs a Docker engine with the images of .env; run by .ci/run"]
async fn on_each_of_four_ways_every_span_is_counted_once() {
    let lab = Lab::new(EXPORT_MODES).unwrap();
    lab.up().unwrap();
    finds_the_lab_whole(&lab).unwrap();
    lab.compose(&["stop", "load"]).unwrap();

    counting::is_exact(&lab).await.unwrap();
    spm::equals_prometheus(&lab).await.unwrap();
}
