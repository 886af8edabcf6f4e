//! Finding the programs of others.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};

use crate::with::With;

/// The programs of one run. What is in here is in the lab.
pub type Programs = BTreeMap<With, PathBuf>;

/// The program of each: the first on the PATH, or else the newest in the cache of `e2e/programs`.
///
/// # Errors
/// When any is in neither: then the command that builds all that are missing is told.
pub fn find_all(
    with: &[With],
    lookup: impl Fn(&str) -> Option<OsString>,
) -> anyhow::Result<Programs> {
    let mut programs = Programs::new();
    let mut missing = Vec::new();
    for part in with {
        match find(*part, &lookup) {
            Some(path) => {
                let path = std::path::absolute(&path)
                    .with_context(|| format!("resolving the path {}", path.display()))?;
                programs.insert(*part, path);
            }
            None => missing.push(part.name()),
        }
    }
    if !missing.is_empty() {
        bail!(
            "no program found for {}: `e2e/programs {}` builds what is missing (it needs Go)",
            missing.join(", "),
            missing.join(" ")
        );
    }
    Ok(programs)
}

fn find(part: With, lookup: impl Fn(&str) -> Option<OsString>) -> Option<PathBuf> {
    let set = |name| lookup(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let name = match part {
        // As its own packages call it.
        With::Collector => "otelcol-contrib",
        _ => part.name(),
    };
    let path = lookup("PATH").unwrap_or_default();
    let on_path = std::env::split_paths(&path).map(|folder| folder.join(name));
    if let Some(program) = on_path.into_iter().find(|program| program.is_file()) {
        return Some(program);
    }
    let cache = set("LAB_PROGRAMS").or_else(|| {
        let caches = set("XDG_CACHE_HOME").or_else(|| Some(set("HOME")?.join(".cache")))?;
        Some(caches.join("spoor/programs"))
    });
    newest(&cache?, part.name())
}

/// The cache's `NAME-VERSION` of the highest version.
fn newest(cache: &Path, name: &str) -> Option<PathBuf> {
    let version = |path: &PathBuf| -> Option<Vec<u32>> {
        let numbers = path.file_name()?.to_str()?.strip_prefix(name)?.strip_prefix('-')?.split('.');
        numbers.map(|number| number.parse().ok()).collect()
    };
    let files = std::fs::read_dir(cache).ok()?.flatten().map(|entry| entry.path());
    files.filter(|path| version(path).is_some()).max_by_key(version)
}

#[cfg(test)]
mod tests {
    use With::{Collector, Jaeger, Loki};

    use super::*;

    /// A folder with empty files of these names.
    fn folder(names: &[&str]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        names.iter().for_each(|name| std::fs::write(folder.path().join(name), "").unwrap());
        folder
    }

    #[test]
    fn the_newest_of_the_cache_is_found_and_nothing_else() {
        let names = ["jaeger-2.9.0", "jaeger-2.13.0", "jaeger-suite-2.14.0", "compose-2.40.3"];
        let cache = folder(&names);
        let lookup = |name: &str| (name == "LAB_PROGRAMS").then(|| cache.path().into());
        let found = find_all(&[Jaeger], lookup).unwrap();
        assert_eq!(found[&Jaeger], cache.path().join("jaeger-2.13.0"));
    }

    #[test]
    fn what_is_on_the_path_wins_under_the_name_of_its_own_packages() {
        let (cache, path) = (folder(&["collector-0.145.0"]), folder(&["otelcol-contrib"]));
        let lookup = |name: &str| match name {
            "LAB_PROGRAMS" => Some(cache.path().into()),
            "PATH" => Some(path.path().into()),
            _ => None,
        };
        let found = find_all(&[Collector], lookup).unwrap();
        assert_eq!(found[&Collector], path.path().join("otelcol-contrib"));
    }

    #[test]
    fn all_that_are_missing_are_named_with_the_command_that_builds_them() {
        let problem = find_all(&[Jaeger, Collector, Loki], |_| None).unwrap_err().to_string();
        assert!(problem.contains("for jaeger, collector, loki:"), "{problem}");
        assert!(problem.contains("`e2e/programs jaeger collector loki`"), "{problem}");
    }
}
