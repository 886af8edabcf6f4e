use std::env;

use crate::Error;

/// What a plugin and its hosts have agreed on beforehand.
#[derive(Debug, Clone, Copy)]
pub struct Handshake {
    /// The environment variable that a host sets, so that a plugin can tell a host from a person.
    /// It is no protection.
    pub cookie_key: &'static str,
    /// Its value.
    pub cookie_value: &'static str,
    /// The versions of the plugin's own protocol that it speaks.
    pub versions: &'static [u32],
}

impl Handshake {
    /// Whether a host started this process: for a program that is not only a plugin.
    #[must_use]
    pub fn is_offered(&self) -> bool {
        env::var_os(self.cookie_key).is_some_and(|value| value == self.cookie_value)
    }

    /// The newest version that both speak. A host that tells none knows nothing of versions, and
    /// gets the oldest.
    pub(crate) fn negotiate(&self, host: Option<&str>) -> Result<u32, Error> {
        let ours = self.versions.iter().copied();
        let version = match host {
            None => ours.min(),
            Some(list) => {
                let spoken = |ours: &u32| list.split(',').any(|theirs| theirs.parse() == Ok(*ours));
                ours.filter(spoken).max()
            }
        };
        version.ok_or_else(|| Error::Versions {
            host: host.unwrap_or_default().to_owned(),
            plugin: self.versions,
        })
    }
}

/// The line that a host reads from the plugin's standard output.
pub fn line(version: u32, network: &str, address: &str, multiplex: bool) -> String {
    // The sixth field is for AutoMTLS's certificate. Older hosts cannot read a seventh, which tells
    // whether there is multiplexing; those that can ask for it.
    let further = if multiplex { "||false" } else { "" };
    format!("1|{version}|{network}|{address}|grpc{further}\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    const HANDSHAKE: Handshake =
        Handshake { cookie_key: "KEY", cookie_value: "value", versions: &[2, 1, 4] };

    #[test]
    fn the_newest_version_that_both_speak_is_taken() {
        assert_eq!(HANDSHAKE.negotiate(Some("1,2,3")).unwrap(), 2);
        assert_eq!(HANDSHAKE.negotiate(Some("4,2")).unwrap(), 4);
        assert_eq!(HANDSHAKE.negotiate(Some("x,-1,1")).unwrap(), 1);
    }

    #[test]
    fn a_host_that_tells_no_versions_gets_the_oldest() {
        assert_eq!(HANDSHAKE.negotiate(None).unwrap(), 1);
    }

    #[test]
    fn versions_in_vain_are_named() {
        let error = HANDSHAKE.negotiate(Some("3,5")).unwrap_err().to_string();
        assert!(error.contains("\"3,5\"") && error.contains("[2, 1, 4]"), "{error}");
    }
}
