//! Spans as a tree of text, and whether spans are such a tree.

use std::fmt::Write;

use opentelemetry::KeyValue;
use opentelemetry::trace::{SpanId, SpanKind, Status};
use opentelemetry_sdk::trace::SpanData;

const KINDS: [(&str, SpanKind); 5] = [
    ("client", SpanKind::Client),
    ("consumer", SpanKind::Consumer),
    ("internal", SpanKind::Internal),
    ("producer", SpanKind::Producer),
    ("server", SpanKind::Server),
];

/// The spans as a tree.
pub(super) fn render(spans: &[SpanData]) -> String {
    let mut text = String::new();
    for root in roots(spans) {
        render_span(spans, root, 0, &mut text);
    }
    text
}

fn render_span(spans: &[SpanData], span: &SpanData, depth: usize, text: &mut String) {
    let mut line = |depth: usize, line: &str| {
        // Writing to a string does not fail.
        let _ = writeln!(text, "{:1$}{line}", "", 2 * depth);
    };
    line(depth, &label(span));
    attributes(&span.attributes).iter().for_each(|attribute| line(depth + 1, attribute));
    if let Some(status) = status(&span.status) {
        line(depth + 1, &format!("status: {status}"));
    }
    for event in span.events.iter() {
        line(depth + 1, &format!("event: {}", event.name));
        attributes(&event.attributes).iter().for_each(|attribute| line(depth + 2, attribute));
    }
    for target in links(spans, span) {
        line(depth + 1, &format!("link: {target}"));
    }
    for child in children(spans, span) {
        render_span(spans, child, depth + 1, text);
    }
}

fn label(span: &SpanData) -> String {
    let kind = KINDS.iter().find(|(_, kind)| *kind == span.span_kind);
    format!("{} {}", kind.map_or("", |(name, _)| name), span.name)
}

fn attributes(attributes: &[KeyValue]) -> Vec<String> {
    let mut lines: Vec<String> = attributes
        .iter()
        .map(|attribute| format!("{} = {}", attribute.key, attribute.value))
        .collect();
    lines.sort();
    lines
}

fn status(status: &Status) -> Option<String> {
    match status {
        Status::Unset => None,
        Status::Ok => Some("ok".to_owned()),
        Status::Error { description } => Some(format!("error {description}").trim_end().to_owned()),
    }
}

/// Where a span's links lead: to spans that are there, or to ids.
fn links(spans: &[SpanData], span: &SpanData) -> Vec<String> {
    let target = |link: &opentelemetry::trace::Link| {
        let target = spans.iter().find(|span| span.span_context == link.span_context);
        let ids = || format!("{} {}", link.span_context.trace_id(), link.span_context.span_id());
        target.map_or_else(ids, label)
    };
    span.links.iter().map(target).collect()
}

/// The spans whose parents are not there.
fn roots(spans: &[SpanData]) -> Vec<&SpanData> {
    let is_there = |id: SpanId| spans.iter().any(|span| span.span_context.span_id() == id);
    in_order(spans.iter().filter(|span| !is_there(span.parent_span_id)))
}

fn children<'a>(spans: &'a [SpanData], parent: &SpanData) -> Vec<&'a SpanData> {
    let parent = &parent.span_context;
    in_order(spans.iter().filter(|span| {
        span.parent_span_id == parent.span_id() && span.span_context.trace_id() == parent.trace_id()
    }))
}

fn in_order<'a>(spans: impl Iterator<Item = &'a SpanData>) -> Vec<&'a SpanData> {
    let mut spans: Vec<&SpanData> = spans.collect();
    spans.sort_by_key(|span| span.start_time);
    spans
}

/// A tree as a test writes it.
pub(super) struct Expected(Vec<Node>);

/// A line and what is below it.
struct Node {
    text: String,
    below: Vec<Node>,
}

impl Expected {
    pub fn read(text: &str) -> Self {
        let lines = text.lines().filter(|line| !line.trim().is_empty()).map(|line| {
            let text = line.trim();
            (line.len() - line.trim_start().len(), text)
        });
        let mut lines = lines.peekable();
        let roots = Node::read_all(&mut lines, 0);
        for root in &roots {
            assert!(root.is_span(), "no span, which would begin with its kind: {:?}", root.text);
        }
        Self(roots)
    }

    /// How many spans it has.
    pub fn len(&self) -> usize {
        fn spans(nodes: &[Node]) -> usize {
            let spans_of = |node: &Node| usize::from(node.is_span()) + spans(&node.below);
            nodes.iter().map(spans_of).sum()
        }
        spans(&self.0)
    }

