//! What the doctor must find.

use anyhow::ensure;
use serde_json::Value;

use crate::lab::Lab;

/// Runs the doctor, which must find every link in order.
pub fn finds_the_lab_whole(lab: &Lab) -> anyhow::Result<()> {
    let (whole, report) = lab.doctor()?;
    let links = report["links"].as_array().map_or(&[][..], Vec::as_slice);
    ensure!(whole && report["ok"] == true && !links.is_empty(), "the doctor finds {report:#}");
    ensure!(links.iter().all(|link| link["status"] == "ok"), "the doctor left out: {report:#}");
    Ok(())
}

/// The first link that is broken, and its cause.
pub fn first_broken(report: &Value) -> Option<(&str, &str)> {
    let links = report["links"].as_array()?;
    let broken = links.iter().find(|link| link["status"] == "broken")?;
    Some((broken["link"].as_str()?, broken["cause"].as_str()?))
}
