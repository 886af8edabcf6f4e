//! The table of expected spans: `docs/demo.md`, and how spans are held against it.
//!
//! It knows nothing of how spans were had, so that those of a whole lab can be held against it, too.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

/// The span that each request continues, and that nobody exports.
pub const CALLER: &str = "b7ad6b7169203331";

/// The value of an attribute.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    Text(String),
    Integer(i64),
    Bool(bool),
    /// Of a list.
    Texts(Vec<String>),
    /// Of a type that the table has no word for.
    Other(String),
}

impl Value {
    fn type_name(&self) -> &str {
        match self {
            Self::Text(_) => "string",
            Self::Integer(_) => "int",
            Self::Bool(_) => "bool",
            Self::Texts(_) => "string[]",
            Self::Other(value) => value,
        }
    }
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(text) | Self::Other(text) => f.write_str(text),
            Self::Integer(number) => write!(f, "{number}"),
            Self::Bool(truth) => write!(f, "{truth}"),
            Self::Texts(texts) => write!(f, "{texts:?}"),
        }
    }
}

pub type Attributes = BTreeMap<String, Value>;

/// A span as it was received. Ids are any text that is unique.
#[derive(Clone, Debug)]
pub struct Span {
    pub trace_id: String,
    pub id: String,
    /// Empty for none.
    pub parent_id: String,
    pub service: String,
    /// `SERVER`, `CLIENT`, `INTERNAL`, `PRODUCER` or `CONSUMER`.
    pub kind: String,
    pub name: String,
    /// Orders the spans of one service.
    pub start: u64,
    /// `unset`, `ok` or `error`.
    pub status: String,
    pub attributes: Attributes,
    pub events: Vec<(String, Attributes)>,
    /// The ids of trace and span.
    pub links: Vec<(String, String)>,
}

/// One request, and the spans that come of it.
#[derive(Debug)]
pub struct Flow {
    pub title: String,
    pub method: String,
    pub path: String,
    /// The service that is asked.
    pub service: String,
    /// Empty for none.
    pub body: String,
    /// Repeated until this is the answer, where it is left to chance.
    pub status: u16,
    pub spans: Vec<Row>,
}

/// A span that is expected.
#[derive(Debug)]
pub struct Row {
    number: usize,
    parent: Option<usize>,
    service: String,
    kind: String,
    name: String,
    status: String,
    attributes: Vec<Expected>,
    events: Vec<(String, Vec<Expected>)>,
    link: Option<usize>,
}

/// An attribute that is expected.
#[derive(Clone, Debug, PartialEq)]
struct Expected {
    name: String,
    type_name: String,
    value: Option<String>,
    is_optional: bool,
}

/// Reads the page.
///
/// A section of `###` with a table of attributes is a set of these, which a row of spans names in its
/// column of attributes before those of its own. A section with a line `Request:` is a flow.
pub fn read(page: &str) -> Vec<Flow> {
    let mut sets: BTreeMap<&str, Vec<Expected>> = BTreeMap::new();
    let mut flows = Vec::new();
    for section in page.split("\n### ").skip(1) {
        let section = section.split("\n## ").next().unwrap();
        let title = section.lines().next().unwrap();
        let rows: Vec<Vec<&str>> = section.lines().filter_map(cells).skip(2).collect();
        match section.lines().find_map(|line| line.strip_prefix("Request: ")) {
            None => {
                let rows = rows.iter().flat_map(|row| attributes_of(row));
                sets.insert(title, rows.collect());
            }
            Some(request) => {
                let spans = rows.iter().map(|row| span(row, &sets)).collect();
                flows.push(flow(title, request, spans));
            }
        }
    }
    flows
}

/// The cells of a table's line.
fn cells(line: &str) -> Option<Vec<&str>> {
    let cells = line.strip_prefix('|')?.strip_suffix('|')?;
    Some(cells.split('|').map(str::trim).collect())
}

/// What stands in backticks.
fn quoted(text: &str) -> Vec<&str> {
    text.split('`').skip(1).step_by(2).collect()
}

/// Those of a row, which has one or several of the same kind.
fn attributes_of(row: &[&str]) -> Vec<Expected> {
    let [names, type_name, when, ..] = row else { panic!("{row:?}") };
    let expected = quoted(names).into_iter().map(|name| Expected {
        name: name.to_owned(),
        type_name: (*type_name).to_owned(),
        value: None,
        is_optional: *when != "always",
    });
    expected.collect()
}

/// `METHOD /path` of a service, with a body or without, and the status of the answer.
fn flow(title: &str, request: &str, spans: Vec<Row>) -> Flow {
    let quoted = quoted(request);
    let (method, path) = quoted[0].split_once(' ').unwrap();
    let (service, body, status) = match quoted[1..] {
        [service, status] => (service, "", status),
        [service, body, status] => (service, body, status),
        _ => panic!("{request}"),
    };
    Flow {
        title: title.to_owned(),
        method: method.to_owned(),
        path: path.to_owned(),
        service: service.to_owned(),
        body: body.to_owned(),
        status: status.parse().unwrap(),
        spans,
    }
}

fn span(row: &[&str], sets: &BTreeMap<&str, Vec<Expected>>) -> Row {
    let [number, parent, service, kind, name, status, attributes, events, link] = row else {
        panic!("{row:?}")
    };
    let mut own = attributes.split("; ");
    let set = own.next().unwrap();
    let mut attributes =
        sets.get(set).unwrap_or_else(|| panic!("there is no set {set:?}: {row:?}")).clone();
    for own in own {
        let own = with_value(own);
        attributes.retain(|it| it.name != own.name);
        attributes.push(own);
    }
    let events = events.split("; ").filter(|event| !event.is_empty()).map(event).collect();
    Row {
        number: number.parse().unwrap(),
        parent: parent.parse().ok(),
        service: (*service).to_owned(),
        kind: (*kind).to_owned(),
        name: quoted(name)[0].to_owned(),
        status: match *status {
            "error" | "unset" => (*status).to_owned(),
            other => panic!("{other:?} is no status"),
        },
        attributes,
        events,
        link: link.parse().ok(),
    }
}

