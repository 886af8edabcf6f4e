//! What the variables say of the process: `OTEL_SERVICE_NAME` and `OTEL_RESOURCE_ATTRIBUTES`.
//!
//! The SDK reads them, too, but takes an attribute's value as it stands. The specification has it
//! percent-encoded, and wants nothing of a list in which something is wrong.

use opentelemetry::KeyValue;
use opentelemetry_semantic_conventions::attribute::{SERVICE_NAME, SERVICE_VERSION};
use percent_encoding::percent_decode_str;

use super::{Lookup, process, unexpected};
use crate::InitError;

const VARIABLE: &str = "OTEL_RESOURCE_ATTRIBUTES";

/// The service's name: `OTEL_SERVICE_NAME`, else `service.name` of `OTEL_RESOURCE_ATTRIBUTES`, else
/// `default`.
pub fn service_name(default: &str) -> String {
    name(&process, default)
}

/// `service.version` of `OTEL_RESOURCE_ATTRIBUTES`: which release this is, where somebody tells.
pub fn service_version() -> Option<String> {
    listed(&process, SERVICE_VERSION)
}

fn listed(lookup: Lookup<'_>, key: &str) -> Option<String> {
    // A list with something wrong in it is refused by `init`.
    let attribute = attributes(lookup).ok()?.into_iter().find(|it| it.key.as_str() == key)?;
    Some(attribute.value.to_string())
}

fn name(lookup: Lookup<'_>, default: &str) -> String {
    lookup("OTEL_SERVICE_NAME")
        .or_else(|| listed(lookup, SERVICE_NAME))
        .filter(|name| !name.is_empty())
        .unwrap_or_else(|| default.to_owned())
}

/// The attributes of the list, in its order.
pub(super) fn attributes(lookup: Lookup<'_>) -> Result<Vec<KeyValue>, InitError> {
    let Some(value) = lookup(VARIABLE) else { return Ok(Vec::new()) };
    let entries = value.split(',').filter(|entry| !entry.trim().is_empty());
    entries.map(attribute).collect::<Option<_>>().ok_or_else(|| {
        unexpected(VARIABLE, &value, "key=value, percent-encoded, with commas between them")
    })
}

fn attribute(entry: &str) -> Option<KeyValue> {
    let (key, value) = entry.split_once('=')?;
    let decode = |text: &str| percent_decode_str(text.trim()).decode_utf8().map(String::from).ok();
    let key = decode(key).filter(|key| !key.is_empty())?;
    Some(KeyValue::new(key, decode(value)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(list: &str) -> Result<Vec<KeyValue>, String> {
        let lookup = |name: &str| (name == VARIABLE).then(|| list.to_owned());
        attributes(&lookup).map_err(|error| error.to_string())
    }

    #[test]
    fn an_attribute_is_percent_decoded() {
        let expected = vec![
            KeyValue::new("deployment.environment.name", "staging"),
            KeyValue::new("team", "night shift, B=2"),
            KeyValue::new("empty", ""),
        ];
        let list = "deployment.environment.name=staging, team = night%20shift%2C%20B=2 ,empty=,";
        assert_eq!(read(list), Ok(expected));
    }

    #[test]
    fn a_list_in_which_something_is_wrong_is_refused_whole() {
        for list in ["team", "a=b,team", "=value", "a=%FF"] {
            let error = read(list).unwrap_err();
            assert!(error.contains(VARIABLE) && error.contains(list), "{error}");
        }
    }

    #[test]
    fn a_release_is_told_by_a_list_with_nothing_wrong_in_it() {
        let version = |list: &str| {
            let lookup = |name: &str| (name == VARIABLE).then(|| list.to_owned());
            listed(&lookup, SERVICE_VERSION)
        };
        assert_eq!(version("team=a,service.version=1.1%2B7").as_deref(), Some("1.1+7"));
        assert_eq!(version("service.version=1.1,team"), None);
        assert_eq!(version("team=a"), None);
    }

    #[test]
    fn a_service_is_named_by_its_own_variable_else_by_the_list_else_by_default() {
        let own = ("OTEL_SERVICE_NAME", "own");
        let listed = (VARIABLE, "service.name=the%20listed");
        for (variables, expected) in [
            (&[own, listed][..], "own"),
            (&[listed], "the listed"),
            (&[(VARIABLE, "service.name=")], "default"),
            (&[], "default"),
        ] {
            let lookup = |name: &str| {
                let variable = variables.iter().find(|(key, _)| *key == name);
                variable.map(|(_, value)| (*value).to_owned())
            };
            assert_eq!(name(&lookup, "default"), expected);
        }
    }
}
