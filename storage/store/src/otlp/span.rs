use super::attributes::{Attributes, messages, text_or_empty};
use super::number;
use super::wire::{Fields, Value};

/// A span's role in a call.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum SpanKind {
    /// Not told, or a number that OTLP does not define.
    #[default]
    Unspecified,
    /// Work inside a service.
    Internal,
    /// Handles a call.
    Server,
    /// Makes a call.
    Client,
    /// Hands over a message.
    Producer,
    /// Takes a message.
    Consumer,
}

impl SpanKind {
    /// The kind by its number in OTLP.
    pub fn from_number(number: i32) -> Self {
        match number {
            1 => Self::Internal,
            2 => Self::Server,
            3 => Self::Client,
            4 => Self::Producer,
            5 => Self::Consumer,
            _ => Self::Unspecified,
        }
    }

    /// The kind by its name in Jaeger's storage API, lower or upper case.
    pub fn from_name(name: &str) -> Option<Self> {
        [Self::Internal, Self::Server, Self::Client, Self::Producer, Self::Consumer]
            .into_iter()
            .chain([Self::Unspecified])
            .find(|kind| kind.field_name().eq_ignore_ascii_case(name))
    }

    /// The kind's name in an operation: Jaeger writes the unspecified one as nothing.
    pub fn operation_name(self) -> &'static str {
        if self == Self::Unspecified { "" } else { self.field_name() }
    }

    /// The kind's name as the value of the filter field `span.kind`.
    pub const fn field_name(self) -> &'static str {
        match self {
            Self::Unspecified => "unspecified",
            Self::Internal => "internal",
            Self::Server => "server",
            Self::Client => "client",
            Self::Producer => "producer",
            Self::Consumer => "consumer",
        }
    }
}

/// A span's outcome.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum StatusCode {
    /// Not told, or a number that OTLP does not define.
    #[default]
    Unset,
    /// Told to be a success.
    Ok,
    /// A failure.
    Error,
}

impl StatusCode {
    /// The status's name as the value of the filter field `span.status`.
    pub const fn field_name(self) -> &'static str {
        match self {
            Self::Unset => "unset",
            Self::Ok => "ok",
            Self::Error => "error",
        }
    }
}

/// What a `ResourceSpans` message tells besides its spans.
#[derive(Clone, Copy, Debug)]
pub struct Resource<'a> {
    pub(super) message: &'a [u8],
    service_name: &'a str,
}

impl<'a> Resource<'a> {
    pub(crate) fn parse(resource_spans: &'a [u8]) -> Self {
        let mut resource = Self { message: resource_spans, service_name: "" };
        resource.service_name = resource
            .attributes()
            .filter(|attribute| attribute.has_key("service.name"))
            .find_map(|attribute| match attribute.value() {
                super::AnyValue::String(name) => Some(name),
                _ => None,
            })
            .unwrap_or_default();
        resource
    }

    /// The text of the attribute `service.name`; empty if there is none.
    pub fn service_name(&self) -> &'a str {
        self.service_name
    }

    /// The resource's attributes.
    pub fn attributes(&self) -> impl Iterator<Item = super::KeyValue<'a>> + use<'a> {
        messages(self.message, 1).flat_map(|resource| Attributes::new(resource, 1))
    }

    /// The schema of the resource's attributes; empty if it is not told.
    pub fn schema_url(&self) -> &'a str {
        text(self.message, 3)
    }
}

/// What a `ScopeSpans` message tells besides its spans.
#[derive(Clone, Copy, Debug)]
pub struct Scope<'a> {
    pub(super) message: &'a [u8],
}

impl<'a> Scope<'a> {
    /// The instrumentation scope's name; empty if there is none.
    pub fn name(&self) -> &'a str {
        self.text(1)
    }

    /// The instrumentation scope's version; empty if there is none.
    pub fn version(&self) -> &'a str {
        self.text(2)
    }

    /// The instrumentation scope's attributes.
    pub fn attributes(&self) -> impl Iterator<Item = super::KeyValue<'a>> + use<'a> {
        messages(self.message, 1).flat_map(|scope| Attributes::new(scope, 3))
    }

    /// The schema of the attributes of the scope's spans; empty if it is not told.
    pub fn schema_url(&self) -> &'a str {
        text(self.message, 3)
    }

    fn text(&self, number: u32) -> &'a str {
        inner_text(self.message, 1, number)
    }
}

