//! Copies of a store that make it a store of their own, also while it is being written.
//!
//! Segments never change, so they are linked where the file system allows it; the manifest and
//! the logs are copied. When the manifest was replaced meanwhile, the copy is brought up to it and
//! looked at again: so what the manifest tells of is there, and a log has no spans that are in a
//! segment too. A log is only ever appended to, so that takes what is new of it. One that is being
//! written is copied up to a place inside of its last record, as a crash would leave it.

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

use crate::disk::{Disk, ReadFile, RealDisk, WriteFile};
use crate::error::OpenError;
use crate::manifest::{FileName, Manifest};
pub use crate::tools::Progress;
use crate::tools::{self, TenantDir};

/// How often a copy is brought up to another manifest. One is replaced some times a second at
/// most, and all but the first time takes milliseconds.
const ATTEMPTS: u32 = 1000;
/// What is copied at a time.
const COPY_BYTES: usize = 1 << 20;

/// What was copied.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Summary {
    /// The number of tenants.
    pub tenants: u64,
    /// Segments, linked or copied.
    pub segments: u64,
    /// Their bytes.
    pub segment_bytes: u64,
    /// Segments that had to be copied, because the target is on another file system.
    pub copied_segments: u64,
    /// The bytes of logs.
    pub log_bytes: u64,
}

/// Copies the store in a directory, which a process may have open, to another that is not there
/// yet. What was acknowledged before the call is in the copy; of what comes meanwhile, a part.
/// The copy lasts, and is opened as any store.
///
/// # Errors
/// When the target is there, something cannot be read or written, or the store changes too fast.
/// Then there is no target.
pub fn snapshot(
    directory: &Path,
    target: &Path,
    progress: &mut dyn FnMut(Progress),
) -> Result<Summary, OpenError> {
    let source = tools::disk_of(directory)?;
    if target.symlink_metadata().is_ok() {
        return Err(exists(target).into());
    }
    // Under another name until it is whole.
    let mut partial = target.as_os_str().to_owned();
    partial.push(".partial");
    let partial = PathBuf::from(partial);
    let named = |source: io::Error| {
        io::Error::new(source.kind(), format!("creating {}: {source}", partial.display()))
    };
    fs::create_dir(&partial).map_err(named)?;
    let copied = copy(&source, &partial, target, progress);
    if copied.is_err() {
        // The error that is told says more than one of removing would.
        let _ = fs::remove_dir_all(&partial);
    }
    copied
}

fn exists(target: &Path) -> io::Error {
    io::Error::new(ErrorKind::AlreadyExists, format!("{} is there already", target.display()))
}

fn copy(
    source: &RealDisk,
    partial: &Path,
    target: &Path,
    progress: &mut dyn FnMut(Progress),
) -> Result<Summary, OpenError> {
    let copy = RealDisk::new(partial);
    let mut summary = Summary::default();
    for TenantDir { dir, .. } in tools::tenants(source)? {
        copy.create_dir(&dir)?;
        let tenant = TenantCopy {
            source,
            target: &copy,
            dir,
            segments: BTreeMap::new(),
            logs: BTreeMap::new(),
            progress: &mut *progress,
        };
        tenant.make(&mut summary)?;
    }
    copy.sync_dir("")?;
    // Not over an empty directory that was made meanwhile, as far as that can be seen.
    if target.symlink_metadata().is_ok() {
        return Err(exists(target).into());
    }
    fs::rename(partial, target).map_err(|source| {
        let (partial, target) = (partial.display(), target.display());
        io::Error::new(source.kind(), format!("renaming {partial} to {target}: {source}"))
    })?;
    let parent = target.parent().filter(|parent| !parent.as_os_str().is_empty());
    fs::File::open(parent.unwrap_or(Path::new(".")))?.sync_all()?;
    Ok(summary)
}

/// The copy of a tenant's directory.
struct TenantCopy<'c> {
    source: &'c RealDisk,
    target: &'c RealDisk,
    dir: String,
    /// What is there so far, by number. Of a segment: whether it was linked.
    segments: BTreeMap<u64, bool>,
    logs: BTreeMap<u64, Box<dyn WriteFile>>,
    progress: &'c mut dyn FnMut(Progress),
}

