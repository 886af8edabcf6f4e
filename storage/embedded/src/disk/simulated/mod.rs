//! A disk in memory that forgets what was not synced, and fails when it is told to.

mod content;
mod fault;
mod file;
mod random;
#[cfg(test)]
mod tests;
mod tree;

use std::fmt;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::{Disk, DiskError, ReadFile, WriteFile};
pub use fault::Fault;
use fault::Faults;
use file::OpenFile;
use random::Random;
use tree::{Id, Tree};

/// A disk in memory, for tests of crashes and faults. Clones are the same disk.
///
/// It keeps to what POSIX promises and to no more:
/// - A file's bytes last once the file was synced, its name once its directory was. Of the rest
///   [`SimulatedDisk::power_cut`] leaves some, all or nothing: appended bytes are kept, cut off
///   at any byte, or missing sector by sector, with zeros or other bytes in their place; what was
///   done to names lasts in part. One rename happens wholly or not at all. Bytes that were synced
///   are never harmed.
/// - A call fails when its turn comes ([`SimulatedDisk::fail_at`]). Calls of all kinds are
///   counted, those of open files too, so that a test can let each one fail.
/// - A full disk ([`SimulatedDisk::set_capacity`]) takes a part of an append, then none.
///
/// What it does follows from its seed and the order of the calls alone.
#[derive(Clone)]
pub struct SimulatedDisk {
    state: Arc<Mutex<State>>,
}

#[derive(Clone)]
struct State {
    tree: Tree,
    faults: Faults,
    capacity: u64,
    has_links: bool,
    random: Random,
}

impl SimulatedDisk {
    /// An empty disk.
    pub fn new(seed: u64) -> Self {
        Self::from(State {
            tree: Tree::new(),
            faults: Faults::default(),
            capacity: u64::MAX,
            has_links: true,
            random: Random::new(seed),
        })
    }

    /// The disk that the machine finds when power comes back, with no faults to come. This one
    /// goes on as if nothing had happened, for threads that still use it.
    pub fn power_cut(&self, seed: u64) -> Self {
        let mut random = Random::new(seed);
        let state = self.lock();
        let tree = state.tree.after_power_cut(&mut random);
        let (capacity, has_links) = (state.capacity, state.has_links);
        Self::from(State { tree, faults: Faults::default(), capacity, has_links, random })
    }

    /// Another disk that is now as this one is.
    pub fn duplicate(&self) -> Self {
        Self::from(self.lock().clone())
    }

    /// How many calls there were: the number of the next one, as the first is 0.
    pub fn calls(&self) -> u64 {
        self.lock().faults.calls()
    }

    /// Lets one call fail, by its number.
    pub fn fail_at(&self, call: u64, fault: Fault) {
        self.lock().faults.fail_at(call, fault);
    }

    /// Lets every call from this number on fail, until [`SimulatedDisk::heal`].
    pub fn fail_from(&self, call: u64, fault: Fault) {
        self.lock().faults.fail_from(call, fault);
    }

    /// Lets no call fail any more, but for want of space.
    pub fn heal(&self) {
        self.lock().faults.heal();
    }

    /// Sets the bytes that all files together can have. It may be less than they have already.
    pub fn set_capacity(&self, bytes: u64) {
        self.lock().capacity = bytes;
    }

    /// Lets no file have a second name, as on file systems without links.
    pub fn forbid_links(&self) {
        self.lock().has_links = false;
    }

    /// The bytes of all files that have a name or are open.
    pub fn used(&self) -> u64 {
        self.lock().tree.used()
    }

    /// The paths of all files, sorted. Not counted as a call.
    pub fn files(&self) -> Vec<String> {
        self.lock().tree.files()
    }

    /// The bytes of a file. Not counted as a call.
    ///
    /// # Errors
    /// [`io::ErrorKind::NotFound`] when the file does not exist.
    pub fn contents(&self, path: &str) -> io::Result<Vec<u8>> {
        let mut state = self.lock();
        let file = state.tree.file(path)?;
        Ok(state.tree.content(file).bytes().to_vec())
    }

