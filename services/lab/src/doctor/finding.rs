//! What a check comes to.

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
}

impl Finding {
    /// What was seen, what leads to that, and what to do.
    pub fn new(
        evidence: impl Into<String>,
        cause: impl Into<String>,
        fix: impl Into<String>,
    ) -> Self {
        Self { evidence: evidence.into(), cause: cause.into(), fix: fix.into() }
    }
}
