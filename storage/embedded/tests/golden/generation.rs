use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use spoor_embedded::disk::RealDisk;
use spoor_embedded::{EmbeddedStore, OpenError, Options};
use spoor_store::{Store, Tenant};
use tempfile::TempDir;

/// When the golden requests arrived: their spans are neither of the future nor deleted by age.
pub const ARRIVAL: u64 = 1_800_000_000_000_000_000;

/// A committed generation of the format.
pub struct Generation {
    pub number: u32,
    directory: PathBuf,
}

/// A request, and whose it is.
pub type Request = (Tenant, Bytes);

/// The tenants of a generation, by the number that `requests` has of each.
pub fn tenants() -> [Tenant; 2] {
    [Tenant::default(), Tenant::new("größe/2")]
}

/// Where generations lie.
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden")
}

impl Generation {
    /// All that are committed, the oldest first.
    pub fn all() -> Vec<Self> {
        let entries = fs::read_dir(root()).unwrap().map(|entry| entry.unwrap());
        let number = |name: &str| name.parse().ok();
        let mut all: Vec<Self> = entries
            .filter_map(|entry| {
                let number = number(entry.file_name().to_str()?)?;
                Some(Self { number, directory: entry.path() })
            })
            .collect();
        all.sort_unstable_by_key(|generation| generation.number);
        all
    }

    pub fn latest() -> Self {
        Self::all().pop().expect("a generation is committed")
    }

    /// The store's files, not to be opened where they lie.
    pub fn store(&self) -> PathBuf {
        self.directory.join("store")
    }

    /// A copy of the store that can be opened.
    pub fn copy(&self) -> TempDir {
        let copy = TempDir::new().unwrap();
        copy_all(&self.store(), copy.path());
        copy
    }

    /// What was written, in its order.
    pub fn requests(&self) -> Vec<Request> {
        let bytes = fs::read(self.directory.join("requests")).unwrap();
        let bytes = zstd::decode_all(&bytes[..]).unwrap();
        let mut rest = &bytes[..];
        let mut requests = Vec::new();
        while let Some((header, after)) = rest.split_first_chunk::<5>() {
            let [tenant, len @ ..] = header;
            let (request, after) = after.split_at(u32::from_le_bytes(*len) as usize);
            requests
                .push((tenants()[usize::from(*tenant)].clone(), Bytes::copy_from_slice(request)));
            rest = after;
        }
        assert!(rest.is_empty(), "the requests of generation {} end early", self.number);
        requests
    }
}

/// The bytes that [`Generation::requests`] reads.
pub fn encode_requests(requests: &[Request]) -> Vec<u8> {
    let mut out = Vec::new();
    for (tenant, request) in requests {
        out.push(tenants().iter().position(|known| known == tenant).unwrap() as u8);
        out.extend((request.len() as u32).to_le_bytes());
        out.extend(request);
    }
    zstd::encode_all(&out[..], 19).unwrap()
}

/// The engine on a directory, at the time of the golden requests.
pub fn open(directory: &Path, block_spans: u32) -> Result<EmbeddedStore, OpenError> {
    let options = Options {
        block_spans,
        // Only what a test says makes a segment.
        head_age: Duration::from_secs(24 * 60 * 60),
        ..Options::default()
    };
    EmbeddedStore::open_on(Arc::new(RealDisk::open(directory)?), options, || ARRIVAL)
}

/// Writes requests to an engine.
pub async fn write(store: &dyn Store, requests: &[Request]) {
    for (tenant, request) in requests {
        store.write(tenant, request.clone()).await.unwrap();
    }
}

/// The files below a directory whose names begin so.
pub fn files(directory: &Path, name: &str) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files.extend(self::files(&path, name));
        } else if path.file_name().unwrap().to_str().unwrap().starts_with(name) {
            files.push(path);
        }
    }
    files.sort_unstable();
    files
}

/// The bytes of a directory's files but the lock, by path.
pub fn contents(directory: &Path) -> BTreeMap<String, Vec<u8>> {
    let files = files(directory, "").into_iter();
    let name = |path: &Path| path.strip_prefix(directory).unwrap().to_str().unwrap().to_owned();
    files
        .map(|path| (name(&path), fs::read(&path).unwrap()))
        .filter(|(name, _)| name != "LOCK" && !name.ends_with("/reserve"))
        .collect()
}

pub fn copy_all(from: &Path, to: &Path) {
    for path in files(from, "") {
        let target = to.join(path.strip_prefix(from).unwrap());
        fs::create_dir_all(target.parent().unwrap()).unwrap();
        fs::copy(path, target).unwrap();
    }
}