/// A span. Its ids are as long as they came; [`crate::ingest`] keeps none of a wrong length.
#[derive(Clone, Copy, Debug, Default)]
pub struct Span<'a> {
    pub(super) message: &'a [u8],
    // Most spans have neither, and a search would read the whole message to find that out.
    has_events: bool,
    has_links: bool,
    /// 16 bytes.
    pub trace_id: &'a [u8],
    /// 8 bytes.
    pub span_id: &'a [u8],
    /// 8 bytes or none. All zero means none too: see [`Span::parent`].
    pub parent_span_id: &'a [u8],
    /// The operation's name.
    pub name: &'a str,
    /// The role in a call.
    pub kind: SpanKind,
    /// Nanoseconds since the Unix epoch.
    pub start: u64,
    /// Nanoseconds since the Unix epoch.
    pub end: u64,
    /// The outcome.
    pub status: StatusCode,
}

impl<'a> Span<'a> {
    /// Reads the fields of a `Span` message that searches and listings need; the rest is read when
    /// asked for.
    pub fn parse(message: &'a [u8]) -> Self {
        let mut span = Self { message, ..Self::default() };
        for field in Fields::of(message).flatten() {
            match (field.number, field.value) {
                (1, Value::Len(id)) => span.trace_id = id,
                (2, Value::Len(id)) => span.span_id = id,
                (4, Value::Len(id)) => span.parent_span_id = id,
                (5, Value::Len(name)) => span.name = text_or_empty(name),
                (6, Value::Varint(kind)) => span.kind = SpanKind::from_number(enum_number(kind)),
                (7, Value::Fixed64(time)) => span.start = time,
                (8, Value::Fixed64(time)) => span.end = time,
                (11, _) => span.has_events = true,
                (13, _) => span.has_links = true,
                (15, Value::Len(status)) => span.status = status_code(status, span.status),
                _ => {}
            }
        }
        span
    }

    /// End minus start in nanoseconds; negative when the span ends before it starts.
    pub fn duration(&self) -> i128 {
        i128::from(self.end) - i128::from(self.start)
    }

    /// The parent's id, or none when it is absent or all zero.
    pub fn parent(&self) -> Option<&'a [u8]> {
        Some(self.parent_span_id).filter(|id| id.iter().any(|byte| *byte != 0))
    }

    /// The span's own attributes.
    pub fn attributes(&self) -> Attributes<'a> {
        Attributes::new(self.message, 9)
    }

    /// The W3C trace state; empty if there is none.
    pub fn trace_state(&self) -> &'a str {
        text(self.message, 3)
    }

    /// The W3C trace flags, and OTLP's beside them.
    pub fn flags(&self) -> u32 {
        fixed32(self.message, 16)
    }

    /// What the status tells besides its code; empty if it tells nothing.
    pub fn status_message(&self) -> &'a str {
        inner_text(self.message, 15, 2)
    }

    /// How many attributes were dropped before the span was sent.
    pub fn dropped_attributes(&self) -> u32 {
        count(self.message, 10)
    }

    /// How many events were dropped.
    pub fn dropped_events(&self) -> u32 {
        count(self.message, 12)
    }

    /// How many links were dropped.
    pub fn dropped_links(&self) -> u32 {
        count(self.message, 14)
    }

    /// What happened during the span.
    pub fn events(&self) -> impl Iterator<Item = Event<'a>> + use<'a> {
        let message = if self.has_events { self.message } else { &[] };
        messages(message, 11).map(|message| Event { message })
    }

    /// The spans that this one points to besides its parent.
    pub fn links(&self) -> impl Iterator<Item = Link<'a>> + use<'a> {
        let message = if self.has_links { self.message } else { &[] };
        messages(message, 13).map(|message| Link { message })
    }
}

/// Something that happened during a span.
#[derive(Clone, Copy, Debug)]
pub struct Event<'a> {
    message: &'a [u8],
}

impl<'a> Event<'a> {
    /// When it happened, nanoseconds since the Unix epoch.
    pub fn time(&self) -> u64 {
        if let Some(Value::Fixed64(time)) = last(self.message, 1) { time } else { 0 }
    }

