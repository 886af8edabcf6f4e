//! A trace: its spans, and who is whose parent.

use std::collections::{HashMap, HashSet};
use std::iter::successors;

use opentelemetry_proto::tonic::trace::v1::TracesData;

use crate::span::{Span, SpanKind};

/// A trace, with its spans by the time of their start.
#[derive(Clone, Debug, Default)]
pub struct Trace {
    spans: Vec<Span>,
    /// The place of the first span of each id.
    places: HashMap<String, usize>,
    /// Of each span, the places of those directly below, by their start. Of those that share an id
    /// the first has them all: nobody knows whose they are.
    below: Vec<Vec<usize>>,
    /// Of each span, the place of its caller.
    callers: Vec<Option<usize>>,
    /// The places of those that the others are below: roots, then orphans, then of all whose parents
    /// go round in a circle the earliest that is in it.
    tops: Vec<usize>,
    /// Whether there are more spans than were read.
    cut: bool,
}

impl Trace {
    /// The spans of `data`, which holds one trace.
    pub fn new(data: TracesData) -> Self {
        Self::of(Span::all(data))
    }

    /// These spans, which are of one trace.
    pub fn of(mut spans: Vec<Span>) -> Self {
        spans.sort_by_key(|span| span.start);
        remove_copies(&mut spans);
        let mut places = HashMap::with_capacity(spans.len());
        for (place, span) in spans.iter().enumerate() {
            // What has no id is nobody's parent.
            if !span.id.is_empty() {
                places.entry(span.id.clone()).or_insert(place);
            }
        }
        let above: Vec<_> = spans.iter().map(|span| places.get(&span.parent_id).copied()).collect();
        let mut below = vec![Vec::new(); spans.len()];
        for (place, above) in above.iter().enumerate() {
            if let Some(above) = above {
                below[*above].push(place);
            }
        }
        let callers = callers(&spans, &above);
        let is_root = |place: &usize| spans[*place].parent_id.is_empty();
        let is_orphan = |place: &usize| above[*place].is_none() && !is_root(place);
        let all = 0..spans.len();
        let tops = all.clone().filter(is_root).chain(all.filter(is_orphan)).chain(circles(&above));
        let tops = tops.collect();
        Self { spans, places, below, callers, tops, cut: false }
    }

    /// The same, of which more was there than was read.
    pub(crate) fn cut(mut self) -> Self {
        self.cut = true;
        self
    }

    /// Whether the storage server has more spans of it than were read.
    pub fn is_cut(&self) -> bool {
        self.cut
    }

    /// By the time of their start.
    pub fn spans(&self) -> &[Span] {
        &self.spans
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.spans.is_empty()
    }

    /// The span of this id: the earliest, if several have it.
    pub fn span(&self, id: &str) -> Option<&Span> {
        self.places.get(id).map(|place| &self.spans[*place])
    }

    /// The span's parent, unless it is a root or an orphan.
    pub fn parent(&self, span: &Span) -> Option<&Span> {
        self.span(&span.parent_id)
    }

    /// The nearest span above that is no internal work of its service.
    pub fn caller(&self, span: &Span) -> Option<&Span> {
        let above = *self.places.get(&span.parent_id)?;
        let caller = if is_call(&self.spans[above]) { Some(above) } else { self.callers[above] };
        caller.map(|place| &self.spans[place])
    }

