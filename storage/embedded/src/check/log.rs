//! Checking a log: its records, and whether they are export requests.

use spoor_store::ingest;

use super::repair::Plan;
use super::{Check, Loss};
use crate::error::OpenError;
use crate::log::{Report, replay};
use crate::manifest::FileName;
use crate::tools::TenantDir;

impl Check<'_> {
    pub(super) fn log(
        &mut self,
        tenant: &TenantDir,
        number: u64,
        plan: &mut Plan,
    ) -> Result<(), OpenError> {
        let path = FileName::Log(number).path_in(&tenant.dir);
        self.report.logs += 1;
        let mut log = replay(self.disk, &path)?;
        let mut unread = 0;
        let before = self.report.findings.len();
        for record in &mut log {
            let record = record?;
            self.advance(record.payload.len() as u64);
            match ingest::split(&record.payload, record.arrival) {
                Ok(batch) => self.report.spans += batch.written().total().accepted,
                Err(_) => unread += record.payload.len() as u64,
            }
        }
        let report = log.report();
        for (reason, loss) in log_damage(&report, unread) {
            self.find(tenant, path.clone(), None, &reason, loss);
        }
        if self.report.findings.len() > before {
            plan.rewrite_log(number);
        } else if report.tail_bytes > 0 {
            // Nothing but damage to the last record looks the same.
            let tail_bytes = report.tail_bytes;
            let reason = format!("a crash tore its last {tail_bytes} bytes");
            self.find(tenant, path, None, &reason, Loss::Leftover);
        }
        Ok(())
    }
}

/// What is lost of a log: the damage that a replay reports, and so many bytes of records that are
/// no export requests.
pub(crate) fn log_damage(report: &Report, unread: u64) -> Vec<(String, Loss)> {
    let Report { damaged_regions, damaged_bytes, tail_bytes, end, .. } = *report;
    let places = format!("{damaged_regions} places in it are damaged");
    let unreadable = "neither its header nor any record can be read".to_owned();
    let headless = if end == 0 { tail_bytes } else { 0 };
    [
        (places, damaged_bytes),
        ("some records are no export requests".to_owned(), unread),
        (unreadable, headless),
    ]
    .into_iter()
    .filter(|(_, bytes)| *bytes > 0)
    .map(|(reason, bytes)| (reason, Loss::Bytes(bytes)))
    .collect()
}
