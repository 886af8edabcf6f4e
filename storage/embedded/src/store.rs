use std::collections::{HashMap, HashSet};
use std::fs::{File, TryLockError};
use std::io::{self, ErrorKind, Read, Write};
use std::path::Path;
use std::sync::{Arc, PoisonError, RwLock, Weak};
use std::time::{SystemTime, UNIX_EPOCH};

use async_trait::async_trait;
use bytes::Bytes;
use futures::stream::BoxStream;
use prometheus_client::registry::Registry;
use spoor_store::ingest::Written;
use spoor_store::otlp::{SpanKind, spans_of};
use spoor_store::trace::{Summarizer, extent};
use spoor_store::{
    ChunkStream, Dependency, FoundTrace, Operation, ReadError, Store, SummaryStream, Tenant,
    TimeRange, TraceChunk, TraceId, TraceLookup, TraceQuery, Usage, WriteError,
};
use tokio::sync::{Mutex, watch};

use crate::budget::{Grant, ReadBudget};
use crate::disk::{Disk, MeteredDisk, RealDisk};
use crate::ephemeral::EphemeralDirectory;
use crate::error::OpenError;
use crate::metrics::{Holdings, Metrics};
use crate::options::Options;
use crate::search;
use crate::stream::{Sink, Stop, stream};
use crate::tenant::{self, Clock, Snapshot};

/// The file that a process locks while it has a store open.
pub(crate) const LOCK: &str = "LOCK";
/// What the name of a tenant's directory begins with.
pub(crate) const TENANT: &str = "tenant-";

/// What a trace that is asked for takes, about: itself, its id in the order of the request, and in
/// a set.
const LOOKUP_BYTES: usize = size_of::<TraceLookup>() + 3 * size_of::<TraceId>();
/// What a span takes while its trace is summarized, about: its id in a set, and its parent's.
const SUMMARIZED_BYTES: usize = 3 * size_of::<[u8; 8]>();

/// The engine over a directory. Its work ends when it is dropped.
#[derive(Debug)]
pub struct EmbeddedStore {
    shared: Arc<Shared>,
}

struct Shared {
    disk: Arc<dyn Disk>,
    options: Options,
    clock: Clock,
    tenants: RwLock<HashMap<Tenant, Arc<tenant::Tenant>>>,
    /// Held while a tenant is made.
    making: Mutex<()>,
    metrics: Arc<Metrics>,
    reads: Arc<ReadBudget>,
    /// Held for as long as the store is open.
    _lock: Option<File>,
    /// Removed after all that is in it was closed.
    _ephemeral: Option<EphemeralDirectory>,
}

impl std::fmt::Debug for Shared {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Shared").field("disk", &self.disk).finish_non_exhaustive()
    }
}

impl EmbeddedStore {
    /// Opens the store in a directory, which is made if it is not there.
    ///
    /// # Errors
    /// When another process has it open, the options contradict each other, or something in the
    /// directory cannot be used.
    pub fn open(directory: &Path, options: Options) -> Result<Self, OpenError> {
        create_durably(directory).map_err(|source| {
            let doing = format!("creating the directory {}", directory.display());
            io::Error::new(source.kind(), format!("{doing}: {source}"))
        })?;
        Self::open_in(directory, options, None)
    }

    /// Opens an empty store in a directory of its own inside of this one. It is removed once the
    /// store is closed; what a killed process leaves, when the next one is opened there.
    ///
    /// # Errors
    /// When the directory cannot be made, or as [`EmbeddedStore::open`].
    pub fn open_ephemeral(parent: &Path, options: Options) -> Result<Self, OpenError> {
        let ephemeral = EphemeralDirectory::create_in(parent)?;
        let directory = ephemeral.path().to_owned();
        Self::open_in(&directory, options, Some(ephemeral))
    }

    fn open_in(
        directory: &Path,
        options: Options,
        ephemeral: Option<EphemeralDirectory>,
    ) -> Result<Self, OpenError> {
        let lock = lock(directory)?;
        let now = || {
            let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_nanos();
            u64::try_from(now).unwrap_or(u64::MAX)
        };
        let disk = Arc::new(RealDisk::new(directory));
        let mut shared = Shared::open(disk, options, Arc::new(now))?;
        (shared._lock, shared._ephemeral) = (Some(lock), ephemeral);
        Ok(Self { shared: Arc::new(shared) })
    }

