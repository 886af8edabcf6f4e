//! [W3C Baggage](https://www.w3.org/TR/baggage/). The SDK's own propagator cuts a value at its
//! second `=`, does not encode `%`, and decodes properties, which then could hold a further entry.

use std::sync::LazyLock;

use opentelemetry::Context;
use opentelemetry::baggage::{BaggageExt, KeyValueMetadata};
use opentelemetry::propagation::text_map_propagator::FieldIter;
use opentelemetry::propagation::{Extractor, Injector, TextMapPropagator};
use percent_encoding::{AsciiSet, CONTROLS, percent_decode_str, utf8_percent_encode};

const BAGGAGE: &str = "baggage";
static FIELDS: LazyLock<[String; 1]> = LazyLock::new(|| [BAGGAGE.to_owned()]);

/// The bytes of the header, by the [limit of the
/// specification](https://www.w3.org/TR/baggage/#limits).
pub(super) const MAX_LENGTH: usize = 8192;

/// What a value cannot hold as it is, and the percent sign, which would not come back.
pub(super) const ENCODED: &AsciiSet =
    &CONTROLS.add(b' ').add(b'"').add(b',').add(b';').add(b'\\').add(b'%');

/// Reads and writes the `baggage` header. What is no entry is left out; properties are sent on as
/// they came. [`Baggage`](opentelemetry::baggage::Baggage) keeps to the limits of 64 entries and 8,192 bytes,
/// as they are before they are encoded.
#[derive(Debug)]
pub(super) struct W3cBaggage;

impl TextMapPropagator for W3cBaggage {
    fn inject_context(&self, context: &Context, injector: &mut dyn Injector) {
        let mut header = String::new();
        for (name, (value, properties)) in context.baggage() {
            let length = header.len();
            if length > 0 {
                header.push(',');
            }
            header.push_str(name.as_str());
            header.push('=');
            header.extend(utf8_percent_encode(value.as_str(), ENCODED));
            if !properties.as_str().is_empty() {
                header.push(';');
                header.push_str(properties.as_str());
            }
            // Nothing made its sender encode what we do: it may have become longer than it came.
            if header.len() > MAX_LENGTH {
                header.truncate(length);
            }
        }
        if !header.is_empty() {
            injector.set(BAGGAGE, header);
        }
    }

    fn extract_with_context(&self, context: &Context, extractor: &dyn Extractor) -> Context {
        let Some(header) = extractor.get(BAGGAGE) else { return context.clone() };
        let entries = header.split(',').filter_map(|entry| {
            let (pair, properties) = entry.split_once(';').unwrap_or((entry, ""));
            let (name, value) = pair.split_once('=')?;
            Some(KeyValueMetadata::new(name.trim().to_owned(), decoded(value), properties.trim()))
        });
        with(context, entries)
    }

    fn fields(&self) -> FieldIter<'_> {
        FieldIter::new(FIELDS.as_slice())
    }
}

/// The value as it was before it was encoded.
pub(super) fn decoded(value: &str) -> String {
    percent_decode_str(value.trim()).decode_utf8_lossy().into_owned()
}

/// The context with these entries in its baggage, where each replaces one of its name.
pub(super) fn with(context: &Context, entries: impl Iterator<Item = KeyValueMetadata>) -> Context {
    let there = context.baggage().iter().map(|(name, (value, properties))| {
        KeyValueMetadata::new(name.clone(), value.clone(), properties.clone())
    });
    context.with_baggage(there.chain(entries))
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::*;

    fn extract(header: &str) -> Context {
        W3cBaggage.extract(&HashMap::from([(BAGGAGE.to_owned(), header.to_owned())]))
    }

    /// The header that is sent on, its entries in order.
    fn sent_on(header: &str) -> String {
        let mut headers = HashMap::new();
        W3cBaggage.inject_context(&extract(header), &mut headers);
        let mut entries: Vec<_> = headers.get(BAGGAGE).map_or("", |it| it).split(',').collect();
        entries.sort_unstable();
        entries.join(",")
    }

    #[test]
    fn a_value_is_sent_on_as_it_came() {
        for header in [
            "tier=gold",
            "a=1,b=2,c=",
            "token=YWJj==",
            "text=100%25%20of%2Cit%3B%22%5C%22",
            "name=J%C3%BCrgen",
            "a=1;ttl=30;hop,b=2",
            "a=1;p=%2Cb=2",
        ] {
            assert_eq!(sent_on(header), header);
        }
    }

    #[test]
    fn a_value_is_read_without_its_encoding() {
        let context = extract(" name = J%C3%BCrgen%20K%2C ,token=a=b , bytes=%ff");
        let values = ["name", "token", "bytes"].map(|name| context.baggage().get(name).unwrap());
        assert_eq!(values.map(|value| value.as_str()), ["Jürgen K,", "a=b", "\u{fffd}"]);
    }

    #[test]
    fn what_is_no_entry_is_left_out() {
        for (header, expected) in [
            ("", ""),
            (",,;=,", ""),
            ("a,b=1", "b=1"),
            ("=1,b=2", "b=2"),
            ("a b=1,(c)=2,d=3", "d=3"),
            ("a=1,a=2", "a=2"),
        ] {
            assert_eq!(sent_on(header), expected, "{header:?}");
        }
    }

    #[test]
    fn entries_beyond_the_limits_are_left_out() {
        let many: Vec<_> = (0..100).map(|number| format!("n{number}=1")).collect();
        assert_eq!(extract(&many.join(",")).baggage().len(), 64);
        let large = format!("a={},b=2", "x".repeat(9_000));
        assert_eq!(sent_on(&large), "b=2");
    }

    #[test]
    fn what_is_too_long_once_it_is_encoded_is_left_out() {
        for grows in ["%", "\\", "\"", "%ff"] {
            let large = format!("a={},b=2", grows.repeat(8_000 / grows.len()));
            assert_eq!(sent_on(&large), "b=2", "{grows}");
        }
    }
}