    pub fn matches(&self, spans: &[SpanData]) -> bool {
        let expected: Vec<&Node> = self.0.iter().collect();
        each_has_one(&expected, &roots(spans), spans)
    }
}

/// Whether each node can have a span of its own, with none left over: a perfect matching, found by
/// augmenting paths, since there are as many ways to try as permutations.
fn each_has_one(nodes: &[&Node], found: &[&SpanData], spans: &[SpanData]) -> bool {
    let fits = |node: &&Node| found.iter().map(|span| node.matches(span, spans)).collect();
    let fits: Vec<Vec<bool>> = nodes.iter().map(fits).collect();
    let mut owners = vec![None; found.len()];
    nodes.len() == found.len()
        && (0..nodes.len())
            .all(|node| gets_one(node, &fits, &mut owners, &mut vec![true; found.len()]))
}

/// Gives the node one of the spans that nobody has tried yet, where its owner can have another.
fn gets_one(
    node: usize,
    fits: &[Vec<bool>],
    owners: &mut [Option<usize>],
    untried: &mut [bool],
) -> bool {
    for span in 0..owners.len() {
        if fits[node][span] && std::mem::take(&mut untried[span]) {
            let owner = owners[span];
            if owner.is_none_or(|owner| gets_one(owner, fits, owners, untried)) {
                owners[span] = Some(node);
                return true;
            }
        }
    }
    false
}

impl Node {
    /// The lines that are at least as far in as the first.
    fn read_all<'a>(
        lines: &mut std::iter::Peekable<impl Iterator<Item = (usize, &'a str)>>,
        least: usize,
    ) -> Vec<Self> {
        let mut nodes: Vec<Self> = Vec::new();
        let Some((indent, _)) = lines.peek().copied().filter(|(indent, _)| *indent >= least) else {
            return nodes;
        };
        while let Some((_, text)) = lines.next_if(|(at, _)| *at == indent) {
            let below = Self::read_all(lines, indent + 1);
            nodes.push(Self { text: text.to_owned(), below });
        }
        if let Some((at, text)) = lines.peek() {
            assert!(*at < indent, "further in than what is beside it: {text:?}");
        }
        nodes
    }

    fn is_span(&self) -> bool {
        let first = self.text.split(' ').next();
        KINDS.iter().any(|(name, _)| Some(*name) == first)
    }

    fn matches(&self, span: &SpanData, spans: &[SpanData]) -> bool {
        let (children_here, facts): (Vec<&Node>, Vec<&Node>) =
            self.below.iter().partition(|node| node.is_span());
        let has_status = facts.iter().any(|fact| fact.text.starts_with("status: "));
        self.text == label(span)
            && (has_status || span.status == Status::Unset)
            && facts.iter().all(|fact| fact.is_true_of(span, spans))
            && each_has_one(&children_here, &children(spans, span), spans)
    }

    fn is_true_of(&self, span: &SpanData, spans: &[SpanData]) -> bool {
        match self.text.split_once(": ") {
            Some(("status", text)) => status(&span.status).is_some_and(|it| is_value(text, &it)),
            Some(("absent", key)) => !span.attributes.iter().any(|it| it.key.as_str() == key),
            Some(("link", target)) => links(spans, span).iter().any(|link| link == target),
            Some(("event", name)) => span.events.iter().any(|event| {
                event.name == name && self.below.iter().all(|it| it.is_among(&event.attributes))
            }),
            _ => self.is_among(&span.attributes),
        }
    }

    fn is_among(&self, attributes: &[KeyValue]) -> bool {
        let Some((key, value)) = self.text.split_once(" = ") else {
            panic!("neither a span nor a status, an event, a link or an attribute: {:?}", self.text)
        };
        let is_it =
            |it: &KeyValue| it.key.as_str() == key && is_value(value, &it.value.to_string());
        attributes.iter().any(is_it)
    }
}

/// Whether a value is the one that a test expects, which may end in a star.
fn is_value(expected: &str, value: &str) -> bool {
    match expected.strip_suffix('*') {
        Some(beginning) => value.starts_with(beginning.trim_end()),
        None => value == expected,
    }
}

#[cfg(test)]
mod tests {
    use std::panic::{AssertUnwindSafe, catch_unwind};

    use tracing::{error, info, info_span};
    use tracing_opentelemetry::OpenTelemetrySpanExt;