    /// The spans that name this one's id as their parent's, by their start.
    pub fn children<'a>(&'a self, span: &Span) -> impl Iterator<Item = &'a Span> {
        let below = self.places.get(&span.id).map(|place| &self.below[*place]);
        below.into_iter().flatten().map(|place| &self.spans[*place])
    }

    /// The spans without a parent.
    pub fn roots(&self) -> impl Iterator<Item = &Span> {
        self.spans.iter().filter(|span| span.parent_id.is_empty())
    }

    /// The spans whose parent is missing.
    pub fn orphans(&self) -> impl Iterator<Item = &Span> {
        self.spans.iter().filter(|span| self.is_orphan(span))
    }

    /// Whether the span has a parent that is missing.
    pub fn is_orphan(&self, span: &Span) -> bool {
        !span.parent_id.is_empty() && !self.places.contains_key(&span.parent_id)
    }

    /// The span that stands for the whole: the earliest root, or else the earliest orphan, or else
    /// the earliest whose parents lead back to it.
    pub fn first(&self) -> Option<&Span> {
        self.tops.first().map(|place| &self.spans[*place])
    }

    /// From the begin of the first span to the end of the last, in nanoseconds since the epoch.
    pub fn window(&self) -> (u64, u64) {
        let start = self.spans.first().map_or(0, |span| span.start);
        let end = self.spans.iter().map(|span| span.end.max(span.start)).max();
        (start, end.unwrap_or(start))
    }

    /// Nanoseconds from the begin of the first span to the end of the last.
    pub fn duration(&self) -> u64 {
        let (start, end) = self.window();
        end - start
    }

    /// The names of the services that have spans in it, each once, in order of their first span.
    pub fn services(&self) -> Vec<&str> {
        let mut seen = HashSet::new();
        let services = self.spans.iter().map(|span| span.service.as_str());
        services.filter(|service| seen.insert(*service)).collect()
    }

    /// The places of the spans that the others are below: each is below one of them.
    pub(crate) fn tops(&self) -> &[usize] {
        &self.tops
    }

    /// The places of the spans directly below the one of this place. Each is below one other only,
    /// so the way down from a top comes to each once, but back to that top where it is in a circle.
    pub(crate) fn places_below(
        &self,
        place: usize,
        top: usize,
    ) -> impl DoubleEndedIterator<Item = usize> {
        self.below[place].iter().copied().filter(move |below| *below != top)
    }
}

/// An exporter that sends again leaves a second copy: as a copy counts what has all in common that
/// tells spans apart.
fn remove_copies(spans: &mut Vec<Span>) {
    let mut seen = HashSet::with_capacity(spans.len());
    let is_first = spans.iter().map(|span| {
        let Span { id, parent_id, service, name, kind, start, end, .. } = span;
        seen.insert((id, parent_id, service, name, kind, start, end))
    });
    let mut firsts = is_first.collect::<Vec<_>>().into_iter();
    spans.retain(|_| firsts.next().unwrap_or_default());
}

fn is_call(span: &Span) -> bool {
    span.kind != SpanKind::Internal
}

/// Of each span the nearest one above that is a call. Each way up is gone once, since a deep trace
/// has many long ones.
fn callers(spans: &[Span], above: &[Option<usize>]) -> Vec<Option<usize>> {
    let mut callers = vec![None; spans.len()];
    let mut known = vec![false; spans.len()];
    let mut way = Vec::new();
    for place in 0..spans.len() {
        let mut at = place;
        let caller = loop {
            // Also of what goes round in a circle: it is on the way, and has none so far.
            if std::mem::replace(&mut known[at], true) {
                break callers[at];
            }
            way.push(at);
            match above[at] {
                Some(above) if !is_call(&spans[above]) => at = above,
                found => break found,
            }
        };
        way.drain(..).for_each(|at| callers[at] = caller);
    }
    callers
}

