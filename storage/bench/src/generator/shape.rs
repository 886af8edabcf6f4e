//! A trace: a walk through the call graph from one entry, with the time that each step takes.

use opentelemetry_proto::tonic::trace::v1::span::SpanKind;
use opentelemetry_proto::tonic::trace::v1::{Span, Status};

use super::attributes::{self, Attributes, Exchange};
use super::faults::{Fault, Outcome, PROBABILITY, SPREADING};
use super::graph::{self, Action, Endpoint, Protocol, Step, Times};
use super::messages::Sent;
use super::random::Random;
use super::resource::Instrument;
use super::values::Visit;
use super::world::World;

/// Flags of a span whose trace is sampled, and whose SDK knows whether the parent is remote
/// (OTLP's `SpanFlags`), as SDKs since 2025 send them.
pub const SAMPLED: u32 = 0x101;
pub const REMOTE_PARENT: u32 = 0x200;

const MICROSECOND: f64 = 1_000.0;
/// Of latencies: one step in a hundred takes five times the median, without being slow for a
/// reason of its own.
const SPREAD: f64 = 0.7;
/// One way through the network and the servers' queues, microseconds.
const NETWORK: f64 = 120.0;

/// A span before it is encoded.
pub struct Draft {
    pub pod: usize,
    pub instrument: Instrument,
    /// When it ended by the true time: its pod's clock may be off.
    pub ended: u64,
    pub span: Span,
}

/// The walk of one trace.
pub struct Walk<'a> {
    pub world: &'a World,
    pub random: &'a mut Random,
    pub visit: Visit,
    pub trace: [u8; 16],
    /// The next offset of each topic's partition, over all traces.
    pub offsets: &'a mut Vec<i64>,
    pub drafts: Vec<Draft>,
    /// What consumers in batches have still to read.
    pub sent: Vec<Sent>,
}

/// Where a step is taken: the span that encloses it.
#[derive(Clone, Copy)]
pub(super) struct Within {
    pub pod: usize,
    pub span: [u8; 8],
}

pub(super) struct Ended {
    pub at: u64,
    pub outcome: Outcome,
}

