//! Alone in its process, whose limit it changes.

use std::io::ErrorKind;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use spoor_embedded::disk::{Disk, RealDisk};

#[test]
fn what_is_open_can_be_written_named_and_synced_without_further_descriptors() {
    let dir = tempfile::tempdir().unwrap();
    let disk = RealDisk::open(dir.path()).unwrap();
    disk.create_dir("tenant").unwrap();
    let mut file = disk.create("tenant/tmp").unwrap();

    let before = getrlimit(Resource::Nofile);
    setrlimit(Resource::Nofile, Rlimit { current: Some(0), ..before }).unwrap();
    let error = disk.create("tenant/another").map(drop).unwrap_err().to_string();
    let done = [
        file.append(b"bytes"),
        file.sync(),
        disk.rename("tenant/tmp", "tenant/file"),
        disk.sync_dir("tenant"),
        disk.sync_dir(""),
        disk.hard_link("tenant/file", "file"),
        disk.remove("file"),
        disk.free_space().map(drop),
        disk.size("tenant/file").map(drop),
        disk.size("file").map(drop).or_else(|error| match error.kind() {
            ErrorKind::NotFound => Ok(()),
            _ => Err(error),
        }),
    ];
    // What tells of a failure, and removes the directory, takes some.
    setrlimit(Resource::Nofile, before).unwrap();
    assert!(error.contains("Too many open files"), "{error}");
    for done in done {
        done.unwrap();
    }
}
