use std::path::Path;
use std::process::Output;

use tokio::process::Command;
use tokio::time::timeout;

use super::host::{Sidecar, command};
use crate::support::{DEADLINE, spoor};
use crate::v1::span;

/// Runs a command that must fail. Gives its exit code, what the host reads of it, and its error's
/// only line.
async fn refusal(command: &mut Command) -> (i32, String, String) {
    let ended = timeout(DEADLINE, command.output()).await.expect("it refuses to serve");
    let Output { status, stdout, stderr } = ended.unwrap();
    let stderr = String::from_utf8(stderr).unwrap();
    let line = stderr.strip_suffix('\n').expect("a line").to_owned();
    assert!(!line.contains('\n'), "one line: {stderr}");
    (status.code().unwrap(), String::from_utf8(stdout).unwrap(), line)
}

fn is_empty(folder: &Path) -> bool {
    folder.read_dir().unwrap().next().is_none()
}

#[tokio::test]
async fn a_person_without_the_cookie_is_told_in_one_line_what_to_start() {
    let folder = tempfile::tempdir().unwrap();
    for cookie in [None, Some("Jaeger"), Some("")] {
        let mut command = command(folder.path(), "");
        match cookie {
            None => command.env_remove("STORAGE_PLUGIN"),
            Some(cookie) => command.env("STORAGE_PLUGIN", cookie),
        };
        let (code, stdout, line) = refusal(&mut command).await;
        assert_eq!((code, stdout.as_str()), (64, ""), "{cookie:?}");
        assert!(line.starts_with("spoor: without a command"), "{line}");
        assert!(line.contains("STORAGE_PLUGIN") && line.contains("spoor serve"), "{line}");
    }
    assert!(is_empty(folder.path()));
}

#[tokio::test]
async fn the_cookie_makes_no_sidecar_of_a_command() {
    let mut command = spoor();
    command.env("STORAGE_PLUGIN", "jaeger").args(["serve", "--set", "nothing=1"]);
    let (code, _, line) = refusal(&mut command).await;
    assert_eq!(code, 64);
    assert!(line.starts_with("spoor: reading the key nothing"), "{line}");
}

#[tokio::test]
async fn a_host_of_other_versions_can_tell_which_the_sidecar_speaks() {
    let folder = tempfile::tempdir().unwrap();
    let mut command = command(folder.path(), "");
    let (code, stdout, line) = refusal(command.env("PLUGIN_PROTOCOL_VERSIONS", "2,3")).await;
    assert_eq!((code, stdout.as_str()), (1, "1|1|unix||grpc\n"));
    assert!(line.starts_with("[ERROR] spoor: "), "{line}");
    assert!(line.contains("\"2,3\"") && line.contains("[1]"), "{line}");
    assert!(is_empty(folder.path()));
}

#[tokio::test]
async fn auto_mtls_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let mut command = command(folder.path(), "");
    let (code, stdout, line) = refusal(command.env("PLUGIN_CLIENT_CERT", "-----BEGIN")).await;
    assert_eq!((code, stdout.as_str()), (1, ""));
    assert!(line.starts_with("[ERROR] spoor: ") && line.contains("AutoMTLS"), "{line}");
    assert!(is_empty(folder.path()));
}

#[tokio::test]
async fn a_fault_of_its_configuration_is_an_error_in_the_hosts_log() {
    let folder = tempfile::tempdir().unwrap();
    let (code, stdout, line) = refusal(&mut command(folder.path(), "not-there.toml")).await;
    assert_eq!((code, stdout.as_str()), (64, ""));
    assert!(line.starts_with("[ERROR] spoor: ") && line.contains("not-there.toml"), "{line}");
}

#[tokio::test]
async fn the_second_of_two_sidecars_on_a_directory_is_told_of_the_remote_server() {
    let folder = tempfile::tempdir().unwrap();
    let first = Sidecar::start(folder.path()).await;
    let (code, stdout, line) = refusal(&mut command(folder.path(), "")).await;
    assert_eq!((code, stdout.as_str()), (1, ""));
    let directory = folder.path().join("spoor-data");
    for words in [directory.to_str().unwrap(), "spoor serve", "--grpc-storage.server"] {
        assert!(line.contains(words), "{words} in {line}");
    }
    first.write(span(1, 1)).await.unwrap();
    assert_eq!(first.spans(1).await, 1);
}

#[tokio::test]
async fn what_tells_callers_apart_is_refused_and_so_is_tracing() {
    let folder = tempfile::tempdir().unwrap();
    let hash = "0".repeat(64);
    for (key, variables) in [
        ("tenant_header", vec![("SPOOR_TENANT_HEADER", "x-tenant")]),
        ("read_tokens", vec![("SPOOR_READ_TOKENS", hash.as_str())]),
        ("write_tokens", vec![("SPOOR_WRITE_TOKENS", &hash)]),
        (
            "tls_certificate",
            vec![("SPOOR_TLS_CERTIFICATE", "server.pem"), ("SPOOR_TLS_KEY", "server.key")],
        ),
        ("tracing", vec![("SPOOR_TRACING", "true")]),
    ] {
        let mut command = command(folder.path(), "");
        let (code, stdout, line) = refusal(command.envs(variables)).await;
        assert_eq!((code, stdout.as_str()), (64, ""), "{key}");
        assert!(line.starts_with(&format!("[ERROR] spoor: the sidecar has no {key}")), "{line}");
        assert!(line.contains("spoor serve"), "{line}");
    }
    assert!(is_empty(folder.path()));
}

#[tokio::test]
async fn a_listener_of_the_archive_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let mut command = command(folder.path(), "");
    command.env("SPOOR_ARCHIVE", "true").env("SPOOR_ARCHIVE_LISTEN", "127.0.0.1:0");
    let (code, stdout, line) = refusal(&mut command).await;
    assert_eq!((code, stdout.as_str()), (64, ""));
    assert!(line.starts_with("[ERROR] spoor: ") && line.contains("archive_listen"), "{line}");
    assert!(is_empty(folder.path()));
}