    /// Flips the bits of `mask` in one byte of a file, as a drive that rots. Not counted as a
    /// call.
    ///
    /// # Errors
    /// [`io::ErrorKind::NotFound`] when the file does not exist.
    ///
    /// # Panics
    /// When the file has no byte there.
    pub fn flip(&self, path: &str, offset: usize, mask: u8) -> io::Result<()> {
        let mut state = self.lock();
        let file = state.tree.file(path)?;
        state.tree.content(file).flip(offset, mask);
        Ok(())
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Makes one call, unless it is to fail. `call` is also told of the fault, if the work is to
    /// be done in spite of it.
    fn call<T>(
        &self,
        doing: impl FnOnce() -> String,
        call: impl FnOnce(&mut State, Option<Fault>) -> io::Result<T>,
    ) -> io::Result<T> {
        let mut state = self.lock();
        let fault = state.faults.next();
        let result = match fault {
            Some(fault @ (Fault::Io | Fault::NoSpace)) => Err(fault.error()),
            _ => call(&mut state, fault),
        };
        result.map_err(DiskError::while_doing(doing))
    }

    /// A call that has no way of its own to fail.
    fn simple<T>(
        &self,
        doing: impl FnOnce() -> String,
        call: impl FnOnce(&mut State) -> io::Result<T>,
    ) -> io::Result<T> {
        self.call(doing, |state, fault| match fault {
            None => call(state),
            Some(Fault::Late) => call(state).and(Err(Fault::Late.error())),
            Some(fault) => Err(fault.error()),
        })
    }

    /// One call that opens a file, which `find` finds or makes.
    fn open_file(
        &self,
        verb: &str,
        path: &str,
        find: impl FnOnce(&mut Tree) -> io::Result<Id>,
    ) -> io::Result<OpenFile> {
        let doing = || format!("{verb} {path}");
        let file = self.simple(doing, |state| find(&mut state.tree))?;
        let mut state = self.lock();
        // Another thread may have removed it in the meantime.
        state.tree.opened(file).map_err(DiskError::while_doing(doing))?;
        let len = state.tree.content(file).bytes().len() as u64;
        drop(state);
        Ok(OpenFile { disk: self.clone(), file, path: path.to_owned(), len })
    }
}

impl From<State> for SimulatedDisk {
    fn from(state: State) -> Self {
        Self { state: Arc::new(Mutex::new(state)) }
    }
}

impl fmt::Debug for SimulatedDisk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SimulatedDisk").field("files", &self.files()).finish_non_exhaustive()
    }
}

impl Disk for SimulatedDisk {
    fn create(&self, path: &str) -> io::Result<Box<dyn WriteFile>> {
        Ok(Box::new(self.open_file("creating", path, |tree| tree.create(path))?))
    }

    fn open(&self, path: &str) -> io::Result<Arc<dyn ReadFile>> {
        Ok(Arc::new(self.open_file("opening", path, |tree| tree.file(path))?))
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        self.simple(|| format!("renaming {from} to {to}"), |state| state.tree.rename(from, to))
    }

    fn remove(&self, path: &str) -> io::Result<()> {
        self.simple(|| format!("removing {path}"), |state| state.tree.remove(path))
    }

    fn list(&self, dir: &str) -> io::Result<Vec<String>> {
        self.simple(|| format!("listing {dir}"), |state| state.tree.list(dir))
    }

    fn create_dir(&self, dir: &str) -> io::Result<()> {
        self.simple(|| format!("creating the directory {dir}"), |state| state.tree.create_dir(dir))
    }

    fn remove_dir(&self, dir: &str) -> io::Result<()> {
        self.simple(|| format!("removing the directory {dir}"), |state| state.tree.remove_dir(dir))
    }

    fn sync_dir(&self, dir: &str) -> io::Result<()> {
        self.simple(|| format!("syncing the directory {dir}"), |state| state.tree.sync_dir(dir))
    }

    fn hard_link(&self, from: &str, to: &str) -> io::Result<()> {
        self.simple(
            || format!("linking {from} as {to}"),
            |state| match state.has_links {
                true => state.tree.hard_link(from, to),
                false => Err(io::ErrorKind::Unsupported.into()),
            },
        )
    }

    fn sync(&self, path: &str) -> io::Result<()> {
        self.simple(
            || format!("syncing {path}"),
            |state| {
                let file = state.tree.file(path)?;
                state.tree.content(file).sync();
                Ok(())
            },
        )
    }

    fn size(&self, path: &str) -> io::Result<u64> {
        self.simple(
            || format!("measuring {path}"),
            |state| {
                let file = state.tree.file(path)?;
                Ok(state.tree.content(file).bytes().len() as u64)
            },
        )
    }

    fn free_space(&self) -> io::Result<u64> {
        self.simple(|| "measuring the free space".to_owned(), |state| Ok(state.free_space()))
    }
}

impl State {
    fn free_space(&self) -> u64 {
        self.capacity.saturating_sub(self.tree.used())
    }

    /// Appends as much as fits and no more than `most`.
    fn append(&mut self, file: Id, bytes: &[u8], most: usize) -> usize {
        let free = usize::try_from(self.free_space()).unwrap_or(usize::MAX);
        let written = bytes.len().min(most).min(free);
        self.tree.content(file).append(&bytes[..written]);
        written
    }
}
