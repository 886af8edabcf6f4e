//! Each part stopped: the doctor says which.

use e2e::PARTS;

use crate::doctor::{finds_the_lab_whole, first_broken};
use crate::lab::Lab;
use crate::tier::WHOLE;

#[test]
#[ignore = "takes five minutes; run by .ci/full"]
fn of_a_stopped_part_the_doctor_names_the_link_and_the_cause() {
    let lab = Lab::new(WHOLE).unwrap();
    lab.up().unwrap();
    for (part, link) in PARTS {
        lab.compose(&["stop", part]).unwrap();
        let (whole, report) = lab.doctor().unwrap();
        assert!(!whole, "without {part}: {report:#}");
        let (broken, cause) = first_broken(&report).unwrap();
        assert_eq!(broken, link, "{report:#}");
        assert!(cause.contains(part) && cause.contains("not running"), "{part}: {cause}");
        lab.up().unwrap();
    }
    finds_the_lab_whole(&lab).unwrap();
}