    /// The event's name.
    pub fn name(&self) -> &'a str {
        text(self.message, 2)
    }

    /// How many attributes were dropped.
    pub fn dropped_attributes(&self) -> u32 {
        count(self.message, 4)
    }

    /// The event's attributes.
    pub fn attributes(&self) -> Attributes<'a> {
        Attributes::new(self.message, 3)
    }
}

/// A pointer to another span.
#[derive(Clone, Copy, Debug)]
pub struct Link<'a> {
    message: &'a [u8],
}

impl<'a> Link<'a> {
    /// The link's attributes.
    pub fn attributes(&self) -> Attributes<'a> {
        Attributes::new(self.message, 4)
    }

    /// The ids of the trace and the span that are pointed to, as long as they came.
    pub fn ids(&self) -> (&'a [u8], &'a [u8]) {
        let id = |number| messages(self.message, number).last().unwrap_or_default();
        (id(1), id(2))
    }

    /// The W3C trace state of the span that is pointed to; empty if there is none.
    pub fn trace_state(&self) -> &'a str {
        text(self.message, 3)
    }

    /// The W3C trace flags of the span that is pointed to, and OTLP's beside them.
    pub fn flags(&self) -> u32 {
        fixed32(self.message, 6)
    }

    /// How many attributes were dropped.
    pub fn dropped_attributes(&self) -> u32 {
        count(self.message, 5)
    }
}

/// A field that stands once; of several the last one counts.
fn last(message: &[u8], number: u32) -> Option<Value<'_>> {
    let fields = Fields::of(message).flatten().filter(|field| field.number == number);
    fields.last().map(|field| field.value)
}

fn count(message: &[u8], number: u32) -> u32 {
    // Protobuf readers cut it to 32 bits.
    if let Some(Value::Varint(count)) = last(message, number) { count as u32 } else { 0 }
}

fn fixed32(message: &[u8], number: u32) -> u32 {
    if let Some(Value::Fixed32(bits)) = last(message, number) { bits } else { 0 }
}

/// A text of a message inside. Protobuf readers merge such messages if there are several.
fn inner_text(message: &[u8], outer: u32, number: u32) -> &str {
    messages(message, outer)
        .flat_map(|inner| messages(inner, number))
        .last()
        .map_or("", text_or_empty)
}

fn text(message: &[u8], number: u32) -> &str {
    messages(message, number).last().map_or("", text_or_empty)
}

/// An enum's number. Protobuf readers cut it to 32 bits.
fn enum_number(varint: u64) -> i32 {
    varint as i32
}

fn status_code(status: &[u8], before: StatusCode) -> StatusCode {
    let mut code = before;
    for field in Fields::of(status).flatten() {
        if let (3, Value::Varint(number)) = (field.number, field.value) {
            code = match enum_number(number) {
                1 => StatusCode::Ok,
                2 => StatusCode::Error,
                _ => StatusCode::Unset,
            };
        }
    }
    code
}

/// A span with what encloses it.
#[derive(Clone, Copy, Debug)]
pub struct SpanInTrace<'a> {
    /// The resource that made the span.
    pub resource: Resource<'a>,
    /// The instrumentation scope that made the span.
    pub scope: Scope<'a>,
    /// The span.
    pub span: Span<'a>,
}

/// The spans of a `TracesData` message in their order.
pub fn spans_of(traces_data: &[u8]) -> impl Iterator<Item = SpanInTrace<'_>> + Clone {
    spans_of_resources(traces_data, |_| true)
}

/// The spans of a `TracesData` message whose resource is wanted, in their order. The others are
/// not read.
pub fn spans_of_resources<'a>(
    traces_data: &'a [u8],
    wanted: impl Fn(&Resource<'a>) -> bool + Clone,
) -> impl Iterator<Item = SpanInTrace<'a>> + Clone {
    messages(traces_data, number::RESOURCE_SPANS).map(Resource::parse).filter(wanted).flat_map(
        |resource| {
            messages(resource.message, number::SCOPE_SPANS).flat_map(move |scope_spans| {
                let scope = Scope { message: scope_spans };
                messages(scope_spans, number::SPANS).map(move |span| SpanInTrace {
                    resource,
                    scope,
                    span: Span::parse(span),
                })
            })
        },
    )
}