impl Walk<'_> {
    /// A trace that begins at an entry of the graph.
    pub fn enter(&mut self, service: usize, endpoint: &'static Endpoint, start: u64) {
        self.serve(service, endpoint, None, start);
    }

    fn serve(
        &mut self,
        service: usize,
        endpoint: &'static Endpoint,
        caller: Option<Within>,
        start: u64,
    ) -> Ended {
        let pod = self.world.pod_of(service, self.random);
        let here = Within { pod, span: self.random.bytes() };
        let before = self.lasting(endpoint.work * 0.6);
        let (mut end, mut outcome) = self.steps(endpoint.steps, here, start + before);
        if outcome == Outcome::Done {
            outcome = self.own_outcome(endpoint, caller.is_none());
        }
        end += self.lasting(endpoint.work * 0.4);

        let fault = matches!(outcome, Outcome::Failed(_)).then_some(outcome);
        let is_first = endpoint.steps.is_empty() || !self.has_failed_child(here.span);
        let (world, visit) = (self.world, &self.visit);
        let (own, from) = (&world.pods[pod], caller.map(|caller| &world.pods[caller.pod]));
        let (kind, instrument, mut attributes) = match endpoint.protocol {
            Protocol::Http => {
                let (method, route) = endpoint.name.split_once(' ').unwrap_or_default();
                let status = http_status(method, route, outcome);
                let exchange = Exchange { method, route, status, visit };
                let attributes = attributes::http_server(&exchange, own, from, self.random);
                (SpanKind::Server, Instrument::HttpServer, attributes)
            }
            Protocol::Grpc | Protocol::Kafka => {
                let code = grpc_status(outcome);
                let from = from.unwrap_or(own);
                let attributes =
                    attributes::rpc_server(endpoint.name, code, own, from, self.random);
                (SpanKind::Server, Instrument::Rpc, attributes)
            }
            Protocol::Job => {
                let attributes = attributes::of_function(endpoint.name, own, visit);
                (SpanKind::Internal, Instrument::App, attributes)
            }
        };
        attributes::of_endpoint(endpoint, visit, &mut attributes, self.random);
        let name = endpoint.name.to_owned();
        let parent = caller.map(|caller| caller.span);
        let mut draft = self.draft(here, parent, name, kind, (start, end), attributes);
        draft.instrument = instrument;
        if caller.is_some() {
            draft.span.flags |= REMOTE_PARENT;
        }
        self.add_events(endpoint, &mut draft);
        if let Some(Outcome::Failed(fault)) = fault {
            self.fail(&mut draft, fault, is_first);
        }
        self.drafts.push(draft);
        Ended { at: end, outcome }
    }

    /// Takes the steps of an endpoint one after another, but those that start along with others.
    pub(super) fn steps(
        &mut self,
        steps: &'static [Step],
        here: Within,
        start: u64,
    ) -> (u64, Outcome) {
        let (mut end, mut began) = (start, start);
        for step in steps {
            if !self.random.chance(step.probability) {
                continue;
            }
            let times = match step.times {
                Times::Once => 1,
                Times::Few => (1 + self.random.exponential(1.6) as usize).min(8),
                Times::Many => self.random.log_normal(90.0, 0.8) as usize + 1,
            };
            for _ in 0..times {
                if times > 1 {
                    self.visit.product = self.world.values.product(self.random);
                }
                began = if step.along { began } else { end + self.lasting(25.0) };
                let ended = self.act(step.action, here, began);
                end = end.max(ended.at);
                let spreads = matches!(ended.outcome, Outcome::Failed(_));
                if spreads && self.random.chance(SPREADING) {
                    return (end, ended.outcome);
                }
            }
        }
        (end, Outcome::Done)
    }

    fn act(&mut self, action: Action, here: Within, start: u64) -> Ended {
        match action {
            Action::Call(service, name) => {
                let (service, endpoint) = graph::endpoint(service, name);
                self.call(service, endpoint, here, start)
            }
            Action::Query(statement) => self.query(statement, here, start),
            Action::Cache(command, key) => self.cache(command, key, here, start),
            Action::External(api) => self.external(api, here, start),
            Action::Publish(topic) => self.publish(topic, here, start),
            Action::Work(function) => self.work(function, here, start),
        }
    }

    /// A client's span and, unless the network fails, the server's.
    fn call(
        &mut self,
        service: usize,
        endpoint: &'static Endpoint,
        caller: Within,
        start: u64,
    ) -> Ended {
        let here = Within { pod: caller.pod, span: self.random.bytes() };
        let sent = start + self.lasting(NETWORK);
        let is_lost = self.random.chance(PROBABILITY / 4.0);
        let ended = if is_lost {
            let at = sent + self.lasting(900.0);
            Ended { at, outcome: Outcome::Failed(Fault::Unavailable) }
        } else {
            self.serve(service, endpoint, Some(here), sent)
        };
        let end = ended.at + self.lasting(NETWORK);
        // The newest draft is the server's. A call that was lost was still meant for some pod.
        let server = self.drafts.last().filter(|_| !is_lost).map(|draft| draft.pod);
        let server = server.unwrap_or_else(|| self.world.pod_of(service, self.random));
        let (own, server) = (&self.world.pods[caller.pod], &self.world.pods[server]);
        let (name, instrument, attributes) = match endpoint.protocol {
            Protocol::Http => {
                let (method, route) = endpoint.name.split_once(' ').unwrap_or_default();
                let status = if is_lost { 0 } else { http_status(method, route, ended.outcome) };
                let exchange = Exchange { method, route, status, visit: &self.visit };
                let attributes = attributes::http_client(&exchange, own, server);
                (method, Instrument::HttpClient, attributes)
            }
            _ => {
                let code = grpc_status(ended.outcome);
                let attributes = attributes::rpc_client(endpoint.name, code, own, server);
                (endpoint.name, Instrument::Rpc, attributes)
            }
        };
        let parent = Some(caller.span);
        let mut draft =
            self.draft(here, parent, name.to_owned(), SpanKind::Client, (start, end), attributes);
        draft.instrument = instrument;
        if let Outcome::Failed(fault) = ended.outcome {
            self.fail(&mut draft, fault, is_lost);
        }
        self.drafts.push(draft);
        Ended { at: end, ..ended }
    }

    pub(super) fn draft(
        &mut self,
        here: Within,
        parent: Option<[u8; 8]>,
        name: String,
        kind: SpanKind,
        (start, end): (u64, u64),
        mut attributes: Attributes,
    ) -> Draft {
        let pod = &self.world.pods[here.pod];
        attributes.add_thread(pod, &name, end - start, self.random);
        let span = Span {
            trace_id: self.trace.to_vec(),
            span_id: here.span.to_vec(),
            parent_span_id: parent.map(Vec::from).unwrap_or_default(),
            flags: SAMPLED,
            name,
            kind: kind.into(),
            start_time_unix_nano: pod.clock(start),
            end_time_unix_nano: pod.clock(end),
            attributes: attributes.into_vec(),
            // SDKs send the status always, if only an empty one.
            status: Some(Status::default()),
            ..Span::default()
        };
        Draft { pod: here.pod, instrument: Instrument::App, ended: end, span }
    }

    /// What an endpoint does wrong, or its client, when no step of it failed.
    fn own_outcome(&mut self, endpoint: &Endpoint, is_entry: bool) -> Outcome {
        if self.random.chance(PROBABILITY / 2.0) {
            return Outcome::Failed(Fault::draw(self.random));
        }
        // Crawlers and old links; passwords mistyped, sessions that have ended.
        match endpoint.name.split_once(' ') {
            Some(("GET", route)) if route.ends_with("{id}") && is_entry => {
                if self.random.chance(0.03) { Outcome::NotFound } else { Outcome::Done }
            }
            Some(("POST", "/sessions")) if self.random.chance(0.08) => Outcome::Unauthorized,
            _ => Outcome::Done,
        }
    }

    /// Nanoseconds around a median of microseconds. One step in 250 waits for something, such as
    /// a garbage collection or a lock.
    pub(super) fn lasting(&mut self, median: f64) -> u64 {
        let slow = if self.random.chance(0.004) { 15.0 } else { 1.0 };
        (self.random.log_normal(median * slow, SPREAD) * MICROSECOND) as u64
    }
}

fn http_status(method: &str, route: &str, outcome: Outcome) -> i64 {
    match (outcome, method) {
        (Outcome::Failed(fault), _) => fault.http_status(),
        (Outcome::NotFound, _) => 404,
        (Outcome::Unauthorized, _) => 401,
        // No GET creates anything: what asks for both finds nothing (see the questions).
        (Outcome::Done, "POST") if !route.ends_with("quotes") => 201,
        (Outcome::Done, "DELETE") => 204,
        (Outcome::Done, _) => 200,
    }
}

fn grpc_status(outcome: Outcome) -> i64 {
    match outcome {
        Outcome::Done => 0,
        Outcome::NotFound => 5,
        Outcome::Unauthorized => 16,
        Outcome::Failed(fault) => fault.grpc_status(),
    }
}