    /// Opens the store on a disk that nobody else uses. `clock` tells the time in nanoseconds
    /// since the Unix epoch.
    ///
    /// # Errors
    /// As [`EmbeddedStore::open`].
    #[cfg(any(test, feature = "simulation"))]
    pub fn open_on(
        disk: Arc<dyn Disk>,
        options: Options,
        clock: impl Fn() -> u64 + Send + Sync + 'static,
    ) -> Result<Self, OpenError> {
        let shared = Shared::open(disk, options, Arc::new(clock))?;
        Ok(Self { shared: Arc::new(shared) })
    }

    /// Begins to write to segments what is in none yet.
    ///
    /// # Errors
    /// When a log cannot be begun.
    #[cfg(any(test, feature = "simulation"))]
    pub async fn freeze(&self) -> Result<(), WriteError> {
        for tenant in self.shared.all() {
            tenant.freeze().await?;
        }
        Ok(())
    }

    /// Waits until all that was written is in segments, and nothing is left to be merged.
    ///
    /// # Errors
    /// When a log cannot be begun, or a segment cannot be made.
    #[cfg(any(test, feature = "simulation"))]
    pub async fn settle(&self) -> Result<(), WriteError> {
        for tenant in self.shared.all() {
            tenant.freeze().await?;
            let waiting = Arc::clone(&tenant);
            let waited = tokio::task::spawn_blocking(move || waiting.wait_until_idle()).await;
            waited.map_err(|error| WriteError::Unavailable(error.to_string()))??;
        }
        Ok(())
    }

    /// Registers the engine's metrics, whose names begin with `store_` behind the registry's
    /// prefix. To be called once.
    pub fn register_metrics(&self, registry: &mut Registry) {
        let shared = Arc::downgrade(&self.shared);
        let holdings = move || shared.upgrade().map_or_else(Holdings::default, |it| it.holdings());
        self.shared.metrics.register(registry, holdings);
    }

    /// Why no writes can be taken at present; none while they can. The store finds by itself when
    /// they can be taken again; reads go on all the time.
    pub fn read_only(&self) -> watch::Receiver<Option<String>> {
        self.shared.metrics.read_only.watch()
    }

    /// The memory of the spans that are in no segment yet, in bytes.
    #[cfg(any(test, feature = "simulation"))]
    pub fn head_memory(&self) -> usize {
        self.shared.holdings().head_bytes as usize
    }

    /// The memory that is granted to queries at present, in bytes.
    #[cfg(any(test, feature = "simulation"))]
    pub fn read_memory(&self) -> usize {
        self.shared.reads.granted()
    }

    /// A stream of what the work puts, from what the tenant has once memory was granted: who waits
    /// for that keeps no head in memory.
    fn stream<T: Send + 'static>(
        &self,
        tenant: &Tenant,
        work: impl FnOnce(&Snapshot, &Grant, &Sink<T>) -> Result<(), Stop> + Send + 'static,
    ) -> BoxStream<'static, Result<T, ReadError>> {
        let (shared, tenant) = (Arc::clone(&self.shared), tenant.clone());
        stream(Arc::clone(&self.shared.reads), move |grant, sink| {
            let snapshot = shared.get(&tenant).map(|tenant| tenant.snapshot());
            snapshot.map_or(Ok(()), |snapshot| work(&snapshot, grant, sink))
        })
    }

    /// Does the work on a thread where it may wait for the disk. It is told once nobody waits for
    /// it.
    async fn answer<T: Default + Send + 'static>(
        &self,
        tenant: &Tenant,
        work: impl FnOnce(&Snapshot, &Grant, &dyn Fn() -> bool) -> Result<T, ReadError> + Send + 'static,
    ) -> Result<T, ReadError> {
        let grant = self.shared.reads.grant().await?;
        let Some(tenant) = self.shared.get(tenant) else { return Ok(T::default()) };
        let waiting = Arc::new(());
        let caller: Weak<()> = Arc::downgrade(&waiting);
        let done = tokio::task::spawn_blocking(move || {
            work(&tenant.snapshot(), &grant, &|| caller.strong_count() == 0)
        });
        let done = done.await;
        drop(waiting);
        done.map_err(|error| ReadError::Unavailable(format!("the read ended early: {error}")))?
    }
}

