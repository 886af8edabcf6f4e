//! Who calls whom.

use std::collections::{BTreeMap, HashMap};

use crate::red::Red;
use crate::span::{Span, SpanKind};
use crate::trace::Trace;

/// Services, and the calls between them.
#[derive(Clone, Debug, Default)]
pub struct Topology {
    /// How each service answered whoever asked it.
    pub services: BTreeMap<String, Red>,
    /// How each kind of call went, as the one who is called tells it; a database tells nothing, so
    /// there it is as the one who calls does.
    pub calls: BTreeMap<Call, Red>,
}

/// A kind of call.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Call {
    /// Who calls.
    pub from: String,
    /// Who is called: a service, or a database by its system and whose it is, as in `sqlite of
    /// app-b`.
    pub to: String,
    /// As a [`Span::protocol`]; empty where it is not known.
    pub protocol: &'static str,
}

impl Topology {
    /// Of these traces together, each of which is there once.
    pub fn of<'a>(traces: impl IntoIterator<Item = &'a Trace>) -> Self {
        let traces: Vec<&Trace> = traces.into_iter().collect();
        let by_id =
            traces.iter().filter_map(|it| Some((it.spans().first()?.trace_id.as_str(), *it)));
        let by_id: HashMap<&str, &Trace> = by_id.collect();
        let mut services: BTreeMap<&str, Vec<&Span>> = BTreeMap::new();
        let mut calls: BTreeMap<Call, Vec<&Span>> = BTreeMap::new();
        for (trace, span) in traces.iter().flat_map(|it| it.spans().iter().map(move |s| (it, s))) {
            if span.is_entry() {
                services.entry(&span.service).or_default().push(span);
            }
            if let Some(call) = call(trace, span, &by_id) {
                calls.entry(call).or_default().push(span);
            }
        }
        let services = services.into_iter().map(|(name, spans)| (name.to_owned(), Red::of(spans)));
        let calls = calls.into_iter().map(|(call, spans)| (call, Red::of(spans)));
        Self { services: services.collect(), calls: calls.collect() }
    }
}

/// The call that the span tells of, if it does.
fn call(trace: &Trace, span: &Span, traces: &HashMap<&str, &Trace>) -> Option<Call> {
    let (from, to) = if span.is_entry() {
        let sender = (span.kind == SpanKind::Consumer).then(|| sender(span, traces)).flatten();
        let caller = sender.or_else(|| trace.caller(span))?;
        (caller.service.clone(), span.service.clone())
    } else if span.kind == SpanKind::Client && span.protocol == "sql" {
        let system = span.attribute_text("db.system.name");
        let system = system.or_else(|| span.attribute_text("db.system")).unwrap_or_default();
        (span.service.clone(), format!("{system} of {}", span.service))
    } else {
        return None;
    };
    Some(Call { from, to, protocol: span.protocol })
}

