//! What somebody says that is wrong.

use std::fmt;
use std::time::SystemTime;

use serde::{Deserialize, Serialize};

/// Why something goes wrong. This is the vocabulary of answers, which has more than happens.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Cause {
    /// The operation fails, and nothing that it asks does.
    Errors,
    /// The operation itself takes longer, not what it asks.
    Slow,
    /// The statements of the operation take longer.
    SlowDatabase,
    /// What the operation has at hand it asks for again.
    Cache,
    /// The operation makes a statement for each thing, not one for all.
    NPlusOne,
    /// The operation tries again too often, and at once.
    RetryStorm,
    /// The operation does not go on with its caller's trace.
    LostContext,
    /// The operation is asked more often than before, by those who come from outside.
    MoreRequests,
    /// Nothing but what was there before.
    Nothing,
}

impl Cause {
    /// All of them.
    pub const ALL: [Self; 9] = [
        Self::Errors,
        Self::Slow,
        Self::SlowDatabase,
        Self::Cache,
        Self::NPlusOne,
        Self::RetryStorm,
        Self::LostContext,
        Self::MoreRequests,
        Self::Nothing,
    ];

    /// As it is written in an answer.
    pub fn name(self) -> &'static str {
        match self {
            Self::Errors => "errors",
            Self::Slow => "slow",
            Self::SlowDatabase => "slow-database",
            Self::Cache => "cache",
            Self::NPlusOne => "n-plus-one",
            Self::RetryStorm => "retry-storm",
            Self::LostContext => "lost-context",
            Self::MoreRequests => "more-requests",
            Self::Nothing => "nothing",
        }
    }

    /// What it means, in a few words.
    pub fn meaning(self) -> &'static str {
        match self {
            Self::Errors => "the operation fails, and nothing that it asks does",
            Self::Slow => "the operation itself takes longer, not what it asks",
            Self::SlowDatabase => "its statements take longer",
            Self::Cache => "what it had at hand it asks for again",
            Self::NPlusOne => "it makes a statement for each thing, not one for all",
            Self::RetryStorm => "it tries again too often, and at once",
            Self::LostContext => "it does not go on with its caller's trace",
            Self::MoreRequests => "it is asked more often, by those who come from outside",
            Self::Nothing => "nothing but what was there before",
        }
    }
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Whose requests go wrong.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Affected {
    /// Those of all customers.
    Everyone,
    /// Those of bronze ones alone.
    Bronze,
    /// Those of silver ones alone.
    Silver,
    /// Those of gold ones alone.
    Gold,
}

impl Affected {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Everyone, Self::Bronze, Self::Silver, Self::Gold];

    /// As it is written in an answer, and, but for everyone, in `app.customer.tier`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Everyone => "everyone",
            Self::Bronze => "bronze",
            Self::Silver => "silver",
            Self::Gold => "gold",
        }
    }

    /// The tier, unless it is everyone's.
    pub fn tier(self) -> Option<&'static str> {
        (self != Self::Everyone).then(|| self.name())
    }
}

impl fmt::Display for Affected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// An answer as it is given: what is empty was left out.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Wish {
    /// A [`Cause`].
    pub cause: String,
    /// The `service.name` of the service that it is in.
    pub service: String,
    /// The name of that one's SERVER span.
    pub operation: String,
    /// Since when: as RFC 3339 has it, or a time of day, in UTC.
    pub since: String,
    /// An [`Affected`].
    pub affected: String,
}

/// An answer that makes sense.
#[derive(Clone, Debug, PartialEq)]
pub enum Answer {
    /// There is nothing wrong.
    Nothing,
    /// There is.
    Trouble {
        /// Which service.
        service: String,
        /// Which operation of it.
        operation: String,
        /// What is wrong with that; not [`Cause::Nothing`].
        cause: Cause,
        /// Since when.
        since: SystemTime,
        /// For whom.
        affected: Affected,
    },
}

/// A field of an answer that makes no sense.
#[derive(Clone, Debug, PartialEq)]
pub struct Invalid {
    field: &'static str,
    reason: String,
}

impl fmt::Display for Invalid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { field, reason } = self;
        // One line, whatever somebody wrote.
        f.write_str(&format!("{field}: {reason}").replace(char::is_control, " "))
    }
}

impl std::error::Error for Invalid {}

impl Answer {
    /// The answer of a wish. A time of day is one of the day of `began`.
    ///
    /// # Errors
    /// The first field that makes no sense.
    pub fn read(wish: &Wish, began: SystemTime) -> Result<Self, Invalid> {
        let cause = one_of("cause", &wish.cause, &Cause::ALL)?;
        if cause == Cause::Nothing {
            return Ok(Self::Nothing);
        }
        Ok(Self::Trouble {
            service: given("service", &wish.service)?,
            operation: given("operation", &wish.operation)?,
            cause,
            since: time(&given("since", &wish.since)?, began)
                .map_err(|reason| Invalid { field: "since", reason })?,
            affected: one_of("affected", &wish.affected, &Affected::ALL)?,
        })
    }
}