impl Shared {
    fn open(disk: Arc<dyn Disk>, options: Options, clock: Clock) -> Result<Self, OpenError> {
        options.check().map_err(OpenError::Options)?;
        let metrics = Arc::<Metrics>::default();
        let disk: Arc<dyn Disk> = Arc::new(MeteredDisk::new(disk, Arc::clone(&metrics)));
        let mut tenants = HashMap::new();
        // Whoever made a tenant's directory may have ended before it was sure to last.
        disk.sync_dir("")?;
        for dir in disk.list("")? {
            let Some(name) = dir.strip_prefix(TENANT).and_then(decode_name) else { continue };
            let (disk, clock) = (Arc::clone(&disk), Arc::clone(&clock));
            let metrics = Arc::clone(&metrics);
            let tenant = tenant::Tenant::open(disk, &dir, &options, clock, metrics)?;
            tenants.insert(Tenant::new(&name), Arc::new(tenant));
        }
        let (tenants, making) = (RwLock::new(tenants), Mutex::new(()));
        let (_lock, _ephemeral) = (None, None);
        let (bytes, wait) = (options.read_bytes, options.read_wait);
        let reads = Arc::new(ReadBudget::new(bytes, wait, Arc::clone(&metrics)));
        Ok(Self { disk, options, clock, tenants, making, metrics, reads, _lock, _ephemeral })
    }

    fn get(&self, tenant: &Tenant) -> Option<Arc<tenant::Tenant>> {
        self.tenants.read().unwrap_or_else(PoisonError::into_inner).get(tenant).cloned()
    }

    fn all(&self) -> Vec<Arc<tenant::Tenant>> {
        let tenants = self.tenants.read().unwrap_or_else(PoisonError::into_inner);
        tenants.values().cloned().collect()
    }

    fn holdings(&self) -> Holdings {
        let none = Holdings { read_bytes: self.reads.granted() as u64, ..Holdings::default() };
        self.all().iter().map(|tenant| tenant.holdings()).fold(none, |sum, it| Holdings {
            read_bytes: sum.read_bytes,
            log_bytes: sum.log_bytes + it.log_bytes,
            segment_bytes: sum.segment_bytes + it.segment_bytes,
            segments: sum.segments + it.segments,
            heads: sum.heads + it.heads,
            head_bytes: sum.head_bytes + it.head_bytes,
        })
    }

    /// The tenant, with a new directory if it has none.
    async fn get_or_make(
        self: &Arc<Self>,
        tenant: &Tenant,
    ) -> Result<Arc<tenant::Tenant>, WriteError> {
        if let Some(tenant) = self.get(tenant) {
            return Ok(tenant);
        }
        let _making = self.making.lock().await;
        // Another write may have made it meanwhile.
        if let Some(tenant) = self.get(tenant) {
            return Ok(tenant);
        }
        let most = self.options.tenants;
        if self.all().len() >= most {
            let reason = format!("the store has {most} tenants, which is its limit");
            return Err(WriteError::TooLarge(reason));
        }
        let (shared, name) = (Arc::clone(self), tenant.clone());
        let made = tokio::task::spawn_blocking(move || shared.make(&name)).await;
        let made = made.map_err(|error| error.to_string());
        let made = made.and_then(|made| made.map_err(|error| error.to_string()));
        made.map_err(|error| WriteError::Unavailable(format!("making a tenant: {error}")))
    }

    fn make(&self, name: &Tenant) -> Result<Arc<tenant::Tenant>, OpenError> {
        let dir = format!("{TENANT}{}", encode_name(name.name()));
        match self.disk.create_dir(&dir) {
            Err(error) if error.kind() != ErrorKind::AlreadyExists => return Err(error.into()),
            _ => self.disk.sync_dir("")?,
        }
        let (disk, clock) = (Arc::clone(&self.disk), Arc::clone(&self.clock));
        let metrics = Arc::clone(&self.metrics);
        let tenant = Arc::new(tenant::Tenant::open(disk, &dir, &self.options, clock, metrics)?);
        let mut tenants = self.tenants.write().unwrap_or_else(PoisonError::into_inner);
        tenants.insert(name.clone(), Arc::clone(&tenant));
        Ok(tenant)
    }
}

