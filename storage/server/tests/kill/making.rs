use std::path::Path;

/// What a store is making, as its files tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Making {
    Manifest,
    /// A segment of a head.
    Flushed,
    /// A segment of others.
    Merged,
}

impl Making {
    /// What is being made in a tenant's directory, or was when the process was killed.
    pub fn seen(tenant: &Path) -> Option<Self> {
        let names = names(tenant);
        if names.iter().any(|name| name == "tmp-manifest") {
            return Some(Self::Manifest);
        }
        let segment = names.iter().find_map(|name| number(name, "tmp-"))?;
        let logs = logs(&names);
        // A head is flushed while there is a later one, and until then none is begun after that.
        let is_flushed = logs.len() > 1 && logs.iter().all(|log| *log < segment);
        Some(if is_flushed { Self::Flushed } else { Self::Merged })
    }
}

/// The numbers of the logs in a tenant's directory.
pub fn logs_in(tenant: &Path) -> Vec<u64> {
    logs(&names(tenant))
}

fn logs(names: &[String]) -> Vec<u64> {
    names.iter().filter_map(|name| number(name, "log-")).collect()
}

fn number(name: &str, kind: &str) -> Option<u64> {
    name.strip_prefix(kind)?.parse().ok()
}

fn names(tenant: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(tenant).into_iter().flatten();
    // A file may go at any moment.
    entries.flatten().map(|entry| entry.file_name().into_string().unwrap()).collect()
}
