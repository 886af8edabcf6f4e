//! [Jaeger's headers](https://www.jaegertracing.io/docs/1.76/client-libraries/#propagation-format),
//! for services instrumented before OpenTelemetry.

use std::sync::LazyLock;

use opentelemetry::Context;
use opentelemetry::baggage::{BaggageExt, KeyValueMetadata};
use opentelemetry::propagation::text_map_propagator::FieldIter;
use opentelemetry::propagation::{Extractor, Injector, TextMapPropagator};
use opentelemetry::trace::{SpanContext, SpanId, TraceContextExt, TraceFlags, TraceId, TraceState};
use percent_encoding::{percent_decode_str, utf8_percent_encode};

use super::baggage::{self, ENCODED};

const TRACE: &str = "uber-trace-id";
const DEBUG_ID: &str = "jaeger-debug-id";
const BAGGAGE: &str = "jaeger-baggage";
/// Begins the name of a header that carries one entry of the baggage.
pub(super) const ENTRY: &str = "uberctx-";
static FIELDS: LazyLock<[String; 4]> =
    LazyLock::new(|| [TRACE, DEBUG_ID, BAGGAGE, ENTRY].map(str::to_owned));

const SAMPLED: u8 = 1;
const DEBUG: u8 = 2;

/// The bytes of a debug id that are kept.
const MAX_DEBUG_ID: usize = 256;
/// The bytes of baggage that are sent, as [HTTP/2 counts
/// them](https://www.rfc-editor.org/rfc/rfc9113#section-6.5.2): beside W3C's headers at their
/// longest, 1.5 KiB are left for others of the 16 KiB that many a server takes.
const MAX_BAGGAGE: usize = 4096;
/// What HTTP/2 counts of a header beside its name and value.
const HEADER: usize = 32;

/// The trace is one that somebody debugs: nobody may sample it away.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Debugged;

/// The id by which a request without a parent wants its trace to be found, which makes it debugged.
#[derive(Debug)]
pub(crate) struct DebugId(pub String);

/// Reads and writes `uber-trace-id` and `uberctx-*`, and reads `jaeger-debug-id` and
/// `jaeger-baggage`, by which a person's own request tells what it wants.
///
/// A header's name has no case, and so a name in the baggage arrives in lower case.
#[derive(Debug)]
pub(super) struct Jaeger;

impl TextMapPropagator for Jaeger {
    fn inject_context(&self, context: &Context, injector: &mut dyn Injector) {
        let span = context.span();
        let span = span.span_context();
        if span.is_valid() {
            let debug = if context.get::<Debugged>().is_some() { DEBUG } else { 0 };
            let flags = u8::from(span.is_sampled()) * (SAMPLED | debug);
            injector.set(TRACE, format!("{}:{}:0:{flags:x}", span.trace_id(), span.span_id()));
        }
        let mut rest = MAX_BAGGAGE;
        for (name, (value, _)) in context.baggage() {
            let name = format!("{ENTRY}{name}");
            let value = utf8_percent_encode(value.as_str(), ENCODED).to_string();
            // In gRPC that ending announces base64, which other calls than this one would choke on.
            if let Some(left) = rest.checked_sub(name.len() + value.len() + HEADER)
                && !name.ends_with("-bin")
            {
                rest = left;
                injector.set(&name, value);
            }
        }
    }

    fn extract_with_context(&self, context: &Context, extractor: &dyn Extractor) -> Context {
        let context = match extractor.get(TRACE).and_then(parse) {
            Some((span, is_debugged)) => {
                let context = context.with_remote_span_context(span);
                if is_debugged { context.with_value(Debugged) } else { context }
            }
            None => match extractor.get(DEBUG_ID).map(str::trim) {
                Some(id) if !id.is_empty() && !context.has_active_span() => {
                    let id = id.chars().take(MAX_DEBUG_ID).collect();
                    context.with_value(Debugged).with_value(DebugId(id))
                }
                _ => context.clone(),
            },
        };
        let of_person = extractor.get(BAGGAGE).into_iter().flat_map(|list| list.split(','));
        let of_person = of_person.filter_map(|entry| entry.split_once('='));
        let mut entries: Vec<_> =
            of_person.map(|(name, value)| entry(name.trim(), value)).collect();
        for header in extractor.keys() {
            if let Some(name) = header.strip_prefix(ENTRY)
                && let Some(value) = extractor.get(header)
            {
                entries.push(entry(name, value));
            }
        }
        if entries.is_empty() { context } else { baggage::with(&context, entries.into_iter()) }
    }

    fn fields(&self) -> FieldIter<'_> {
        FieldIter::new(FIELDS.as_slice())
    }
}

fn entry(name: &str, value: &str) -> KeyValueMetadata {
    KeyValueMetadata::new(name.to_owned(), baggage::decoded(value), "")
}

