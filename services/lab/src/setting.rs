//! `--env`: a variable of one part.

use std::str::FromStr;

/// `PART:NAME=VALUE`.
#[derive(Clone, Debug, PartialEq)]
pub struct Setting {
    pub part: String,
    pub name: String,
    pub value: String,
}

impl FromStr for Setting {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let whole = text.split_once(':').and_then(|(part, rest)| {
            let (name, value) = rest.split_once('=')?;
            let named = !part.is_empty() && !name.is_empty() && !name.contains(char::is_whitespace);
            named.then(|| [part, name, value].map(str::to_owned))
        });
        let [part, name, value] = whole.ok_or("expected PART:NAME=VALUE")?;
        Ok(Self { part, name, value })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_may_be_anything() {
        for value in ["", "http://127.0.0.1:1", "a=b"] {
            let setting: Setting = format!("app-a:OTEL_X={value}").parse().unwrap();
            assert_eq!([setting.part, setting.name, setting.value], ["app-a", "OTEL_X", value]);
        }
    }

    #[test]
    fn what_is_malformed_is_refused() {
        for text in ["", "app-a", "app-a:X", "X=1", ":X=1", "app-a:=1", "app-a: X=1", "a=b:c"] {
            let problem = text.parse::<Setting>().unwrap_err();
            assert_eq!(problem, "expected PART:NAME=VALUE", "{text}");
        }
    }
}
