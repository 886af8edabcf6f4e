use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::Path;

use rustix::process::getegid;

use super::support::{COOKIE_KEY, Plugin, greeter, refused};

#[tokio::test]
async fn a_person_is_told_in_one_line_that_it_is_a_plugin() {
    let (stdout, line) = refused(greeter().env_remove(COOKIE_KEY)).await;
    assert_eq!(stdout, "");
    assert!(line.contains("this program is a plugin"), "{line}");

    let (stdout, line) = refused(greeter().env(COOKIE_KEY, "d3f40b")).await;
    assert_eq!(stdout, "");
    assert!(line.contains("this program is a plugin"), "{line}");
}

#[tokio::test]
async fn the_newest_common_version_is_served() {
    let plugin = Plugin::start(greeter().env("PLUGIN_PROTOCOL_VERSIONS", "1,2,7")).await;
    assert!(plugin.line.starts_with("1|2|unix|/"), "{}", plugin.line);
    assert!(plugin.line.ends_with("|grpc"), "{}", plugin.line);
    assert_eq!(plugin.greet("Ann").await.unwrap(), "Good day, Ann");

    let old = Plugin::start(greeter().env_remove("PLUGIN_PROTOCOL_VERSIONS")).await;
    assert!(old.line.starts_with("1|1|unix|/"), "{}", old.line);
    assert_eq!(old.greet("Ann").await.unwrap(), "Hi, Ann");
}

#[tokio::test]
async fn a_host_of_other_versions_can_tell_which_the_plugin_speaks() {
    let (stdout, line) = refused(greeter().env("PLUGIN_PROTOCOL_VERSIONS", "3,4")).await;
    assert_eq!(stdout, "1|1|unix||grpc\n");
    assert!(line.contains("\"3,4\"") && line.contains("[1, 2]"), "{line}");
}

#[tokio::test]
async fn auto_mtls_is_refused() {
    let (stdout, line) = refused(greeter().env("PLUGIN_CLIENT_CERT", "-----BEGIN")).await;
    assert_eq!(stdout, "");
    assert!(line.contains("AutoMTLS"), "{line}");
}

#[tokio::test]
async fn a_host_that_would_multiplex_is_told_that_it_cannot() {
    let plugin = Plugin::start(greeter().env("PLUGIN_MULTIPLEX_GRPC", "true")).await;
    assert!(plugin.line.ends_with("|grpc||false"), "{}", plugin.line);
}

#[tokio::test]
async fn its_socket_is_in_a_directory_that_nobody_else_may_enter() {
    let folder = tempfile::tempdir().unwrap();
    let plugin = Plugin::start(greeter().env("TMPDIR", folder.path())).await;
    let socket = Path::new(plugin.address());
    let directory = socket.parent().unwrap();
    assert_eq!(directory.parent(), Some(folder.path()));
    assert_eq!(mode(directory), 0o700);
}

#[tokio::test]
async fn a_hosts_directory_has_the_socket_itself() {
    let folder = tempfile::tempdir().unwrap();
    let plugin = Plugin::start(greeter().env("PLUGIN_UNIX_SOCKET_DIR", folder.path())).await;
    assert_eq!(Path::new(plugin.address()).parent(), Some(folder.path()));
}

#[tokio::test]
async fn a_group_may_use_the_socket() {
    let group = getegid().as_raw();
    let mut command = greeter();
    let plugin = Plugin::start(command.env("PLUGIN_UNIX_SOCKET_GROUP", group.to_string())).await;
    let socket = Path::new(plugin.address());
    assert_eq!(mode(socket), 0o660);
    assert_eq!(fs::metadata(socket).unwrap().gid(), group);
    assert_eq!(mode(socket.parent().unwrap()), 0o710);

    let (_, line) = refused(greeter().env("PLUGIN_UNIX_SOCKET_GROUP", "nobody knows")).await;
    assert!(line.contains("nobody knows"), "{line}");
}

#[tokio::test]
async fn a_directory_that_is_not_there_is_named() {
    let (stdout, line) = refused(greeter().env("PLUGIN_UNIX_SOCKET_DIR", "/not/there")).await;
    assert_eq!(stdout, "");
    assert!(line.contains("/not/there"), "{line}");
}

#[tokio::test]
async fn over_tcp_it_listens_on_loopback_on_one_of_the_hosts_ports() {
    let mut command = greeter();
    command.arg("--tcp").env("PLUGIN_MIN_PORT", "32100").env("PLUGIN_MAX_PORT", "32600");
    let [one, other] = [Plugin::start(&mut command).await, Plugin::start(&mut command).await];
    for plugin in [&one, &other] {
        assert!(plugin.line.starts_with("1|2|tcp|127.0.0.1:32"), "{}", plugin.line);
        assert_eq!(plugin.greet("Ann").await.unwrap(), "Good day, Ann");
    }
    assert_ne!(one.address(), other.address());
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}
