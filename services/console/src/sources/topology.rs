//! Who called whom of late.

use std::collections::HashMap;
use std::time::Duration;

use traces::{Span, Topology, Trace, Window};

use super::{Answer, Origin, Recent, Sources};

/// Spans that are read: some minutes of a lab's own traffic.
const MOST: usize = 5_000;

impl Sources {
    /// Of the traces of this last time.
    pub async fn topology(&self, over: Duration) -> Answer<Recent<Topology>> {
        let told = self.latest(Window::last(over), None, MOST, of_spans).await;
        Answer::of(Origin::Spoor, told)
    }
}

fn of_spans(spans: Vec<Span>) -> Topology {
    let mut traces: HashMap<String, Vec<Span>> = HashMap::new();
    for span in spans {
        traces.entry(span.trace_id.clone()).or_default().push(span);
    }
    let traces: Vec<_> = traces.into_values().map(Trace::of).collect();
    Topology::of(&traces)
}
