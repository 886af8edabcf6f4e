//! What is asked of a store: each kind of query in several variants, so that no answer can be
//! remembered, and with the size that its answer must have.

use prost_types::{Duration, Timestamp};
use spoor_proto::storage::any_value::Value;
use spoor_proto::storage::{AnyValue, KeyValue, SpanQueryParameters, TraceQueryParameters};
use spoor_proto::timestamp;

use crate::generator::{EPOCH, TRACES_PER_SECOND, user_id};
use crate::load::Load;
use crate::newest;
use crate::truth::{Search, Structured};

/// What Jaeger's page asks for.
pub const LIMIT: usize = 20;
/// Searches without a window ask for this time before and after the first trace, nanoseconds.
const ALWAYS: u64 = 30 * 86_400_000_000_000;
const SPANS_PER_TRACE: f64 = 17.0;

pub const SERVICES: [&str; 16] = [
    "storefront",
    "gateway",
    "catalog",
    "search",
    "cart",
    "checkout",
    "payment",
    "pricing",
    "inventory",
    "shipping",
    "recommendation",
    "ads",
    "identity",
    "notification",
    "accounting",
    "fraud",
];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Services,
    Operations,
    TraceById,
    Newest,
    Operation,
    CommonAttribute,
    RareAttribute,
    RareAttributeAnywhere,
    UniqueAttributeAnywhere,
    LeastDuration,
    Window,
    Together,
    Scan,
    Summaries,
    Regex,
    Negation,
    AttributeRange,
    SpansOfTrace,
    SlowestSpans,
    FirstPage,
    LaterPage,
    Dependencies,
}

impl Kind {
    pub const ALL: [Self; 22] = [
        Self::Services,
        Self::Operations,
        Self::TraceById,
        Self::Newest,
        Self::Operation,
        Self::CommonAttribute,
        Self::RareAttribute,
        Self::RareAttributeAnywhere,
        Self::UniqueAttributeAnywhere,
        Self::LeastDuration,
        Self::Window,
        Self::Together,
        Self::Scan,
        Self::Summaries,
        Self::Regex,
        Self::Negation,
        Self::AttributeRange,
        Self::SpansOfTrace,
        Self::SlowestSpans,
        Self::FirstPage,
        Self::LaterPage,
        Self::Dependencies,
    ];

    /// Whether only the newest contract has such a question (jaeger-idl v0.14.0): an older server
    /// would pass over what it does not know, and answer another one.
    pub fn is_new(self) -> bool {
        use Kind::{
            AttributeRange, FirstPage, LaterPage, Negation, Regex, SlowestSpans, SpansOfTrace,
        };
        [Regex, Negation, AttributeRange, SpansOfTrace, SlowestSpans, FirstPage, LaterPage]
            .contains(&self)
    }

    pub fn name(self) -> &'static str {
        match self {
            Self::Services => "services",
            Self::Operations => "operations of a service",
            Self::TraceById => "trace by id",
            Self::Newest => "newest 20 of a service",
            Self::Operation => "newest 20 of an operation",
            Self::CommonAttribute => "common attribute in a service",
            Self::RareAttribute => "rare attribute in a service",
            Self::RareAttributeAnywhere => "rare attribute, any service",
            Self::UniqueAttributeAnywhere => "attribute of one trace, any service",
            Self::LeastDuration => "least duration in a service",
            Self::Window => "one second of a service",
            Self::Together => "service, operation, attribute, duration, time",
            Self::Scan => "common terms that no span has together",
            Self::Summaries => "summaries of the newest 20 of a service",
            Self::Regex => "regex on an attribute in a service",
            Self::Negation => "no such attribute in a service",
            Self::AttributeRange => "attribute at least, in a service",
            Self::SpansOfTrace => "spans of a trace, by filter",
            Self::SlowestSpans => "slowest 20 spans of a service",
            Self::FirstPage => "ids on page 1 of a service",
            Self::LaterPage => "ids on page 10 of a service",
            Self::Dependencies => "dependencies",
        }
    }
}

