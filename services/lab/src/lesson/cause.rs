//! How the cause of a claim is taken away, so that it must fail.

use std::str::FromStr;

use crate::setting::Setting;

/// One change of a lesson.
#[derive(Clone, Debug, PartialEq)]
pub enum Change {
    /// `commands: THIS => THAT`, in every command of the lesson.
    Commands { this: String, that: String },
    /// `fault app-d: {"kind":"lost_context"}`, while the lesson runs.
    Fault { service: String, spec: String },
    /// `variable app-d: NAME=VALUE`, of a part from its start on.
    Variable(Setting),
}

impl FromStr for Change {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        const FORM: &str =
            "expected commands: THIS => THAT, fault SERVICE: JSON or variable PART: NAME=VALUE";
        let problem = || format!("{FORM}, not {text:?}");
        let (what, rest) = text.split_once(": ").ok_or_else(problem)?;
        if what == "commands" {
            let (this, that) = rest.split_once(" => ").ok_or_else(problem)?;
            return Ok(Self::Commands { this: this.to_owned(), that: that.to_owned() });
        }
        match what.split_once(' ') {
            Some(("fault", service)) => {
                let object: Result<serde_json::Map<String, serde_json::Value>, _> =
                    serde_json::from_str(rest);
                object.map_err(|error| format!("the fault {rest}: {error}"))?;
                Ok(Self::Fault { service: service.to_owned(), spec: rest.to_owned() })
            }
            Some(("variable", part)) => Ok(Self::Variable(format!("{part}:{rest}").parse()?)),
            _ => Err(problem()),
        }
    }
}

impl Change {
    /// The commands of one step, changed.
    pub fn of_commands(&self, commands: &str) -> String {
        match self {
            Self::Commands { this, that } => commands.replace(this, that),
            _ => commands.to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_kind_of_change_is_read() {
        let change: Change = "commands: /chain => /items/7".parse().unwrap();
        assert_eq!(change.of_commands("curl a/chain"), "curl a/items/7");
        let change: Change = r#"fault app-d: {"kind":"cache_off"}"#.parse().unwrap();
        let spec = r#"{"kind":"cache_off"}"#.to_owned();
        assert_eq!(change, Change::Fault { service: "app-d".to_owned(), spec });
        assert_eq!(change.of_commands("curl a/chain"), "curl a/chain");
        let change: Change = "variable app-d: OTEL_SERVICE_NAME=x".parse().unwrap();
        assert_eq!(change, Change::Variable("app-d:OTEL_SERVICE_NAME=x".parse().unwrap()));
    }

    #[test]
    fn what_is_no_change_is_refused() {
        for (text, problem) in [
            ("commands: /chain", "THIS => THAT"),
            ("nothing", "THIS => THAT"),
            ("fault app-d: all", "the fault all"),
            ("variable app-d: X", "PART:NAME=VALUE"),
        ] {
            let seen = text.parse::<Change>().unwrap_err();
            assert!(seen.contains(problem), "{text}: {seen}");
        }
    }
}
