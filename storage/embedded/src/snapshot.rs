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
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use crate::disk::{Disk, ReadFile, RealDisk, WriteFile};
use crate::error::OpenError;
use crate::manifest::{FileName, Manifest};
use crate::store::{OWNERS, TENANT, decode_name};
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
/// The copy lasts, and is opened as any store. It has the name `TARGET.partial` until it is whole;
/// what a killed process left of one is replaced.
///
/// # Errors
/// When the target is there, something cannot be read or written, the store changes too fast, or
/// `is_stopped`, which is asked every megabyte or segment, tells so.
/// Then there is no target.
pub fn snapshot(
    directory: &Path,
    target: &Path,
    progress: &mut dyn FnMut(Progress),
    is_stopped: &dyn Fn() -> bool,
) -> Result<Summary, OpenError> {
    let source = tools::disk_of(directory)?;
    make(&source, target, progress, is_stopped).map_err(|error| match error {
        OpenError::Io(source) => OpenError::Copy { target: target.display().to_string(), source },
        // Of what is copied.
        other => other,
    })
}

fn make(
    source: &RealDisk,
    target: &Path,
    progress: &mut dyn FnMut(Progress),
    is_stopped: &dyn Fn() -> bool,
) -> Result<Summary, OpenError> {
    if target.symlink_metadata().is_ok() {
        return Err(exists().into());
    }
    // Under another name until it is whole. Components have no slash at the end.
    let mut partial = target.components().as_path().as_os_str().to_owned();
    partial.push(".partial");
    let partial = PathBuf::from(partial);
    let named = |source: io::Error| {
        io::Error::new(source.kind(), format!("creating {}: {source}", partial.display()))
    };
    let _lock = create(&partial).map_err(named)?;
    let copied = copy(source, &partial, target, progress, is_stopped);
    if copied.is_err() {
        // The error that is told says more than one of removing would.
        let _ = fs::remove_dir_all(&partial);
    }
    copied
}

/// Creates the directory of a copy, in place of what a killed process left of one. It is locked
/// while the file is held.
fn create(partial: &Path) -> io::Result<fs::File> {
    let mut builder = fs::DirBuilder::new();
    builder.mode(OWNERS);
    match builder.create(partial) {
        Err(error) if error.kind() == ErrorKind::AlreadyExists => {
            let unknown = || {
                let reason = "it is there already and is no copy of a store: remove it";
                io::Error::new(ErrorKind::AlreadyExists, reason)
            };
            if !fs::symlink_metadata(partial)?.is_dir() {
                return Err(unknown());
            }
            let left = fs::File::open(partial)?;
            if left.try_lock().is_err() {
                let reason = "another snapshot is being written there";
                return Err(io::Error::new(ErrorKind::AlreadyExists, reason));
            }
            for entry in fs::read_dir(partial)? {
                let name = entry?.file_name();
                let tenant = name.to_str().and_then(|name| name.strip_prefix(TENANT));
                tenant.and_then(decode_name).ok_or_else(unknown)?;
            }
            fs::remove_dir_all(partial)?;
            builder.create(partial)?;
        }
        created => created?,
    }
    let made = fs::File::open(partial)?;
    made.try_lock()?;
    Ok(made)
}

fn stopped() -> io::Error {
    // Not of the kind `Interrupted`, which is tried again.
    io::Error::other("stopped before it was whole")
}

fn exists() -> io::Error {
    io::Error::new(ErrorKind::AlreadyExists, "it is there already")
}

fn copy(
    source: &RealDisk,
    partial: &Path,
    target: &Path,
    progress: &mut dyn FnMut(Progress),
    is_stopped: &dyn Fn() -> bool,
) -> Result<Summary, OpenError> {
    let copy = RealDisk::open(partial)?;
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
            is_stopped,
        };
        tenant.make(&mut summary)?;
    }
    copy.sync_dir("")?;
    // Not over an empty directory that was made meanwhile, as far as that can be seen.
    if target.symlink_metadata().is_ok() {
        return Err(exists().into());
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
    is_stopped: &'c dyn Fn() -> bool,
}

impl TenantCopy<'_> {
    fn make(mut self, summary: &mut Summary) -> Result<(), OpenError> {
        for _ in 0..ATTEMPTS {
            let bytes = self.manifest_bytes()?;
            let manifest = Manifest::load(self.source, &self.dir)?.unwrap_or_default();
            match self.bring_up_to(&manifest) {
                // It was removed because a newer manifest does not have it, or it is a log that
                // failed and was emptied.
                Err(OpenError::Io(error))
                    if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::UnexpectedEof) =>
                {
                    continue;
                }
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
            if (self.is_stopped)() {
                return Err(stopped().into());
            }
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
        append_rest(&*from, &mut **to, self.is_stopped)?;
        Ok(())
    }

    /// Links a segment, or copies it. Tells whether it could be linked.
    fn link(&self, number: u64) -> Result<bool, OpenError> {
        let path = FileName::Segment(number).path_in(&self.dir);
        match self.source.link_to(&path, self.target) {
            Ok(()) => Ok(true),
            Err(error) if error.kind() == ErrorKind::NotFound => Err(error.into()),
            // Another file system, or one without links.
            Err(_) => {
                let from = self.source.open(&path)?;
                let mut to = self.target.create(&path)?;
                append_rest(&*from, &mut *to, self.is_stopped)?;
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
pub(crate) fn append_rest(
    from: &dyn ReadFile,
    to: &mut dyn WriteFile,
    is_stopped: &dyn Fn() -> bool,
) -> io::Result<()> {
    let mut buffer = vec![0; COPY_BYTES.min(usize::try_from(from.len()).unwrap_or(COPY_BYTES))];
    while to.len() < from.len() {
        if is_stopped() {
            return Err(stopped());
        }
        let len = (from.len() - to.len()).min(buffer.len() as u64) as usize;
        from.read_exact_at(&mut buffer[..len], to.len())?;
        to.append(&buffer[..len])?;
    }
    Ok(())
}