/// Reads `TRACE:SPAN:PARENT:FLAGS`, all hexadecimal, zeros in front left out or not; a client may
/// have encoded the colons. The parent is of no use to anyone. Tells, too, whether it is debugged.
fn parse(value: &str) -> Option<(SpanContext, bool)> {
    let value = percent_decode_str(value).decode_utf8().ok()?;
    let mut fields = value.split(':');
    let mut field = |digits| fields.next().filter(|field| is_hex(field, digits));
    let (trace, span, _parent, flags) = (field(32)?, field(16)?, field(16)?, field(2)?);
    if fields.next().is_some() {
        return None;
    }
    let flags = u8::from_str_radix(flags, 16).ok()?;
    let is_debugged = flags & DEBUG != 0;
    let is_sampled = is_debugged || flags & SAMPLED != 0;
    let span = SpanContext::new(
        TraceId::from_hex(trace).ok()?,
        SpanId::from_hex(span).ok()?,
        TraceFlags::default().with_sampled(is_sampled),
        true,
        TraceState::default(),
    );
    span.is_valid().then_some((span, is_debugged))
}

fn is_hex(field: &str, max_digits: usize) -> bool {
    (1..=max_digits).contains(&field.len()) && field.bytes().all(|byte| byte.is_ascii_hexdigit())
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, HashMap};

    use super::*;

    const IDS: &str = "0af7651916cd43dd8448eb211c80319c:b7ad6b7169203331";

    fn extract(headers: &[(&str, &str)]) -> Context {
        let headers = headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        Jaeger.extract_with_context(&Context::new(), &headers.collect::<HashMap<_, _>>())
    }

    fn sent_on(headers: &[(&str, &str)]) -> BTreeMap<String, String> {
        let mut sent = HashMap::new();
        Jaeger.inject_context(&extract(headers), &mut sent);
        sent.into_iter().collect()
    }

    #[test]
    fn a_trace_is_read_and_sent_on_with_its_flags() {
        for (value, expected) in [
            (format!("{IDS}:0:1"), format!("{IDS}:0:1")),
            (format!("{IDS}:0:0"), format!("{IDS}:0:0")),
            (format!("{IDS}:b7ad6b7169203332:01"), format!("{IDS}:0:1")),
            (format!("{IDS}:0:3"), format!("{IDS}:0:3")),
            // Debugged is sampled.
            (format!("{IDS}:0:2"), format!("{IDS}:0:3")),
            (format!("{IDS}:0:c").to_uppercase(), format!("{IDS}:0:0")),
            (format!("{IDS}:0:1").replace(':', "%3A"), format!("{IDS}:0:1")),
            ("1f:a:0:1".to_owned(), format!("{:032x}:{:016x}:0:1", 0x1f, 0xa)),
        ] {
            assert_eq!(sent_on(&[(TRACE, &value)])[TRACE], expected, "{value}");
        }
    }

    #[test]
    fn what_is_no_trace_is_none() {
        for value in [
            "",
            ":::",
            "none",
            "1:1:0",
            "1:1:0:1:1",
            "0:1:0:1",
            "1:0:0:1",
            "+1:1:0:1",
            "1:1:0:-1",
            "1:1:0:100",
            "1:1::1",
            "1:1:x:1",
            "%ff:1:0:1",
            &format!("{}:1:0:1", "1".repeat(33)),
            &format!("1:{}:0:1", "1".repeat(17)),
            &"1".repeat(100_000),
        ] {
            let context = extract(&[(TRACE, value)]);
            assert!(!context.span().span_context().is_valid(), "{value:?}");
            assert!(context.get::<Debugged>().is_none(), "{value:?}");
        }
    }

    #[test]
    fn a_debug_id_counts_where_no_trace_has_begun() {
        let id =
            |headers: &[(&str, &str)]| extract(headers).get::<DebugId>().map(|id| id.0.clone());
        assert_eq!(id(&[(DEBUG_ID, " ticket 17 ")]).as_deref(), Some("ticket 17"));
        assert_eq!(id(&[(DEBUG_ID, " ")]), None);
        let trace = format!("{IDS}:0:0");
        assert_eq!(id(&[(DEBUG_ID, "ticket"), (TRACE, &trace)]), None);
        assert_eq!(id(&[(DEBUG_ID, "ticket"), (TRACE, "none")]).as_deref(), Some("ticket"));
        assert_eq!(id(&[(DEBUG_ID, &"x".repeat(9_000))]).unwrap().len(), MAX_DEBUG_ID);
    }

    #[test]
    fn baggage_comes_from_a_list_and_from_headers_of_its_own() {
        let sent = sent_on(&[
            (BAGGAGE, "tier=gold, ticket = 17,none"),
            ("uberctx-city", "K%C3%B6ln"),
            ("uberctx-tier", "a=b"),
            ("uberctx-", "nameless"),
            ("uberctx-key-bin", "bytes"),
        ]);
        let expected =
            [("uberctx-city", "K%C3%B6ln"), ("uberctx-ticket", "17"), ("uberctx-tier", "a=b")];
        let expected = expected.map(|(name, value)| (name.to_owned(), value.to_owned()));
        assert_eq!(sent, BTreeMap::from(expected));
    }

    #[test]
    fn no_more_baggage_is_sent_than_a_server_takes() {
        for length in [10, 200] {
            let value = "ä".repeat(length);
            let entries: Vec<_> = (0..64).map(|number| format!("n{number}={value}")).collect();
            let sent = sent_on(&[(BAGGAGE, &entries.join(","))]);
            let bytes: usize = sent.iter().map(|(name, value)| name.len() + value.len() + 32).sum();
            assert!((MAX_BAGGAGE - 1300..=MAX_BAGGAGE).contains(&bytes), "{length}: {bytes}");
        }
    }
}
