use std::{fmt, io};

/// An error of the operating system, with what was being done to which path. It is inside of the
/// [`io::Error`]s that a disk gives, which have its kind.
#[derive(Debug)]
pub struct DiskError {
    doing: String,
    source: io::Error,
}

impl DiskError {
    /// To be given to `map_err`. `doing` is such as `syncing log-7`.
    pub(super) fn while_doing(
        doing: impl FnOnce() -> String,
    ) -> impl FnOnce(io::Error) -> io::Error {
        |source| io::Error::new(source.kind(), Self { doing: doing(), source })
    }
}

impl fmt::Display for DiskError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.doing, self.source)
    }
}

impl std::error::Error for DiskError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&self.source)
    }
}