    use crate::SpanContext;
    use crate::testing::{Recording, record};

    const TREE: &str = "
        server GET /items/{id}
          http.response.status_code = 500
          server.port = *
          absent: error.type
          status: error no such *
          event: asked
            times = 2
          link: internal earlier
          internal read
            status: ok
          internal read
            row = 7
        internal earlier
    ";

    fn recorded() -> Recording {
        let spans = record();
        let earlier = info_span!("earlier");
        let context = SpanContext::of(&earlier.context());
        let request =
            info_span!(parent: None, "http", otel.name = "GET /items/{id}", otel.kind = "server");
        request.in_scope(|| {
            info!(times = 1, "asked");
            info!(times = 2, "asked");
            info_span!("read", row = 7).in_scope(|| {});
            SpanContext::current().child("read").ok();
        });
        request.add_link((*context).clone());
        request.set_attribute("http.response.status_code", 500);
        request.set_attribute("server.port", 8000);
        request.set_status(opentelemetry::trace::Status::error("no such table"));
        spans
    }

    /// What an assertion says that fails.
    fn failure(spans: &Recording, tree: &str) -> String {
        let panic = catch_unwind(AssertUnwindSafe(|| spans.assert(tree))).unwrap_err();
        *panic.downcast::<String>().unwrap()
    }

    #[test]
    fn spans_are_such_a_tree_in_any_order() {
        recorded().assert(TREE);
    }

    #[test]
    fn what_fits_several_spans_leaves_each_to_what_fits_no_other() {
        let spans = record();
        (1..=3).for_each(|row| drop(info_span!("read", row, odd = row % 2 == 1)));
        spans.assert(
            "
            internal read
            internal read
              odd = true
            internal read
              row = 1
            ",
        );
    }

    #[test]
    fn one_of_many_that_are_alike_is_found_to_differ_at_once() {
        let spans = record();
        (0..20).for_each(|_| drop(info_span!("read", row = 7)));
        let tree = spans.tree();
        spans.assert(&tree);
        failure(&spans, &tree.replacen("row = 7", "row = 8", 1));
        failure(
            &spans,
            &format!(
                "{}internal read\n  row = 8\n",
                tree.replacen("internal read\n  row = 7\n", "", 1)
            ),
        );
    }

    #[test]
    fn a_tree_is_written_as_it_is_read() {
        let spans = recorded();
        spans.assert(&spans.tree());
    }

    #[test]
    fn every_difference_is_a_failure_that_shows_the_tree_there_is() {
        let spans = recorded();
        for (line, other) in [
            ("server GET /items/{id}", "client GET /items/{id}"),
            ("GET /items/{id}", "GET /items"),
            ("status_code = 500", "status_code = 50"),
            ("server.port = *", "client.port = *"),
            ("absent: error.type", "absent: server.port"),
            ("status: error no such *", "status: ok"),
            ("status: error no such *", "url.scheme = http"),
            ("status: ok", "absent: row"),
            ("event: asked", "event: answered"),
            ("times = 2", "times = 3"),
            ("link: internal earlier", "link: internal read"),
            ("row = 7", "row = 8"),
            ("internal read\n            row = 7", ""),
            ("\n        internal earlier", "\n        internal earlier\n        internal later"),
        ] {
            let tree = TREE.replacen(line, other, 1);
            assert_ne!(tree, TREE, "{line}");
            let message = failure(&spans, &tree);
            assert!(message.contains(&spans.tree()), "{message}");
        }
    }

    #[test]
    fn what_is_no_tree_is_a_failure_that_names_the_line() {
        let spans = record();
        info_span!("work").in_scope(|| error!("as told"));
        for (tree, line) in [
            ("worker work", "worker work"),
            ("internal work\n  status:error", "status:error"),
            ("internal work\n    row = 7\n  row = 8", "row = 8"),
        ] {
            assert!(failure(&spans, tree).contains(line), "{line}");
        }
    }

    #[tokio::test]
    async fn a_tree_is_waited_for() {
        let spans = record();
        let later = info_span!("later");
        let ends = async {
            tokio::task::yield_now().await;
            drop(later);
        };
        tokio::join!(spans.expect("internal later"), ends);
    }

    #[tokio::test]
    #[should_panic(expected = "found:\ninternal one\n")]
    async fn one_that_can_no_longer_come_is_not() {
        let spans = record();
        drop(info_span!("one"));
        spans.expect("").await;
    }
}
