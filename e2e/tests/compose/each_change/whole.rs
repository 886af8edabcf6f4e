//! The whole lab, but for Grafana.

use crate::confined::{all_are_confined, the_whole_fits_in_three_gib};
use crate::console;
use crate::doctor::finds_the_lab_whole;
use crate::kept::{self, CHAIN_SPANS};
use crate::lab::Lab;
use crate::tier::WHOLE;
use crate::trace::chain_is_found;

/// What the console tells of a `/chain` with all parts.
const SHOWN: [&str; 4] = [
    "<dt>spans</dt><dd>10</dd>",
    "of this trace, from Loki.",
    "around this one, from Prometheus",
    "its logs in Grafana, from Loki",
];

#[tokio::test]
#[ignore = "needs a Docker engine with the images of .env; run by .ci/run"]
async fn the_whole_comes_up_twice_and_the_doctor_finds_every_link() {
    let lab = Lab::new(WHOLE).unwrap();
    the_whole_fits_in_three_gib(&lab).unwrap();
    lab.up().unwrap();
    finds_the_lab_whole(&lab).unwrap();
    all_are_confined(&lab).unwrap();

    // The volumes stay, and the traces with them.
    let before = chain_is_found(&lab).await.unwrap();
    let linked = ["JAEGER_UI_PORT", "PROMETHEUS_PORT"];
    console::shows(&lab, &before, &SHOWN, &linked).await.unwrap();
    lab.compose(&["down"]).unwrap();
    lab.up().unwrap();
    assert_eq!(kept::spans(&lab, &before).await.unwrap(), CHAIN_SPANS);
    finds_the_lab_whole(&lab).unwrap();
}