#[async_trait]
impl Store for EmbeddedStore {
    async fn write(&self, tenant: &Tenant, request: Bytes) -> Result<Written, WriteError> {
        let (shared, tenant) = (Arc::clone(&self.shared), tenant.clone());
        // What is logged must be seen, also when nobody waits for the answer any more.
        let write = async move { shared.get_or_make(&tenant).await?.write(request).await };
        let written = tokio::spawn(write).await.unwrap_or_else(|error| {
            Err(WriteError::Unavailable(format!("the write failed: {error}")))
        });
        written.inspect_err(|error| self.shared.metrics.rejected(error))
    }

    fn get_traces(&self, tenant: &Tenant, lookups: Vec<TraceLookup>) -> ChunkStream {
        self.stream(tenant, move |snapshot, grant, sink| {
            let mut held = grant.list();
            held.resize(lookups.len() * LOOKUP_BYTES)?;
            let mut seen = HashSet::new();
            let ids = lookups.into_iter().map(|lookup| lookup.trace_id);
            let ids: Vec<_> = ids.filter(|id| seen.insert(*id)).collect();
            search::for_each_fragment(snapshot, grant, &ids, |trace_id, data| {
                Ok(sink.put(TraceChunk { trace_id, data })?)
            })
        })
    }

    fn find_traces(&self, tenant: &Tenant, query: TraceQuery) -> ChunkStream {
        self.stream(tenant, move |snapshot, grant, sink| {
            let found = search::find(snapshot, grant, &query, || sink.is_gone())?;
            search::for_each_fragment(snapshot, grant, found.ids(), |trace_id, data| {
                Ok(sink.put(TraceChunk { trace_id, data })?)
            })
        })
    }

    async fn find_trace_ids(
        &self,
        tenant: &Tenant,
        query: TraceQuery,
    ) -> Result<Vec<FoundTrace>, ReadError> {
        self.answer(tenant, move |snapshot, grant, is_gone| {
            let found = search::find(snapshot, grant, &query, is_gone)?;
            found_traces(snapshot, grant, found.ids())
        })
        .await
    }

    fn find_summaries(&self, tenant: &Tenant, query: TraceQuery) -> SummaryStream {
        self.stream(tenant, move |snapshot, grant, sink| {
            let found = search::find(snapshot, grant, &query, || sink.is_gone())?;
            let mut open: Option<(TraceId, Summarizer)> = None;
            let mut held = grant.list();
            search::for_each_fragment(snapshot, grant, found.ids(), |trace_id, data| {
                // The fragments of a trace come one after the other.
                if open.as_ref().is_none_or(|(id, _)| *id != trace_id)
                    && let Some((_, whole)) = open.replace((trace_id, Summarizer::new(trace_id)))
                {
                    sink.put(whole.finish())?;
                    held.resize(0)?;
                }
                if let Some((_, summarizer)) = &mut open {
                    held.grow(spans_of(&data).count() * SUMMARIZED_BYTES)?;
                    spans_of(&data).for_each(|span| summarizer.add(&span));
                }
                Ok(())
            })?;
            open.map_or(Ok(()), |(_, last)| Ok(sink.put(last.finish())?))
        })
    }

    async fn services(&self, tenant: &Tenant) -> Result<Vec<String>, ReadError> {
        self.answer(tenant, |snapshot, grant, _| search::services(snapshot, grant)).await
    }

    async fn operations(
        &self,
        tenant: &Tenant,
        service: &str,
        kind: Option<SpanKind>,
    ) -> Result<Vec<Operation>, ReadError> {
        let service = service.to_owned();
        self.answer(tenant, move |snapshot, grant, _| {
            search::operations(snapshot, grant, &service, kind)
        })
        .await
    }

    async fn dependencies(
        &self,
        tenant: &Tenant,
        range: TimeRange,
    ) -> Result<Vec<Dependency>, ReadError> {
        self.answer(tenant, move |snapshot, grant, is_gone| {
            search::dependencies(snapshot, grant, range, is_gone)
        })
        .await
    }

    async fn purge(&self, tenant: &Tenant) -> Result<(), WriteError> {
        match self.shared.get(tenant) {
            Some(tenant) => tenant.purge().await,
            None => Ok(()),
        }
    }

    fn usage(&self) -> Usage {
        self.shared.all().iter().map(|tenant| tenant.usage()).fold(
            Usage::default(),
            |sum, usage| Usage {
                traces: sum.traces + usage.traces,
                spans: sum.spans + usage.spans,
                bytes: sum.bytes + usage.bytes,
                evicted_traces: sum.evicted_traces + usage.evicted_traces,
            },
        )
    }
}

