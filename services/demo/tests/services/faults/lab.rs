//! The four services, their faults, and what their spans tell.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::admin::{VARIABLES, admin};
use crate::collector::{Collector, Exported, hex};
use crate::expected::{self, CALLER, Flow, Span};
use crate::flows::{self, PAGE, page, send};
use crate::process::{Service, Variable, four_services_each};

/// Generous: the machine may be busy.
const DEADLINE: Duration = Duration::from_secs(30);

/// Milliseconds that no span takes without a fault, on a busy machine either.
pub const LONG: u64 = 2_000;

/// An order of a gold customer whose payment is taken at once and whose prices are at hand.
pub const ORDER: &str = "the same order again";
/// The same of a silver customer.
const SILVER: &str = "a silver customer's";
/// What shows that nothing else has changed: no gold customer's, with every service in it and each
/// operation of an order.
const OTHERS: [&str; 3] = ["the chain", "an order whose payment is tried again", SILVER];

pub struct Lab {
    pub services: [Service; 4],
    pub collector: Collector,
    flows: Vec<Flow>,
}

impl Lab {
    /// Without faults, and with the prices of the page's orders at hand.
    pub async fn start() -> Self {
        let lab = Self::start_with([&[]; 4]).await;
        lab.is_as_ever("an order").await;
        lab
    }

