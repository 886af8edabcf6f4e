//! Telemetry that is to be more than text: it is text, whatever it says.

use anyhow::{Context, ensure};
use e2e::{NativeLab, eventually};
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::common::v1::{AnyValue, InstrumentationScope, KeyValueList};
use opentelemetry_proto::tonic::trace::v1::span::{Event, Link, SpanKind};
use opentelemetry_proto::tonic::trace::v1::status::StatusCode;
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, Span, Status};
use serde_json::json;

use crate::browser::{Browser, Look};
use crate::findings::Findings;
use crate::telemetry::{MS, array, attribute, id, now, of, span, string, write, write_logs};

/// What is to get out of where it stands, and as what it is shown. What struck has left its name.
const HOSTILE: [(&str, &str); 8] = [
    ("<script>struck=1</script>", "<script>struck=1</script>"),
    (
        "\"><img src=//other.example/x onerror=struck=1>",
        "\"><img src=//other.example/x onerror=struck=1>",
    ),
    ("' onmouseover='struck=1' x='", "' onmouseover='struck=1' x='"),
    ("</title></textarea></svg></style><h1>", "</title></textarea></svg></style><h1>"),
    ("javascript:alert(1)//%0a&lt;b&gt;", "javascript:alert(1)//%0a&lt;b&gt;"),
    ("a\u{202e}\u{2066}txt\u{200f}\u{0}\u{1b}[31m\u{7}", "a\\u{202e}\\u{2066}txt\\u{200f}␀␛[31m␇"),
    ("\u{2028}\u{feff}-->]]><!--{{7*7}}${7*7}", "\\u{2028}\\u{feff}-->]]><!--{{7*7}}${7*7}"),
    (
        "<meta http-equiv=refresh content=0;url=//other.example>",
        "<meta http-equiv=refresh content=0;url=//other.example>",
    ),
];
/// The id of the first of their traces: one for each place that the first text has.
pub const FIRST: u128 = 0x0bad_0000_0000_0000_0000_0000_0000_0100;
const TAME: u128 = FIRST + 100;
const HUGE: u128 = FIRST + 101;
/// Fields of a trace.
const FIELDS: usize = 31;

/// Sends them.
pub async fn send(lab: &NativeLab) -> anyhow::Result<()> {
    for first in 0..HOSTILE.len() {
        let number = FIRST + first as u128;
        write(lab, trace(number, &|field| HOSTILE[(first + field) % HOSTILE.len()].0)).await?;
        write_logs(lab, &lines(number, &|field| HOSTILE[(first + field) % HOSTILE.len()].0))
            .await?;
    }
    write(lab, trace(TAME, &|_| "x")).await?;
    write_logs(lab, &lines(TAME, &|_| "x")).await?;
    write(lab, huge()).await
}

/// A trace with a text in each of its fields, each behind the number of the field.
fn trace(number: u128, text: &dyn Fn(usize) -> &'static str) -> Vec<ResourceSpans> {
    let mut place = 0;
    let mut field = || {
        place += 1;
        format!("{place:02}{}", text(place))
    };
    let begin = now() - 20_000 * MS;
    let span = |id, parent, kind: SpanKind, times| Span {
        kind: kind.into(),
        ..span(number, id, parent, begin, times)
    };
    let header = |name: &str, value: &str| {
        attribute(&format!("http.request.header.{name}"), array(vec![string(value)]))
    };
    let mut root = span(1, 0, SpanKind::Server, (0, 100));
    root.name = field();
    root.trace_state = field();
    root.status = Some(Status { code: StatusCode::Error.into(), message: field() });
    root.attributes.push(attribute(&field(), string(&field())));
    root.attributes.push(attribute(&field(), array(vec![string(&field())])));
    let values = vec![attribute(&field(), string(&field()))];
    let map = AnyValue { value: Some(Value::KvlistValue(KeyValueList { values })) };
    root.attributes.push(attribute(&field(), map));
    root.events.push(Event {
        name: field(),
        time_unix_nano: root.start_time_unix_nano,
        attributes: vec![attribute(&field(), string(&field()))],
        ..Event::default()
    });
    root.links.push(Link {
        trace_id: 7_u128.to_be_bytes().into(),
        span_id: 7_u64.to_be_bytes().into(),
        trace_state: field(),
        attributes: vec![attribute(&field(), string(&field()))],
        ..Link::default()
    });
    let mut calling = span(2, 1, SpanKind::Client, (10, 90));
    calling.name = field();
    calling.attributes.push(header(&field(), &field()));
    let mut called = span(3, 2, SpanKind::Server, (20, 80));
    called.name = field();
    called.attributes.push(header(&field(), &field()));
    let mut statement = span(4, 3, SpanKind::Client, (30, 40));
    statement.attributes = vec![attribute("db.system.name", string(&field()))];
    let lost = Span { name: field(), ..span(5, 99, SpanKind::Consumer, (30, 40)) };
    let mut first = of(&field(), vec![root, calling]);
    let scope = InstrumentationScope { name: field(), version: field(), ..Default::default() };
    first.scope_spans[0].scope = Some(scope);
    first.schema_url = field();
    let resource = first.resource.as_mut().expect("it has one");
    resource.attributes.push(attribute(&field(), string(&field())));
    let second = of(&field(), vec![called, statement, lost]);
    assert_eq!(place, FIELDS);
    vec![first, second]
}

