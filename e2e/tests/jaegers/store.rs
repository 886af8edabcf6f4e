use std::fs;
use std::net::SocketAddr;

use e2e::{Spoor, free_address};
use tempfile::TempDir;

use super::page::replaced;

/// An empty store and its archive, by a page's keys.
pub struct Store {
    pub grpc: SocketAddr,
    pub archive: SocketAddr,
    _spoor: Spoor,
}

impl Store {
    /// `archive_listen` is the address of the archive that the page has.
    pub async fn start(keys: &str, archive_listen: &str) -> Self {
        let archive = free_address();
        let keys = replaced(keys, &[(archive_listen, archive.to_string())]);
        let folder = TempDir::new().unwrap();
        let file = folder.path().join("spoor.toml");
        fs::write(&file, keys).unwrap();
        let spoor = Spoor::start_from(&file).await.unwrap();
        Self { grpc: spoor.grpc, archive, _spoor: spoor }
    }
}
