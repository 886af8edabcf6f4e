//! Jaeger, a program of others: finding it, and running it on the containers' configuration.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use anyhow::bail;

use crate::parts::{Part, this_program};
use crate::ports::{Port, Ports, known};

/// The file that the container has, with a variable for whatever differs here.
const CONFIGURATION: &str = include_str!("../../../compose/jaeger/config.yaml");

use known::OTLP_HTTP;
use known::{JAEGER_HEALTH as HEALTH, JAEGER_METRICS as METRICS, JAEGER_QUERY_GRPC as QUERY_GRPC};
pub use known::{JAEGER_UI as UI, OTLP_GRPC};

/// Every port that Jaeger listens on.
pub const PORTS: [Port; 6] = [UI, QUERY_GRPC, OTLP_GRPC, OTLP_HTTP, HEALTH, METRICS];

/// Jaeger as a part, over the storage server.
///
/// # Errors
/// When the path of this executable is unknown.
pub fn part(program: &Path, ports: &Ports) -> anyhow::Result<Part> {
    let mut command = this_program("foreign")?;
    // By a variable, not by a temporary file that would stay if the lab were killed.
    command.arg(program).args(["--config", "env:LAB_JAEGER_CONFIGURATION"]);
    command.env("LAB_JAEGER_CONFIGURATION", CONFIGURATION);
    command.env("JAEGER_LISTEN_HOST", ports.address(UI).ip().to_string());
    command.env("STORAGE_ENDPOINT", ports.address(known::STORAGE).to_string());
    for (variable, port) in [
        ("JAEGER_UI_PORT", UI),
        ("JAEGER_QUERY_GRPC_PORT", QUERY_GRPC),
        ("JAEGER_OTLP_GRPC_PORT", OTLP_GRPC),
        ("JAEGER_OTLP_HTTP_PORT", OTLP_HTTP),
        ("JAEGER_HEALTH_PORT", HEALTH),
        ("JAEGER_METRICS_PORT", METRICS),
    ] {
        command.env(variable, ports.address(port).port().to_string());
    }
    Ok(Part {
        name: UI.part,
        command,
        ready: format!("http://{}/status", ports.address(HEALTH)),
        places: vec![
            (format!("http://{}", ports.address(UI)), "the UI, and the query APIs"),
            (ports.address(OTLP_GRPC).to_string(), "OTLP in, over gRPC"),
            (format!("http://{}", ports.address(OTLP_HTTP)), "OTLP in, over HTTP"),
        ],
    })
}

/// The Jaeger program: what `flag` or else `LAB_JAEGER` names, or else the first found on the PATH
/// and in the cache of `e2e/programs`.
///
/// # Errors
/// When the named one is no file, or there is none.
pub fn find(
    flag: Option<PathBuf>,
    lookup: impl Fn(&str) -> Option<OsString>,
) -> anyhow::Result<PathBuf> {
    let set = |name| lookup(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    if let Some(path) = flag.or_else(|| set("LAB_JAEGER")) {
        if !path.is_file() {
            bail!("looking for Jaeger: {} is no file", path.display());
        }
        return Ok(path);
    }
    let path = lookup("PATH").unwrap_or_default();
    let on_path = std::env::split_paths(&path).map(|folder| folder.join("jaeger"));
    if let Some(program) = on_path.into_iter().find(|program| program.is_file()) {
        return Ok(program);
    }
    let cache = set("LAB_PROGRAMS").or_else(|| {
        let caches = set("XDG_CACHE_HOME").or_else(|| Some(set("HOME")?.join(".cache")))?;
        Some(caches.join("spoor/programs"))
    });
    if let Some(program) = cache.as_deref().and_then(newest) {
        return Ok(program);
    }
    bail!(
        "no Jaeger program found: `e2e/programs jaeger` builds one (it needs Go), \
         or name yours by --jaeger PATH or LAB_JAEGER"
    )
}

/// The cache's `jaeger-VERSION` of the highest version.
fn newest(cache: &Path) -> Option<PathBuf> {
    let version = |path: &PathBuf| -> Option<Vec<u32>> {
        let numbers = path.file_name()?.to_str()?.strip_prefix("jaeger-")?.split('.');
        numbers.map(|number| number.parse().ok()).collect()
    };
    let files = std::fs::read_dir(cache).ok()?.flatten().map(|entry| entry.path());
    files.filter(|path| version(path).is_some()).max_by_key(version)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_jaeger_of_the_cache_is_found_and_nothing_else() {
        let cache = std::env::temp_dir().join(format!("lab-cache-{}", std::process::id()));
        let programs = cache.join("spoor/programs");
        std::fs::create_dir_all(programs.join("jaeger-suite-2.13.0")).unwrap();
        let lookup = |name: &str| (name == "XDG_CACHE_HOME").then(|| cache.clone().into());
        let problem = find(None, lookup).unwrap_err().to_string();
        assert!(problem.contains("`e2e/programs jaeger`"), "{problem}");

        for name in ["jaeger-2.9.0", "jaeger-2.13.0", "compose-2.40.3"] {
            std::fs::write(programs.join(name), "").unwrap();
        }
        assert_eq!(find(None, lookup).unwrap(), programs.join("jaeger-2.13.0"));
        std::fs::remove_dir_all(cache).unwrap();
    }

    #[test]
    fn a_named_program_that_is_not_there_is_an_error_that_names_it() {
        let lookup = |name: &str| (name == "LAB_JAEGER").then(|| "/from/environment".into());
        let problem = find(None, lookup).unwrap_err().to_string();
        assert!(problem.contains("/from/environment"), "{problem}");
        let problem = find(Some("/from/flag".into()), lookup).unwrap_err().to_string();
        assert!(problem.contains("/from/flag"), "{problem}");
    }
}
