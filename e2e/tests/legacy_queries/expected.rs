//! What a server must answer, from what was sent and how it differs from spoor.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use crate::answer::{Answer, Found};
use crate::content::content;
use crate::differences::{Difference::*, Rules};
use crate::matching::{matches, service};
use crate::questions::{Question, Search};
use crate::sent::{KINDS, Kept, Trace};

/// How many traces spoor answers with when it is not told.
const DEFAULT_DEPTH: usize = 100;

/// Every trace that was sent, to one kind of server.
pub struct Expected<'a> {
    pub traces: &'a [Trace],
    pub rules: Rules,
}

/// The traces that a search may answer with: the `limit` greatest.
struct Ranked<'a> {
    matching: Vec<(Rank, &'a Trace)>,
    limit: usize,
    /// Whether they come in this order.
    ordered: bool,
}

/// Two that are equal may change places.
type Rank = (u64, Reverse<Vec<u8>>);

impl Expected<'_> {
    /// Whether the server may answer so.
    pub fn allows(&self, question: &Question, answer: &Answer) -> bool {
        match question {
            Question::FindTraces(search) => match (self.search(search), answer) {
                (None, Answer::Refused(_)) => true,
                (Some(ranked), Answer::Traces(traces)) => {
                    let ids: Vec<_> = traces.iter().map(|(id, _)| id).collect();
                    ranked.allows(&ids) && traces.iter().all(|(id, spans)| self.is_whole(id, spans))
                }
                _ => false,
            },
            Question::FindTraceIds(_) if self.rules.has(NoFindTraceIds) => {
                matches!(answer, Answer::Refused(_))
            }
            Question::FindTraceIds(search) => match (self.search(search), answer) {
                (None, Answer::Refused(_)) => true,
                (Some(ranked), Answer::Ids(found)) => {
                    let ids: Vec<_> = found.iter().map(|found| &found.id).collect();
                    ranked.allows(&ids) && found.iter().all(|found| self.has_times(found))
                }
                _ => false,
            },
            Question::GetTraces(ids) => match answer {
                Answer::Traces(traces) => self.are_those(ids, traces),
                _ => false,
            },
            Question::Services => *answer == Answer::Services(self.services()),
            Question::Operations { service, kind } => match self.operations(service, kind) {
                None => matches!(answer, Answer::Refused(_)),
                Some(operations) => *answer == Answer::Operations(operations),
            },
            Question::Dependencies { start, end } => match self.dependencies(*start, *end) {
                None => matches!(answer, Answer::Refused(_)),
                Some(calls) => *answer == Answer::Dependencies(calls),
            },
        }
    }

    fn kept(&self, kept: &Kept) -> bool {
        kept.is_good() || self.rules.has(BadSpansKept)
    }

    /// None if the search is refused.
    fn search(&self, search: &Search) -> Option<Ranked<'_>> {
        let limit = match usize::try_from(search.depth) {
            Ok(depth @ 1..) => depth,
            _ if self.rules.has(DepthRequired) => return None,
            _ if self.rules.has(DepthUnlimited) => usize::MAX,
            _ => DEFAULT_DEPTH,
        };
        let reversed = |(min, max)| matches!((min, max), (Some(min), Some(max)) if max < min);
        let (least, most) = search.duration;
        let range = (Some(least).filter(|one| *one > 0), Some(most).filter(|one| *one > 0));
        if (reversed(search.start) || reversed(range)) && !self.rules.has(ReversedRange) {
            return None;
        }
        let ranked = |trace| self.rank(trace, search).map(|rank| (rank, trace));
        Some(Ranked {
            matching: self.traces.iter().filter_map(ranked).collect(),
            limit,
            ordered: !self.rules.has(NewestByFirstSpan),
        })
    }

    /// None if no span matches.
    fn rank(&self, trace: &Trace, search: &Search) -> Option<Rank> {
        let matching = trace.spans.iter().filter(|kept| matches(kept, search, &self.rules));
        let latest = matching.map(|kept| kept.span().start_time_unix_nano).max()?;
        let first = trace.spans.iter().find(|kept| self.kept(kept)).expect("one matched");
        Some(if self.rules.has(NewestWritten) {
            (first.request, Reverse(Vec::new()))
        } else if self.rules.has(NewestByFirstSpan) {
            (first.span().start_time_unix_nano, Reverse(Vec::new()))
        } else {
            (latest, Reverse(trace.id.clone()))
        })
    }

    fn trace(&self, id: &[u8]) -> Option<&Trace> {
        let trace = self.traces.iter().find(|trace| trace.id == id)?;
        trace.spans.iter().any(|kept| self.kept(kept)).then_some(trace)
    }

    fn is_whole(&self, id: &[u8], answered: &[Vec<u8>]) -> bool {
        self.trace(id).is_some_and(|trace| {
            let kept = trace.spans.iter().filter(|kept| self.kept(kept));
            content(kept.map(|kept| kept.single.clone()), &self.rules) == answered
        })
    }

    fn has_times(&self, found: &Found) -> bool {
        let trace = self.trace(&found.id).expect("it is one of those that match");
        let spans = || trace.spans.iter().filter(|kept| self.kept(kept)).map(Kept::span);
        let start = spans().map(|span| span.start_time_unix_nano).min();
        let end = spans().map(|span| span.end_time_unix_nano).max();
        found.times == if self.rules.has(NoTimes) { None } else { start.zip(end) }
    }

    fn are_those(
        &self,
        ids: &[(Vec<u8>, Option<u64>)],
        traces: &[(Vec<u8>, Vec<Vec<u8>>)],
    ) -> bool {
        let mut asked = BTreeSet::new();
        let wanted = ids.iter().map(|(id, _)| id).filter(|id| {
            (asked.insert(*id) || self.rules.has(RepeatedIds)) && self.trace(id).is_some()
        });
        wanted.eq(traces.iter().map(|(id, _)| id))
            && traces.iter().all(|(id, spans)| self.is_whole(id, spans))
    }

    fn spans(&self) -> impl Iterator<Item = &Kept> {
        self.traces.iter().flat_map(|trace| &trace.spans).filter(|kept| self.kept(kept))
    }

    fn services(&self) -> Vec<String> {
        let services: BTreeSet<_> = self.spans().map(|kept| service(kept, &self.rules)).collect();
        let named = |name: &&str| !name.is_empty() || self.rules.has(UnnamedServices);
        services.into_iter().filter(named).map(str::to_owned).collect()
    }

    /// None if there is no such kind.
    fn operations(&self, name: &str, kind: &str) -> Option<Vec<(String, String)>> {
        let known = KINDS.iter().position(|known| known.eq_ignore_ascii_case(kind));
        if !kind.is_empty() && known.is_none() && !self.rules.has(KindsAsWritten) {
            return None;
        }
        // The unspecified kind is written as nothing.
        let written = |number: usize| if number == 0 { "" } else { KINDS[number] };
        let of_kind = |number: usize| {
            let as_written = self.rules.has(KindsAsWritten);
            kind.is_empty()
                || if as_written { written(number) == kind } else { Some(number) == known }
        };
        let operations = self.spans().filter(|kept| service(kept, &self.rules) == name);
        let operations = operations.map(Kept::span).filter(|span| of_kind(span.kind as usize));
        let operations: BTreeSet<_> = operations
            .map(|span| (span.name.clone(), written(span.kind as usize).to_owned()))
            .collect();
        Some(
            operations
                .into_iter()
                .filter(|_| !name.is_empty() || self.rules.has(UnnamedServices))
                .collect(),
        )
    }

    /// None if the range is refused.
    fn dependencies(
        &self,
        start: Option<u64>,
        end: Option<u64>,
    ) -> Option<BTreeMap<(String, String), u64>> {
        let mut calls = BTreeMap::new();
        let reversed = matches!((start, end), (Some(start), Some(end)) if end < start);
        if self.rules.has(DependencyStartRequired) && start.is_none()
            || reversed && !self.rules.has(ReversedRange)
            || reversed && self.rules.has(DependencyStartRequired)
        {
            return None;
        }
        if self.rules.has(DependencyEndRequired) && end.is_none() {
            return Some(calls);
        }
        let (first, last) = (start.unwrap_or(0), end.unwrap_or(u64::MAX));
        let between = |time| first < time && time < last;
        for trace in self.traces {
            let spans: Vec<_> = trace.spans.iter().filter(|kept| self.kept(kept)).collect();
            let starts = || spans.iter().map(|kept| kept.span().start_time_unix_nano);
            let mut ends = spans.iter().map(|kept| kept.span().end_time_unix_nano);
            let ends_before = ends.all(|end| end < last);
            let counted = |child: &Kept| {
                if self.rules.has(CallsOfWholeTraces) {
                    starts().all(|start| first < start) && ends_before
                } else if self.rules.has(CallsOfAnySpan) {
                    starts().any(between)
                } else {
                    (first..=last).contains(&child.span().start_time_unix_nano)
                }
            };
            for child in spans.iter().filter(|child| counted(child)) {
                let parent = spans.iter().find(|kept| {
                    let id = &child.span().parent_span_id;
                    !id.is_empty() && kept.span().span_id == *id
                });
                let Some(parent) = parent else { continue };
                let (from, to) = (service(parent, &self.rules), service(child, &self.rules));
                let unnamed = from.is_empty() || to.is_empty();
                if (from != to || self.rules.has(CallsToOneself))
                    && (!unnamed || self.rules.has(CallsOfUnnamed))
                {
                    *calls.entry((from.to_owned(), to.to_owned())).or_default() += 1;
                }
            }
        }
        Some(calls)
    }
}

impl Ranked<'_> {
    fn allows(&self, ids: &[&Vec<u8>]) -> bool {
        let (mut kept, mut left) = (Vec::new(), Vec::new());
        for (rank, trace) in &self.matching {
            match ids.iter().position(|id| **id == trace.id) {
                Some(place) => kept.push((place, rank)),
                None => left.push(rank),
            }
        }
        kept.sort_unstable();
        ids.len() == kept.len()
            && ids.len() == self.limit.min(self.matching.len())
            && kept
                .iter()
                .map(|(_, rank)| *rank)
                .min()
                .is_none_or(|least| left.iter().all(|rank| *rank <= least))
            && (!self.ordered || kept.is_sorted_by(|(_, one), (_, next)| one >= next))
    }
}
