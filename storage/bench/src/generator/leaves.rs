//! Calls of what exports no spans to us: databases, caches, others' APIs; and a service's own
//! functions.

use opentelemetry_proto::tonic::trace::v1::span::SpanKind;

use super::attributes::{self, Attributes};
use super::faults::{Fault, Outcome, PROBABILITY};
use super::graph::{External, Statement};
use super::resource::Instrument;
use super::shape::{Ended, Walk, Within};

impl Walk<'_> {
    pub(super) fn query(
        &mut self,
        statement: &'static Statement,
        caller: Within,
        start: u64,
    ) -> Ended {
        let fault = self.random.chance(PROBABILITY).then_some(Fault::Conflict);
        let end = start + self.lasting(statement.latency);
        let rows = (self.random.log_normal(statement.rows.max(0.1), 0.4)).round() as i64;
        let rows = fault.is_none().then_some(rows);
        let attributes = attributes::query(statement, rows, &self.world.pods[caller.pod]);
        let name = format!("{} {}", statement.operation, statement.collection);
        self.leaf(caller, name, Instrument::Database, (start, end), attributes, fault)
    }

    pub(super) fn cache(&mut self, command: &str, key: &str, caller: Within, start: u64) -> Ended {
        let fault = self.random.chance(PROBABILITY / 4.0).then_some(Fault::Timeout);
        let end = start + self.lasting(180.0);
        let pod = &self.world.pods[caller.pod];
        let attributes = attributes::cache(command, key, pod, &self.visit, self.random);
        self.leaf(caller, command.to_owned(), Instrument::Cache, (start, end), attributes, fault)
    }

    pub(super) fn external(&mut self, api: &'static External, caller: Within, start: u64) -> Ended {
        // Others' APIs fail more often; one payment in fifty is declined.
        let fault = if api.path.ends_with("charges") && self.random.chance(0.02) {
            Some(Fault::Declined)
        } else {
            self.random.chance(PROBABILITY * 4.0).then(|| Fault::draw(self.random))
        };
        let end = start + self.lasting(api.latency);
        let status = fault.map_or(200, Fault::http_status);
        let attributes = attributes::external(api, status, &self.visit, self.random);
        let name = api.method.to_owned();
        self.leaf(caller, name, Instrument::HttpClient, (start, end), attributes, fault)
    }

    pub(super) fn work(&mut self, function: &str, caller: Within, start: u64) -> Ended {
        let median = if function == "PasswordEncoder.matches" { 60_000.0 } else { 700.0 };
        let fault = self.random.chance(PROBABILITY).then_some(Fault::Bug);
        let end = start + self.lasting(median);
        let pod = &self.world.pods[caller.pod];
        let attributes = attributes::of_function(function, pod, &self.visit);
        let ended = self.leaf(
            caller,
            function.to_owned(),
            Instrument::App,
            (start, end),
            attributes,
            fault,
        );
        if let Some(draft) = self.drafts.last_mut() {
            draft.span.kind = SpanKind::Internal.into();
        }
        ended
    }

    /// A client's span with nothing of ours below it.
    fn leaf(
        &mut self,
        caller: Within,
        name: String,
        instrument: Instrument,
        times: (u64, u64),
        attributes: Attributes,
        fault: Option<Fault>,
    ) -> Ended {
        let here = Within { pod: caller.pod, span: self.random.bytes() };
        let parent = Some(caller.span);
        let mut draft = self.draft(here, parent, name, SpanKind::Client, times, attributes);
        draft.instrument = instrument;
        if let Some(fault) = fault {
            self.fail(&mut draft, fault, true);
        }
        let at = draft.ended;
        self.drafts.push(draft);
        Ended { at, outcome: fault.map_or(Outcome::Done, Outcome::Failed) }
    }
}
