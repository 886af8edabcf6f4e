//! What one request did, as its span and those below it tell.

use traces::{Span, Trace};

/// A request that a service answered. Times are nanoseconds.
#[derive(Clone, Debug, Default)]
pub(super) struct Request {
    pub trace_id: String,
    /// The customer's tier, as any span of the trace tells it.
    pub tier: Option<String>,
    pub start: u64,
    pub duration: u64,
    pub is_error: bool,
    /// Whether something that it asked for failed.
    pub has_error_below: bool,
    /// In which it waited for nobody else.
    pub own: u64,
    /// How long each statement took.
    pub statements: Vec<u64>,
    /// How many lookups in a cache there were, and how many found something.
    pub lookups: (u64, u64),
    /// How often what it asked most often was sent, the first time included.
    pub tries: u64,
    /// Whether it came as if from nobody.
    pub is_root: bool,
    /// Whether somebody whom it asked went on elsewhere.
    pub has_lost_call: bool,
}

impl Request {
    pub fn new(trace: &Trace, span: &Span) -> Self {
        let mut request = Self {
            trace_id: span.trace_id.clone(),
            tier: tier(trace, span),
            start: span.start,
            duration: span.duration(),
            is_error: span.is_error(),
            is_root: span.parent_id.is_empty(),
            tries: 1,
            ..Self::default()
        };
        let mut waits = Vec::new();
        let mut waiting: Vec<&Span> = trace.children(span).collect();
        // Parents may go round in a circle.
        let mut left = trace.spans().len();
        while let Some(below) = waiting.pop() {
            left = match left.checked_sub(1) {
                Some(left) => left,
                None => break,
            };
            if below.is_exit() {
                request.call(trace, below);
                waits.push((below.start.max(span.start), below.end.min(span.end)));
            } else {
                request.look_up(below);
                waiting.extend(trace.children(below));
            }
        }
        request.own = span.duration().saturating_sub(together(waits));
        request
    }

    fn call(&mut self, trace: &Trace, call: &Span) {
        match call.protocol {
            "sql" => self.statements.push(call.duration()),
            "http" | "grpc" => {
                self.has_error_below |= call.is_error();
                self.has_lost_call |= trace.children(call).next().is_none();
                let resends = call.attribute_text("http.request.resend_count");
                let resends = resends.and_then(|count| count.parse::<u64>().ok());
                self.tries = self.tries.max(1 + resends.unwrap_or_default());
            }
            _ => {}
        }
    }

    fn look_up(&mut self, span: &Span) {
        if let Some(hit) = span.attribute_text("app.cache.hit") {
            self.lookups.0 += 1;
            self.lookups.1 += u64::from(hit == "true");
        }
    }

    /// Whether it failed, and nothing that it asked for did.
    pub fn failed_by_itself(&self) -> bool {
        self.is_error && !self.has_error_below
    }
}

/// Its own, or else that of the order that it is part of.
fn tier(trace: &Trace, span: &Span) -> Option<String> {
    const TIER: &str = "app.customer.tier";
    let others = || trace.spans().iter().find_map(|span| span.attribute_text(TIER));
    span.attribute_text(TIER).or_else(others)
}

/// How long all of these take that may overlap.
fn together(mut times: Vec<(u64, u64)>) -> u64 {
    times.sort_unstable();
    let (mut sum, mut until) = (0, 0);
    for (start, end) in times {
        sum += end.saturating_sub(start.max(until));
        until = until.max(end);
    }
    sum
}

#[cfg(test)]
mod tests {
    use opentelemetry_proto::tonic::common::v1::any_value::Value;
    use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue};
    use traces::{SpanKind, Status};

    use super::*;

    fn attribute(key: &str, value: &str) -> KeyValue {
        let value = Value::StringValue(value.to_owned());
        let value = Some(AnyValue { value: Some(value) });
        KeyValue { key: key.to_owned(), value, ..KeyValue::default() }
    }

    /// A span of these milliseconds.
    fn span(id: &str, above: &str, kind: SpanKind, times: (u64, u64)) -> Span {
        Span {
            id: id.to_owned(),
            parent_id: above.to_owned(),
            kind,
            start: times.0 * 1_000_000,
            end: times.1 * 1_000_000,
            ..Span::default()
        }
    }

    fn read(spans: Vec<Span>) -> Request {
        let trace = Trace::of(spans);
        Request::new(&trace, trace.span("1").unwrap())
    }

    #[test]
    fn what_is_below_a_call_is_not_its_callers() {
        let mut call = span("3", "2", SpanKind::Client, (10, 60));
        (call.protocol, call.status) = ("http", Status::Error(String::new()));
        call.attributes = vec![attribute("http.request.resend_count", "2")];
        let mut server = span("4", "3", SpanKind::Server, (11, 59));
        server.attributes = vec![attribute("app.customer.tier", "gold")];
        let mut statements =
            [(12, 14), (70, 75)].map(|times| span("", "", SpanKind::Client, times));
        for (at, statement) in statements.iter_mut().enumerate() {
            statement.protocol = "sql";
            (statement.id, statement.parent_id) = [("5", "4"), ("6", "1")]
                .map(|(id, above)| (id.to_owned(), above.to_owned()))[at]
                .clone();
        }
        let mut top = span("1", "", SpanKind::Server, (0, 100));
        top.status = Status::Error(String::new());
        let inner = span("2", "1", SpanKind::Internal, (5, 90));
        let spans = [vec![top, inner, call, server], statements.to_vec()].concat();
        let request = read(spans);
        assert_eq!(request.own, (100 - 50 - 5) * 1_000_000);
        assert_eq!(request.statements, [5_000_000]);
        assert_eq!((request.tries, request.tier.as_deref()), (3, Some("gold")));
        assert!(request.is_error && request.has_error_below && !request.failed_by_itself());
        assert!(request.is_root && !request.has_lost_call);
    }

    #[test]
    fn a_call_without_an_answer_in_the_trace_is_lost_and_a_lookup_hits_or_not() {
        let mut call = span("2", "1", SpanKind::Client, (1, 2));
        call.protocol = "grpc";
        let lookups = ["true", "false", "true"].iter().enumerate().map(|(at, hit)| {
            let mut lookup = span(&format!("x{at}"), "1", SpanKind::Internal, (3, 4));
            lookup.attributes = vec![attribute("app.cache.hit", hit)];
            lookup
        });
        let top = span("1", "0", SpanKind::Server, (0, 10));
        let request = read([vec![top, call], lookups.collect()].concat());
        assert!(request.has_lost_call && !request.is_root && !request.is_error);
        assert_eq!((request.lookups, request.tries), ((3, 2), 1));
    }

    #[test]
    fn parents_that_go_round_end() {
        let mut top = span("1", "2", SpanKind::Server, (0, 10));
        top.service = "app-a".to_owned();
        let request = read(vec![top, span("2", "1", SpanKind::Internal, (1, 9))]);
        assert_eq!(request.own, 10_000_000);
    }

    #[test]
    fn times_that_overlap_count_once() {
        assert_eq!(together(vec![(5, 9), (1, 3), (2, 4), (6, 7), (20, 10)]), 3 + 4);
    }
}
