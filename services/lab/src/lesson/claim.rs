//! What a page says of telemetry, and what is compared with it.

use std::collections::BTreeSet;

use super::amount::Amount;
use super::condition::{Conditions, Of};

/// One line of a block of claims, its variables replaced by their values. A trace is its id.
#[derive(Clone, Debug, PartialEq)]
pub enum Claim {
    /// `spans of $TRACE where service = app-c: 3`
    Spans { trace: String, conditions: Conditions, amount: Amount },
    /// `services of $TRACE: app-a, app-b`
    Services { trace: String, expected: BTreeSet<String> },
    /// `calls of $TRACE: app-a to app-b over http, app-b to app-c over grpc`
    Calls { trace: String, expected: BTreeSet<String> },
    /// `duration of $TRACE where service = app-d: at least 400 ms`, of the longest span of these.
    Duration { trace: String, conditions: Conditions, amount: Amount },
    /// `critical path of $TRACE where service = app-d: at least 400 ms`
    CriticalPath { trace: String, conditions: Conditions, amount: Amount },
    /// `logs of $TRACE where service = app-c: 1`
    Logs { trace: String, conditions: Conditions, amount: Amount },
    /// `logs without a span in $TRACE: 0`
    Strays { trace: String, amount: Amount },
    /// `traces where service = app-c and status = error: at least 1`, of those since the lesson began.
    Traces { conditions: Conditions, amount: Amount },
    /// `search service = app-c and duration >= 400 ms: finds $TRACE`, or `misses`.
    Search { conditions: Conditions, finds: bool, trace: String },
    /// `prometheus sum(up): at least 1`
    Prometheus { query: String, amount: Amount },
    /// `exemplars of NAME{label="value"} with a trace: at least 1`
    Exemplars { query: String, amount: Amount },
    /// `monitor calls of app-b: at least 0.1`, a second, as Jaeger's Monitor tab has it.
    Monitor { service: String, amount: Amount },
    /// `page /trace/$TRACE says "arrived as sent": 4`, of the console's page there: how often.
    Page { path: String, text: String, amount: Amount },
}

impl Claim {
    /// Reads a line.
    pub fn read(text: &str) -> Result<Self, String> {
        let (subject, expected) =
            text.rsplit_once(": ").ok_or_else(|| "expected SUBJECT: EXPECTED".to_owned())?;
        let amount = |unit| Amount::read(expected, unit);
        if let Some(query) = subject.strip_prefix("prometheus ") {
            return Ok(Self::Prometheus { query: query.to_owned(), amount: amount("")? });
        }
        if let Some(query) = subject.strip_prefix("exemplars of ") {
            let query = query.strip_suffix(" with a trace");
            let query = query.ok_or("expected exemplars of … with a trace")?.to_owned();
            return Ok(Self::Exemplars { query, amount: amount("")? });
        }
        if let Some(page) = subject.strip_prefix("page ") {
            let said = page.split_once(" says \"").and_then(|(path, text)| {
                let text = text.strip_suffix('"').filter(|text| !text.is_empty())?;
                path.starts_with('/').then(|| (path.to_owned(), text.to_owned()))
            });
            let (path, text) = said.ok_or("expected page /PATH says \"TEXT\"")?;
            return Ok(Self::Page { path, text, amount: amount("")? });
        }
        if let Some(service) = subject.strip_prefix("monitor calls of ") {
            return Ok(Self::Monitor { service: service.to_owned(), amount: amount("")? });
        }
        if let Some(trace) = subject.strip_prefix("logs without a span in ") {
            return Ok(Self::Strays { trace: trace_id(trace)?, amount: amount("")? });
        }
        if let Some(conditions) = subject.strip_prefix("traces where ") {
            let conditions = Conditions::read(conditions, Of::Traces)?;
            return Ok(Self::Traces { conditions, amount: amount("")? });
        }
        if let Some(conditions) = subject.strip_prefix("search ") {
            let conditions = Conditions::read(conditions, Of::Traces)?;
            let (finds, trace) = match expected.split_once(' ') {
                Some(("finds", trace)) => (true, trace),
                Some(("misses", trace)) => (false, trace),
                _ => {
                    return Err(format!(
                        "expected finds $TRACE or misses $TRACE, not {expected:?}"
                    ));
                }
            };
            return Ok(Self::Search { conditions, finds, trace: trace_id(trace)? });
        }
        let (what, of) = subject.split_once(" of ").ok_or_else(|| unknown(subject))?;
        let (trace, conditions) = match of.split_once(" where ") {
            Some((trace, conditions)) => (trace, Some(conditions)),
            None => (of, None),
        };
        let trace = trace_id(trace)?;
        let conditions =
            |of| conditions.map_or(Ok(Conditions::default()), |it| Conditions::read(it, of));
        let whole = || match conditions(Of::Spans)? == Conditions::default() {
            true => Ok(list(expected)),
            false => Err(format!("{what} are those of the whole trace: no where")),
        };
        Ok(match what {
            "spans" => {
                Self::Spans { trace, conditions: conditions(Of::Spans)?, amount: amount("")? }
            }
            "services" => Self::Services { trace, expected: whole()? },
            "calls" => Self::Calls { trace, expected: whole()? },
            "duration" => {
                Self::Duration { trace, conditions: conditions(Of::Spans)?, amount: amount("ms")? }
            }
            "critical path" => Self::CriticalPath {
                trace,
                conditions: conditions(Of::Spans)?,
                amount: amount("ms")?,
            },
            "logs" => Self::Logs { trace, conditions: conditions(Of::Logs)?, amount: amount("")? },
            _ => return Err(unknown(subject)),
        })
    }