/// Who put in what a CONSUMER took out: a link leads there, to another trace as a rule, whatever the
/// consumer works below.
fn sender<'a>(span: &Span, traces: &HashMap<&str, &'a Trace>) -> Option<&'a Span> {
    let linked = span
        .links
        .iter()
        .filter_map(|link| traces.get(link.trace_id.as_str())?.span(&link.span_id));
    linked.into_iter().find(|span| span.kind == SpanKind::Producer)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::span::tests::{attribute, span};
    use crate::span::{Link, Status};

    /// A span of 10 ns.
    fn of(service: &str, kind: SpanKind, id: &str, parent_id: &str) -> Span {
        let protocol = match kind {
            SpanKind::Consumer | SpanKind::Producer => "messaging",
            SpanKind::Internal => "",
            _ => "http",
        };
        let (trace_id, service) = ("1".to_owned(), service.to_owned());
        Span { trace_id, service, kind, protocol, ..span(id, parent_id, 0, 10) }
    }

    /// From, to, protocol, requests and errors of each kind of call.
    fn calls(topology: &Topology) -> Vec<(&str, &str, &str, u64, u64)> {
        let calls = topology.calls.iter();
        calls.map(|(it, red)| (&*it.from, &*it.to, it.protocol, red.requests, red.errors)).collect()
    }

    /// Name and requests of each service.
    fn services(topology: &Topology) -> Vec<(&str, u64)> {
        topology.services.iter().map(|(name, red)| (&**name, red.requests)).collect()
    }

    #[test]
    fn a_call_counts_once_as_the_one_who_is_called_tells_it() {
        let fails = |span| Span { status: Status::Error(String::new()), ..span };
        let trace = Trace::of(vec![
            of("a", SpanKind::Server, "1", ""),
            fails(of("a", SpanKind::Client, "2", "1")),
            of("b", SpanKind::Server, "3", "2"),
            of("a", SpanKind::Client, "4", "1"),
            fails(of("b", SpanKind::Server, "5", "4")),
            // Nobody answers this one.
            fails(of("a", SpanKind::Client, "6", "1")),
        ]);
        let topology = Topology::of([&trace]);
        assert_eq!(calls(&topology), [("a", "b", "http", 2, 1)]);
        assert_eq!(services(&topology), [("a", 1), ("b", 2)]);
    }

    #[test]
    fn work_within_a_service_is_no_call_and_hides_none() {
        let trace = Trace::of(vec![
            of("a", SpanKind::Server, "1", ""),
            of("a", SpanKind::Internal, "2", "1"),
            of("a", SpanKind::Internal, "3", "2"),
            Span { protocol: "grpc", ..of("b", SpanKind::Server, "4", "3") },
        ]);
        assert_eq!(calls(&Topology::of([&trace])), [("a", "b", "grpc", 1, 0)]);
    }

    #[test]
    fn a_service_that_calls_itself_is_its_own_caller() {
        let trace = Trace::of(vec![
            of("a", SpanKind::Server, "1", ""),
            of("a", SpanKind::Client, "2", "1"),
            of("a", SpanKind::Server, "3", "2"),
        ]);
        assert_eq!(calls(&Topology::of([&trace])), [("a", "a", "http", 1, 0)]);
    }

    #[test]
    fn nobody_is_known_to_have_called_a_root_or_an_orphan() {
        let trace = Trace::of(vec![
            of("a", SpanKind::Server, "1", ""),
            of("b", SpanKind::Server, "2", "?"),
        ]);
        let topology = Topology::of([&trace]);
        assert_eq!(calls(&topology), []);
        assert_eq!(services(&topology), [("a", 1), ("b", 1)]);
    }

    #[test]
    fn a_consumer_was_called_by_the_producer_that_it_links_to_in_another_trace() {
        let order = Trace::of(vec![
            of("door", SpanKind::Server, "1", ""),
            of("shop", SpanKind::Producer, "2", "1"),
        ]);
        let link = |trace_id: &str, span_id: &str| Link {
            trace_id: trace_id.to_owned(),
            span_id: span_id.to_owned(),
            ..Link::default()
        };
        let links = vec![link("9", "2"), link("1", "9"), link("1", "1"), link("1", "2")];
        let consumer = of("shipping", SpanKind::Consumer, "3", "");
        let shipped = |parent_id: &str| {
            let (trace_id, parent_id) = ("2".to_owned(), parent_id.to_owned());
            let consumer = Span { links: links.clone(), parent_id, ..consumer.clone() };
            let all = [of("poll", SpanKind::Client, "0", ""), consumer];
            Trace::of(all.map(|span| Span { trace_id: trace_id.clone(), ..span }).into())
        };
        // Whether it also works below something or not.
        for shipped in [shipped(""), shipped("0")] {
            let expected = [("shop", "shipping", "messaging", 1, 0)];
            assert_eq!(calls(&Topology::of([&order, &shipped])), expected);
            assert_eq!(calls(&Topology::of([&shipped, &order])), expected);
        }
        // Of a producer that is not at hand nothing is known.
        assert_eq!(calls(&Topology::of([&shipped("")])), []);
        let below = ("poll", "shipping", "messaging", 1, 0);
        assert_eq!(calls(&Topology::of([&shipped("0")])), [below]);
    }

    #[test]
    fn a_request_that_links_to_another_was_not_called_by_it() {
        let link = Link { trace_id: "1".to_owned(), span_id: "1".to_owned(), ..Link::default() };
        let trace = Trace::of(vec![
            of("a", SpanKind::Producer, "1", ""),
            Span { links: vec![link], ..of("b", SpanKind::Server, "2", "") },
        ]);
        assert_eq!(calls(&Topology::of([&trace])), []);
    }

    #[test]
    fn a_database_is_called_as_its_caller_tells() {
        let query = |key: &str, id: &str| Span {
            protocol: "sql",
            attributes: vec![attribute(key, "sqlite")],
            ..of("b", SpanKind::Client, id, "1")
        };
        let trace = Trace::of(vec![
            of("b", SpanKind::Server, "1", ""),
            query("db.system.name", "2"),
            query("db.system", "3"),
            // The service's own part in it, as some libraries tell it besides.
            Span { kind: SpanKind::Internal, ..query("db.system", "4") },
        ]);
        let topology = Topology::of([&trace]);
        assert_eq!(calls(&topology), [("b", "sqlite of b", "sql", 2, 0)]);
        assert_eq!(services(&topology), [("b", 1)]);
    }

    #[test]
    fn traces_count_together() {
        let call = |trace_id: &str| {
            let spans = [of("a", SpanKind::Client, "1", ""), of("b", SpanKind::Server, "2", "1")];
            Trace::of(spans.map(|span| Span { trace_id: trace_id.to_owned(), ..span }).into())
        };
        let traces = [call("1"), call("2"), Trace::default()];
        let topology = Topology::of(&traces);
        assert_eq!(calls(&topology), [("a", "b", "http", 2, 0)]);
        assert_eq!(services(&topology), [("b", 2)]);
    }
}