/// Between which times the spans of each trace lie.
fn found_traces(
    snapshot: &Snapshot,
    grant: &Grant,
    ids: &[TraceId],
) -> Result<Vec<FoundTrace>, ReadError> {
    let mut held = grant.list();
    held.resize(size_of::<FoundTrace>() * ids.len())?;
    let mut found = Vec::<FoundTrace>::with_capacity(ids.len());
    let read = search::for_each_fragment(snapshot, grant, ids, |trace_id, data| {
        let part = extent(trace_id, spans_of(&data));
        match found.last_mut().filter(|last| last.trace_id == trace_id) {
            Some(last) => {
                last.start = last.start.min(part.start);
                last.end = last.end.max(part.end);
            }
            None => found.push(part),
        }
        Ok(())
    });
    match read {
        Ok(()) => Ok(found),
        Err(Stop::Failed(error)) => Err(error),
        Err(Stop::Gone) => Err(ReadError::Unavailable("the read ended early".to_owned())),
    }
}

/// Makes a directory and those around it, such that a power cut takes none of them away.
fn create_durably(directory: &Path) -> io::Result<()> {
    if directory.as_os_str().is_empty() || directory.is_dir() {
        return Ok(());
    }
    let parent = directory.parent().unwrap_or(Path::new(""));
    create_durably(parent)?;
    match std::fs::create_dir(directory) {
        Err(error) if !directory.is_dir() => return Err(error),
        _ => {}
    }
    let parent = if parent.as_os_str().is_empty() { Path::new(".") } else { parent };
    File::open(parent)?.sync_all()
}

/// Takes the lock of a directory, which the operating system gives back when the process ends.
pub(crate) fn lock(directory: &Path) -> Result<File, OpenError> {
    let path = directory.join(LOCK);
    let locking = |source: io::Error| {
        io::Error::new(source.kind(), format!("locking {}: {source}", path.display()))
    };
    let mut file = File::options()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .open(&path)
        .map_err(locking)?;
    match file.try_lock() {
        Ok(()) => {
            let written = file.set_len(0);
            let written = written.and_then(|()| writeln!(file, "process {}", std::process::id()));
            match written {
                // It is locked all the same; only nobody is told by whom.
                Err(error) if error.kind() == ErrorKind::StorageFull => Ok(file),
                written => written.map(|()| file).map_err(|error| locking(error).into()),
            }
        }
        Err(TryLockError::WouldBlock) => {
            let mut holder = String::new();
            // It may be about to write who it is.
            let _ = file.read_to_string(&mut holder);
            let holder = holder.trim();
            let holder = if holder.is_empty() { "another process" } else { holder };
            let (directory, holder) = (directory.display().to_string(), holder.to_owned());
            Err(OpenError::Locked { directory, holder })
        }
        Err(TryLockError::Error(error)) => Err(locking(error).into()),
    }
}

/// Makes a tenant's name one of a file: what is not plain becomes `%` and two hexadecimal digits.
fn encode_name(name: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    name.bytes().fold(String::new(), |mut encoded, byte| {
        if plain(byte) {
            encoded.push(byte.into());
        } else {
            encoded.push_str(&format!("%{byte:02x}"));
        }
        encoded
    })
}

pub(crate) fn decode_name(encoded: &str) -> Option<String> {
    let mut bytes = Vec::new();
    let mut rest = encoded.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        rest = after;
        if *first != b'%' {
            bytes.push(*first);
            continue;
        }
        let (digits, after) = rest.split_at_checked(2)?;
        bytes.push(u8::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()?);
        rest = after;
    }
    let name = String::from_utf8(bytes).ok()?;
    // A name is written in one way only.
    (encode_name(&name) == encoded).then_some(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_tenants_come_back_from_those_of_their_directories() {
        for name in ["", "acme", "a/b", "..", "100 %", "größe", "A_b-9"] {
            let encoded = encode_name(name);
            assert!(
                encoded.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"%-_".contains(&byte))
            );
            assert_eq!(decode_name(&encoded).as_deref(), Some(name));
        }
        for other in ["%", "%4", "%zz", "%41", "a b"] {
            assert_eq!(decode_name(other), None, "{other}");
        }
    }
}
