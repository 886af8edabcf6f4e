//! The repository's own files, as the tests read them.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, ensure};
use serde_json::Value;

/// The root of this repository.
pub fn repository() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .expect("this crate is a folder of the repository")
}

/// The YAML or JSON files of a folder, which must have one at least, with their paths relative to
/// the root.
///
/// # Errors
/// When the folder or one of the files cannot be read.
pub fn read_folder(folder: &str, extension: &str) -> anyhow::Result<Vec<(PathBuf, Value)>> {
    let mut paths = Vec::new();
    let entries = fs::read_dir(repository().join(folder));
    for entry in entries.with_context(|| format!("reading {folder}"))? {
        let path = Path::new(folder).join(entry?.file_name());
        if path.extension().is_some_and(|own| own == extension) {
            paths.push(path);
        }
    }
    ensure!(!paths.is_empty(), "finding a .{extension} file in {folder}");
    paths.sort();
    paths.into_iter().map(|path| Ok((path.clone(), read_file(&path)?))).collect()
}

/// One YAML or JSON file, by its path relative to the root.
///
/// # Errors
/// When the file cannot be read.
pub fn read_file(path: &Path) -> anyhow::Result<Value> {
    let text = fs::read_to_string(repository().join(path))
        .with_context(|| format!("reading {}", path.display()))?;
    // JSON is YAML too.
    serde_saphyr::from_str(&text).with_context(|| format!("parsing {}", path.display()))
}
