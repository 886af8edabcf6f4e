//! Keeping what nobody knows the use of.

use std::io::{self, ErrorKind};

use crate::disk::Disk;
use crate::manifest::{FileName, is_dir};
use crate::snapshot::append_rest;
use crate::tools::DAMAGED;

/// Keeps a file of a tenant's directory under another one too. Nothing else is done if it is not
/// there. What is no file is moved.
pub(crate) fn set_aside(disk: &dyn Disk, dir: &str, file: FileName) -> io::Result<()> {
    let damaged = format!("{dir}/{DAMAGED}");
    match disk.create_dir(&damaged) {
        Err(error) if error.kind() != ErrorKind::AlreadyExists => return Err(error),
        _ => disk.sync_dir(dir)?,
    }
    let from = file.path_in(dir);
    let there = disk.list(&damaged)?;
    // An earlier time may have set aside one of this name.
    let name = |attempt: u32| match attempt {
        0 => file.to_string(),
        _ => format!("{file}.{attempt}"),
    };
    let free = (0..).map(name).find(|name| !there.contains(name));
    let to = format!("{damaged}/{}", free.unwrap_or_default());
    if is_dir(disk, &from)? {
        disk.rename(&from, &to)?;
        disk.sync_dir(dir)?;
    } else {
        match disk.hard_link(&from, &to) {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
            // A file system without links.
            Err(_) => copy(disk, &from, &to).inspect_err(|_| drop(disk.remove(&to)))?,
            Ok(()) => {}
        }
    }
    disk.sync_dir(&damaged)
}

fn copy(disk: &dyn Disk, from: &str, to: &str) -> io::Result<()> {
    let from = disk.open(from)?;
    let mut to = disk.create(to)?;
    append_rest(&*from, &mut *to, &|| false)?;
    to.sync()
}
