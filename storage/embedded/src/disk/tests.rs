//! What holds for both disks.

use std::io::{ErrorKind, IoSlice};

use super::*;

fn on_both_disks(test: impl Fn(&dyn Disk)) {
    let dir = tempfile::tempdir().unwrap();
    test(&RealDisk::open(dir.path()).unwrap());
    test(&SimulatedDisk::new(0));
}

fn write(disk: &dyn Disk, path: &str, bytes: &[u8]) {
    disk.create(path).unwrap().append(bytes).unwrap();
}

fn read(disk: &dyn Disk, path: &str) -> Vec<u8> {
    let file = disk.open(path).unwrap();
    let mut bytes = vec![0; file.len() as usize];
    file.read_exact_at(&mut bytes, 0).unwrap();
    bytes
}

#[test]
fn a_file_gives_back_what_was_appended() {
    on_both_disks(|disk| {
        let mut file = disk.create("file").unwrap();
        assert!(file.is_empty());
        file.append(b"one").unwrap();
        let mut parts = [&b""[..], b" two", b"", b" three", b""].map(IoSlice::new);
        file.append_vectored(&mut parts).unwrap();
        file.append(b"").unwrap();
        file.append_vectored(&mut []).unwrap();
        file.sync().unwrap();
        assert_eq!(file.len(), 13);
        assert_eq!(read(disk, "file"), b"one two three");
        assert_eq!(disk.size("file").unwrap(), 13);
    });
}

#[test]
fn many_parts_are_appended_in_order() {
    on_both_disks(|disk| {
        let numbers: Vec<_> = (0..5_000_u32).map(u32::to_le_bytes).collect();
        let mut parts: Vec<_> = numbers.iter().map(|number| IoSlice::new(number)).collect();
        disk.create("file").unwrap().append_vectored(&mut parts).unwrap();
        assert_eq!(read(disk, "file"), numbers.concat());
    });
}

#[test]
fn any_part_of_a_file_is_read_and_nothing_beyond_its_end() {
    on_both_disks(|disk| {
        write(disk, "file", b"0123456789");
        let file = disk.open("file").unwrap();
        let mut buf = [0; 4];
        file.read_exact_at(&mut buf, 6).unwrap();
        assert_eq!(&buf, b"6789");
        for offset in [7, 10, 1 << 40] {
            let error = file.read_exact_at(&mut buf, offset).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::UnexpectedEof, "at {offset}");
        }
    });
}

#[test]
fn creating_a_file_again_empties_it() {
    on_both_disks(|disk| {
        write(disk, "file", b"old");
        write(disk, "file", b"a");
        assert_eq!(read(disk, "file"), b"a");
    });
}

#[test]
fn a_rename_replaces_the_file_that_has_the_name() {
    on_both_disks(|disk| {
        write(disk, "MANIFEST", b"old");
        write(disk, "tmp-1", b"new");
        let old = disk.open("MANIFEST").unwrap();
        disk.rename("tmp-1", "MANIFEST").unwrap();
        assert_eq!(disk.list("").unwrap(), ["MANIFEST"]);
        assert_eq!(read(disk, "MANIFEST"), b"new");
        let mut bytes = [0; 3];
        old.read_exact_at(&mut bytes, 0).unwrap();
        assert_eq!(&bytes, b"old");
    });
}

#[test]
fn a_removed_file_can_be_read_by_who_has_it_open() {
    on_both_disks(|disk| {
        write(disk, "file", b"bytes");
        let file = disk.open("file").unwrap();
        disk.remove("file").unwrap();
        disk.sync_dir("").unwrap();
        let mut bytes = [0; 5];
        file.read_exact_at(&mut bytes, 0).unwrap();
        assert_eq!(&bytes, b"bytes");
        assert_eq!(disk.open("file").unwrap_err().kind(), ErrorKind::NotFound);
    });
}

#[test]
fn a_hard_link_is_the_same_file_and_outlives_the_first_name() {
    on_both_disks(|disk| {
        write(disk, "file", b"bytes");
        disk.create_dir("snapshot").unwrap();
        disk.hard_link("file", "snapshot/file").unwrap();
        disk.remove("file").unwrap();
        assert_eq!(read(disk, "snapshot/file"), b"bytes");
        // Two names of one file: a rename leaves both, as POSIX has it.
        disk.hard_link("snapshot/file", "again").unwrap();
        disk.rename("again", "snapshot/file").unwrap();
        assert_eq!(disk.list("").unwrap(), ["again", "snapshot"]);
    });
}