/// Of each circle that parents go round in, the earliest in it.
fn circles(above: &[Option<usize>]) -> Vec<usize> {
    let mut circles = Vec::new();
    // From where each place was come to first.
    let mut reached_from = vec![None; above.len()];
    for start in 0..above.len() {
        let mut at = Some(start);
        while let Some(place) = at.filter(|place| reached_from[*place].is_none()) {
            reached_from[place] = Some(start);
            at = above[place];
        }
        // The way led back to itself, not into an earlier one or to a top.
        if let Some(place) = at.filter(|place| reached_from[*place] == Some(start)) {
            let round = successors(above[place], |at| above[*at].filter(|_| *at != place));
            circles.extend(round.min());
        }
    }
    circles.sort_unstable();
    circles
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::span::tests::span;

    fn ids<'a>(spans: impl IntoIterator<Item = &'a Span>) -> Vec<&'a str> {
        spans.into_iter().map(|span| span.id.as_str()).collect()
    }

    fn kinds<const N: usize>(spans: [(Span, SpanKind); N]) -> Trace {
        Trace::of(spans.into_iter().map(|(span, kind)| Span { kind, ..span }).collect())
    }

    #[test]
    fn spans_are_there_by_their_start_and_found_by_their_id() {
        let trace =
            Trace::of(vec![span("c", "a", 5, 6), span("a", "", 1, 9), span("b", "a", 2, 3)]);
        assert_eq!(ids(trace.spans()), ["a", "b", "c"]);
        assert_eq!(trace.span("b").unwrap().start, 2);
        assert_eq!(trace.span("d"), None);
        let [a, _, c] = trace.spans() else { panic!("{trace:?}") };
        assert_eq!(ids(trace.children(a)), ["b", "c"]);
        assert_eq!(trace.parent(c), Some(a));
        assert_eq!(trace.parent(a), None);
    }

    #[test]
    fn a_copy_is_dropped_and_another_span_of_the_same_id_is_kept() {
        let server = Span { kind: SpanKind::Server, ..span("a", "", 1, 9) };
        let client = Span { kind: SpanKind::Client, ..span("a", "", 1, 9) };
        let sent = vec![server.clone(), client.clone(), server.clone(), client.clone()];
        assert_eq!(Trace::of(sent).spans(), [server, client]);
    }

    #[test]
    fn roots_and_orphans_are_told_apart() {
        let trace = Trace::of(vec![
            span("a", "lost", 1, 2),
            span("b", "", 3, 4),
            span("c", "b", 3, 4),
            span("d", "d", 0, 4),
        ]);
        assert_eq!(ids(trace.roots()), ["b"]);
        assert_eq!(ids(trace.orphans()), ["a"]);
        assert_eq!(trace.first().unwrap().id, "b");
    }

    #[test]
    fn without_a_root_an_orphan_stands_for_the_whole_and_without_one_the_earliest() {
        let trace = Trace::of(vec![span("a", "a", 1, 2), span("b", "lost", 3, 4)]);
        assert_eq!(trace.first().unwrap().id, "b");
        let circle = Trace::of(vec![span("a", "b", 1, 2), span("b", "a", 0, 4)]);
        assert_eq!(circle.first().unwrap().id, "b");
        assert_eq!(Trace::default().first(), None);
    }

    #[test]
    fn what_hangs_below_a_circle_does_not_stand_for_it_although_it_is_earlier() {
        let trace = Trace::of(vec![
            span("leaf", "c", 0, 9),
            span("c", "b", 1, 9),
            span("b", "a", 3, 9),
            span("a", "c", 2, 9),
            span("own", "own", 4, 9),
        ]);
        assert_eq!(ids(trace.tops().iter().map(|place| &trace.spans()[*place])), ["c", "own"]);
    }

    #[test]
    fn a_span_without_an_id_is_nobodys_parent() {
        let trace = Trace::of(vec![span("", "", 0, 9), span("a", "", 1, 2)]);
        assert_eq!(ids(trace.roots()), ["", "a"]);
        assert_eq!(trace.children(&trace.spans()[0]).count(), 0);
        assert_eq!(trace.parent(&trace.spans()[1]), None);
    }

    #[test]
    fn the_caller_is_above_all_internal_work() {
        use SpanKind::{Client, Internal, Server};
        let trace = kinds([
            (span("a", "", 0, 9), Server),
            (span("b", "a", 1, 9), Internal),
            (span("c", "b", 2, 9), Internal),
            (span("d", "c", 3, 9), Client),
            (span("e", "d", 4, 9), Server),
        ]);
        let caller = |id| Some(trace.caller(trace.span(id)?)?.id.as_str());
        let callers = ["a", "b", "c", "d", "e"].map(caller);
        assert_eq!(callers, [None, Some("a"), Some("a"), Some("a"), Some("d")]);
    }

    #[test]
    fn internal_work_in_a_circle_has_no_caller() {
        use SpanKind::{Internal, Server};
        let circle = [span("a", "b", 0, 9), span("b", "a", 1, 9), span("c", "b", 2, 9)];
        let [a, b, c] = circle;
        let trace = kinds([(a, Internal), (b, Internal), (c, Server)]);
        assert!(trace.spans().iter().all(|span| trace.caller(span).is_none()));
    }

    #[test]
    fn the_window_reaches_to_the_last_end_whoevers_it_is() {
        let trace =
            Trace::of(vec![span("a", "", 3, 5), span("b", "a", 4, 20), span("c", "a", 9, 1)]);
        assert_eq!((trace.window(), trace.duration()), ((3, 20), 17));
        assert_eq!(Trace::of(vec![span("a", "", 7, 2)]).window(), (7, 7));
        assert_eq!(Trace::default().window(), (0, 0));
    }

    #[test]
    fn each_service_is_named_once_by_its_first_span() {
        let of = |service: &str, start: u64| Span {
            service: service.to_owned(),
            ..span(&start.to_string(), "", start, start)
        };
        let trace = Trace::of(vec![of("b", 3), of("a", 2), of("b", 1)]);
        assert_eq!(trace.services(), ["b", "a"]);
    }
}
