//! What one `/chain` must look like, and what of it a trace lacks.

use std::fmt;

use traces::{Span, SpanKind, Trace, kind_name};

/// The expected calls, each within a service or from one to the next: parent, child.
#[rustfmt::skip]
const EDGES: [(Node, Node); 8] = [
    (server("app-a", "http", "GET /chain"), client("app-a", "http", "GET")),
    (client("app-a", "http", "GET"), server("app-a", "http", "GET /")),
    (server("app-a", "http", "GET /chain"), client("app-a", "http", "GET")),
    (client("app-a", "http", "GET"), server("app-b", "http", "GET /io_task")),
    (server("app-a", "http", "GET /chain"), client("app-a", "grpc", CPU_TASK)),
    (client("app-a", "grpc", CPU_TASK), server("app-c", "grpc", CPU_TASK)),
    (server("app-c", "grpc", CPU_TASK), client("app-c", "http", "GET")),
    (client("app-c", "http", "GET"), server("app-d", "http", "GET /io_task")),
];
const CPU_TASK: &str = "demo.v1.Tasks/CpuTask";

/// What identifies a span from run to run.
#[derive(Clone, Copy, PartialEq)]
struct Node<'a> {
    service: &'a str,
    kind: SpanKind,
    protocol: &'a str,
    name: &'a str,
}

const fn server<'a>(service: &'a str, protocol: &'a str, name: &'a str) -> Node<'a> {
    Node { service, kind: SpanKind::Server, protocol, name }
}

const fn client<'a>(service: &'a str, protocol: &'a str, name: &'a str) -> Node<'a> {
    Node { service, kind: SpanKind::Client, protocol, name }
}

impl<'a> From<&'a Span> for Node<'a> {
    fn from(span: &'a Span) -> Self {
        let Span { service, kind, protocol, name, .. } = span;
        Self { service, kind: *kind, protocol, name }
    }
}

impl fmt::Display for Node<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { service, kind, protocol, name } = self;
        write!(f, "{service} {} {name} ({protocol})", kind_name(*kind))
    }
}

/// Each way in which the trace is not that of one `/chain`, in words; none when it is.
pub fn problems(trace: &Trace) -> Vec<String> {
    let edge = |span| Some((trace.caller(span)?.into(), Node::from(span)));
    let mut actual: Vec<(Node<'_>, Node<'_>)> = trace.spans().iter().filter_map(edge).collect();
    let mut problems = Vec::new();
    for expected in &EDGES {
        // An edge that is expected twice must be there twice.
        match actual.iter().position(|edge| edge == expected) {
            Some(index) => drop(actual.swap_remove(index)),
            None => problems.push(format!("missing edge: {} -> {}", expected.0, expected.1)),
        }
    }
    let calls = actual.iter().filter(|(_, callee)| callee.kind != SpanKind::Internal);
    problems.extend(calls.map(|(caller, callee)| format!("unexpected edge: {caller} -> {callee}")));
    problems.extend(trace.orphans().map(|span| {
        format!("orphan: the parent {} of {} is missing", span.parent_id, Node::from(span))
    }));
    let roots = trace.roots().count();
    if roots != 1 {
        problems.push(format!("{roots} roots instead of 1"));
    }
    problems
}

#[cfg(test)]
pub mod tests {
    use super::*;

    /// The trace of a whole `/chain`, with internal work between two of its spans.
    pub fn chain() -> Trace {
        let internal =
            Node { kind: SpanKind::Internal, protocol: "", ..server("app-a", "", "work") };
        let spans = [
            ("1", "", server("app-a", "http", "GET /chain")),
            ("2", "1", client("app-a", "http", "GET")),
            ("3", "2", server("app-a", "http", "GET /")),
            ("4", "1", internal),
            ("5", "4", client("app-a", "http", "GET")),
            ("6", "5", server("app-b", "http", "GET /io_task")),
            ("7", "1", client("app-a", "grpc", CPU_TASK)),
            ("8", "7", server("app-c", "grpc", CPU_TASK)),
            ("9", "8", client("app-c", "http", "GET")),
            ("a", "9", server("app-d", "http", "GET /io_task")),
        ];
        let spans = spans.into_iter().map(|(id, parent_id, node)| Span {
            id: id.to_owned(),
            parent_id: parent_id.to_owned(),
            service: node.service.to_owned(),
            name: node.name.to_owned(),
            kind: node.kind,
            protocol: node.protocol,
            end: 1_500_000,
            ..Span::default()
        });
        Trace::of(spans.collect())
    }

    /// The same with other spans.
    pub fn changed(change: impl FnOnce(&mut Vec<Span>)) -> Trace {
        let mut spans = chain().spans().to_vec();
        change(&mut spans);
        Trace::of(spans)
    }

    fn problems_without(id: &str) -> Vec<String> {
        problems(&changed(|spans| spans.retain(|span| span.id != id)))
    }

    #[test]
    fn a_whole_chain_has_no_problem() {
        assert_eq!(problems(&chain()), [] as [&str; 0]);
    }

    #[test]
    fn a_missing_call_is_named() {
        let lost = "missing edge: app-c CLIENT GET (http) -> app-d SERVER GET /io_task (http)";
        assert_eq!(problems_without("a"), [lost]);
    }

    #[test]
    fn of_two_equal_edges_one_is_not_enough() {
        let problems = problems_without("5");
        let lost = "missing edge: app-a SERVER GET /chain (http) -> app-a CLIENT GET (http)";
        assert!(problems.iter().any(|problem| problem == lost), "{problems:?}");
    }

    #[test]
    fn a_call_too_many_is_named() {
        let trace = changed(|spans| {
            let twice = spans.iter().find(|span| span.id == "a").unwrap().clone();
            spans.push(Span { id: "b".to_owned(), ..twice });
        });
        let extra = "unexpected edge: app-c CLIENT GET (http) -> app-d SERVER GET /io_task (http)";
        assert_eq!(problems(&trace), [extra]);
    }

    #[test]
    fn whichever_span_is_lost_is_noticed() {
        for Span { id, .. } in chain().spans() {
            assert!(!problems_without(id).is_empty(), "{id}");
        }
    }

    #[test]
    fn an_orphan_is_named_with_its_missing_parent() {
        let problems = problems_without("8");
        let orphan = "orphan: the parent 8 of app-c CLIENT GET (http) is missing";
        assert!(problems.iter().any(|problem| problem == orphan), "{problems:?}");
    }

    #[test]
    fn a_second_root_is_a_problem() {
        let trace = changed(|spans| spans.push(Span { id: "b".to_owned(), ..spans[0].clone() }));
        assert_eq!(problems(&trace), ["2 roots instead of 1"]);
    }

    #[test]
    fn parents_in_a_circle_are_a_problem_and_no_endless_loop() {
        let trace = changed(|spans| {
            spans[0].parent_id = "4".to_owned();
            spans[0].kind = SpanKind::Internal;
        });
        assert!(problems(&trace).contains(&"0 roots instead of 1".to_owned()));
    }
}