#[test]
fn a_directory_has_its_names_in_order_and_goes_when_empty() {
    on_both_disks(|disk| {
        disk.create_dir("tenant").unwrap();
        for name in ["segment-2", "log-10", "MANIFEST", "log-9"] {
            write(disk, &format!("tenant/{name}"), b"");
        }
        let names = disk.list("tenant").unwrap();
        assert_eq!(names, ["MANIFEST", "log-10", "log-9", "segment-2"]);
        assert_eq!(disk.list("").unwrap(), ["tenant"]);
        let error = disk.remove_dir("tenant").unwrap_err();
        assert_eq!(error.kind(), ErrorKind::DirectoryNotEmpty);
        for name in names {
            disk.remove(&format!("tenant/{name}")).unwrap();
        }
        disk.remove_dir("tenant").unwrap();
        disk.sync_dir("").unwrap();
        assert!(disk.list("").unwrap().is_empty());
    });
}

#[test]
fn an_error_has_its_kind_and_says_what_was_done_to_which_path() {
    type Call = fn(&dyn Disk) -> io::Result<()>;
    let calls: [(&str, &str, ErrorKind, Call); 14] = [
        ("creating", "no/file", ErrorKind::NotFound, |disk| disk.create("no/file").map(drop)),
        ("creating", "dir", ErrorKind::IsADirectory, |disk| disk.create("dir").map(drop)),
        ("opening", "no", ErrorKind::NotFound, |disk| disk.open("no").map(drop)),
        ("renaming", "file", ErrorKind::NotFound, |disk| disk.rename("no", "file")),
        ("renaming", "no/file", ErrorKind::NotFound, |disk| disk.rename("file", "no/file")),
        ("removing", "no", ErrorKind::NotFound, |disk| disk.remove("no")),
        ("listing", "no", ErrorKind::NotFound, |disk| disk.list("no").map(drop)),
        ("listing", "file", ErrorKind::NotADirectory, |disk| disk.list("file").map(drop)),
        ("creating the directory", "dir", ErrorKind::AlreadyExists, |disk| disk.create_dir("dir")),
        ("removing the directory", "no", ErrorKind::NotFound, |disk| disk.remove_dir("no")),
        ("syncing the directory", "no", ErrorKind::NotFound, |disk| disk.sync_dir("no")),
        ("linking", "dir", ErrorKind::AlreadyExists, |disk| disk.hard_link("file", "dir")),
        ("linking", "new", ErrorKind::NotFound, |disk| disk.hard_link("no", "new")),
        ("measuring", "no", ErrorKind::NotFound, |disk| disk.size("no").map(drop)),
    ];
    on_both_disks(|disk| {
        disk.create_dir("dir").unwrap();
        write(disk, "file", b"");
        for (doing, path, kind, call) in &calls {
            let error = call(disk).unwrap_err();
            assert_eq!(error.kind(), *kind, "{error}");
            let text = error.to_string();
            let (told, _) = text.rsplit_once(": ").unwrap();
            assert!(told.starts_with(doing) && told.ends_with(path), "{text}");
            let inner = error.get_ref().unwrap().downcast_ref::<DiskError>().unwrap();
            assert!(std::error::Error::source(inner).is_some());
        }
    });
}

#[test]
fn a_real_disk_tells_its_free_space() {
    let dir = tempfile::tempdir().unwrap();
    assert!(RealDisk::open(dir.path()).unwrap().free_space().unwrap() > 0);
}

#[test]
fn a_file_is_linked_to_another_real_disk() {
    let [from, to] = [(), ()].map(|()| tempfile::tempdir().unwrap());
    let [disk, other] = [&from, &to].map(|dir| RealDisk::open(dir.path()).unwrap());
    for disk in [&disk, &other] {
        disk.create_dir("tenant").unwrap();
    }
    write(&disk, "tenant/file", b"bytes");
    disk.link_to("tenant/file", &other).unwrap();
    assert_eq!(std::fs::read(to.path().join("tenant/file")).unwrap(), b"bytes");
}

#[test]
fn a_real_directory_that_is_removed_takes_nothing_more_and_says_why() {
    let dir = tempfile::tempdir().unwrap();
    let disk = RealDisk::open(dir.path()).unwrap();
    disk.create_dir("tenant").unwrap();
    let mut file = disk.create("tenant/file").unwrap();
    file.sync().unwrap();
    std::fs::remove_dir_all(dir.path().join("tenant")).unwrap();
    std::fs::create_dir(dir.path().join("tenant")).unwrap();
    for error in [
        disk.create("tenant/new").map(drop).unwrap_err(),
        disk.rename("tenant/file", "tenant/new").unwrap_err(),
        file.sync().unwrap_err(),
    ] {
        assert_eq!(error.kind(), ErrorKind::NotFound);
        assert!(error.to_string().ends_with(" was removed"), "{error}");
    }
}

#[test]
fn the_directory_of_a_path_is_what_comes_before_its_name() {
    assert_eq!(parent("MANIFEST"), "");
    assert_eq!(parent("tenant/log-1"), "tenant");
    assert_eq!(parent("tenants/one/log-1"), "tenants/one");
}