impl TenantCopy<'_> {
    fn make(mut self, summary: &mut Summary) -> Result<(), OpenError> {
        for _ in 0..ATTEMPTS {
            let bytes = self.manifest_bytes()?;
            let manifest = Manifest::load(self.source, &self.dir)?.unwrap_or_default();
            match self.bring_up_to(&manifest) {
                // It was removed because a newer manifest does not have it.
                Err(OpenError::Io(error)) if error.kind() == ErrorKind::NotFound => continue,
                done => done?,
            }
            if self.manifest_bytes()? == bytes {
                return self.finish(&manifest, bytes, summary);
            }
        }
        let reason = format!("copying {}: it changed each of the {ATTEMPTS} times", self.dir);
        Err(io::Error::new(ErrorKind::TimedOut, reason).into())
    }

    /// The manifest's bytes, if there is one.
    fn manifest_bytes(&self) -> io::Result<Option<Vec<u8>>> {
        let read = || -> io::Result<Vec<u8>> {
            let file = self.source.open(&FileName::Manifest.path_in(&self.dir))?;
            let mut bytes = vec![0; usize::try_from(file.len()).map_err(io::Error::other)?];
            file.read_exact_at(&mut bytes, 0)?;
            Ok(bytes)
        };
        match read() {
            Ok(bytes) => Ok(Some(bytes)),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Adds what the manifest tells of and is not there yet, and removes what it does not.
    fn bring_up_to(&mut self, manifest: &Manifest) -> Result<(), OpenError> {
        let Self { source, target, dir, segments, logs, .. } = self;
        let is_kept = |number: u64| manifest.segments.iter().any(|info| info.number == number);
        let gone: Vec<u64> = segments.keys().copied().filter(|number| !is_kept(*number)).collect();
        for number in gone {
            target.remove(&FileName::Segment(number).path_in(dir))?;
            segments.remove(&number);
        }
        let kept = logs.split_off(&manifest.log_floor);
        for (number, _) in std::mem::replace(logs, kept) {
            target.remove(&FileName::Log(number).path_in(dir))?;
        }
        // Those that were begun later have what was acknowledged later.
        let names = source.list(dir)?;
        for file in names.iter().filter_map(|name| FileName::parse(name)) {
            if let FileName::Log(number) = file
                && number >= manifest.log_floor
            {
                self.copy_log(number)?;
            }
        }
        let total = manifest.segments.iter().map(|segment| segment.bytes).sum();
        let mut progress = Progress { done: 0, total };
        for info in &manifest.segments {
            if !self.segments.contains_key(&info.number) {
                let is_linked = self.link(info.number)?;
                self.segments.insert(info.number, is_linked);
            }
            progress.advance(info.bytes, self.progress);
        }
        Ok(())
    }

    /// Appends what is new of a log.
    fn copy_log(&mut self, number: u64) -> Result<(), OpenError> {
        let path = FileName::Log(number).path_in(&self.dir);
        let from = self.source.open(&path)?;
        let to = match self.logs.remove(&number) {
            Some(to) => to,
            None => self.target.create(&path)?,
        };
        let to = self.logs.entry(number).or_insert(to);
        append_rest(&*from, &mut **to)?;
        Ok(())
    }

    /// Links a segment, or copies it. Tells whether it could be linked.
    fn link(&self, number: u64) -> Result<bool, OpenError> {
        let path = FileName::Segment(number).path_in(&self.dir);
        match fs::hard_link(self.source.path(&path), self.target.path(&path)) {
            Ok(()) => Ok(true),
            Err(error) if error.kind() == ErrorKind::NotFound => Err(error.into()),
            // Another file system, or one without links.
            Err(_) => {
                let from = self.source.open(&path)?;
                let mut to = self.target.create(&path)?;
                append_rest(&*from, &mut *to)?;
                to.sync()?;
                Ok(false)
            }
        }
    }

    /// Makes the copy last.
    fn finish(
        mut self,
        manifest: &Manifest,
        bytes: Option<Vec<u8>>,
        summary: &mut Summary,
    ) -> Result<(), OpenError> {
        for log in self.logs.values_mut() {
            log.sync()?;
            summary.log_bytes += log.len();
        }
        if let Some(bytes) = bytes {
            let mut file = self.target.create(&FileName::Manifest.path_in(&self.dir))?;
            file.append(&bytes)?;
            file.sync()?;
        }
        self.target.sync_dir(&self.dir)?;
        summary.tenants += 1;
        summary.segments += self.segments.len() as u64;
        summary.segment_bytes += manifest.segments.iter().map(|info| info.bytes).sum::<u64>();
        summary.copied_segments +=
            self.segments.values().filter(|is_linked| !**is_linked).count() as u64;
        Ok(())
    }
}

/// Appends what a file has beyond what was copied of it.
fn append_rest(from: &dyn ReadFile, to: &mut dyn WriteFile) -> io::Result<()> {
    let mut buffer = vec![0; COPY_BYTES.min(usize::try_from(from.len()).unwrap_or(COPY_BYTES))];
    while to.len() < from.len() {
        let len = (from.len() - to.len()).min(buffer.len() as u64) as usize;
        from.read_exact_at(&mut buffer[..len], to.len())?;
        to.append(&buffer[..len])?;
    }
    Ok(())
}
