//! Checking a store's files, and setting aside what is damaged.
//!
//! All is read and decoded: the manifest and its copy; each segment's directory, catalogue and
//! filters, and whether they have what the blocks hold; each block's columns,
//! whether they make the spans that its index tells of; each record of each log.
//!
//! A repair keeps every file that is not sound under `damaged/` in the tenant's directory, and
//! writes anew what is sound of it: a segment without its damaged blocks, a log without its
//! damaged records. So a damaged block costs its own spans and no others.

mod log;
mod repair;
mod segment;
#[cfg(test)]
mod tests;

use std::collections::BTreeSet;
use std::fmt;
use std::io::ErrorKind;
use std::path::Path;

use crate::disk::Disk;
use crate::error::OpenError;
use crate::manifest::{FileName, Files, Manifest, ManifestError};
use crate::orphans::{Orphan, orphans};
pub use crate::tools::Progress;
use crate::tools::{self, TenantDir};
pub(crate) use log::log_damage;
use repair::Plan;

/// What a check found.
#[derive(Clone, Debug, Default)]
pub struct Report {
    /// All that is not as it should be.
    pub findings: Vec<Finding>,
    /// The number of segments.
    pub segments: u64,
    /// The number of blocks.
    pub blocks: u64,
    /// The number of logs.
    pub logs: u64,
    /// The spans in sound blocks and records.
    pub spans: u64,
    /// Whether the damage was set aside.
    pub repaired: bool,
}

impl Report {
    /// Whether the store has no damage, or has none any more.
    pub fn is_sound(&self) -> bool {
        self.repaired || !self.findings.iter().any(|finding| finding.is_damage())
    }
}

/// Something that is not as it should be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// The tenant's name; the default tenant's is empty.
    pub tenant: String,
    /// The file's path in the store's directory.
    pub file: String,
    /// The block's place in the segment, if it is one.
    pub block: Option<u32>,
    /// What is wrong.
    pub reason: String,
    /// What is lost by it.
    pub loss: Loss,
}

/// What is lost by damage.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Loss {
    /// Nothing: this is what a crash leaves, and is removed when the store is opened.
    Leftover,
    /// Nothing: what is damaged is there twice, or can be made anew.
    Nothing,
    /// So many spans.
    Spans(u64),
    /// So many bytes of export requests.
    Bytes(u64),
    /// All that was in the file, if anything was.
    Unknown,
}

impl Finding {
    /// Whether something has to be repaired.
    pub fn is_damage(&self) -> bool {
        self.loss != Loss::Leftover
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { tenant, file, block, reason, loss } = self;
        if !tenant.is_empty() {
            write!(f, "tenant {tenant}: ")?;
        }
        write!(f, "{file}")?;
        if let Some(block) = block {
            write!(f, ", block {block}")?;
        }
        write!(f, ": {reason}")?;
        match loss {
            Loss::Leftover => f.write_str(" (harmless)"),
            Loss::Nothing => f.write_str(" (nothing is lost)"),
            Loss::Spans(spans) => write!(f, " (lost: {spans} spans)"),
            Loss::Bytes(bytes) => write!(f, " (lost: {bytes} bytes of export requests)"),
            Loss::Unknown => f.write_str(" (lost: what was in it, if anything was)"),
        }
    }
}

/// Checks the store in a directory, which no process may have open.
///
/// # Errors
/// When it is open, cannot be read or is of a newer format; or when a repair cannot be written,
/// and then the store is as it was.
pub fn check(
    directory: &Path,
    repair: bool,
    progress: &mut dyn FnMut(Progress),
) -> Result<Report, OpenError> {
    let (disk, _lock) = if repair {
        let (disk, lock) = tools::closed(directory)?;
        (disk, Some(lock))
    } else {
        tools::closed_to_read(directory)?
    };
    check_on(&disk, repair, progress)
}

/// The same on a disk that nobody else uses.
pub(crate) fn check_on(
    disk: &dyn Disk,
    repair: bool,
    tell: &mut dyn FnMut(Progress),
) -> Result<Report, OpenError> {
    let tenants = tools::tenants(disk)?;
    let mut progress = Progress::default();
    for TenantDir { dir, .. } in &tenants {
        for file in Files::list(disk, dir)?.names {
            progress.total += disk.size(&file.path_in(dir))?;
        }
    }
    let mut check = Check { disk, tell, progress, report: Report::default() };
    for tenant in &tenants {
        let before = check.report.findings.len();
        let plan = check.tenant(tenant)?;
        if repair && check.report.findings[before..].iter().any(Finding::is_damage) {
            repair::repair(disk, &tenant.dir, &plan)?;
            check.report.repaired = true;
        }
    }
    Ok(check.report)
}

/// A check that goes on.
struct Check<'c> {
    disk: &'c dyn Disk,
    tell: &'c mut dyn FnMut(Progress),
    progress: Progress,
    report: Report,
}

