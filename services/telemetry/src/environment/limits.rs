//! How much a span and a log record may hold.

use super::{Lookup, read};
use crate::InitError;

/// The limits that are set beside those that the SDK reads itself.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Limits {
    pub spans: AttributeLimits,
    pub log_records: AttributeLimits,
    /// Of attributes of an event of a span.
    pub per_event: Option<u32>,
    /// Of attributes of a link of a span.
    pub per_link: Option<u32>,
}

/// The limits of one kind's attributes. One that is not set is none.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct AttributeLimits {
    /// How many there may be.
    pub count: Option<u32>,
    /// Of how many characters a text may be.
    pub length: Option<u32>,
}

impl Limits {
    pub fn from_environment(lookup: Lookup<'_>) -> Result<Self, InitError> {
        let number = |name| read(lookup, name, "a whole number", |value| value.parse::<u32>().ok());
        for read_by_the_sdk in ["OTEL_SPAN_EVENT_COUNT_LIMIT", "OTEL_SPAN_LINK_COUNT_LIMIT"] {
            number(read_by_the_sdk)?;
        }
        let count = number("OTEL_ATTRIBUTE_COUNT_LIMIT")?;
        let length = number("OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT")?;
        let limits = |of_count, of_length| {
            Ok::<_, InitError>(AttributeLimits {
                count: number(of_count)?.or(count),
                length: number(of_length)?.or(length),
            })
        };
        Ok(Self {
            spans: limits(
                "OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT",
                "OTEL_SPAN_ATTRIBUTE_VALUE_LENGTH_LIMIT",
            )?,
            log_records: limits(
                "OTEL_LOGRECORD_ATTRIBUTE_COUNT_LIMIT",
                "OTEL_LOGRECORD_ATTRIBUTE_VALUE_LENGTH_LIMIT",
            )?,
            per_event: number("OTEL_EVENT_ATTRIBUTE_COUNT_LIMIT")?,
            per_link: number("OTEL_LINK_ATTRIBUTE_COUNT_LIMIT")?,
        })
    }
}

impl AttributeLimits {
    /// As much of a text as there may be, if that is less than all of it.
    pub fn shorten<'a>(&self, text: &'a str) -> Option<&'a str> {
        let (end, _) = text.char_indices().nth(self.length? as usize)?;
        Some(&text[..end])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_limit_of_one_kind_goes_before_the_one_of_all() {
        let variables = [
            ("OTEL_ATTRIBUTE_COUNT_LIMIT", "10"),
            ("OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT", "100"),
            ("OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT", "20"),
            ("OTEL_LOGRECORD_ATTRIBUTE_VALUE_LENGTH_LIMIT", "200"),
            ("OTEL_LINK_ATTRIBUTE_COUNT_LIMIT", "0"),
        ];
        let lookup = |name: &str| {
            variables.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned())
        };
        let expected = Limits {
            spans: AttributeLimits { count: Some(20), length: Some(100) },
            log_records: AttributeLimits { count: Some(10), length: Some(200) },
            per_event: None,
            per_link: Some(0),
        };
        assert_eq!(Limits::from_environment(&lookup).unwrap(), expected);
    }

    #[test]
    fn a_text_is_measured_in_characters() {
        let limits = AttributeLimits { count: None, length: Some(3) };
        for (text, expected) in
            [("", None), ("abc", None), ("abcd", Some("abc")), ("äöü", None), ("äöüß", Some("äöü"))]
        {
            assert_eq!(limits.shorten(text), expected);
        }
        assert_eq!(AttributeLimits::default().shorten("as long as it is"), None);
    }
}
