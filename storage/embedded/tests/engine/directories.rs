//! Real directories that are moved or removed while they are used, and who may read them.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::Duration;

use spoor_embedded::snapshot::snapshot;
use spoor_embedded::{Durability, EmbeddedStore, Options};
use spoor_store::WriteError;
use tempfile::TempDir;
use tokio::time::timeout;

use crate::support::exports::{Exports, exports_in};
use crate::support::stores::small;

const LONG: Duration = Duration::from_secs(60);

/// Writes each and makes it a segment.
async fn write(store: &EmbeddedStore, exports: &Exports, numbers: impl Iterator<Item = u64>) {
    for number in numbers {
        exports.write(store, number).await.unwrap();
        store.settle().await.unwrap();
    }
}

/// Expects what was written, no more and no less, of a store that is opened anew.
async fn assert_has(directory: &Path, exports: &Exports) {
    let store = EmbeddedStore::open(directory, small()).unwrap();
    exports.now().check(&exports_in(&store, "reopened").await.unwrap(), "reopened");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_moved_store_goes_on_and_leaves_the_one_in_its_place_alone() {
    let folder = TempDir::new().unwrap();
    let [place, old] = ["store", "old"].map(|name| folder.path().join(name));
    let [moved, new] = [Exports::default(), Exports::default()];
    let first = EmbeddedStore::open(&place, small()).unwrap();
    write(&first, &moved, 1..4).await;
    fs::rename(&place, &old).unwrap();
    let second = EmbeddedStore::open(&place, small()).unwrap();
    for round in 0..4 {
        write(&first, &moved, 10 * (round + 1)..10 * (round + 1) + 4).await;
        write(&second, &new, 1000 + 10 * round..1000 + 10 * round + 4).await;
    }
    drop((first, second));
    assert_has(&old, &moved).await;
    assert_has(&place, &new).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_removed_store_acknowledges_nothing_more() {
    for durability in [Durability::Sync, Durability::Async(Duration::from_millis(1))] {
        let folder = TempDir::new().unwrap();
        let (place, exports) = (folder.path().join("store"), Exports::default());
        let store = EmbeddedStore::open(&place, Options { durability, ..small() }).unwrap();
        write(&store, &exports, 1..4).await;
        exports.write(&store, 4).await.unwrap();
        fs::remove_dir_all(&place).unwrap();
        fs::create_dir_all(place.join("tenant-")).unwrap();

        let mut read_only = store.read_only();
        let refused = exports.write(&store, 5).await;
        if durability == Durability::Sync {
            assert!(matches!(refused, Err(WriteError::Unavailable(_))), "{refused:?}");
        }
        // What is tried after the first refusal.
        let told = |reason: &Option<String>| {
            reason.as_ref().is_some_and(|reason| reason.ends_with("its directory was removed"))
        };
        timeout(LONG, read_only.wait_for(told)).await.unwrap().unwrap();
        for number in 6..10 {
            let refused = exports.write(&store, number).await.unwrap_err().to_string();
            assert!(refused.contains("its directory was removed"), "{refused}");
            assert!(told(&read_only.borrow()));
        }
        // Reads go on, and nobody else's directory was written to.
        exports.now().check_acknowledged(&exports_in(&store, "removed").await.unwrap(), "removed");
        drop(store);
        assert_eq!(fs::read_dir(place.join("tenant-")).unwrap().count(), 0);
    }
}

/// The permissions of everything in a directory, and of itself, that are not its owner's alone.
fn open_to_others(path: &Path) -> Vec<String> {
    let metadata = path.metadata().unwrap();
    let (mode, own) =
        (metadata.permissions().mode(), if metadata.is_dir() { 0o700 } else { 0o600 });
    let mut found = Vec::new();
    if mode & 0o777 != own {
        found.push(format!("{}: {mode:o}", path.display()));
    }
    if metadata.is_dir() {
        let entries = fs::read_dir(path).unwrap();
        found.extend(entries.flat_map(|entry| open_to_others(&entry.unwrap().path())));
    }
    found
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_made_is_its_owners_alone_and_what_is_there_stays_as_it_is() {
    let folder = TempDir::new().unwrap();
    let [made, there, copy] = ["made", "there", "copy"].map(|name| folder.path().join(name));
    fs::create_dir(&there).unwrap();
    let mode = fs::Permissions::from_mode(0o755);
    fs::set_permissions(&there, mode.clone()).unwrap();
    for place in [made.join("store"), there.clone()] {
        let store = EmbeddedStore::open(&place, small()).unwrap();
        write(&store, &Exports::default(), 1..4).await;
    }
    snapshot(&made.join("store"), &copy, &mut |_| {}, &|| false).unwrap();
    let ephemeral = EmbeddedStore::open_ephemeral(&made.join("temporary"), small()).unwrap();
    write(&ephemeral, &Exports::default(), 1..4).await;
    for place in [&made, &copy, &there.join("tenant-"), &there.join("LOCK")] {
        assert_eq!(open_to_others(place), Vec::<String>::new());
    }
    assert_eq!(there.metadata().unwrap().permissions().mode() & 0o777, 0o755);
}

#[tokio::test]
async fn what_is_in_the_place_of_an_ephemeral_store_is_not_removed() {
    let folder = TempDir::new().unwrap();
    let entries = || fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().path());
    let store = EmbeddedStore::open_ephemeral(folder.path(), small()).unwrap();
    let place = entries().next().unwrap();
    fs::rename(&place, folder.path().join("moved")).unwrap();
    fs::create_dir(&place).unwrap();
    drop(store);
    assert!(place.exists());

    fs::remove_dir_all(folder.path().join("moved")).unwrap();
    fs::remove_dir(&place).unwrap();
    drop(EmbeddedStore::open_ephemeral(folder.path(), small()).unwrap());
    assert_eq!(entries().count(), 0);
}
