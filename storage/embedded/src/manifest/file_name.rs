use std::fmt;

/// A file of a tenant's directory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FileName {
    /// The manifest.
    Manifest,
    /// A manifest in the making.
    TemporaryManifest,
    /// A log, by its number.
    Log(u64),
    /// A segment, by its number.
    Segment(u64),
    /// A segment in the making, by its number.
    Temporary(u64),
    /// Space that is given up when the disk is full, for a manifest without what is deleted.
    Reserve,
}

impl FileName {
    /// The file of this name; none if the engine gives no such name.
    pub fn parse(name: &str) -> Option<Self> {
        match name {
            "MANIFEST" => return Some(Self::Manifest),
            "tmp-manifest" => return Some(Self::TemporaryManifest),
            "reserve" => return Some(Self::Reserve),
            _ => {}
        }
        let (kind, number) = name.rsplit_once('-')?;
        let number = number.parse().ok()?;
        let file = match kind {
            "log" => Self::Log(number),
            "segment" => Self::Segment(number),
            "tmp" => Self::Temporary(number),
            _ => return None,
        };
        // A number is written in one way only.
        (file.to_string() == name).then_some(file)
    }

    /// The file's number, if it has one. It is below [`Manifest::next_file`], or was given after
    /// the manifest was stored.
    pub fn number(self) -> Option<u64> {
        match self {
            Self::Log(number) | Self::Segment(number) | Self::Temporary(number) => Some(number),
            Self::Manifest | Self::TemporaryManifest | Self::Reserve => None,
        }
    }

    /// The file's path in a directory.
    pub fn path_in(self, dir: &str) -> String {
        path_in(dir, &self.to_string())
    }
}

impl fmt::Display for FileName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Manifest => f.write_str("MANIFEST"),
            Self::TemporaryManifest => f.write_str("tmp-manifest"),
            Self::Reserve => f.write_str("reserve"),
            Self::Log(number) => write!(f, "log-{number}"),
            Self::Segment(number) => write!(f, "segment-{number}"),
            Self::Temporary(number) => write!(f, "tmp-{number}"),
        }
    }
}

/// A path: the root's is the empty one.
pub(super) fn path_in(dir: &str, name: &str) -> String {
    if dir.is_empty() { name.to_owned() } else { format!("{dir}/{name}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_as_they_are_written() {
        for file in [
            FileName::Manifest,
            FileName::TemporaryManifest,
            FileName::Log(0),
            FileName::Segment(u64::MAX),
            FileName::Temporary(10),
            FileName::Reserve,
        ] {
            assert_eq!(FileName::parse(&file.to_string()), Some(file));
        }
        assert_eq!(FileName::Log(1).path_in(""), "log-1");
        assert_eq!(FileName::parse("log-1").and_then(FileName::number), Some(1));
        for name in ["", "log", "log-", "log-+1", "log-01", "segment-1.bak", "LOG-1"] {
            assert_eq!(FileName::parse(name), None);
        }
    }
}
