//! Every entry file.

use crate::doctor::finds_the_lab_whole;
use crate::lab::Lab;
use crate::tier::{
    ADAPTIVE_SAMPLING, BASE, EXPORT_MODES, REMOTE_SAMPLING, SPM, TAIL_SAMPLING, Tier, WHOLE,
};

const ALL: [Tier; 7] =
    [BASE, SPM, WHOLE, EXPORT_MODES, TAIL_SAMPLING, REMOTE_SAMPLING, ADAPTIVE_SAMPLING];

#[test]
#[ignore = "takes a quarter of an hour; run by .ci/full"]
fn every_tier_and_overlay_comes_up_twice_and_the_doctor_finds_every_link() {
    for tier in ALL {
        let lab = Lab::new(tier).unwrap();
        lab.up().unwrap();
        finds_the_lab_whole(&lab).unwrap();
        if !tier.grafana {
            // As docs/start.md has it.
            lab.compose(&["run", "--rm", "doctor"]).unwrap();
        }
        // The volumes stay.
        lab.compose(&["down"]).unwrap();
        lab.up().unwrap();
        finds_the_lab_whole(&lab).unwrap();
    }
}
