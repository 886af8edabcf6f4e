//! How spans get into requests: each process batches its own, in the order in which they end.

use std::cmp::{Ordering, Reverse};
use std::collections::BinaryHeap;

use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span};
use prost::Message;
use prost::bytes::Bytes;

use super::{Draft, Export, Trace, Traffic};

/// How long a batch waits at most, nanoseconds: OTEL_BSP_SCHEDULE_DELAY's default.
const DELAY: u64 = 5_000_000_000;
/// How often timers are looked at, nanoseconds.
const TICK: u64 = 100_000_000;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ExportSize {
    /// At most 512 spans of one process: OTEL_BSP_MAX_EXPORT_BATCH_SIZE's default. Processes with
    /// little to do send less, when their timer ends.
    Sdk,
    /// SDKs' requests put together until there are 8,192 spans, as the Collector's batch
    /// processor does by default. Its timer of 200 ms is left out: it would make exports of some
    /// 2,600 spans at the rate that is generated.
    Collector,
}

impl ExportSize {
    pub fn spans(self) -> usize {
        match self {
            Self::Sdk => 512,
            Self::Collector => 8_192,
        }
    }
}

pub struct Exporters {
    processes: Vec<Process>,
    open: BinaryHeap<Reverse<Open>>,
    size: ExportSize,
    collected: Vec<u8>,
    collected_spans: usize,
    checked: u64,
    number: u64,
}

/// The batch span processor of one process.
struct Process {
    resource: Resource,
    schema_url: &'static str,
    scopes: Vec<ScopeSpans>,
    spans: usize,
    due: u64,
}

/// A span that has not ended yet.
struct Open {
    ended: u64,
    number: u64,
    process: usize,
    scope: usize,
    span: Span,
}

impl Exporters {
    pub fn new(traffic: &dyn Traffic, size: ExportSize) -> Self {
        let processes = (0..traffic.processes()).map(|process| {
            // One empty message a scope, in the order of `Instrument`'s numbers.
            let scopes = super::resource::INSTRUMENTS.map(|instrument| ScopeSpans {
                scope: Some(traffic.scope(process, instrument)),
                schema_url: traffic.schema_url().to_owned(),
                ..ScopeSpans::default()
            });
            Process {
                resource: traffic.resource(process),
                schema_url: traffic.schema_url(),
                scopes: scopes.into(),
                spans: 0,
                due: u64::MAX,
            }
        });
        Self {
            processes: processes.collect(),
            open: BinaryHeap::new(),
            size,
            collected: Vec::new(),
            collected_spans: 0,
            checked: 0,
            number: 0,
        }
    }

    /// Takes a trace, and exports what ended before it began.
    pub fn add<E>(
        &mut self,
        trace: Trace,
        sink: &mut dyn FnMut(Export) -> Result<(), E>,
    ) -> Result<(), E> {
        self.end_until(trace.start, sink)?;
        for Draft { pod, instrument, ended, span } in trace.drafts {
            self.number += 1;
            let (number, scope) = (self.number, instrument as usize);
            self.open.push(Reverse(Open { ended, number, process: pod, scope, span }));
        }
        Ok(())
    }

    /// Exports everything that is left, as processes that stop do.
    pub fn finish<E>(mut self, sink: &mut dyn FnMut(Export) -> Result<(), E>) -> Result<(), E> {
        self.end_until(u64::MAX, sink)?;
        for process in 0..self.processes.len() {
            self.export(process, sink)?;
        }
        if self.collected_spans > 0 {
            let bytes = Bytes::from(std::mem::take(&mut self.collected));
            sink(Export { bytes, spans: self.collected_spans })?;
        }
        Ok(())
    }

    fn end_until<E>(
        &mut self,
        time: u64,
        sink: &mut dyn FnMut(Export) -> Result<(), E>,
    ) -> Result<(), E> {
        while self.open.peek().is_some_and(|Reverse(open)| open.ended <= time) {
            let Some(Reverse(open)) = self.open.pop() else { break };
            self.check_timers(open.ended, sink)?;
            let process = &mut self.processes[open.process];
            if process.spans == 0 {
                process.due = open.ended + DELAY;
            }
            process.spans += 1;
            process.scopes[open.scope].spans.push(open.span);
            if process.spans == ExportSize::Sdk.spans() {
                self.export(open.process, sink)?;
            }
        }
        Ok(())
    }

    fn check_timers<E>(
        &mut self,
        now: u64,
        sink: &mut dyn FnMut(Export) -> Result<(), E>,
    ) -> Result<(), E> {
        if now < self.checked + TICK {
            return Ok(());
        }
        self.checked = now;
        for process in 0..self.processes.len() {
            if self.processes[process].due <= now {
                self.export(process, sink)?;
            }
        }
        Ok(())
    }

    fn export<E>(
        &mut self,
        process: usize,
        sink: &mut dyn FnMut(Export) -> Result<(), E>,
    ) -> Result<(), E> {
        let Some((request, spans)) = self.processes[process].take() else { return Ok(()) };
        if self.size == ExportSize::Sdk {
            return sink(Export { bytes: request.encode_to_vec().into(), spans });
        }
        // Requests one after another are one request: the encoding of a repeated field.
        request.encode(&mut self.collected).expect("a vector grows as far as needed");
        self.collected_spans += spans;
        if self.collected_spans < self.size.spans() {
            return Ok(());
        }
        let bytes = Bytes::from(std::mem::take(&mut self.collected));
        sink(Export { bytes, spans: std::mem::take(&mut self.collected_spans) })
    }
}

impl Process {
    fn take(&mut self) -> Option<(ExportTraceServiceRequest, usize)> {
        self.due = u64::MAX;
        let spans = std::mem::take(&mut self.spans);
        // A library without spans has no place in the request; two of one name share theirs.
        let mut scope_spans = Vec::<ScopeSpans>::new();
        for scope in &mut self.scopes {
            if scope.spans.is_empty() {
                continue;
            }
            match scope_spans.iter_mut().find(|taken| taken.scope == scope.scope) {
                Some(taken) => taken.spans.append(&mut scope.spans),
                None => {
                    let spans = std::mem::take(&mut scope.spans);
                    scope_spans.push(ScopeSpans { spans, ..scope.clone() });
                }
            }
        }
        let resource_spans = vec![ResourceSpans {
            resource: Some(self.resource.clone()),
            scope_spans,
            schema_url: self.schema_url.to_owned(),
        }];
        (spans > 0).then_some((ExportTraceServiceRequest { resource_spans }, spans))
    }
}

impl Open {
    fn rank(&self) -> (u64, u64) {
        (self.ended, self.number)
    }
}

impl Ord for Open {
    fn cmp(&self, other: &Self) -> Ordering {
        self.rank().cmp(&other.rank())
    }
}

impl PartialOrd for Open {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Open {
    fn eq(&self, other: &Self) -> bool {
        self.rank() == other.rank()
    }
}

impl Eq for Open {}
