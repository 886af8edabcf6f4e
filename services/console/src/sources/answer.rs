//! What was told and by whom, or why not.

use std::fmt;

/// What came of a question that one part or another can answer.
#[derive(Clone, Debug)]
pub(crate) struct Answer<T> {
    /// What was told and by whom; nothing if nobody could.
    pub told: Option<(T, Origin)>,
    /// Who was asked before, and why they could not tell.
    pub lacks: Vec<Lack>,
}

/// A part that can answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Origin {
    Spoor,
    Prometheus,
    Loki,
    /// The last log lines that the native lab keeps of its parts.
    Lines,
}

/// A part that did not answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Lack {
    pub of: Origin,
    pub why: Why,
}

/// Why it did not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Why {
    /// The lab has no such part.
    Absent,
    /// It does not answer, for this reason.
    Silent(String),
    /// It answers that it cannot, or what makes no sense.
    Refused(String),
    /// It knows nothing of it.
    Empty,
    /// It knows a part of it.
    Partial,
}

impl<T> Answer<T> {
    /// What the part told, if it did.
    pub fn of(by: Origin, told: Result<T, Why>) -> Self {
        match told {
            Ok(value) => Self { told: Some((value, by)), lacks: Vec::new() },
            Err(why) => Self { told: None, lacks: vec![Lack { of: by, why }] },
        }
    }

    /// This one, or what `other` tells where it has nothing.
    pub async fn or(mut self, other: impl AsyncFnOnce() -> Self) -> Self {
        if self.told.is_none() {
            let other = other().await;
            self.told = other.told;
            self.lacks.extend(other.lacks);
        }
        self
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Spoor => "spoor",
            Self::Prometheus => "Prometheus",
            Self::Loki => "Loki",
            Self::Lines => "the lab's lines",
        })
    }
}

impl fmt::Display for Lack {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { of, why } = self;
        match why {
            Why::Absent => write!(f, "{of}: not in this lab"),
            Why::Silent(reason) => write!(f, "{of}: no answer: {reason}"),
            Why::Refused(reason) => write!(f, "{of}: {reason}"),
            Why::Empty => write!(f, "{of}: nothing of it so far"),
            Why::Partial => write!(f, "{of}: not all of it so far"),
        }
    }
}

impl From<traces::Error> for Why {
    fn from(error: traces::Error) -> Self {
        Self::Refused(error.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_one_part_cannot_tell_another_does_and_both_are_named() {
        let first = Answer::of(Origin::Loki, Err(Why::Absent));
        let both = first.or(async || Answer::of(Origin::Lines, Ok(7))).await;
        assert_eq!(both.told, Some((7, Origin::Lines)));
        assert_eq!(both.lacks, [Lack { of: Origin::Loki, why: Why::Absent }]);
        let told = both.or(async || panic!("nobody else is asked")).await;
        assert_eq!(told.told, Some((7, Origin::Lines)));
    }

    #[test]
    fn a_lack_is_told_by_its_part_and_its_reason() {
        let lack = |of, why| Lack { of, why }.to_string();
        assert_eq!(lack(Origin::Loki, Why::Absent), "Loki: not in this lab");
        let silent = Why::Silent("connection refused".to_owned());
        assert_eq!(lack(Origin::Prometheus, silent), "Prometheus: no answer: connection refused");
        assert_eq!(lack(Origin::Lines, Why::Empty), "the lab's lines: nothing of it so far");
    }
}
