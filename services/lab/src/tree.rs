//! A trace as a tree, for a person.

use traces::{Row, Span, Trace};

/// The tree in lines: service and operation, then kind, protocol and duration in columns.
pub fn draw(trace: &Trace) -> String {
    let rows = trace.rows();
    let labels = labels(&rows);
    let width = labels.iter().map(|label| label.chars().count()).max().unwrap_or_default();
    let line = |(label, Row { span, .. }): (String, Row<'_>)| {
        let (kind, protocol) = (span.kind_name(), span.protocol);
        let milliseconds = span.duration() as f64 / 1e6;
        format!("{label:width$}  {kind:8}  {protocol:4}  {milliseconds:9.2} ms\n")
    };
    labels.into_iter().zip(rows).map(line).collect()
}

/// Service and operation of each row, behind the branch on which it hangs.
pub fn labels(rows: &[Row<'_>]) -> Vec<String> {
    // Of each span above, whether one more comes below its parent.
    let mut more = Vec::new();
    let labelled = |Row { span, depth, last, .. }: Row<'_>| {
        more.truncate(depth);
        let lines = more.iter().skip(1).map(|more| if *more { "│  " } else { "   " });
        let branch = match (depth, last) {
            (0, _) => "",
            (_, false) => "├─ ",
            (_, true) => "└─ ",
        };
        let label = lines.chain([branch, &label(span)]).collect::<String>();
        more.push(!last);
        label
    };
    rows.iter().copied().map(labelled).collect()
}

fn label(Span { service, name, .. }: &Span) -> String {
    format!("{service}  {name}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::edges::tests::{chain, changed};

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
        let trace = changed(|spans| spans.retain(|span| span.id != "8"));
        assert_eq!(draw(&trace).lines().count(), 9);
    }
}
