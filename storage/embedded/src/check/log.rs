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
        let Report { damaged_regions, damaged_bytes, tail_bytes, end, .. } = log.report();
        if damaged_regions > 0 {
            let reason = format!("{damaged_regions} places in it are damaged");
            self.find(tenant, path.clone(), None, &reason, Loss::Bytes(damaged_bytes));
        }
        if unread > 0 {
            let reason = "some records are no export requests";
            self.find(tenant, path.clone(), None, reason, Loss::Bytes(unread));
        }
        if end == 0 && tail_bytes > 0 {
            let reason = "neither its header nor any record can be read";
            self.find(tenant, path.clone(), None, reason, Loss::Bytes(tail_bytes));
        }
        if self.report.findings.len() > before {
            plan.rewrite_log(number);
        } else if tail_bytes > 0 {
            // Nothing but damage to the last record looks the same.
            let reason = format!("a crash tore its last {tail_bytes} bytes");
            self.find(tenant, path, None, &reason, Loss::Leftover);
        }
        Ok(())
    }
}