fn given(field: &'static str, text: &str) -> Result<String, Invalid> {
    match text.trim() {
        "" => Err(Invalid { field, reason: "it is missing".to_owned() }),
        text => Ok(text.to_owned()),
    }
}

fn one_of<T: Copy + fmt::Display>(
    field: &'static str,
    text: &str,
    all: &[T],
) -> Result<T, Invalid> {
    let text = given(field, text)?;
    all.iter().copied().find(|it| it.to_string() == text).ok_or_else(|| {
        let all = all.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
        Invalid { field, reason: format!("{text} is none of {all}") }
    })
}

/// A time as RFC 3339 has it, or one of the day of `began` as `HH:MM:SS` or `HH:MM`.
fn time(text: &str, began: SystemTime) -> Result<SystemTime, String> {
    let expected = || format!("{text} is no time such as 20:15:30 or 2030-01-31T20:15:30Z, in UTC");
    if text.contains('T') {
        return humantime::parse_rfc3339(text).map_err(|_| expected());
    }
    let text = text.strip_suffix('Z').unwrap_or(text);
    let seconds = if text.matches(':').count() == 1 { ":00" } else { "" };
    let day = humantime::format_rfc3339_seconds(began).to_string();
    let day = day.split('T').next().unwrap_or_default().to_owned();
    let time = humantime::parse_rfc3339(&format!("{day}T{text}{seconds}Z"));
    let time = time.map_err(|_| expected())?;
    // What began before midnight may have gone wrong after it.
    let is_of_next_day = time + std::time::Duration::from_secs(12 * 3_600) < began;
    let next = || time + std::time::Duration::from_secs(24 * 3_600);
    Ok(if is_of_next_day { next() } else { time })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> SystemTime {
        humantime::parse_rfc3339(text).unwrap()
    }

    fn wish() -> Wish {
        Wish {
            cause: "slow".to_owned(),
            service: "app-b".to_owned(),
            operation: "POST /orders".to_owned(),
            since: "20:15:30".to_owned(),
            affected: "gold".to_owned(),
        }
    }

    #[test]
    fn a_time_of_day_is_one_of_the_incident_and_in_utc() {
        let began = at("2030-01-31T20:10:00Z");
        for (text, read) in [
            ("20:15:30", "2030-01-31T20:15:30Z"),
            ("20:15", "2030-01-31T20:15:00Z"),
            ("20:15:30Z", "2030-01-31T20:15:30Z"),
            ("2030-01-30T20:15:30.5Z", "2030-01-30T20:15:30.5Z"),
            ("00:05:00", "2030-02-01T00:05:00Z"),
        ] {
            assert_eq!(time(text, began), Ok(at(read)), "{text}");
        }
        for text in ["now", "25:00:00", "20", "20:15:30:00", "2030-01-31T20:15:30+01:00"] {
            assert!(time(text, began).unwrap_err().starts_with(text), "{text}");
        }
    }

    #[test]
    fn what_makes_no_sense_is_refused_by_its_field() {
        let began = at("2030-01-31T20:10:00Z");
        assert!(matches!(Answer::read(&wish(), began), Ok(Answer::Trouble { .. })));
        for (change, problem) in [
            (Wish { cause: String::new(), ..wish() }, "cause: it is missing"),
            (Wish { cause: "fire\n".to_owned(), ..wish() }, "cause: fire is none of errors, slow,"),
            (Wish { service: " ".to_owned(), ..wish() }, "service: it is missing"),
            (Wish { operation: String::new(), ..wish() }, "operation: it is missing"),
            (Wish { since: "noon".to_owned(), ..wish() }, "since: noon is no time such as"),
            (Wish { affected: "tin".to_owned(), ..wish() }, "affected: tin is none of everyone,"),
        ] {
            let problem_told = Answer::read(&change, began).unwrap_err().to_string();
            assert!(problem_told.starts_with(problem), "{problem_told}");
        }
    }

    #[test]
    fn that_nothing_is_wrong_needs_no_other_field() {
        let wish = Wish { cause: "nothing".to_owned(), ..Wish::default() };
        assert_eq!(Answer::read(&wish, SystemTime::now()), Ok(Answer::Nothing));
    }

    #[test]
    fn names_are_read_as_they_are_written() {
        for cause in Cause::ALL {
            assert_eq!(one_of("cause", cause.name(), &Cause::ALL), Ok(cause));
            assert_eq!(serde_json::json!(cause), cause.name());
        }
        for affected in Affected::ALL {
            assert_eq!(serde_json::json!(affected), affected.name());
        }
    }
}
