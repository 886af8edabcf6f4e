//! Spoor killed again and again, under more load than a lab has.

use super::measured;
use crate::each_change::killed::loses_nothing_by_kills;
use crate::lab::Lab;
use crate::tier::WHOLE;

const KILLS: u32 = 20;

#[tokio::test(flavor = "multi_thread")]
#[ignore = "takes four minutes; run by .ci/full"]
async fn spoor_loses_nothing_however_often_it_is_killed() {
    let lab = Lab::new(WHOLE).unwrap().load("20");
    lab.up().unwrap();
    let (traces, spans) = loses_nothing_by_kills(&lab, KILLS).await.unwrap();
    measured(&format!(
        "after {KILLS} kills of spoor, all of {traces} traces that it acknowledged are there, and \
         all of {spans} spans that went through Collector and Jaeger"
    ));
}