/// A log line of its first span, with a text in each of its fields.
fn lines(number: u128, text: &dyn Fn(usize) -> &'static str) -> serde_json::Value {
    let said = |place: usize| format!("{place:02}{}", text(place));
    json!({ "resourceLogs": [{
        "resource": { "attributes": [
            { "key": "service.name", "value": { "stringValue": said(41) } },
        ] },
        "scopeLogs": [{ "scope": { "name": said(42) }, "logRecords": [{
            "timeUnixNano": now().to_string(),
            "severityText": said(43),
            "body": { "stringValue": said(44) },
            "traceId": id(number),
            "spanId": format!("{:016x}", 1),
            "attributes": [{ "key": said(45), "value": { "stringValue": said(46) } }],
        }] }],
    }] })
}

/// More, longer and deeper than anybody reads.
fn huge() -> Vec<ResourceSpans> {
    let mut deep = string("bottom");
    for _ in 0..40 {
        deep = array(vec![deep]);
    }
    let begin = now() - 20_000 * MS;
    let mut root = span(HUGE, 1, 0, begin, (0, 100));
    root.name = "n".repeat(20_000);
    root.attributes.push(attribute("deep", deep));
    root.attributes.push(attribute("huge", string(&"v".repeat(1 << 20))));
    root.attributes.push(attribute(&"k".repeat(50_000), string("v")));
    root.attributes.extend((0..3_000).map(|it| attribute(&format!("many.{it}"), string("v"))));
    let event = |it: u64| Event { name: format!("event {it}"), ..Event::default() };
    root.events = (0..3_000).map(event).collect();
    let below = (2..=60).map(|id| span(HUGE, id, id - 1, begin, (id, 100)));
    vec![of(&"s".repeat(20_000), std::iter::once(root).chain(below).collect())]
}

/// Looks at each of them.
pub async fn is_text(browser: &mut Browser, findings: &mut Findings) {
    for (width, scripts) in [(1_440, true), (360, true), (360, false)] {
        let look = Look { width, scripts, dark: !scripts };
        findings.add(look, browser.set(look).await);
        // One way is enough for the details of all spans: they are as the first one's.
        let spans = if width == 1_440 { 5 } else { 1 };
        for span in 1..=spans {
            let place = format!("span {span} of hostile traces {look}");
            findings.add(place, are_text(browser, span).await);
        }
        for path in [
            "/",
            "/search",
            "/services",
            "/search?service=25%22%3E%3Cscript%3E",
            &format!("/trace/{}?span={:016x}", id(HUGE), 1),
            &format!("/trace/{}?span={:016x}", id(HUGE), 60),
        ] {
            findings.add(format!("{path} {look}"), is_tame(browser, path).await);
        }
    }
}

async fn are_text(browser: &Browser, span: u64) -> anyhow::Result<()> {
    let path = |trace| format!("/trace/{}?span={span:016x}", id(trace));
    let opened = async |path: String| {
        eventually("its line is there", async || {
            is_tame(browser, &path).await.with_context(|| path.clone())?;
            Ok(browser.has("ol.lines > li").await?.then_some(()))
        })
        .await
    };
    opened(path(TAME)).await?;
    let expected = elements(browser).await?;
    for first in 0..HOSTILE.len() {
        let path = path(FIRST + first as u128);
        opened(path.clone()).await?;
        let elements = elements(browser).await?;
        let differs = expected.iter().zip(&elements).find(|(expected, found)| expected != found);
        ensure!(
            differs.is_none() && expected.len() == elements.len(),
            "{path} has other elements than a trace that says nothing: {differs:?}"
        );
        if span > 1 {
            continue;
        }
        let text = browser.text().await?;
        for field in [1, 2, 3, 4, 5, 11, 12, 13, 15, 16, 19, 25, 26, 29, 30, 31, 41, 43, 44] {
            let (_, shown) = HOSTILE[(first + field) % HOSTILE.len()];
            let shown = format!("{field:02}{shown}");
            ensure!(text.contains(&shown), "{path}: {shown} is not in {text}");
        }
    }
    Ok(())
}

/// Checks that the page is quiet and in place, and that nothing of it was run.
async fn is_tame(browser: &Browser, path: &str) -> anyhow::Result<()> {
    browser.open(path).await?;
    browser.heard().await?.is_quiet(&browser.console)?;
    let struck: bool = browser.ask("return 'struck' in window", Vec::new()).await?;
    ensure!(!struck, "a script was run");
    let title: String = browser.ask("return document.title", Vec::new()).await?;
    ensure!(title.ends_with(" – Spoor"), "the title is {title:?}");
    browser.has_place().await
}

/// The elements and their attributes' names, in the page's order.
async fn elements(browser: &Browser) -> anyhow::Result<Vec<String>> {
    let script = "return [...document.querySelectorAll('*')].map(\
                  it => [it.localName, ...it.getAttributeNames().sort()].join(' '))";
    browser.ask(script, Vec::new()).await
}