pub struct Question {
    pub kind: Kind,
    pub ask: Ask,
    /// Services, names of operations, spans of a trace, traces, or calls between services.
    pub answers: usize,
}

#[derive(Clone)]
pub enum Ask {
    Services,
    Operations(&'static str),
    Trace([u8; 16]),
    Find(TraceQueryParameters),
    Summaries(TraceQueryParameters),
    /// The ids on the page with this number.
    Page(TraceQueryParameters, usize),
    Ids(TraceQueryParameters),
    Spans(SpanQueryParameters),
    Dependencies {
        start: Timestamp,
        end: Timestamp,
    },
}

/// The searches for a load of so many realistic spans, in the order of [`variants`].
pub fn searches(spans: usize) -> Vec<Search> {
    variants(spans).into_iter().map(|(_, search)| search).collect()
}

/// Every question, with what a load's spans answer to it.
pub fn questions(load: &Load) -> Vec<Question> {
    let truth = &load.truth;
    let mut questions =
        vec![Question { kind: Kind::Services, ask: Ask::Services, answers: truth.services() }];
    for service in SERVICES {
        let answers = truth.operations(service);
        questions.push(Question { kind: Kind::Operations, ask: Ask::Operations(service), answers });
    }
    for (id, spans) in truth.sampled.iter() {
        questions.push(Question { kind: Kind::TraceById, ask: Ask::Trace(*id), answers: *spans });
    }
    // As many as were asked for when the load was generated.
    let mut paged = Vec::new();
    for (number, (kind, search)) in variants(load.wanted).into_iter().enumerate() {
        // Nearly every trace has spans of these, where the load has services of these names.
        let of_many = ["gateway", "storefront"].contains(&search.service);
        if kind == Kind::Newest && of_many && truth.found(number) == LIMIT {
            paged.push(search.clone());
        }
        let query = parameters(&search);
        let ask = if kind == Kind::Summaries { Ask::Summaries(query) } else { Ask::Find(query) };
        questions.push(Question { kind, ask, answers: truth.found(number) });
    }
    for order in truth.orders.iter().take(40) {
        let attributes = vec![("app.order.id", order.clone())];
        let query = parameters(&Search { attributes, ..Search::default() });
        let kind = Kind::UniqueAttributeAnywhere;
        questions.push(Question { kind, ask: Ask::Find(query), answers: 1 });
    }
    for (id, spans) in truth.sampled.iter().take(100) {
        let ask = Ask::Spans(newest::spans_of_trace(id, &parameters(&Search::default())));
        questions.push(Question { kind: Kind::SpansOfTrace, ask, answers: *spans });
    }
    for search in paged {
        let ask = Ask::Spans(newest::slowest(&search, &parameters(&search)));
        questions.push(Question { kind: Kind::SlowestSpans, ask, answers: LIMIT });
        for (kind, page) in [(Kind::FirstPage, 1), (Kind::LaterPage, newest::LATER_PAGE)] {
            let query = TraceQueryParameters { search_depth: 0, ..parameters(&search) };
            questions.push(Question { kind, ask: Ask::Page(query, page), answers: LIMIT });
        }
    }
    let (start, end) = (timestamp(EPOCH - ALWAYS), timestamp(EPOCH + ALWAYS));
    let answers = truth.calls as usize;
    let ask = Ask::Dependencies { start, end };
    questions.push(Question { kind: Kind::Dependencies, ask, answers });
    questions
}

fn variants(spans: usize) -> Vec<(Kind, Search)> {
    let mut variants = Vec::new();
    let mut add = |kind, search| variants.push((kind, search));
    let of_service = |service| Search { service, ..Search::default() };
    for service in SERVICES {
        add(Kind::Newest, of_service(service));
        add(Kind::Summaries, of_service(service));
    }
    for (service, operation) in [
        ("storefront", "GET /product/{id}"),
        ("storefront", "POST /checkout"),
        ("gateway", "GET /v1/orders"),
        ("gateway", "PUT /v1/profile"),
        ("catalog", "SELECT products"),
        ("inventory", "shop.inventory.v1.InventoryService/Reserve"),
        ("accounting", "process orders"),
        ("payment", "validateCard"),
    ] {
        add(Kind::Operation, Search { operation, ..of_service(service) });
    }
    for service in ["storefront", "gateway", "search", "identity", "shipping"] {
        let attributes = vec![("http.request.method", "GET".to_owned())];
        add(Kind::CommonAttribute, Search { attributes, ..of_service(service) });
    }
    // People who come rarely: a few traces of each in 300 thousand spans.
    for user in (0..40).map(|number| 1_500 + 137 * number) {
        let attributes = vec![("user.id", user_id(user))];
        let anywhere = Search { attributes, ..Search::default() };
        add(Kind::RareAttribute, Search { service: "cart", ..anywhere.clone() });
        add(Kind::RareAttributeAnywhere, anywhere);
    }
    for (service, millis) in [
        ("storefront", 1_000),
        ("gateway", 1_000),
        ("checkout", 1_500),
        ("payment", 2_000),
        ("identity", 500),
        ("inventory", 100),
        ("catalog", 60),
        ("cart", 20),
    ] {
        let least_duration = millis * 1_000_000;
        add(Kind::LeastDuration, Search { least_duration, ..of_service(service) });
    }
    for service in ["gateway", "storefront", "catalog", "checkout"] {
        let mut structured = |kind, asks| {
            add(kind, Search { structured: Some(asks), ..of_service(service) });
        };
        structured(Kind::Regex, Structured::Regex("url.path", ["/orders", "/reviews"]));
        structured(Kind::Negation, Structured::Not("http.request.method", "GET"));
        structured(Kind::AttributeRange, Structured::AtLeast("http.response.status_code", 500));
    }
    // How long it takes in the spans' own time to send so many.
    let extent = spans as f64 / SPANS_PER_TRACE / TRACES_PER_SECOND * 1e9;
    for part in 1..=20 {
        let start = EPOCH + (extent * f64::from(part) / 21.0) as u64;
        let window = Some((start, start + 1_000_000_000));
        add(Kind::Window, Search { window, ..of_service("recommendation") });
        let window = Some((start, start + (extent / 4.0) as u64));
        add(
            Kind::Together,
            Search {
                operation: "POST /v1/checkout",
                attributes: vec![("app.currency", "EUR".to_owned())],
                least_duration: 150_000_000,
                window,
                ..of_service("gateway")
            },
        );
    }
    // Both are everywhere, and only answers to POST are 201.
    for service in ["gateway", "storefront"] {
        let attributes = vec![
            ("http.request.method", "GET".to_owned()),
            ("http.response.status_code", "201".to_owned()),
        ];
        add(Kind::Scan, Search { attributes, ..of_service(service) });
    }
    variants
}

fn parameters(search: &Search) -> TraceQueryParameters {
    let (start, end) = search.window.unwrap_or((EPOCH - ALWAYS, EPOCH + ALWAYS));
    if search.structured.is_some() {
        return TraceQueryParameters {
            start_time_min: Some(timestamp(start)),
            start_time_max: Some(timestamp(end)),
            search_depth: LIMIT as i32,
            filter: Some(newest::filter(search)),
            ..TraceQueryParameters::default()
        };
    }
    TraceQueryParameters {
        service_name: search.service.to_owned(),
        operation_name: search.operation.to_owned(),
        attributes: search
            .attributes
            .iter()
            .map(|(key, text)| KeyValue {
                key: (*key).to_owned(),
                // As text whatever the type, as Jaeger's page sends it.
                value: Some(AnyValue { value: Some(Value::StringValue(text.clone())) }),
            })
            .collect(),
        start_time_min: Some(timestamp(start)),
        start_time_max: Some(timestamp(end)),
        duration_min: (search.least_duration > 0).then_some(Duration {
            seconds: (search.least_duration / 1_000_000_000) as i64,
            nanos: (search.least_duration % 1_000_000_000) as i32,
        }),
        search_depth: LIMIT as i32,
        ..TraceQueryParameters::default()
    }
}
