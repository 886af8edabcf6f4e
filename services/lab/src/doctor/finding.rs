//! What a check comes to.

#[cfg(test)]
use std::panic::Location;

/// What was seen, or what is wrong.
pub type Verdict = Result<String, Finding>;

/// Why a link is broken.
#[derive(Clone, Debug, PartialEq)]
pub struct Finding {
    /// What was seen.
    pub evidence: String,
    /// What most likely leads to that.
    pub cause: String,
    /// What to do about it.
    pub fix: String,
    /// Where it is made: of each such place the page on troubleshooting has what it tells.
    #[cfg(test)]
    pub at: &'static Location<'static>,
}

impl Finding {
    /// What was seen, what leads to that, and what to do.
    #[cfg_attr(test, track_caller)]
    pub fn new(
        evidence: impl Into<String>,
        cause: impl Into<String>,
        fix: impl Into<String>,
    ) -> Self {
        Self {
            evidence: evidence.into(),
            cause: cause.into(),
            fix: fix.into(),
            #[cfg(test)]
            at: Location::caller(),
        }
    }
}