    /// Whether more telemetry could make it fail: then what is still on its way must be waited for.
    pub fn is_bounded(&self) -> bool {
        match self {
            Self::Services { .. } | Self::Calls { .. } => true,
            Self::Search { finds, .. } => !finds,
            Self::Spans { amount, .. }
            | Self::Duration { amount, .. }
            | Self::CriticalPath { amount, .. }
            | Self::Logs { amount, .. }
            | Self::Strays { amount, .. }
            | Self::Traces { amount, .. }
            | Self::Prometheus { amount, .. }
            | Self::Exemplars { amount, .. }
            | Self::Monitor { amount, .. }
            | Self::Page { amount, .. } => amount.is_bounded(),
        }
    }
}

/// The word for one trace: its id, or before that is known the variable that has it.
fn trace_id(text: &str) -> Result<String, String> {
    let is_id = text.len() == 32 && text.bytes().all(|digit| digit.is_ascii_hexdigit());
    match is_id || text.starts_with('$') {
        true => Ok(text.to_owned()),
        false => Err(format!("expected a variable with a trace id, not {text:?}")),
    }
}

fn list(text: &str) -> BTreeSet<String> {
    text.split(", ").map(str::to_owned).collect()
}

fn unknown(subject: &str) -> String {
    format!(
        "expected spans, services, calls, duration, critical path or logs of $TRACE, logs without a \
         span in $TRACE, traces where, search, prometheus, exemplars of, monitor calls of or page, \
         not {subject:?}"
    )
}

/// The names of the variables in a claim, in order, each once.
pub fn variables(text: &str) -> Vec<&str> {
    let mut names = Vec::new();
    for rest in text.split('$').skip(1) {
        let name = &rest[..name_length(rest)];
        if !name.is_empty() && !names.contains(&name) {
            names.push(name);
        }
    }
    names
}

/// The claim with the value of each variable.
///
/// # Errors
/// The first variable that has none.
pub fn expand(text: &str, value: impl Fn(&str) -> Option<String>) -> Result<String, String> {
    let mut pieces = text.split('$');
    let mut expanded = pieces.next().unwrap_or_default().to_owned();
    for piece in pieces {
        let (name, rest) = piece.split_at(name_length(piece));
        let value = value(name).filter(|value| !value.is_empty());
        expanded.push_str(&value.ok_or_else(|| format!("the variable {name} has no value"))?);
        expanded.push_str(rest);
    }
    Ok(expanded)
}

fn name_length(text: &str) -> usize {
    let is_part = |it: char| it.is_ascii_alphanumeric() || it == '_';
    text.find(|it| !is_part(it)).unwrap_or(text.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_kind_of_claim_is_read() {
        for text in [
            "spans of $TRACE: 10",
            "spans of $TRACE where service = app-c and name = GET /: at least 3",
            "services of $TRACE: app-a, app-b",
            "calls of $TRACE: app-a to app-b over http",
            "duration of $TRACE where service = app-d: at least 400 ms",
            "critical path of $TRACE where service = app-d: at least 400 ms",
            "logs of $TRACE where level = ERROR: 1",
            "logs without a span in $TRACE: 0",
            "traces where root.service = app-c: at least 1",
            "search app.customer.id = 20: finds $TRACE",
            "search duration >= 400 ms: misses $TRACE",
            r#"prometheus sum(rate(calls{a="b: c"}[1m])): at least 0.5"#,
            r#"exemplars of calls{a="b"} with a trace: at least 1"#,
            "monitor calls of app-b: at least 0.1",
            r#"page /trace/$TRACE says "app-a: arrived as sent": 4"#,
        ] {
            Claim::read(text).unwrap_or_else(|problem| panic!("{text}: {problem}"));
        }
    }

    #[test]
    fn what_is_no_claim_is_refused_with_what_would_be() {
        for (text, problem) in [
            ("spans of $TRACE 10", "expected SUBJECT: EXPECTED"),
            ("spans of app-a: 10", "a variable with a trace id"),
            ("pans of $TRACE: 10", "expected spans, services"),
            ("spans of $TRACE: ten", "at least 3"),
            ("spans of $TRACE where colour = red: 1", "is none of service"),
            ("services of $TRACE where name = x: app-a", "no where"),
            ("duration of $TRACE: at least 4", "at least 3 ms"),
            ("search service = app-a: shows $TRACE", "finds $TRACE or misses"),
            ("exemplars of x: 1", "with a trace"),
            ("page /: 1", "says \"TEXT\""),
            ("page / says \"\": 1", "says \"TEXT\""),
            ("page http://localhost says \"x\": 1", "page /PATH"),
            ("page / says \"x\": often", "at least 3"),
        ] {
            let seen = Claim::read(text).unwrap_err();
            assert!(seen.contains(problem), "{text}: {seen}");
        }
    }

    #[test]
    fn what_may_still_grow_is_waited_for() {
        for (text, bounded) in [
            ("spans of $T: 0", true),
            ("spans of $T: at least 1", false),
            ("services of $T: app-a", true),
            ("search status = error: finds $T", false),
            ("search status = error: misses $T", true),
        ] {
            assert_eq!(Claim::read(text).unwrap().is_bounded(), bounded, "{text}");
        }
    }

    #[test]
    fn variables_are_replaced_by_their_values() {
        let text = "spans of $TRACE where parent = $PARENT_ID: 1";
        assert_eq!(variables(text), ["TRACE", "PARENT_ID"]);
        let value = |name: &str| Some(name.to_lowercase());
        assert_eq!(expand(text, value).unwrap(), "spans of trace where parent = parent_id: 1");
        let problem = expand(text, |name| (name == "TRACE").then(|| "1".to_owned())).unwrap_err();
        assert_eq!(problem, "the variable PARENT_ID has no value");
    }
}
