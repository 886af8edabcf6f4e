//! Telemetry that is to be more than text: a page is made of the same elements and attributes
//! whatever it says.

use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::common::v1::{
    AnyValue, ArrayValue, InstrumentationScope, KeyValueList,
};
use opentelemetry_proto::tonic::trace::v1::span::{Event, Link, SpanKind};
use opentelemetry_proto::tonic::trace::v1::status::StatusCode;
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, Span, Status};

use super::stand::{Page, Stand};
use super::telemetry::{attribute, header, id, of, span, string};

/// Each is to get out of where it stands.
const HOSTILE: [&str; 8] = [
    "<script>alert(1)</script>",
    "\"><img src=x onerror=alert(1)>",
    "' onmouseover='alert(1)' x='",
    "</title></textarea></svg></style><h1>",
    "javascript:alert(1)//%0a&lt;b&gt;",
    "a\u{202e}\u{2066}txt\u{200f}\u{0}\u{1b}[31m\u{7}\u{85}",
    "\u{2028}\u{ffff}\u{feff}-->]]><!--",
    "{{7*7}}${7*7}`#{7*7}`",
];
/// As they are shown.
const SHOWN: [&str; 8] = [
    "<script>alert(1)</script>",
    "\"><img src=x onerror=alert(1)>",
    "' onmouseover='alert(1)' x='",
    "</title></textarea></svg></style><h1>",
    "javascript:alert(1)//%0a&lt;b&gt;",
    "a\\u{202e}\\u{2066}txt\\u{200f}␀␛[31m␇\\u{85}",
    "\\u{2028}\\u{ffff}\\u{feff}-->]]><!--",
    "{{7*7}}${7*7}`#{7*7}`",
];

/// A trace with this text in each of its fields, each behind the number of the field.
fn trace(text: &str) -> Vec<ResourceSpans> {
    let mut number = 0;
    let mut field = || {
        number += 1;
        format!("{number:02}{text}")
    };
    let array = |value: &str| {
        let values = vec![string(value), string(value)];
        AnyValue { value: Some(Value::ArrayValue(ArrayValue { values })) }
    };
    let mut root = span(1, 1, 0, SpanKind::Server, (0, 100));
    root.name = field();
    root.trace_state = field();
    root.status = Some(Status { code: StatusCode::Error.into(), message: field() });
    root.attributes.push(attribute(&field(), string(&field())));
    root.attributes.push(attribute(&field(), array(&field())));
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
    let mut calling = span(1, 2, 1, SpanKind::Client, (10, 90));
    calling.name = field();
    calling.attributes.push(header(&field(), &field()));
    let mut called = span(1, 3, 2, SpanKind::Server, (20, 80));
    called.name = field();
    called.attributes.push(header(&field(), &field()));
    let mut statement = span(1, 4, 3, SpanKind::Client, (30, 40));
    statement.attributes = vec![attribute("db.system.name", string(&field()))];
    let lost = Span { name: field(), ..span(1, 5, 99, SpanKind::Consumer, (30, 40)) };
    let mut first = of(&field(), vec![root, calling]);
    let scope = InstrumentationScope { name: field(), version: field(), ..Default::default() };
    first.scope_spans[0].scope = Some(scope);
    first.schema_url = field();
    let resource = first.resource.as_mut().unwrap();
    resource.attributes.push(attribute(&field(), string(&field())));
    vec![first, of(&field(), vec![called, statement, lost])]
}

/// Every page that shows telemetry.
fn paths() -> Vec<String> {
    let trace = format!("/trace/{}", id(1));
    let mut paths =
        vec!["/".to_owned(), "/search".to_owned(), "/services".to_owned(), trace.clone()];
    for span in 1..=5 {
        paths.push(format!("{trace}?span={span:016x}"));
        paths.push(format!("{trace}/span/{span:016x}"));
    }
    paths
}

/// Elements and the names of their attributes, in the page's order.
fn skeleton(page: &Page) -> Vec<String> {
    let element = |element: scraper::ElementRef<'_>| {
        let mut names: Vec<_> = element.value().attrs().map(|(name, _)| name).collect();
        names.sort_unstable();
        format!("{} {}", element.value().name(), names.join(" "))
    };
    page.all("*").into_iter().map(element).collect()
}

#[tokio::test]
async fn no_element_and_no_attribute_comes_from_telemetry() {
    let tame = Stand::start().await;
    tame.write(trace("x")).await;
    for hostile in HOSTILE {
        let stand = Stand::start().await;
        stand.write(trace(hostile)).await;
        for path in paths() {
            let (expected, page) = (tame.page(&path).await, stand.page(&path).await);
            let (expected, found) = (skeleton(&expected), skeleton(&page));
            let differs = expected.iter().zip(&found).find(|(expected, found)| expected != found);
            assert!(differs.is_none(), "{path} of {hostile:?}: {differs:?}");
            assert_eq!(expected.len(), found.len(), "{path} of {hostile:?}");
        }
    }
}