/// `` `name` type `` or `` `name` type `value` ``.
fn with_value(text: &str) -> Expected {
    let quoted = quoted(text);
    let type_name = text.split('`').nth(2).unwrap().trim();
    Expected {
        name: quoted[0].to_owned(),
        type_name: type_name.to_owned(),
        value: quoted.get(1).map(|value| (*value).to_owned()),
        is_optional: false,
    }
}

/// `` `name`: attribute, attribute ``; each event of a log line also has the line's level and target.
fn event(text: &str) -> (String, Vec<Expected>) {
    let (name, attributes) = text.split_once("`:").unwrap_or((text.trim_end_matches('`'), ""));
    let line = ["`level` string", "`target` string"].into_iter();
    let attributes = attributes.split(", ").filter(|it| !it.trim().is_empty());
    (name[1..].to_owned(), line.chain(attributes).map(with_value).collect())
}

/// The spans of a trace, and of those that continue it by a link.
pub fn related(trace_id: &str, spans: &[Span]) -> Vec<Span> {
    let continues = |span: &&Span| span.links.iter().any(|(linked, _)| linked == trace_id);
    let mut traces: BTreeSet<&str> =
        spans.iter().filter(continues).map(|span| span.trace_id.as_str()).collect();
    traces.insert(trace_id);
    spans.iter().filter(|span| traces.contains(span.trace_id.as_str())).cloned().collect()
}

/// In which ways the spans of a flow are others than the table says; none if they are those.
pub fn problems(flow: &Flow, spans: &[Span]) -> Vec<String> {
    let mut problems = Vec::new();
    let mut found: BTreeMap<usize, &Span> = BTreeMap::new();
    let mut spans: Vec<&Span> = spans.iter().collect();
    spans.sort_by_key(|span| span.start);
    for row in &flow.spans {
        let at = spans.iter().position(|span| {
            let is_below = match row.parent {
                Some(parent) => found.get(&parent).is_some_and(|it| it.id == span.parent_id),
                // What begins a trace continues another by a link.
                None => span.parent_id == if row.link.is_some() { "" } else { CALLER },
            };
            let label = [&span.service, &span.kind, &span.name];
            is_below && label == [&row.service, &row.kind, &row.name]
        });
        let Some(at) = at else {
            problems.push(format!("{row} is missing"));
            continue;
        };
        let span = spans.remove(at);
        problems.extend(row.differences(span));
        found.insert(row.number, span);
    }
    for row in flow.spans.iter().filter(|row| found.contains_key(&row.number)) {
        let expected: Vec<_> = row.link.and_then(|link| found.get(&link)).into_iter().collect();
        let links: Vec<_> =
            expected.iter().map(|it| (it.trace_id.clone(), it.id.clone())).collect();
        if found[&row.number].links != links {
            problems.push(format!("{row} has the links {:?}", found[&row.number].links));
        }
        // A root's trace is its own; every other span's is its parent's.
        let parent = row.parent.and_then(|parent| found.get(&parent));
        if parent.is_some_and(|parent| parent.trace_id != found[&row.number].trace_id) {
            problems.push(format!("{row} is in another trace than its parent"));
        }
    }
    let unexpected = spans.iter().map(|span| {
        let parent = found.iter().find(|(_, it)| it.id == span.parent_id);
        let parent = parent.map_or("none".to_owned(), |(number, _)| number.to_string());
        format!("unexpected: {} {} {} below {parent}", span.service, span.kind, span.name)
    });
    problems.extend(unexpected);
    problems
}

impl fmt::Display for Row {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {} {} {}", self.number, self.service, self.kind, self.name)
    }
}

impl Row {
    fn differences(&self, span: &Span) -> Vec<String> {
        let mut differences = attributes(&self.attributes, &span.attributes);
        if span.status != self.status {
            differences.push(format!("its status is {}", span.status));
        }
        let names = |events: &mut dyn Iterator<Item = &String>| {
            events.map(String::as_str).collect::<Vec<_>>().join(", ")
        };
        let expected = names(&mut self.events.iter().map(|(name, _)| name));
        let events = names(&mut span.events.iter().map(|(name, _)| name));
        if events == expected {
            for ((name, expected), (_, event)) in self.events.iter().zip(&span.events) {
                let of_event = attributes(expected, event);
                differences.extend(of_event.into_iter().map(|it| format!("event {name}: {it}")));
            }
        } else {
            differences.push(format!("its events are: {events}"));
        }
        differences.into_iter().map(|it| format!("{self}: {it}")).collect()
    }
}

fn attributes(expected: &[Expected], attributes: &Attributes) -> Vec<String> {
    let mut differences = Vec::new();
    for Expected { name, type_name, value, is_optional } in expected {
        match attributes.get(name) {
            None if *is_optional => {}
            None => differences.push(format!("{name} is missing")),
            Some(there) if there.type_name() != type_name => {
                differences.push(format!("{name} is of type {}: {there}", there.type_name()));
            }
            Some(there) => {
                if value.as_ref().is_some_and(|value| *value != there.to_string()) {
                    differences.push(format!("{name} is {there}"));
                }
            }
        }
    }
    let known: BTreeSet<&str> = expected.iter().map(|it| it.name.as_str()).collect();
    let unknown = attributes.iter().filter(|(name, _)| !known.contains(name.as_str()));
    differences.extend(unknown.map(|(name, value)| format!("unexpected {name}: {value}")));
    differences
}