    /// Each service with variables of its own.
    pub async fn start_with(variables: [&[Variable<'_>]; 4]) -> Self {
        let collector = Collector::start().await;
        let (name, endpoint) = collector.variable();
        let all = [(name, endpoint.as_str()), ("OTEL_BSP_SCHEDULE_DELAY", "10")];
        let each = variables.map(|own| [&all[..], &VARIABLES, own].concat());
        let services = four_services_each(each.each_ref().map(Vec::as_slice));
        Self { services, collector, flows: page().into_iter().chain(silver()).collect() }
    }

    pub fn flow(&self, title: &str) -> &Flow {
        self.flows.iter().find(|flow| flow.title == title).unwrap()
    }

    fn service(&self, name: &str) -> &Service {
        let index = ["app-a", "app-b", "app-c", "app-d"].iter().position(|it| *it == name);
        &self.services[index.unwrap()]
    }

    /// Begins a fault in the service that it names.
    pub async fn begin(&self, fault: &Value) {
        let service = self.service(fault["service"].as_str().unwrap());
        let (status, answer) = admin(service, "POST", "/faults", Some(fault)).await;
        assert_eq!(status, 201, "{answer}");
    }

    pub async fn end_all(&self) {
        for service in &self.services {
            assert_eq!(admin(service, "DELETE", "/faults", None).await.0, 204);
        }
    }

    /// The trace of a flow that is answered with this status.
    async fn send(&self, flow: &Flow, status: u16) -> String {
        send(flow, self.service(&flow.service).address, status).await.pop().unwrap()
    }

    /// The spans of the [`ORDER`], answered with this status, when all of them are there but those
    /// that have lost the context at a hop.
    async fn spans(&self, status: u16, lost_hop: Option<&str>) -> Vec<Span> {
        let trace_id = self.send(self.flow(ORDER), status).await;
        self.wait(|all| {
            let spans = expected::related(&trace_id, all);
            if is_whole(&spans, lost_hop) { Ok(spans) } else { Err(format!("{spans:#?}")) }
        })
        .await
    }

    /// What is found in all spans, once it is.
    pub async fn wait<T>(&self, find: impl Fn(&[Span]) -> Result<T, String>) -> T {
        let deadline = Instant::now() + DEADLINE;
        loop {
            let all: Vec<_> = self.collector.spans().iter().map(in_words).collect();
            match find(&all) {
                Ok(found) => return found,
                Err(missing) => assert!(Instant::now() < deadline, "{missing}"),
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    /// Checks that a request makes the spans of the page, and none of them a long one.
    pub async fn is_as_ever(&self, title: &str) {
        let flow = self.flow(title);
        let trace_id = self.send(flow, flow.status).await;
        let spans = self.wait(|all| {
            let spans = expected::related(&trace_id, all);
            let problems = expected::problems(flow, &spans);
            if problems.is_empty() { Ok(spans) } else { Err(format!("{title}: {problems:#?}")) }
        });
        for span in spans.await {
            assert!(self.milliseconds(&span) < LONG, "{title}: {span:#?}");
        }
    }

    /// Checks that these faults, all for gold customers, do what they claim to the [`ORDER`], and
    /// nothing to the [`OTHERS`]; and, ended, nothing at all.
    pub async fn strike(&self, faults: &[Value], status: u16, claim: impl AsyncFn(&[Span])) {
        for fault in faults {
            let mut fault = fault.clone();
            fault["tier"] = json!("gold");
            self.begin(&fault).await;
        }
        let lost = faults.iter().find(|fault| fault["kind"] == "lost_context");
        let lost_hop = lost.and_then(|fault| fault["operation"].as_str());
        claim(&self.spans(status, lost_hop).await).await;
        // Twice, lest it be for each second only.
        for other in OTHERS.iter().chain(&OTHERS) {
            self.is_as_ever(other).await;
        }
        self.end_all().await;
        self.is_as_ever(ORDER).await;
    }

    /// In which ways the spans are others than those of the [`ORDER`].
    pub fn changes(&self, spans: &[Span]) -> Vec<String> {
        expected::problems(self.flow(ORDER), spans)
    }

    pub fn milliseconds(&self, span: &Span) -> u64 {
        let is_same = |exported: &&Exported| hex(&exported.span.span_id) == span.id;
        let exported = self.collector.spans().iter().find(is_same).unwrap().span.clone();
        (exported.end_time_unix_nano - exported.start_time_unix_nano) / 1_000_000
    }
}

/// The [`ORDER`] for another customer, who gets another discount.
fn silver() -> Vec<Flow> {
    let (_, section) = PAGE.split_once(&format!("\n### {ORDER}\n")).unwrap();
    let section = section.split("\n### ").next().unwrap();
    let (sets, _) = PAGE.split_once("\n### home\n").unwrap();
    let section = section
        .replace("\"customer\":20", "\"customer\":3")
        .replace("`app.customer.id` int `20`", "`app.customer.id` int `3`")
        .replace("`gold`", "`silver`")
        .replace("`10112`", "`10674`");
    expected::read(&format!("{sets}\n### {SILVER}\n{section}"))
}

/// Whether the parent of each span is there but the caller's, the server of each call but of those
/// that lose the context, and what continues by a link.
fn is_whole(spans: &[Span], lost_hop: Option<&str>) -> bool {
    let has = |id: &str| spans.iter().any(|span| span.id == id);
    let is_answered = |id: &str| spans.iter().any(|span| span.parent_id == id);
    let is_linked = |id: &str| {
        let consumer = spans.iter().find(|span| span.links.iter().any(|(_, it)| it == id));
        consumer.is_some_and(|consumer| is_answered(&consumer.id))
    };
    let is_begun = spans.iter().any(|span| span.parent_id == CALLER);
    is_begun
        && spans.iter().all(|span| {
            let is_rooted = span.parent_id == CALLER || !span.links.is_empty();
            let is_followed = match span.kind.as_str() {
                "CLIENT" if lost_hop != Some(&*span.name) => {
                    span.attributes.contains_key("db.system.name") || is_answered(&span.id)
                }
                "PRODUCER" => is_linked(&span.id),
                _ => true,
            };
            (is_rooted || has(&span.parent_id)) && is_followed
        })
}

pub fn in_words(exported: &Exported) -> Span {
    flows::span(&exported.service, &exported.span)
}

/// The spans of this kind and name, in the order of their start.
pub fn named<'a>(spans: &'a [Span], kind: &str, name: &str) -> Vec<&'a Span> {
    let is_named = |span: &&Span| span.kind == kind && span.name == name;
    let mut named: Vec<_> = spans.iter().filter(is_named).collect();
    named.sort_by_key(|span| span.start);
    named
}

/// How many spans there are of each service, kind and name.
pub fn counts(spans: &[Span]) -> BTreeMap<String, usize> {
    let mut counts = BTreeMap::new();
    for Span { service, kind, name, .. } in spans {
        *counts.entry(format!("{service} {kind} {name}")).or_default() += 1;
    }
    counts
}

/// The same as [`counts`], written down.
pub fn counted(counts: &[(&str, usize)]) -> BTreeMap<String, usize> {
    counts.iter().map(|(label, count)| ((*label).to_owned(), *count)).collect()
}

/// The text of an attribute.
pub fn attribute(span: &Span, name: &str) -> Option<String> {
    span.attributes.get(name).map(ToString::to_string)
}