#[tokio::test]
async fn what_telemetry_says_is_shown_as_it_is() {
    for (hostile, shown) in HOSTILE.into_iter().zip(SHOWN) {
        let stand = Stand::start().await;
        stand.write(trace(hostile)).await;
        let page = stand.page(&format!("/trace/{}?span={:016x}", id(1), 1)).await;
        let told: String = page.one("main").text().collect();
        for (number, what) in [
            (1, "the name of a span"),
            (2, "a trace's state"),
            (3, "a status"),
            (4, "an attribute's key"),
            (5, "an attribute's value"),
            (7, "a value in a list"),
            (11, "an event's name"),
            (12, "the key of an event's attribute"),
            (13, "the value of an event's attribute"),
            (15, "the key of a link's attribute"),
            (16, "the value of a link's attribute"),
            (19, "a header's value"),
            (25, "a service"),
            (26, "a scope"),
            (29, "the key of a resource's attribute"),
            (30, "the value of a resource's attribute"),
            (31, "another service"),
        ] {
            // A text in a list is written as JSON has it.
            let shown = match number {
                7 => shown
                    .replace('"', "\\\"")
                    .replace('␀', "\\u0000")
                    .replace('␛', "\\u001b")
                    .replace('␇', "\\u0007"),
                _ => shown.to_owned(),
            };
            assert!(told.contains(&format!("{number:02}{shown}")), "{what}: {shown} in {told}");
        }
        for hidden in hostile.chars().filter(|it| !it.is_ascii() || it.is_control()) {
            assert!(!page.0.html().contains(hidden), "{hidden:?}");
        }
    }
}

#[tokio::test]
async fn every_link_leads_to_a_page_of_ours_or_to_a_part_that_is_configured() {
    for hostile in HOSTILE {
        let stand = Stand::start().await;
        stand.write(trace(hostile)).await;
        for path in paths() {
            let page = stand.page(&path).await;
            for attribute in ["href", "src", "action", "data-span"] {
                for url in page.each(&format!("[{attribute}]"), attribute) {
                    let is_ours =
                        url.starts_with('#') || (url.starts_with('/') && !url.starts_with("//"));
                    let configured = [
                        "http://127.0.0.1:16686",
                        "http://127.0.0.1:9090",
                        "http://127.0.0.1:3100",
                        "http://127.0.0.1:3000",
                    ];
                    let is_configured = configured.iter().any(|base| {
                        url.strip_prefix(base)
                            .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
                    });
                    assert!(is_ours || is_configured, "{path}: {url}");
                    let is_plain = |it: char| it.is_ascii_graphic() && !"\"'<>`{}\\".contains(it);
                    assert!(url.chars().all(is_plain), "{path}: {url}");
                }
            }
        }
    }
}

#[tokio::test]
async fn huge_and_deep_values_are_cut() {
    let stand = Stand::start().await;
    let mut deep = string("bottom");
    for _ in 0..40 {
        deep = AnyValue { value: Some(Value::ArrayValue(ArrayValue { values: vec![deep] })) };
    }
    let mut root = span(1, 1, 0, SpanKind::Server, (0, 100));
    root.name = "n".repeat(20_000);
    root.attributes.push(attribute("deep", deep));
    root.attributes.push(attribute("huge", string(&"v".repeat(1 << 20))));
    root.attributes.push(attribute(&"k".repeat(50_000), string("v")));
    root.attributes.extend((0..3_000).map(|it| attribute(&format!("many.{it}"), string("v"))));
    let event = |it: u64| Event { name: format!("event {it}"), ..Event::default() };
    root.events = (0..3_000).map(event).collect();
    stand.write(vec![of(&"s".repeat(20_000), vec![root])]).await;
    for path in paths().into_iter().filter(|path| path.ends_with('1') || path.len() < 15) {
        let answer = stand.get(&path).await;
        assert!(answer.body.len() < 400_000, "{path}: {} bytes", answer.body.len());
    }
    let page = stand.page(&format!("/trace/{}?span={:016x}", id(1), 1)).await;
    let told = page.text();
    assert!(told.contains("… 1044576 more characters"), "{told}");
    assert!(told.contains("2804 more are not shown."), "{told}");
    assert!(told.contains("[[[[") && told.contains("bottom"));
}
