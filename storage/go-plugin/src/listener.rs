use std::fs::{self, Permissions};
use std::io;
use std::os::unix::fs::{PermissionsExt, chown};
use std::path::Path;

use tempfile::{Builder, TempDir, TempPath};
use tokio::net::{TcpListener, UnixListener};

use crate::Error;
use crate::environment::{Environment, MAX_PORT, MIN_PORT};

/// What the files and folders that the plugin makes begin with, as in go-plugin.
const PREFIX: &str = "plugin";

/// A socket's file, which goes when this does.
pub struct SocketFile {
    path: TempPath,
    /// Its directory, unless the host gave one. Removed after the file.
    _directory: Option<TempDir>,
}

impl SocketFile {
    pub fn path(&self) -> &Path {
        &self.path
    }
}

/// Listens on a new socket: in the host's directory, where a host of containers expects it, or else
/// in one of its own, which nobody else may enter.
pub fn unix(environment: &Environment) -> Result<(UnixListener, SocketFile), Error> {
    let (directory, own) = match &environment.socket_directory {
        Some(given) => (given.clone(), None),
        None => {
            let own = Builder::new()
                .prefix(PREFIX)
                .permissions(Permissions::from_mode(0o700))
                .tempdir()
                .map_err(|source| listen(&std::env::temp_dir(), source))?;
            (own.path().to_owned(), Some(own))
        }
    };
    let (listener, path) = Builder::new()
        .prefix(PREFIX)
        .make_in(&directory, |path| UnixListener::bind(path))
        .map_err(|source| listen(&directory, source))?
        .into_parts();
    if let Some(group) = &environment.socket_group {
        give(&path, own.as_ref().map(TempDir::path), group)
            .map_err(|source| Error::Group { group: group.clone(), source })?;
    }
    Ok((listener, SocketFile { path, _directory: own }))
}

fn listen(directory: &Path, source: io::Error) -> Error {
    Error::Listen { at: format!("a unix socket in {}", directory.display()), source }
}

/// Lets a group use the socket, and find it in the plugin's own directory.
fn give(socket: &Path, directory: Option<&Path>, group: &str) -> io::Result<()> {
    let group = group_id(group)?;
    chown(socket, None, Some(group))?;
    fs::set_permissions(socket, Permissions::from_mode(0o660))?;
    if let Some(directory) = directory {
        chown(directory, None, Some(group))?;
        fs::set_permissions(directory, Permissions::from_mode(0o710))?;
    }
    Ok(())
}

fn group_id(group: &str) -> io::Result<u32> {
    if let Ok(id) = group.parse() {
        return Ok(id);
    }
    // A line is `name:password:number:members`.
    fs::read_to_string("/etc/group")?
        .lines()
        .map(|line| line.split(':'))
        .find_map(|mut fields| (fields.next() == Some(group)).then(|| fields.nth(1))?)
        .and_then(|id| id.parse().ok())
        .ok_or_else(|| io::Error::new(io::ErrorKind::NotFound, "/etc/group does not have it"))
}

/// Listens on loopback, on the first free one of the host's ports, or on any when it names none.
pub async fn tcp(environment: &Environment) -> Result<TcpListener, Error> {
    let first = port(MIN_PORT, environment.min_port.as_deref())?;
    let last = port(MAX_PORT, environment.max_port.as_deref())?;
    let mut failure = io::Error::new(io::ErrorKind::InvalidInput, "the range is empty");
    for port in first..=last {
        match TcpListener::bind(("127.0.0.1", port)).await {
            Ok(listener) => return Ok(listener),
            Err(error) => failure = error,
        }
    }
    Err(Error::Listen {
        at: format!("a port of 127.0.0.1 from {first} to {last}"),
        source: failure,
    })
}

fn port(name: &'static str, value: Option<&str>) -> Result<u16, Error> {
    let Some(value) = value else { return Ok(0) };
    value.parse().map_err(|_| Error::Variable { name, value: value.to_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_group_is_known_by_number_and_by_name() {
        assert_eq!(group_id("4711").unwrap(), 4711);
        assert_eq!(group_id("root").unwrap(), 0);
        assert_eq!(group_id("no such group").unwrap_err().kind(), io::ErrorKind::NotFound);
    }

    #[tokio::test]
    async fn a_taken_port_is_passed_over() {
        let taken = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = taken.local_addr().unwrap().port();
        let ports = |from: u16, to: u16| Environment {
            min_port: Some(from.to_string()),
            max_port: Some(to.to_string()),
            ..Environment::default()
        };

        let error = tcp(&ports(port, port)).await.unwrap_err();
        assert!(matches!(error, Error::Listen { .. }), "{error}");
        let error = tcp(&ports(port, port - 1)).await.unwrap_err();
        assert!(error.to_string().contains("the range is empty"), "{error}");
        let error = tcp(&ports(0, 0)).await.map(|_| ()).err();
        assert!(error.is_none(), "{error:?}");

        let last = port.saturating_add(100);
        let found = tcp(&ports(port, last)).await.unwrap().local_addr().unwrap().port();
        assert!(port < found && found <= last, "{found} of {port}..={last}");
    }

    #[tokio::test]
    async fn what_is_no_port_is_named() {
        let environment =
            Environment { max_port: Some("70000".to_owned()), ..Environment::default() };
        let error = tcp(&environment).await.unwrap_err().to_string();
        assert!(error.contains("PLUGIN_MAX_PORT") && error.contains("70000"), "{error}");
    }
}