impl Check<'_> {
    fn tenant(&mut self, tenant: &TenantDir) -> Result<Plan, OpenError> {
        let files = Files::list(self.disk, &tenant.dir)?;
        let mut plan = self.manifest(tenant, &files)?;
        for info in plan.manifest.segments.clone() {
            self.segment(tenant, &info, &mut plan)?;
        }
        self.orphans(tenant, &files, &mut plan)?;
        for file in plan.manifest.leftovers(&files) {
            let (path, reason) = (file.path_in(&tenant.dir), "a crash left it, no manifest has it");
            self.find(tenant, path, None, reason, Loss::Leftover);
        }
        let floor = plan.manifest.log_floor;
        for number in files.logs().filter(|number| *number >= floor) {
            self.log(tenant, number, &mut plan)?;
        }
        Ok(plan)
    }

    /// What counts, as the manifest tells or, if there is none that could, what is there.
    fn manifest(&mut self, tenant: &TenantDir, files: &Files) -> Result<Plan, OpenError> {
        let path = FileName::Manifest.path_in(&tenant.dir);
        let reason = match Manifest::load(self.disk, &tenant.dir) {
            Ok(Some(manifest)) => {
                self.manifest_copies(tenant, &path, &manifest)?;
                let mut plan = Plan::new(manifest, true);
                if plan.manifest.logs(files, &tenant.dir).is_err() {
                    let log = FileName::Log(plan.manifest.log_floor);
                    let reason = "it is missing: it was removed, or the manifest is older than \
                                  the files beside it";
                    self.find(tenant, log.path_in(&tenant.dir), None, reason, Loss::Unknown);
                    plan.rewrite_log(plan.manifest.log_floor);
                }
                return Ok(plan);
            }
            Ok(None) => return Ok(Plan::new(Manifest::default(), true)),
            Err(ManifestError::Missing { .. }) => "it is missing",
            Err(ManifestError::Damaged { .. }) => "both of its copies are damaged",
            Err(ManifestError::Io { source }) if source.kind() == ErrorKind::IsADirectory => {
                "a directory is in its place"
            }
            Err(error) => return Err(error.into()),
        };
        let reason = format!(
            "{reason}; a repair takes all segments and logs that are there, some of whose spans \
             may be there twice"
        );
        self.find(tenant, path, None, &reason, Loss::Nothing);
        let mut plan = Plan::new(repair::manifest_of(self.disk, &tenant.dir, files)?, false);
        if files.logs().next().is_none() {
            plan.rewrite_log(plan.manifest.log_floor);
        }
        Ok(plan)
    }

    /// Takes segments to those that count that may hold what nothing else does.
    fn orphans(
        &mut self,
        tenant: &TenantDir,
        files: &Files,
        plan: &mut Plan,
    ) -> Result<(), OpenError> {
        // What was made of one that is damaged may be all that is left of it.
        let whole = plan.without_losses();
        for Orphan { number, info } in orphans(self.disk, &tenant.dir, &whole, files)? {
            if plan.manifest.has_segment(number) {
                continue;
            }
            let info = info.unwrap_or_default();
            let path = FileName::Segment(number).path_in(&tenant.dir);
            let reason = format!(
                "the manifest is older and does not have it, and nothing else has its {} spans: \
                 only a repair keeps them",
                info.spans
            );
            self.find(tenant, path, None, &reason, Loss::Nothing);
            let info = repair::named(number, info);
            self.segment(tenant, &info, plan)?;
            plan.take_in(info);
        }
        Ok(())
    }

    fn manifest_copies(
        &mut self,
        tenant: &TenantDir,
        path: &str,
        manifest: &Manifest,
    ) -> Result<(), OpenError> {
        let file = self.disk.open(path)?;
        let mut bytes = vec![0; usize::try_from(file.len()).unwrap_or_default()];
        file.read_exact_at(&mut bytes, 0)?;
        let (first, second) = bytes.split_at(bytes.len() / 2);
        if first != second {
            self.find(tenant, path.to_owned(), None, "one of its copies is damaged", Loss::Nothing);
        }
        let numbers: BTreeSet<_> = manifest.segments.iter().map(|it| it.number).collect();
        let is_used = numbers.last().is_some_and(|last| *last >= manifest.next_file);
        if numbers.len() < manifest.segments.len() || is_used {
            let reason = "it gives a file's number twice";
            self.find(tenant, path.to_owned(), None, reason, Loss::Nothing);
        }
        self.advance(bytes.len() as u64);
        Ok(())
    }

    fn find(
        &mut self,
        tenant: &TenantDir,
        file: String,
        block: Option<u32>,
        reason: &str,
        loss: Loss,
    ) {
        let (tenant, reason) = (tenant.name.clone(), reason.to_owned());
        self.report.findings.push(Finding { tenant, file, block, reason, loss });
    }

    fn advance(&mut self, bytes: u64) {
        self.progress.advance(bytes, self.tell);
    }
}
