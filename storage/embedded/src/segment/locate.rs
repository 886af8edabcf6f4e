//! Finds the directory of a segment's file.

use std::cmp::Ordering;

use super::directory::{self, Directory, Flaw};
use super::error::{Part, SegmentError};
use super::source::Source;
use super::{HEADER_LEN, HEADER_MAGIC};

/// What is read of a file's end at first: the directory of a segment of up to 290 blocks.
const FIRST_READ: usize = 16 * 1024;

/// What is read at a time when the first copy of the directory has to be found.
const SEARCH_READ: usize = 256 * 1024;

/// How many magic bytes are tried then: spans may have them in their texts.
const SEARCH_TRIES: usize = 16;

/// Reads the directory at the file's end, or the copy before it when that one is damaged.
pub(super) fn read_directory(source: &Source) -> Result<Directory, SegmentError> {
    let (path, bytes) = (source.path().clone(), source.len());
    match last_directory(source)? {
        Ok(directory) => return Ok(directory),
        Err(Flaw::Newer(version)) => return Err(SegmentError::Newer { path, version }),
        Err(Flaw::CutShort) => return Err(SegmentError::CutShort { path, bytes }),
        Err(Flaw::Damaged) => {}
    }
    if let Some(directory) = first_directory(source)? {
        tracing::warn!(segment = %source.path(), "a directory is damaged, its copy is used");
        return Ok(directory);
    }
    let magic_len = (HEADER_MAGIC.len() as u64).min(bytes) as usize;
    let magic = source.read(0, magic_len, Part::Header)?;
    if !HEADER_MAGIC.starts_with(&magic) {
        return Err(SegmentError::NotASegment { path });
    }
    let end = source.len().saturating_sub(directory::MAGIC.len() as u64);
    let end = source.read(end, (source.len() - end) as usize, Part::Directory)?;
    if end == directory::MAGIC {
        return Err(source.damaged(Part::Directory));
    }
    Err(SegmentError::CutShort { path, bytes })
}

/// The directory that the file ends with.
fn last_directory(source: &Source) -> Result<Result<Directory, Flaw>, SegmentError> {
    let first_read = FIRST_READ.min(usize::try_from(source.len()).unwrap_or(usize::MAX));
    let mut end = source.read(source.len() - first_read as u64, first_read, Part::Directory)?;
    let Some((_, trailer)) = directory::split_trailer(&end) else { return Ok(Err(Flaw::Damaged)) };
    let len = trailer.len as usize;
    if len as u64 > source.len() {
        return Ok(Err(Flaw::Damaged));
    }
    if len > end.len() {
        source.read_into(&mut end, source.len() - len as u64, len, Part::Directory)?;
    }
    Ok(decode_for(source, &end[end.len() - len..]))
}

/// The first copy of the directory, which is looked for from the file's end by its magic bytes.
fn first_directory(source: &Source) -> Result<Option<Directory>, SegmentError> {
    let magic_len = directory::MAGIC.len();
    let mut window = Vec::new();
    let mut end = source.len();
    let mut tries_left = SEARCH_TRIES;
    while end > HEADER_LEN {
        let start = end.saturating_sub(SEARCH_READ as u64);
        source.read_into(&mut window, start, (end - start) as usize, Part::Directory)?;
        for at in (0..=window.len().saturating_sub(magic_len)).rev() {
            if !window[at..].starts_with(directory::MAGIC) {
                continue;
            }
            if tries_left == 0 {
                return Ok(None);
            }
            tries_left -= 1;
            let directory_end = start + (at + magic_len) as u64;
            if let Some(directory) = directory_before(source, directory_end)? {
                return Ok(Some(directory));
            }
        }
        if start == 0 {
            break;
        }
        // Magic bytes may lie across the windows.
        end = start + magic_len as u64 - 1;
    }
    Ok(None)
}

/// The directory that ends here in the file, if one does.
fn directory_before(source: &Source, end: u64) -> Result<Option<Directory>, SegmentError> {
    let Some(start) = end.checked_sub(directory::TRAILER as u64) else { return Ok(None) };
    let trailer = source.read(start, directory::TRAILER, Part::Directory)?;
    let Some((_, trailer)) = directory::split_trailer(&trailer) else { return Ok(None) };
    let Some(start) = end.checked_sub(trailer.len.into()) else { return Ok(None) };
    let bytes = source.read(start, trailer.len as usize, Part::Directory)?;
    Ok(decode_for(source, &bytes).ok())
}

/// Decodes a directory, which must be of a file of this length.
fn decode_for(source: &Source, bytes: &[u8]) -> Result<Directory, Flaw> {
    let directory = Directory::decode(bytes)?;
    match directory.info.bytes.cmp(&source.len()) {
        Ordering::Equal => Ok(directory),
        Ordering::Greater => Err(Flaw::CutShort),
        Ordering::Less => Err(Flaw::Damaged),
    }
}
