//! A trace as a tree, for a person.

use crate::trace::{Span, Trace};

/// The tree in lines: service and operation, then kind, protocol and duration in columns.
pub fn draw(trace: &Trace) -> String {
    let mut rows = Vec::new();
    for span in trace.roots().chain(trace.orphans()) {
        rows.push((label(span), span));
        add_children(trace, span, "", &mut rows);
    }
    let width = rows.iter().map(|(label, _)| label.chars().count()).max().unwrap_or_default();
    let line = |(label, span): (String, &Span)| {
        let (kind, protocol) = (span.kind_name(), span.protocol);
        let milliseconds = span.end.saturating_sub(span.start) as f64 / 1e6;
        format!("{label:width$}  {kind:8}  {protocol:4}  {milliseconds:9.2} ms\n")
    };
    rows.into_iter().map(line).collect()
}

fn add_children<'a>(
    trace: &'a Trace,
    span: &'a Span,
    indent: &str,
    rows: &mut Vec<(String, &'a Span)>,
) {
    let mut children = trace.children(span).peekable();
    while let Some(child) = children.next() {
        let (branch, below) =
            if children.peek().is_some() { ("├─ ", "│  ") } else { ("└─ ", "   ") };
        rows.push((format!("{indent}{branch}{}", label(child)), child));
        add_children(trace, child, &format!("{indent}{below}"), rows);
    }
}

fn label(Span { service, name, .. }: &Span) -> String {
    format!("{service}  {name}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::edges::tests::chain;

    #[test]
    fn every_span_stands_below_its_parent_in_aligned_columns() {
        let expected = "\
app-a  GET /chain                   SERVER    http       1.50 ms
├─ app-a  GET                       CLIENT    http       1.50 ms
│  └─ app-a  GET /                  SERVER    http       1.50 ms
├─ app-a  work                      INTERNAL             1.50 ms
│  └─ app-a  GET                    CLIENT    http       1.50 ms
│     └─ app-b  GET /io_task        SERVER    http       1.50 ms
└─ app-a  demo.v1.Tasks/CpuTask     CLIENT    grpc       1.50 ms
   └─ app-c  demo.v1.Tasks/CpuTask  SERVER    grpc       1.50 ms
      └─ app-c  GET                 CLIENT    http       1.50 ms
         └─ app-d  GET /io_task     SERVER    http       1.50 ms
";
        assert_eq!(draw(&chain()), expected);
    }

    #[test]
    fn an_orphan_is_drawn_too() {
        let mut trace = chain();
        trace.0.retain(|span| span.id != "8");
        assert_eq!(draw(&trace).lines().count(), 9);
    }
}
